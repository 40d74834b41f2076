"""Renames and merges of people carried over to what is stored: no tag is looked at anew and nobody is asked (ours).

What only a rebuild can tell (which pairs are one by themselves, what a split tag is on) waits for the next one.
"""

import polars as pl

from tagflow.decisions import VocabularyDecisions
from tagflow.tables import Tables
from tagflow.tagset.decisions import apply_names, attach_aliases, decide_pairs
from tagflow.tagset.identity import explode_names
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import resolve_tags
from tagflow.tagset.vocabulary_diff import diff_vocabularies

MOVES = pl.Schema({"tag_id": pl.String(), "leader_id": pl.String()})


def carry_decisions(tables: Tables, decisions: VocabularyDecisions, listed: pl.DataFrame, uses: pl.DataFrame) -> Tables:
    """Return the ``fused_tagset`` artifact with people's renames and merges in it, and the changes they make.

    A merge counts if both names are those of tags; an alias that no tag has becomes one. Ids stay, and so does
    everything else: definitions, tags that are added, banned or split wait for a rebuild.

    Args:
        tables: ``fused_tagset`` as it stands.
        decisions: what people decided.
        listed: tag and aliases of the user's own file (empty if there is none).
        uses: content_id and tag of every use outside the test split, for the frequencies of what is merged.
    """
    before = tables["fused_tagset"]
    forced = decide_pairs(decisions, listed)
    moves = _find_members(before, forced.members)
    gained = (
        before.join(moves, on="tag_id")
        .group_by("leader_id", maintain_order=True)
        .agg(gained=pl.concat_list(pl.concat_list("tag"), "aliases").explode())
    )
    joined = before.join(moves, on="tag_id", how="anti", maintain_order="left").join(
        gained, left_on="tag_id", right_on="leader_id", how="left", maintain_order="left"
    )
    nothing = pl.lit([], dtype=pl.List(pl.String))
    merged = joined.with_columns(aliases=pl.col("aliases").list.concat(pl.col("gained").fill_null(nothing)))
    counted = _count_again(merged.drop("gained"), gained["leader_id"], uses)
    named = before.select("tag_id", said="tag")
    pairs = moves.join(named, on="tag_id").join(named.select(leader_id="tag_id", leader="said"), on="leader_id")
    told = forced.log.join(pairs.select(tag="said", leader="leader"), on=["tag", "leader"], how="semi")
    own = {"fused_tagset": attach_aliases(counted, forced), "fusion_log": pl.concat([told, tables["fusion_log"]])}
    carried = apply_names(own, decisions.model_copy(update={"describe": {}, "added": {}}))
    return {**carried, "vocabulary_changes": diff_vocabularies(before, carried["fused_tagset"]).changes}


def find_moves(previous: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return tag_id and leader_id of each tag of ``previous`` that is part of another one in ``new``.

    Args:
        previous: tag_id and tag of the tag set before.
        new: ``fused_tagset`` after it.
    """
    lost = previous.join(new, on="tag_id", how="anti", maintain_order="left")
    placed = lost.select("tag_id", key=normalise(pl.col("tag")))
    owners = resolve_tags(new).rename({"tag_id": "leader_id"})
    return placed.join(owners, on="key", maintain_order="left").select(list(MOVES))


def move_tags(rows: pl.DataFrame, moves: pl.DataFrame, column: str = "tag_id") -> pl.DataFrame:
    """Return the rows with the tag's leader in the place of each tag that moved; rows may then stand twice."""
    return rows.with_columns(pl.col(column).replace(moves["tag_id"], moves["leader_id"]))


def _find_members(fused: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Which tag becomes part of which, where both are tags."""
    own = fused.select("tag_id", key=normalise(pl.col("tag"))).unique("key", keep="first", maintain_order=True)
    names = explode_names(fused).unique("key", keep="first", maintain_order=True)
    joined = (
        members.select("key", "leader_key")
        .join(own, on="key", maintain_order="left")
        .join(names.select(leader_id="tag_id", leader_key="key"), on="leader_key", maintain_order="left")
    )
    found = joined.filter(pl.col("tag_id") != pl.col("leader_id")).select(list(MOVES))
    return found.filter(~pl.col("leader_id").is_in(found["tag_id"].implode()))


def _count_again(fused: pl.DataFrame, ids: pl.Series, uses: pl.DataFrame) -> pl.DataFrame:
    """The tags with the frequencies of these counted by all their names."""
    keyed = uses.drop_nulls("content_id").select("content_id", key=normalise(pl.col("tag")))
    counts = keyed.join(resolve_tags(fused), on="key").group_by("tag_id").agg(uses=pl.col("content_id").n_unique())
    told = counts.filter(pl.col("tag_id").is_in(ids.implode())).cast({"uses": pl.Int64})
    joined = fused.join(told, on="tag_id", how="left", maintain_order="left")
    return joined.with_columns(frequency=pl.max_horizontal("frequency", "uses")).drop("uses")
