"""What a rebuild changed in the tag set. Source: ours."""

from typing import NamedTuple

import polars as pl

from tagflow.tagset.identity import explode_names

CHANGES = ("merged", "split", "renamed", "new", "gone")
CHANGE = pl.Schema({"change": pl.String(), "tag": pl.String(), "other": pl.String(), "detail": pl.String()})


class Difference(NamedTuple):
    """The changes, a row each, and the number of tags that are what they were.

    Attributes:
        changes: change (of ``CHANGES``, in that order), tag, other (null for new and gone), detail; then by tag.
        unchanged: tags with the id and name they had; their aliases and counts may differ.
    """

    changes: pl.DataFrame
    unchanged: int


def diff_vocabularies(previous: pl.DataFrame, new: pl.DataFrame) -> Difference:
    """Compare two versions of ``fused_tagset``.

    merged: the tag is an alias of ``other`` now. split: the tag was an alias of ``other`` before and stands for itself
    now. renamed: ``other`` was its name before. new, gone: the other version knows it by no name.

    Args:
        previous: tag_id, tag, aliases, frequency.
        new: the same of the later version.
    """
    old_names, new_names = _own_names(previous), _own_names(new)
    same = previous.select("tag_id", old="tag").join(new.select("tag_id", "tag"), on="tag_id")
    swapped = _find_swapped(previous, new, old_names, new_names)
    renamed = pl.concat(
        [same.filter(pl.col("old") != pl.col("tag")).select("tag", "old"), swapped.select("tag", "old")]
    )
    lost = previous.join(same, on="tag_id", how="anti").join(swapped, left_on="tag_id", right_on="old_id", how="anti")
    came = new.join(same, on="tag_id", how="anti").join(swapped, left_on="tag_id", right_on="new_id", how="anti")
    merged = _place(lost, new_names)
    split = _place(came, old_names)
    rows = [
        merged.filter(pl.col("other").is_not_null()).select(
            pl.lit("merged").alias("change"), "tag", "other", detail=_tell("was on {}", "frequency")
        ),
        split.filter(pl.col("other").is_not_null()).select(
            pl.lit("split").alias("change"), "tag", "other", detail=_tell("is on {}", "frequency")
        ),
        renamed.select(pl.lit("renamed").alias("change"), "tag", other="old", detail=pl.lit("the same tag")),
        split.filter(pl.col("other").is_null()).select(
            pl.lit("new").alias("change"), "tag", "other", detail=_tell("is on {}", "frequency")
        ),
        merged.filter(pl.col("other").is_null()).select(
            pl.lit("gone").alias("change"), "tag", "other", detail=_tell("was on {}", "frequency")
        ),
    ]
    changes = pl.concat([part.sort("tag", "other").cast(CHANGE) for part in rows])
    return Difference(changes, same.filter(pl.col("old") == pl.col("tag")).height)


def count_changes(difference: Difference) -> dict[str, int]:
    """Return the number of each change, and of the unchanged tags."""
    counts = dict(difference.changes["change"].value_counts().iter_rows())
    return {change: int(counts.get(change, 0)) for change in CHANGES} | {"unchanged": difference.unchanged}


def _own_names(fused: pl.DataFrame) -> pl.DataFrame:
    return explode_names(fused).unique("key", keep="first", maintain_order=True)


def _place(tags: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Each tag, and which tag of the other version its name belongs to (null: none)."""
    keyed = explode_names(tags.with_columns(aliases=pl.lit([], dtype=pl.List(pl.String)))).select("tag_id", "key")
    owner = keyed.join(names.select("key", other="tag"), on="key", how="left").select("tag_id", "other")
    return tags.select("tag_id", "tag", "frequency").join(owner, on="tag_id", how="left", maintain_order="left")


def _find_swapped(
    previous: pl.DataFrame, new: pl.DataFrame, old_names: pl.DataFrame, new_names: pl.DataFrame
) -> pl.DataFrame:
    """Tags whose name and alias changed places, where ids did not survive: old_id, old, new_id, tag."""
    lost = _place(previous.join(new, on="tag_id", how="anti"), new_names).select(
        old_id="tag_id", old="tag", tag="other"
    )
    came = _place(new.join(previous, on="tag_id", how="anti"), old_names).select(
        new_id="tag_id", tag="tag", old="other"
    )
    return lost.join(came, on=["old", "tag"])


def _tell(sentence: str, column: str) -> pl.Expr:
    number = pl.col(column)
    return pl.format(
        sentence + " {}", number, pl.when(number == 1).then(pl.lit("content")).otherwise(pl.lit("contents"))
    )
