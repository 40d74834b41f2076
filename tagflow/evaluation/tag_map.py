"""The tag map: the most assigned tags on a plane, near each other where their vectors are."""

import numpy as np
import polars as pl

from tagflow.ports import Vectors
from tagflow.schemas import EVALUATION_REPORT

DRAWN = 300  # ours: more points than this are a cloud
SEED = 20230406  # the day TagGPT was put on arXiv
FEWEST = 5  # ours: below, a plane says nothing


def place_tags(tagged: pl.DataFrame, tagset: pl.DataFrame, vectors: Vectors) -> pl.DataFrame:
    """Return the ``tag_map``: the ``DRAWN`` most assigned tags, most assigned first, ties by tag id.

    Places come from t-SNE, started from the principal components, so that equal input gives an equal map. Fewer than
    ``FEWEST`` assigned tags give an empty map. Source: ours.

    Args:
        tagged: ``tagged_output``.
        tagset: ``fused_tagset``.
        vectors: unit vectors of the tag set, row for row.
    """
    counts = tagged.group_by("tag_id").agg(contents=pl.col("content_id").n_unique().cast(pl.Int64))
    drawn = (
        tagset.select("tag_id", "tag")
        .with_row_index("row")
        .join(counts, on="tag_id")
        .sort(-pl.col("contents"), "tag_id")
        .head(DRAWN)
    )
    table = EVALUATION_REPORT.tables["tag_map"]
    if len(drawn) < FEWEST:
        return table.empty()
    places = _flatten(vectors[drawn["row"].to_numpy()])
    return table.shape(drawn.with_columns(x=pl.Series(places[:, 0]), y=pl.Series(places[:, 1])))


def _flatten(vectors: Vectors) -> np.ndarray:
    from sklearn.manifold import TSNE

    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    start = left[:, :2] * scale[:2] * 1e-4 / max(float(np.std(left[:, 0] * scale[0])), 1e-12)
    perplexity = min(30.0, (len(vectors) - 1) / 3)  # scikit-learn's default, as far as there are points
    if not np.std(centred) > 0:
        return np.full((len(vectors), 2), 0.5)
    spread = TSNE(2, perplexity=perplexity, init=start, random_state=SEED, method="exact").fit_transform(centred)
    low, high = spread.min(axis=0), spread.max(axis=0)
    return np.asarray((spread - low) / np.where(high > low, high - low, 1.0))
