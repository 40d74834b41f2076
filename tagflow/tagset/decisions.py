"""People's decisions put over the machine's: what must be one tag, what must not, and what tags are called."""

from typing import NamedTuple

import polars as pl

from tagflow.decisions import VocabularyDecisions
from tagflow.schemas import FUSED_TAGSET
from tagflow.tables import Tables
from tagflow.tagset.identity import explode_names
from tagflow.tagset.normalisation import normalise

LOG = FUSED_TAGSET.tables["fusion_log"]
BY = "people decided in vocabulary.yaml"

MEMBER = pl.Schema({"key": pl.String(), "tag": pl.String(), "leader_key": pl.String(), "leader": pl.String()})
PAIR = pl.Schema({"key": pl.String(), "tag": pl.String(), "other_key": pl.String(), "other": pl.String()})


class Forced(NamedTuple):
    """What fusion may not decide by itself.

    Attributes:
        members: key, tag, leader_key, leader, reason: a row a tag that becomes an alias, each of one leader.
        apart: key, other_key, reason: pairs that may never end in one cluster, by the keys of their leaders.
        leading: keys of the tags that people named: others may join them, they join none.
        log: fusion_log rows of these decisions, with no similarity.
        added: key, tag, description of the tags that people put into the tag set.
    """

    members: pl.DataFrame
    apart: pl.DataFrame
    leading: pl.Series
    log: pl.DataFrame
    added: pl.DataFrame


def decide_pairs(decisions: VocabularyDecisions, listed: pl.DataFrame) -> Forced:
    """Return which tags must be aliases of which leader, and which may never be.

    What people decided goes before what their tag list says. An alias of the list that is the name of another listed
    tag stays that tag; one that two tags of the list claim is the first one's, and the log says so.

    Args:
        decisions: what people decided, without contradictions (see ``check_decisions``).
        listed: tag and aliases of the user's own file (empty if there is none).
    """
    decided = _list_members(decisions)
    apart = _list_apart(decisions)
    added = _list_added(decisions)
    own, refused = _list_file_members(listed, decided, apart, added)
    banned = _keyed([*decisions.banned])["key"].implode()
    members = pl.concat([decided, own]).filter(~pl.col("key").is_in(banned) & ~pl.col("leader_key").is_in(banned))
    leader = members.select("key", "leader_key")
    resolved = apart.with_columns(_resolve(apart[side], leader).alias(side) for side in ("key", "other_key"))
    named = _keyed([*decisions.added, *decisions.merge, *decisions.rename, *decisions.describe])
    leading = pl.concat([named["key"], members["leader_key"]]).unique(maintain_order=True)
    joins = members.select("tag", "leader", decision=pl.lit("merged"), reason="reason")
    keeps = apart.select("tag", leader="other", decision=pl.lit("refused"), reason="reason")
    log = _as_log(pl.concat([joins, keeps, refused]))
    pairs = resolved.select("key", "other_key", "reason")
    return Forced(members, pairs, leading, log, added.filter(~pl.col("key").is_in(banned)))


