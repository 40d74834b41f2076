"""Tag rules enforced after any model: what a content's tags may be together, whatever was judged. Source: ours."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from tagflow.decisions import TagRules
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import resolve_tags


class CompiledRules(NamedTuple):
    """The rules by tag id; what names a tag that the tag set does not have is left out.

    Attributes:
        manual_only: tag_id.
        implies: tag_id, implied_id: every implied tag, also of implied ones.
        excludes: tag_id, other_id: both ways round.
        groups: tag_id, group, at_most.
        languages: tag_id, language.
    """

    manual_only: pl.DataFrame
    implies: pl.DataFrame
    excludes: pl.DataFrame
    groups: pl.DataFrame
    languages: pl.DataFrame


class Enforced(NamedTuple):
    """What stands (columns of the scored, unsorted); content_id, tag_id, tag, confidence and reason of the rest."""

    kept: pl.DataFrame
    removed: pl.DataFrame


def compile_rules(rules: TagRules, tagset: pl.DataFrame) -> CompiledRules:
    """Return the rules by tag id; a tag may be named by any spelling or alias (``tagset``: ``fused_tagset``)."""
    keys = resolve_tags(tagset)
    implied = [(tag, one) for tag, to in rules.implies.items() for one in to]
    excluded = [pair for a, b in rules.excludes for pair in ((a, b), (b, a))]
    grouped = [(tag, name, group.at_most) for name, group in rules.groups.items() for tag in group.tags]
    spoken = [(tag, language) for tag, languages in rules.languages.items() for language in languages]
    text = pl.String()
    return CompiledRules(
        manual_only=_frame([(tag,) for tag in rules.manual_only], {"tag_id": text}, keys),
        implies=_close(_frame(implied, {"tag_id": text, "implied_id": text}, keys)),
        excludes=_frame(excluded, {"tag_id": text, "other_id": text}, keys),
        groups=_frame(grouped, {"tag_id": text, "group": text, "at_most": pl.Int64()}, keys),
        languages=_frame(spoken, {"tag_id": text, "language": text}, keys),
    )


def enforce_rules(scored: pl.DataFrame, rules: TagRules, tagset: pl.DataFrame, contents: pl.DataFrame) -> Enforced:
    """Return the scored tags that the rules allow, with those they imply, and what was taken out and why.

    First the tags that only people give and those of another language go. Then each content's tags are taken from the
    most confident down, ties by tag id: one goes if a tag already taken excludes it or its group is full. What stands
    brings the tags it implies, with its own confidence, from the most confident down, where nothing above forbids them;
    an implied tag that stands already is raised to that confidence.

    Args:
        scored: columns of ``scored_candidates``, in any order.
        rules: what people decided.
        tagset: ``fused_tagset``; the banned are not in it.
        contents: content_id and language (``raw_clues``).
    """
    if rules == TagRules():
        return Enforced(scored, _refuse(scored.clear(), pl.lit("")))
    compiled = compile_rules(rules, tagset)
    names = tagset.select("tag_id", "tag")
    allowed, refused = _forbid(scored, compiled, contents)
    kept, crowded = _settle(allowed, scored.clear(), compiled, names)
    implied = _imply(kept, compiled, names)
    stands = kept.select("content_id", "tag_id")
    raised = _raise(kept, implied)
    possible, _ = _forbid(implied.join(stands, on=["content_id", "tag_id"], how="anti"), compiled, contents)
    added, _ = _settle(possible, kept, compiled, names)
    gone = pl.concat([refused, crowded]).join(added, on=["content_id", "tag_id"], how="anti")
    return Enforced(pl.concat([raised, added]), gone)


def _frame(rows: Sequence[tuple[object, ...]], schema: dict[str, pl.DataType], keys: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    for column in (name for name in schema if name.endswith("_id")):
        by_key = frame.with_columns(key=normalise(pl.col(column))).drop(column)
        frame = by_key.join(keys.rename({"tag_id": column}), on="key").drop("key")
    return frame.select(list(schema)).unique(maintain_order=True)


def _close(implies: pl.DataFrame) -> pl.DataFrame:
    """Add what the implied imply, until nothing is new."""
    closed = implies
    while True:
        further = closed.join(implies.rename({"tag_id": "implied_id", "implied_id": "next"}), on="implied_id")
        reached = pl.concat([closed, further.select("tag_id", implied_id="next")]).unique(maintain_order=True)
        if len(reached) == len(closed):
            return closed.filter(pl.col("tag_id") != pl.col("implied_id"))
        closed = reached


def _refuse(rows: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    return rows.select("content_id", "tag_id", "tag", "confidence", reason=reason)


def _forbid(rows: pl.DataFrame, rules: CompiledRules, contents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows into those that a machine may give to the content, and the others with the reason."""
    spoken = rows.join(
        contents.select("content_id", said="language"), on="content_id", how="left", maintain_order="left"
    )
    bound = pl.col("tag_id").is_in(rules.languages["tag_id"].implode())
    fits = spoken.join(
        rules.languages.rename({"language": "said"}), on=["tag_id", "said"], how="semi", maintain_order="left"
    ).select("content_id", "tag_id", fits=pl.lit(True))
    judged = spoken.join(fits, on=["content_id", "tag_id"], how="left", maintain_order="left").with_columns(
        manual=pl.col("tag_id").is_in(rules.manual_only["tag_id"].implode()),
        foreign=bound & pl.col("fits").is_null(),
    )
    why = (
        pl.when("manual")
        .then(pl.lit("rules.manual_only: people give it"))
        .otherwise(
            pl.format("rules.languages: not for contents in {}", pl.col("said").fill_null("an unknown language"))
        )
    )
    out = pl.col("manual") | pl.col("foreign")
    return judged.filter(~out).select(rows.columns), _refuse(judged.filter(out), why)


