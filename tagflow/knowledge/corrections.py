"""What people decided about single tags of single contents: edges, samples and the last word (ours).

A correction says whether a tag is right for a content. The last one about a case holds. A right one becomes an edge of
origin ``reviewed``, a wrong one takes edges away, and both become samples. One about a held-out content stays in the
file and enters nothing: what is evaluated on must not be learned from.
"""

from typing import NamedTuple

import polars as pl

from tagflow.graph.edges import EDGE
from tagflow.schemas import KNOWLEDGE_BASE
from tagflow.tables import Tables
from tagflow.tagset.normalisation import normalise

CORRECTION = pl.Schema(
    {
        "content_id": pl.String(),
        "tag": pl.String(),
        "right": pl.Boolean(),
        "at": pl.String(),
        "by": pl.String(),
        "source": pl.String(),
        "comment": pl.String(),
        "line": pl.Int64(),
    }
)
"""Columns of the corrections, in the order of their file; at (UTC date), by, source and comment may be null."""

REVIEWED = "reviewed"
"""Origin of edges and samples that come from corrections."""

PAIR = ["content_id", "tag_id"]
SAMPLE = KNOWLEDGE_BASE.tables["knowledge_base"].dtypes


class Cases(NamedTuple):
    """The corrections as they hold now, each in one of four frames.

    Attributes:
        pairs: content_id, tag_id, right, by, at: a row a case that counts, by content, then tag.
        held_out: corrections about contents of the test split: kept, never used.
        gone: corrections about contents that the dataset does not have (now).
        strange: corrections about tags that the tag set does not have (now).
    """

    pairs: pl.DataFrame
    held_out: pl.DataFrame
    gone: pl.DataFrame
    strange: pl.DataFrame

    def tally(self) -> dict[str, int]:
        """Return the number of cases that count, right and wrong, and of those that do not, by why."""
        right = int(self.pairs["right"].sum())
        counted = {"right": right, "wrong": len(self.pairs) - right}
        rest = {"held_out": len(self.held_out), "content_gone": len(self.gone), "tag_unknown": len(self.strange)}
        return {**counted, **rest}


def resolve_corrections(corrections: pl.DataFrame, names: pl.DataFrame, raw_clues: pl.DataFrame) -> Cases:
    """Return the corrections as cases of the tag set, the last of each case by line.

    Args:
        corrections: ``CORRECTION`` columns, in the order of the file.
        names: key and tag_id of every name and alias (see ``resolve_tags``).
        raw_clues: the contents with their split.
    """
    keyed = corrections.with_columns(key=normalise(pl.col("tag")))
    placed = (
        keyed.join(names, on="key", how="left", maintain_order="left")
        .join(raw_clues.select("content_id", "split"), on="content_id", how="left", maintain_order="left")
        .with_columns(case=pl.coalesce("tag_id", "key"))
        .unique(["content_id", "case"], keep="last", maintain_order=True)
    )
    gone, strange = pl.col("split").is_null(), pl.col("tag_id").is_null()
    held_out = pl.col("split") == "test"
    counted = placed.filter(~gone & ~held_out & ~strange).sort(PAIR)
    return Cases(
        counted.select(*PAIR, "right", "by", "at"),
        placed.filter(~gone & held_out).select(corrections.columns),
        placed.filter(gone).select(corrections.columns),
        placed.filter(~gone & ~held_out & strange).select(corrections.columns),
    )


def apply_corrections(history: pl.DataFrame, cases: Cases, weight: float) -> pl.DataFrame:
    """Return the deterministic edges with the corrections over them.

    A wrong pair loses every edge, whoever made it. A right one that people did not annotate gets an edge of origin
    ``reviewed``; an annotated one keeps the edge it has, so that no person's word counts twice.

    Args:
        history: deterministic edges; reviewed ones among them are made anew.
        cases: the corrections.
        weight: of a reviewed edge.
    """
    own = history.filter(pl.col("origin") != REVIEWED)
    linked = cases.pairs.rename({"tag_id": "target"})
    pair = ["content_id", "target"]
    kept = own.join(linked.filter(~pl.col("right")), on=pair, how="anti", maintain_order="left")
    annotated = own.filter(pl.col("origin") == "human")
    new = (
        linked.filter(pl.col("right"))
        .join(annotated, on=pair, how="anti", maintain_order="left")
        .select(
            "content_id",
            "target",
            target_kind=pl.lit("tag"),
            kind=pl.lit("deterministic"),
            origin=pl.lit(REVIEWED),
            weight=pl.lit(weight),
        )
        .cast(EDGE)
    )
    return pl.concat([kept, new]).sort("content_id", "target", "origin")