def collapse_members(filtered: pl.DataFrame, uses: pl.DataFrame, forced: Forced) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the kept tags and the uses as fusion takes them: each forced cluster is its leader alone.

    A leader that is no candidate is made of its members, and a tag that people added needs no candidate at all. A tag
    that people named, and one that a named tag is merged with, is never cut for being rare or common; its count is the
    number of distinct contents of the whole cluster.

    Args:
        filtered: ``filtered_tagset``.
        uses: content_id and tag of every use.
        forced: result of ``decide_pairs``.

    Returns:
        kept: key, tag, contents, origin, description of ``filtered``; and uses, with leaders in the place of members.
    """
    sound = _add_tags(filtered.filter(~pl.col("verdict").is_in(["banned", "malformed"])), forced.added)
    leads = forced.members.select("key", "leader_key", "leader")
    placed = sound.join(leads, on="key", how="left", maintain_order="left").with_columns(
        pl.col("leader_key").fill_null(pl.col("key")), own=pl.col("leader_key").is_null()
    )
    decided = pl.col("leader_key").is_in(forced.leading.implode())
    order = pl.col("origin").replace_strict({"file": 0, "label": 1, "proposed": 2}, return_dtype=pl.Int64)
    clusters = (
        placed.filter((pl.col("verdict") == "kept") | decided)
        .sort(~pl.col("own"), order, -pl.col("contents"), "key")
        .group_by("leader_key", maintain_order=True)
        .agg(
            tag=pl.when(pl.col("own").first()).then(pl.col("tag").first()).otherwise(pl.col("leader").first()),
            contents=pl.col("contents").max(),
            origin=pl.col("origin").sort_by(order).first(),
            description=pl.col("description").drop_nulls().first(),
            size=pl.len(),
        )
    )
    said = uses.with_columns(key=normalise(pl.col("tag"))).join(leads, on="key", how="left", maintain_order="left")
    merged = said.with_columns(pl.col("leader").fill_null(pl.col("tag")).alias("tag")).select(uses.columns)
    counts = (
        merged.select("content_id", leader_key=normalise(pl.col("tag")))
        .group_by("leader_key")
        .agg(counted=pl.col("content_id").drop_nulls().n_unique().cast(pl.Int64))
    )
    kept = clusters.join(counts, on="leader_key", how="left", maintain_order="left").select(
        key="leader_key",
        tag="tag",
        contents=pl.when(pl.col("leader_key").is_in(forced.members["leader_key"].implode()))
        .then(pl.coalesce("counted", "contents"))
        .otherwise("contents"),
        origin="origin",
        description="description",
    )
    return kept.sort(-pl.col("contents"), "key"), merged


def attach_aliases(fused: pl.DataFrame, forced: Forced) -> pl.DataFrame:
    """Return the fused tags with the forced members among their aliases; a name or alias of another tag is left out."""
    names = explode_names(fused).unique("key", keep="first", maintain_order=True)
    new = forced.members.join(names.select("tag_id", leader_key="key"), on="leader_key").join(
        names, on="key", how="anti", maintain_order="left"
    )
    added = new.group_by("tag_id", maintain_order=True).agg(added=pl.col("tag"))
    joined = fused.join(added, on="tag_id", how="left", maintain_order="left")
    aliases = pl.col("aliases").list.concat(pl.col("added").fill_null(pl.lit([], dtype=pl.List(pl.String))))
    return joined.with_columns(aliases).drop("added")


def apply_names(tables: Tables, decisions: VocabularyDecisions) -> Tables:
    """Return the tag set and its log with people's names and definitions; a renamed tag keeps its id.

    The old name becomes the first alias, and the log says the new name where it said the old one. A decision about a
    tag that is not there does nothing.

    Args:
        tables: ``fused_tagset`` and ``fusion_log``, with the forced aliases attached.
        decisions: what people decided.
    """
    fused = tables["fused_tagset"]
    renames = _keyed([*decisions.rename]).with_columns(new=pl.Series([*decisions.rename.values()], dtype=pl.String))
    own = fused.select("tag_id", old="tag", key=normalise(pl.col("tag"))).join(renames.drop("tag"), on="key")
    renamed = fused.join(own.select("tag_id", "new"), on="tag_id", how="left", maintain_order="left").with_columns(
        tag=pl.coalesce("new", "tag"),
        aliases=pl.when(pl.col("new").is_null())
        .then("aliases")
        .otherwise(pl.concat_list(pl.concat_list("tag"), "aliases")),
    )
    names = (
        renamed.select("tag_id", "tag", alias="aliases")
        .explode("alias")
        .drop_nulls("alias")
        .filter(normalise(pl.col("alias")) != normalise(pl.col("tag")))
        .group_by("tag_id", maintain_order=True)
        .agg(aliases="alias")
    )
    told = renamed.drop("aliases", "new").join(names, on="tag_id", how="left", maintain_order="left")
    told = told.with_columns(pl.col("aliases").fill_null(pl.lit([], dtype=pl.List(pl.String))))
    said = _list_said(decisions)
    by_name = explode_names(told).join(said.select("key", "said"), on="key").unique("tag_id", maintain_order=True)
    described = told.join(by_name.select("tag_id", "said"), on="tag_id", how="left", maintain_order="left")
    final = described.with_columns(description=pl.coalesce("said", "description")).select(fused.columns)
    return {"fused_tagset": final, "fusion_log": _rename_log(tables["fusion_log"], fused, own)}


def find_ambiguous_aliases(fused: pl.DataFrame) -> pl.DataFrame:
    """Return key and tags of each name or alias that more than one tag of the tag set has, by key."""
    names = explode_names(fused)
    shared = names.group_by("key").agg(tags=pl.col("tag").sort())
    return shared.filter(pl.col("tags").list.len() > 1).sort("key")


def find_broken_splits(fused: pl.DataFrame, decisions: VocabularyDecisions) -> pl.DataFrame:
    """Return tag, other and the tag that both belong to, for each pair that people keep apart and fusion did not."""
    names = explode_names(fused).unique("key", keep="first", maintain_order=True)
    apart = _list_apart(decisions)
    both = apart.join(names, on="key").join(names.select(other_key="key", other_id="tag_id"), on="other_key")
    broken = both.filter(pl.col("tag_id") == pl.col("other_id")).join(fused.select("tag_id", of="tag"), on="tag_id")
    return broken.select("tag", "other", "of").sort("tag", "other")


def _keyed(tags: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"tag": tags}, schema={"tag": pl.String}).select(key=normalise(pl.col("tag")), tag="tag")


def _list_added(decisions: VocabularyDecisions) -> pl.DataFrame:
    told = _keyed([*decisions.added]).with_columns(description=pl.Series([*decisions.added.values()], dtype=pl.String))
    return told.unique("key", keep="first", maintain_order=True)


def _list_said(decisions: VocabularyDecisions) -> pl.DataFrame:
    """Definitions of tags: what describe says goes before what added said."""
    described = pl.Series([*decisions.describe.values()], dtype=pl.String)
    parts = [
        _keyed([*decisions.describe]).select("key", said=described),
        _list_added(decisions).select("key", said="description"),
    ]
    return pl.concat(parts).unique("key", keep="first", maintain_order=True)


def _add_tags(sound: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """The candidates with people's own tags among them, as tags of a file; one that is a candidate keeps its count."""
    counts = sound.select("key", "contents")
    new = added.join(counts, on="key", how="left", maintain_order="left").select(
        "key", "tag", pl.col("contents").fill_null(0), verdict=pl.lit("kept"), origin=pl.lit("file"),
        description="description",
    )  # fmt: skip
    return pl.concat([sound.join(added, on="key", how="anti", maintain_order="left"), new.select(sound.columns)])