def _settle(
    rows: pl.DataFrame, standing: pl.DataFrame, rules: CompiledRules, names: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take rows from the most confident down beside what stands; return those taken, and the others with the reason."""
    bound = pl.concat([rules.excludes.select("tag_id"), rules.groups.select("tag_id")]).unique()
    free = rows.join(bound, on="tag_id", how="anti", maintain_order="left")
    rest = rows.join(bound, on="tag_id", how="semi", maintain_order="left").sort(
        "content_id", -pl.col("confidence"), "tag_id"
    )
    placed = rest.with_columns(place=pl.int_range(pl.len()).over("content_id"))
    stands = standing.join(bound, on="tag_id", how="semi").select("content_id", "tag_id")
    taken, refused = [free], [_refuse(rows.clear(), pl.lit(""))]
    for _, now in sorted(placed.partition_by("place", as_dict=True, include_key=False).items()):
        why = _find_clashes(now, stands, rules, names)
        judged = now.join(why, on=["content_id", "tag_id"], how="left", maintain_order="left")
        chosen = judged.filter(pl.col("reason").is_null()).select(rows.columns)
        taken.append(chosen)
        refused.append(_refuse(judged.filter(pl.col("reason").is_not_null()), pl.col("reason")))
        stands = pl.concat([stands, chosen.select("content_id", "tag_id")])
    return pl.concat(taken), pl.concat(refused)


def _find_clashes(now: pl.DataFrame, stands: pl.DataFrame, rules: CompiledRules, names: pl.DataFrame) -> pl.DataFrame:
    """content_id, tag_id and the first reason why the tag cannot stand beside those that do."""
    asked = now.select("content_id", "tag_id")
    against = asked.join(rules.excludes, on="tag_id").join(
        stands.rename({"tag_id": "other_id"}), on=["content_id", "other_id"]
    )
    named = against.join(names.select(other_id="tag_id", other="tag"), on="other_id").sort("other")
    excluded = named.select("content_id", "tag_id", reason=pl.format('rules.excludes: "{}" is more certain', "other"))
    full = (
        stands.join(rules.groups, on="tag_id")
        .group_by("content_id", "group", "at_most")
        .agg(size=pl.len())
        .filter(pl.col("size") >= pl.col("at_most"))
    )
    crowded = (
        asked.join(rules.groups.drop("at_most"), on="tag_id")
        .join(full, on=["content_id", "group"])
        .sort("group")
        .select("content_id", "tag_id", reason=pl.format("rules.groups.{}: at most {}", "group", "at_most"))
    )
    return pl.concat([excluded, crowded]).unique(["content_id", "tag_id"], keep="first", maintain_order=True)


def _imply(kept: pl.DataFrame, rules: CompiledRules, names: pl.DataFrame) -> pl.DataFrame:
    """The implied tags of what stands, each once, with the confidence of the most confident that implies it."""
    joined = kept.join(rules.implies, on="tag_id").sort(-pl.col("confidence"), "tag_id")
    best = joined.unique(["content_id", "implied_id"], keep="first", maintain_order=True)
    reason = pl.format('implied by "{}"', "tag")
    said = best.with_columns(evidence=reason).drop("tag_id", "tag").rename({"implied_id": "tag_id"})
    return said.join(names, on="tag_id").select(kept.columns)


def _raise(kept: pl.DataFrame, implied: pl.DataFrame) -> pl.DataFrame:
    more = implied.select("content_id", "tag_id", more="confidence", because="evidence")
    joined = kept.join(more, on=["content_id", "tag_id"], how="left", maintain_order="left")
    higher = (pl.col("more") > pl.col("confidence")).fill_null(False)
    return joined.with_columns(
        confidence=pl.when(higher).then("more").otherwise("confidence"),
        evidence=pl.when(higher).then(pl.format("{}; {}", "because", "evidence")).otherwise("evidence"),
    ).select(kept.columns)