def renew_corrections(edges: pl.DataFrame, cases: Cases, weight: float) -> pl.DataFrame:
    """Return a stored graph's edges with the corrections as they are now; its similarity edges stay as they are.

    What a wrong correction took away comes back only when the graph is built anew, because a stored graph does not
    know it any more.

    Args:
        edges: ``content_tag_graph``.
        cases: the corrections.
        weight: of a reviewed edge.
    """
    deterministic = pl.col("kind") == "deterministic"
    return pl.concat([apply_corrections(edges.filter(deterministic), cases, weight), edges.filter(~deterministic)])


def correct_samples(samples: pl.DataFrame, cases: Cases) -> pl.DataFrame:
    """Return the ``knowledge_base`` with a sample of origin ``reviewed`` for each correction.

    It takes the place of an annotated or presumed one, and stands for itself where nothing was known of the pair.

    Args:
        samples: ``knowledge_base`` as collected.
        cases: the corrections; none is about a held-out content.
    """
    reviewed = cases.pairs.select(*PAIR, "right", origin=pl.lit(REVIEWED)).cast(SAMPLE)
    others = samples.select(SAMPLE.names()).join(reviewed, on=PAIR, how="anti", maintain_order="left")
    return pl.concat([others, reviewed]).sort(PAIR)


def keep_surest_samples(samples: pl.DataFrame) -> pl.DataFrame:
    """Return the ``knowledge_base`` with one row a pair: what people reviewed, then what is right, then by origin."""
    order = samples.sort(*PAIR, pl.col("origin") != REVIEWED, ~pl.col("right"), "origin")
    return order.unique(PAIR, keep="first", maintain_order=True)


def find_decided(stored: Tables, cases: Cases) -> pl.Series:
    """Return the ids of the contents that a correction is or was about, so that they are tagged anew.

    Args:
        stored: ``tagged_output`` as it stands.
        cases: the corrections as they are now.
    """
    before = stored["tagged_output"].filter(pl.col("path") == REVIEWED)["content_id"]
    return pl.concat([cases.pairs["content_id"], before]).unique().sort()


def settle_candidates(scored: pl.DataFrame, cases: Cases, tagset: pl.DataFrame) -> pl.DataFrame:
    """Return the judged pairs with people's last word: a wrong pair is out, a right one is certain.

    For the corrected content itself there is nothing left to estimate. A right pair that was not recalled is added.

    Args:
        scored: ``scored_candidates`` of the contents tagged just now.
        cases: the corrections.
        tagset: ``fused_tagset``, for names.
    """
    said = cases.pairs.join(scored.select("content_id").unique(), on="content_id", how="semi", maintain_order="left")
    open_ = scored.join(said, on=PAIR, how="anti", maintain_order="left")
    by = pl.when(pl.col("by").is_null()).then(pl.lit("people")).otherwise("by")
    on = pl.when(pl.col("at").is_null()).then(pl.lit("")).otherwise(pl.format(" on {}", pl.col("at")))
    certain = (
        said.filter(pl.col("right"))
        .join(tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
        .join(scored.select(*PAIR, "neighbours", "raw_score", "rung"), on=PAIR, how="left", maintain_order="left")
        .select(
            *PAIR,
            "tag",
            confidence=pl.lit(1.0),
            raw_score="raw_score",
            rung="rung",
            path=pl.lit(REVIEWED),
            neighbours=pl.col("neighbours").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            votes=pl.lit(1.0),
            evidence=pl.format("{} said it is right{}", by, on),
        )
    )
    return pl.concat([open_, certain.select(scored.columns).cast(scored.schema)])
