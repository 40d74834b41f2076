"""What people wrote into a review file, checked row by row and turned into corrections. Source: ours."""

from typing import NamedTuple

import polars as pl

from tagflow.knowledge.corrections import CORRECTION
from tagflow.settings import suggest
from tagflow.tagset.normalisation import normalise

ANSWER = pl.Schema(
    {
        "content_id": pl.String(),
        "tag": pl.String(),
        "tag_id": pl.String(),
        "decision": pl.String(),
        "comment": pl.String(),
        "line": pl.Int64(),
    }
)
"""Columns of a review file that are read, as text, and the line each row begins on."""

WORDS = {
    **dict.fromkeys(("yes", "y", "right", "true", "1"), True),
    **dict.fromkeys(("no", "n", "wrong", "false", "0"), False),
}
"""What a decision may say; anything else is the name of the tag that is right instead."""

GUARD = r"^'([=+\-@\t\r])"
"""The quote that keeps a spreadsheet from running a cell (see ``tagflow export``)."""


class Judged(NamedTuple):
    """What became of the rows of a review file.

    Attributes:
        accepted: corrections (``CORRECTION`` columns; two for a tag that is right instead of another), by line.
        refused: line and reason of each row that is not taken.
        blank: rows without a decision.
    """

    accepted: pl.DataFrame
    refused: pl.DataFrame
    blank: int


def judge_answers(
    answers: pl.DataFrame,
    tagset: pl.DataFrame,
    names: pl.DataFrame,
    contents: pl.Series,
    said: dict[str, str | None],
) -> Judged:
    """Return the corrections that a review file holds, and why its other rows are refused.

    A row is refused if its content or a tag is unknown, if its tag and tag_id are two tags, or if another row of the
    file decides the same case otherwise; then all rows about the case are.

    Args:
        answers: ``ANSWER`` columns.
        tagset: ``fused_tagset``.
        names: key and tag_id of every name and alias.
        contents: ids of the contents.
        said: at, by and source of the corrections.
    """
    filled = answers.filter(pl.col("decision").is_not_null())
    rows = _resolve(filled, tagset, names, contents)
    refused = _refuse(rows, tagset)
    sound = rows.join(refused, on="line", how="anti", maintain_order="left")
    cases = _list_cases(sound)
    decided = cases.group_by("content_id", "case_id").agg(
        both=pl.col("right").n_unique() > 1, lines=pl.col("line").unique().sort()
    )
    clash = cases.join(decided.filter("both"), on=["content_id", "case_id"]).unique("line", maintain_order=True)
    lines = pl.col("lines").cast(pl.List(pl.String)).list.join(" and ")
    clashing = clash.select("line", reason=pl.format("lines {} decide the same case differently", lines))
    kept = cases.join(clash, on="line", how="anti", maintain_order="left").unique(
        ["content_id", "case_id"], keep="first", maintain_order=True
    )
    shown = kept.join(tagset.select(case_id="tag_id", name="tag"), on="case_id", maintain_order="left")
    stamped = shown.select(
        "content_id",
        "right",
        "comment",
        "line",
        tag="name",
        **{key: pl.lit(value, pl.String) for key, value in said.items()},
    )
    problems = pl.concat([refused.select("line", "reason"), clashing]).sort("line")
    return Judged(stamped.select(CORRECTION.names()).cast(CORRECTION), problems, len(answers) - len(filled))


def leave_known(accepted: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the corrections that say something new: not what the last one about their case says already."""
    last = known.select("content_id", key=normalise(pl.col("tag")), right="right").unique(
        ["content_id", "key"], keep="last"
    )
    keyed = accepted.with_columns(key=normalise(pl.col("tag")))
    return keyed.join(last, on=["content_id", "key", "right"], how="anti", maintain_order="left").drop("key")


def _resolve(rows: pl.DataFrame, tagset: pl.DataFrame, names: pl.DataFrame, contents: pl.Series) -> pl.DataFrame:
    """Add known (the content), case_id, right (null: another tag is) and other_id (the tag that is right instead)."""
    ids = contents.implode()
    bare = pl.col("content_id").str.replace(GUARD, "$1")
    content_id = pl.when(pl.col("content_id").is_in(ids)).then("content_id").otherwise(bare)
    word = pl.col("decision").str.strip_chars().str.to_lowercase()
    keyed = rows.with_columns(
        content_id,
        right=word.replace_strict(WORDS, default=None, return_dtype=pl.Boolean),
        key=normalise(pl.col("tag")),
        other_key=normalise(pl.col("decision")),
    )
    return (
        keyed.with_columns(known=pl.col("content_id").is_in(ids).fill_null(False))
        .join(names.rename({"tag_id": "by_name"}), on="key", how="left", maintain_order="left")
        .join(names.select(other_key="key", other_id="tag_id"), on="other_key", how="left", maintain_order="left")
        .join(tagset.select("tag_id", by_id="tag_id"), on="tag_id", how="left", maintain_order="left")
        .with_columns(case_id=pl.coalesce("by_name", "by_id"))
    )


def _refuse(rows: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Line and reason of each row that cannot be understood."""
    content = pl.col("content_id")
    tag, decision = pl.coalesce("tag", "tag_id", pl.lit("")), pl.col("decision")
    meant = pl.col("right").is_not_null() | pl.col("other_id").is_not_null()
    reason = (
        pl.when(content.is_null())
        .then(pl.lit("it names no content"))
        .when(~pl.col("known"))
        .then(pl.format("there is no content '{}'", content))
        .when(pl.col("case_id").is_null())
        .then(pl.format("there is no tag '{}'", tag))
        .when(pl.col("by_name") != pl.col("by_id"))
        .then(pl.format("tag '{}' and tag_id {} are two tags", "tag", "tag_id"))
        .when(~meant)
        .then(pl.format("decision '{}' is neither yes nor no nor the name of a tag", decision))
    )
    stranger = pl.when(content.is_null() | ~pl.col("known")).then(None).when(pl.col("case_id").is_null()).then(tag)
    asked = pl.coalesce(stranger, pl.when(~meant).then(decision))
    found = rows.select("line", reason=reason, asked=asked).filter(pl.col("reason").is_not_null())
    known = tagset.select(pl.concat_list("tag", "aliases")).to_series().explode().drop_nulls().to_list()
    guess = [suggest(word, known) if word else "" for word in found["asked"]]
    return found.select("line", reason=pl.col("reason") + pl.Series(guess, dtype=pl.String))


def _list_cases(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a case: a tag that is right instead makes the asked one wrong; the asked one's own name means yes."""
    itself = pl.col("other_id") == pl.col("case_id")
    first = rows.with_columns(right=pl.coalesce("right", itself))
    instead = rows.filter(pl.col("right").is_null() & ~itself).with_columns(case_id="other_id", right=pl.lit(True))
    return pl.concat([first, instead]).sort("line", maintain_order=True)
