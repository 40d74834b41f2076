"""Judged evaluation: people say of a blind, pooled sample which tags are right, as both papers scored their taggers.

Every method's first tags for the drawn contents go into one pool; a tag that several methods gave is judged once, and
nothing shows who gave it. Recall is that of the pool: of the tags found right there, which share a method gave.
"""

import hashlib
from collections.abc import Mapping

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.evaluation.tagging_metrics import HITS, ROW, Share, measure_shares
from tagflow.tagset.browsing import first_line

SHOWN_TEXT = 600  # ours: characters of a content's text that a judge sees

POOL = pl.Schema(
    {"content_id": pl.String(), "tag_id": pl.String(), "tag": pl.String(), "method": pl.String(), "rank": pl.Int64()}
)
"""One row a (content, tag, method): the tag's rank from 1 in the method's own list."""

VERDICT = pl.Schema({"content_id": pl.String(), "tag_id": pl.String(), "right": pl.Boolean()})
"""What a person said of a tag on a content; a tag outside the pool that is right was missed by every method."""

SHEET = pl.Schema(
    {
        "content_id": pl.String(),
        "first_line": pl.String(),
        "text": pl.String(),
        "tag": pl.String(),
        "tag_id": pl.String(),
        "decision": pl.String(),
        "comment": pl.String(),
    }
)
"""Columns of the sheet a judge fills in: decision and comment are empty."""


def draw_contents(raw_clues: pl.DataFrame, count: int, seed: str) -> pl.DataFrame:
    """Return at most ``count`` contents with text, drawn by a hash of seed and id, in that order.

    Held-out contents are drawn if there are any, since nothing was learned from them (TagGPT §3.3.2 keeps its 100
    judged contents out of the tag set); else all are, and a tag set built from them has seen them.
    """
    placed = raw_clues.filter(has_text())
    held_out = placed.filter(pl.col("split") == "test")
    eligible = held_out if len(held_out) else placed
    keys = pl.Series("key", [_hash(seed, name) for name in eligible["content_id"]], dtype=pl.String)
    return eligible.with_columns(keys).sort("key").head(count).drop("key")


def pool_tags(answers: Mapping[str, pl.DataFrame], contents: pl.DataFrame, depth: int) -> pl.DataFrame:
    """Return the ``POOL`` of the first ``depth`` tags of every method for the contents, by content, method and rank.

    Args:
        answers: content_id, tag_id, tag and rank of the assigned tags, by method.
        contents: content_id of the drawn contents.
        depth: tags of a method that are judged for each content.
    """
    parts = [
        frame.join(contents, on="content_id", how="semi")
        .filter(pl.col("rank") <= depth)
        .select("content_id", "tag_id", "tag", pl.lit(method).alias("method"), pl.col("rank").cast(pl.Int64))
        for method, frame in answers.items()
    ]
    return pl.concat([pl.DataFrame(schema=POOL), *parts]).sort("content_id", "method", "rank")


def make_sheet(pool: pl.DataFrame, contents: pl.DataFrame, seed: str) -> pl.DataFrame:
    """Return the ``SHEET``: each content's tags once, in an order drawn by the seed that says nothing of the methods.

    Args:
        pool: ``POOL``.
        contents: the drawn contents (``raw_clues`` columns), in the order in which they are to be judged.
        seed: of the draw.
    """
    told = contents.select(
        "content_id",
        first_line=first_line(),
        text=pl.col("text").str.replace_all(r"\s+", " ").str.slice(0, SHOWN_TEXT),
        place=pl.int_range(pl.len()),
    )
    tags = pool.select("content_id", "tag_id", "tag").unique(["content_id", "tag_id"], maintain_order=True)
    pairs = tags.select(pl.concat_str("content_id", "tag_id", separator="\0")).to_series()
    keys = pl.Series("key", [_hash(seed, pair) for pair in pairs], dtype=pl.String)
    rows = tags.with_columns(keys).join(told, on="content_id").sort("place", "key")
    blank = pl.lit(None, pl.String)
    return rows.with_columns(decision=blank, comment=blank).select(SHEET.names())


def measure_verdicts(pool: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return precision, recall, F1, Acc@k and the judged share of every method, with 95 % bootstrap intervals.

    Only contents with a verdict count, and only tags with one. Precision and recall are pooled over the contents; the
    recall is that of the pool and of the right tags a judge added to it. Acc@k is right tags among a method's first k
    judged ones (LLM4Tag eq. 12, our reading).

    Args:
        pool: ``POOL``.
        verdicts: ``VERDICT``, each content and tag once.

    Returns:
        method, metric, value, low, high, n, note; methods by name.
    """
    contents = verdicts.select("content_id").unique().sort("content_id")
    right = verdicts.filter(pl.col("right")).group_by("content_id").agg(wanted=pl.len())
    empty = pl.DataFrame(schema={"method": pl.String, **ROW})
    if not len(contents):
        return empty
    parts = [empty]
    for (method,), given in sorted(pool.group_by("method"), key=lambda part: str(part[0][0])):
        asked = given.join(contents, on="content_id", how="semi")
        judged = (
            asked.join(verdicts, on=["content_id", "tag_id"])
            .sort("content_id", "rank")
            .with_columns(place=pl.int_range(1, pl.len() + 1).over("content_id"))
        )
        counted = contents.join(right, on="content_id", how="left", maintain_order="left").join(
            _count(judged), on="content_id", how="left", maintain_order="left"
        )
        rows = measure_shares(_share_verdicts(counted.fill_null(0)))
        share = len(judged) / len(asked) if len(asked) else None
        note = "share of its tags on these contents that have a verdict"
        last = pl.DataFrame([("judged share", share, None, None, len(asked), note)], schema=ROW, orient="row")
        parts.append(pl.concat([rows, last]).select(pl.lit(method).alias("method"), pl.all()))
    return pl.concat(parts)


def _count(judged: pl.DataFrame) -> pl.DataFrame:
    counts = judged.with_columns(pl.lit(1).alias("one"))
    of_first = [
        pl.col(column).cast(pl.Int64).filter(pl.col("place") <= k).sum().alias(f"{name}@{k}")
        for k in HITS
        for name, column in (("right", "right"), ("given", "one"))
    ]
    return counts.group_by("content_id").agg(*of_first, given=pl.len(), right=pl.col("right").sum())


def _share_verdicts(table: pl.DataFrame) -> list[Share]:
    given, right, wanted = (table[name].cast(pl.Float64).to_numpy() for name in ("given", "right", "wanted"))
    note = f"over {len(table)} judged contents"
    shares = [
        Share("precision", right, given, int(given.sum()), note),
        Share("recall", right, wanted, int(wanted.sum()), f"of the right tags of the pool, {note}"),
        Share("F1", 2 * right, given + wanted, len(table), note),
    ]
    for k in HITS:
        first = table[f"given@{k}"].cast(pl.Float64).to_numpy()
        found = table[f"right@{k}"].cast(pl.Float64).to_numpy()
        shares.append(Share(f"Acc@{k}", found, first, int(first.sum()), note))
    return shares


def _hash(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogatepass")).hexdigest()
