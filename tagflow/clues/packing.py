"""Clue packing: the fields of a content as one text within a budget, and the record of what was cut."""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def share_budget(lengths: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Return how many characters of each field are kept, so that no content exceeds the budget.

    Short fields are kept whole; the long ones of a content are cut to one common length. Source: ours (TagGPT's
    released code cuts every field to 100 characters; its §4 names the loss as a limit).

    Args:
        lengths: characters of each field, shape (contents, fields).
        budget: characters a content may keep in total.

    Returns:
        Kept characters, same shape, at most ``lengths``; each row sums to at most ``budget``.
    """
    shortest_first = np.sort(lengths, axis=1)
    fields = lengths.shape[1]
    below = np.cumsum(shortest_first, axis=1) - shortest_first
    fair = (budget - below) // (
        fields - np.arange(fields)
    )  # the length if this field and all longer ones were cut alike
    cut = shortest_first > fair
    first_cut = np.where(cut.any(axis=1), cut.argmax(axis=1), fields - 1)
    rows = np.arange(len(lengths))
    cap = np.where(cut.any(axis=1), fair[rows, first_cut], shortest_first[:, -1])
    return np.minimum(lengths, np.maximum(cap, 0)[:, None])


def pack_clues(fields: pl.DataFrame, budget: int) -> pl.DataFrame:
    """Return the packed clue text and the cuts of each content.

    Args:
        fields: one String column a field, in packing order; null or blank where a content lacks it.
        budget: characters a content may keep in total, separators not counted.

    Returns:
        Columns ``text`` (fields joined by a line feed, white space collapsed) and ``cuts`` (field, kept, total) in the
        order of the contents. A cut field ends at a word boundary where there is one in its last 20 characters.
    """
    names = fields.columns
    clean = fields.select(pl.all().fill_null("").str.replace_all(r"\s+", " ").str.strip_chars())
    lengths = clean.select(pl.all().str.len_chars().cast(pl.Int64)).to_numpy().reshape(len(clean), len(names))
    kept = pl.DataFrame(share_budget(lengths, budget), schema=names, orient="row")
    cut = clean.with_columns(
        pl.when(kept[name] < clean[name].str.len_chars())
        .then(
            pl.when(pl.col(name).str.slice(kept[name], 1) == " ")
            .then(pl.col(name).str.slice(0, kept[name]))
            .otherwise(pl.col(name).str.slice(0, kept[name]).str.replace(r"\s\S{0,19}$", ""))
        )
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    )
    cuts = [
        pl.struct(
            field=pl.lit(name),
            kept=cut[name].str.len_chars().cast(pl.Int64),
            total=clean[name].str.len_chars().cast(pl.Int64),
        )
        for name in names
    ]
    return cut.select(
        text=pl.concat_list(pl.all()).list.eval(pl.element().filter(pl.element() != "")).list.join("\n"),
        cuts=pl.concat_list(cuts).list.eval(
            pl.element().filter(pl.element().struct.field("kept") < pl.element().struct.field("total"))
        ),
    )
