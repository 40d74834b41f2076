"""Where a tag's name stands in a content: the field, and the words around it."""

import polars as pl

from tagflow.tagset.normalisation import needle_text

AROUND = 40  # ours: characters shown on either side

PART_BEFORE, PART_AFTER = r"^\S{1,15}\s+", r"\s+\S{1,15}$"  # what may be part of a word only, at the cut
NO_WORD = r"[^\p{L}\p{M}\p{N}]"


def quote_names(contents: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Return for each content and tag the first clue in which a name or alias of the tag stands.

    First by the order of the clues, then by place in the clue, then the longest name. Case and width do not matter, nor
    what stands between the words of a name.

    Args:
        contents: content_id, clues, cuts (``raw_clues`` columns) of few contents.
        tagset: tag_id, tag, aliases of the tags to look for.

    Returns:
        content_id, tag_id, field, before and after (up to ``AROUND`` characters, whole words, an ellipsis where more
        follows), said (as it stands there), and seen: whether it stands in the part that tagging read.
    """
    names = tagset.select("tag_id", name=pl.concat_list("tag", "aliases")).explode("name")
    patterns = names.select("tag_id", pattern=_as_pattern(needle_text(pl.col("name")))).unique(maintain_order=True)
    hits = (
        _list_fields(contents)
        .join(patterns, how="cross")
        .with_columns(
            before=pl.col("text").str.extract(pl.col("pattern"), 1),
            said=pl.col("text").str.extract(pl.col("pattern"), 2),
            after=pl.col("text").str.extract(pl.col("pattern"), 3),
        )
        .filter(pl.col("said").is_not_null())
    )
    start, length = (pl.col(part).str.len_chars().cast(pl.Int64) for part in ("before", "said"))
    end = start + length
    ordered = hits.sort("content", "tag_id", "place", start, -length)
    first = ordered.unique(["content_id", "tag_id"], keep="first", maintain_order=True)
    return first.select(
        "content_id",
        "tag_id",
        "field",
        before=_shorten(pl.col("before"), start=True),
        said="said",
        after=_shorten(pl.col("after"), start=False),
        seen=end <= pl.col("kept"),
    )


def _list_fields(contents: pl.DataFrame) -> pl.DataFrame:
    """One row a clue: its text as packing reads it, and how many characters of it were kept."""
    fields = (
        contents.with_row_index("content")
        .select("content", "content_id", clue="clues", place=pl.int_ranges(pl.col("clues").list.len()))
        .explode("clue", "place")
        .drop_nulls("clue")
        .unnest("clue")
    )
    cuts = contents.select("content_id", cut="cuts").explode("cut").drop_nulls().unnest("cut")
    cut = cuts.select("content_id", "field", "kept")
    text = pl.col("text").str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars()
    joined = fields.join(cut, on=["content_id", "field"], how="left", maintain_order="left").with_columns(text=text)
    return joined.with_columns(pl.col("kept").fill_null(pl.col("text").str.len_chars()))


def _as_pattern(needle: pl.Expr) -> pl.Expr:
    """Groups before, said and after; a needle with spaces around it stands as whole words."""
    words = needle.str.strip_chars().str.replace_all("+", r"\+", literal=True).str.replace_all(" ", f"{NO_WORD}+")
    whole = pl.format(r"(?is)^((?:.*?{})?)({})((?:{}.*)?)$", pl.lit(NO_WORD), words, pl.lit(NO_WORD))
    inside = pl.format(r"(?is)^(.*?)({})(.*)$", words)
    return pl.when(needle.str.starts_with(" ")).then(whole).otherwise(inside)


def _shorten(side: pl.Expr, *, start: bool) -> pl.Expr:
    if start:
        short = pl.lit("…") + side.str.tail(AROUND).str.replace(PART_BEFORE, "")
    else:
        short = side.str.head(AROUND).str.replace(PART_AFTER, "") + pl.lit("…")
    return pl.when(side.str.len_chars() > AROUND).then(short).otherwise(side)
