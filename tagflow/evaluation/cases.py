"""Cases side by side: what people and every method say of the same held-out contents (TagGPT Table 4)."""

import hashlib
from collections.abc import Mapping

import polars as pl

from tagflow.evaluation.gold import Gold
from tagflow.schemas import EVALUATION_REPORT
from tagflow.tagset.browsing import first_line
from tagflow.tagset.normalisation import normalise

SHOWN = 8  # ours: contents a person reads through
TAGS = 8  # ours: tags of a method that are shown
PEOPLE = "people"


def show_cases(contents: pl.DataFrame, scored: Mapping[str, pl.DataFrame], gold: Gold) -> pl.DataFrame:
    """Return the ``cases``: ``SHOWN`` contents drawn by a hash of their ids, with people's and every method's tags.

    A method's tags are its first ``TAGS``, best first, ties by name, whether or not they can be judged; ``right`` says
    which of them people gave, by the gold or by name. Contents stand in the order of the draw, people first, then the
    methods as given.

    Args:
        contents: the test contents with gold (``raw_clues`` columns).
        scored: ``scored_candidates`` of the test contents, by method.
        gold: gold of the test split.
    """
    table = EVALUATION_REPORT.tables["cases"]
    keys = pl.Series("key", [hashlib.sha256(one.encode()).hexdigest() for one in contents["content_id"]], pl.String)
    drawn = contents.with_columns(keys).sort("key").head(SHOWN)
    shown = drawn.select("content_id", content=first_line(), case=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    said = drawn.select("content_id", tags="labels", right="labels", method=pl.lit(PEOPLE), order=pl.lit(0, pl.Int64))
    named = drawn.select("content_id", key=pl.col("labels")).explode("key").drop_nulls()
    given = named.select("content_id", key=normalise(pl.col("key")), named=pl.lit(True)).unique()
    parts = [said]
    for order, (method, frame) in enumerate(scored.items(), start=1):
        first = (
            frame.join(shown, on="content_id", how="semi")
            .sort("content_id", -pl.col("confidence"), "tag")
            .group_by("content_id", maintain_order=True)
            .head(TAGS)
            .with_columns(key=normalise(pl.col("tag")))
            .join(gold.pairs.with_columns(gold=pl.lit(True)), on=["content_id", "tag_id"], how="left")
            .join(given, on=["content_id", "key"], how="left", maintain_order="left")
        )
        agreed = pl.col("tag").filter(pl.col("gold").fill_null(False) | pl.col("named").fill_null(False))
        listed = first.group_by("content_id", maintain_order=True).agg(tags=pl.col("tag"), right=agreed)
        parts.append(
            shown.select("content_id")
            .join(listed, on="content_id", how="left")
            .with_columns(pl.col("tags", "right").fill_null([]), method=pl.lit(method), order=pl.lit(order, pl.Int64))
            .select(said.columns)
        )
    rows = pl.concat(parts).join(shown, on="content_id").sort("case", "order")
    return table.shape(rows)