def _pairs(rows: list[tuple[str, str]], schema: pl.Schema, reason: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows, schema=["tag", "other"], orient="row", schema_overrides=dict.fromkeys(("tag", "other"), pl.String)
    )
    keyed = frame.select(normalise(pl.col("tag")).alias("key"), "tag", normalise(pl.col("other")).alias("b"), "other")
    return keyed.rename(dict(zip(keyed.columns, schema, strict=True))).with_columns(reason=pl.lit(reason))


def _list_members(decisions: VocabularyDecisions) -> pl.DataFrame:
    """Merges, and the new name of each rename: contents that say it already mean the renamed tag."""
    merges = [(alias, leader) for leader, aliases in decisions.merge.items() for alias in aliases]
    renames = [(new, old) for old, new in decisions.rename.items()]
    parts = [_pairs(merges, MEMBER, f"{BY} (merge)"), _pairs(renames, MEMBER, f"{BY} (rename)")]
    members = pl.concat(parts).filter(pl.col("key") != pl.col("leader_key"))
    return members.unique("key", keep="first", maintain_order=True)


def _list_file_members(
    listed: pl.DataFrame, decided: pl.DataFrame, apart: pl.DataFrame, added: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Members by the tag list, as far as people did not decide otherwise, and log rows of what two tags claim."""
    said = listed.select(tag="aliases", leader="tag").explode("tag").drop_nulls()
    keyed = said.select(
        key=normalise(pl.col("tag")), tag="tag", leader_key=normalise(pl.col("leader")), leader="leader"
    ).filter((pl.col("key") != pl.col("leader_key")) & (pl.col("key") != ""))
    people = [decided.select("key"), decided.select(key="leader_key"), added.select("key")]
    taken = [listed.select(key=normalise(pl.col("tag"))), *people]
    over = decided.select(leader_key="key", to_key="leader_key", to="leader")
    free = (
        keyed.join(pl.concat(taken), on="key", how="anti", maintain_order="left")
        .join(over, on="leader_key", how="left", maintain_order="left")
        .with_columns(leader_key=pl.coalesce("to_key", "leader_key"), leader=pl.coalesce("to", "leader"))
        .unique(["key", "leader_key"], keep="first", maintain_order=True)
    )
    joined = pl.concat([free.select("key", "leader_key"), decided.select("key", "leader_key")])
    names = pl.concat([joined, joined.select(key="leader_key", leader_key="leader_key")]).unique()
    others = pl.concat([apart.select("key", "other_key"), apart.select(key="other_key", other_key="key")])
    split = others.join(names.select(other_key="key", leader_key="leader_key"), on="other_key")
    free = free.join(split, on=["key", "leader_key"], how="anti", maintain_order="left")
    first = free.unique("key", keep="first", maintain_order=True)
    later = free.join(first, on=["key", "leader_key"], how="anti", maintain_order="left")
    lost = later.join(first.select("key", winner="leader"), on="key", maintain_order="left")
    why = pl.format('the tag list gives this alias to "{}" first', "winner")
    refused = lost.select("tag", "leader", decision=pl.lit("refused"), reason=why)
    return first.select(*MEMBER.names(), reason=pl.lit("the tag list says so")), refused


def _list_apart(decisions: VocabularyDecisions) -> pl.DataFrame:
    rules = decisions.rules
    implied = [(tag, one) for tag, to in rules.implies.items() for one in to]
    parts = [
        _pairs(list(decisions.split), PAIR, f"{BY} (split)"),
        _pairs(list(rules.excludes), PAIR, f"{BY} (rules.excludes)"),
        _pairs(implied, PAIR, f"{BY} (rules.implies)"),
    ]
    return pl.concat(parts)


def _resolve(keys: pl.Series, leader: pl.DataFrame) -> pl.Series:
    found = pl.DataFrame({"key": keys}).join(leader, on="key", how="left", maintain_order="left")
    return found.select(pl.coalesce("leader_key", "key")).to_series()


def _as_log(rows: pl.DataFrame) -> pl.DataFrame:
    return LOG.shape(rows.with_columns(similarity=pl.lit(None, pl.Float64), by=pl.lit("people")))


def _rename_log(log: pl.DataFrame, fused: pl.DataFrame, renamed: pl.DataFrame) -> pl.DataFrame:
    """Let the log call every tag as the tag set does, in the spelling and by the new name."""
    shown = fused.select(key=normalise(pl.col("tag")), old="tag", tag_id="tag_id").join(
        renamed.select("tag_id", "new"), on="tag_id", how="left"
    )
    to = shown.select("key", name=pl.coalesce("new", "old")).unique("key")
    said = log.with_columns(
        log.select(key=normalise(pl.col(side)), said=side)
        .join(to, on="key", how="left", maintain_order="left")
        .select(pl.coalesce("name", "said").alias(side))
        .to_series()
        for side in ("tag", "leader")
    )
    other = renamed.filter(normalise(pl.col("old")) != normalise(pl.col("new")))
    rows = other.select(tag="old", leader="new", decision=pl.lit("merged"), reason=pl.lit(f"{BY} (rename)"))
    itself = (pl.col("decision") == "merged") & (normalise(pl.col("tag")) == normalise(pl.col("leader")))
    return pl.concat([said.filter(~itself), _as_log(rows)])
