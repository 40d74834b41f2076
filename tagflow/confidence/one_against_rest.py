"""Which tags a one-against-rest model is fitted for, what it learns them from, and logistic regression of many at once.

A tag that too few contents carry cannot be learned, and of very many tags the fit takes too long: what is left out is
told, never silently scored zero.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

STEPS = 60  # ours: steps of the optimiser; most fits end before


def choose_tags(annotations: pl.DataFrame, min_positives: int, most_tags: int) -> pl.DataFrame:
    """Return the tags to fit, the most used first, ties by tag id: tag_id and positives.

    Args:
        annotations: content_id and tag_id, each pair once.
        min_positives: contents that must carry a tag.
        most_tags: tags at most.
    """
    used = annotations.group_by("tag_id").agg(positives=pl.len().cast(pl.Int64))
    often = used.filter(pl.col("positives") >= min_positives).sort(-pl.col("positives"), "tag_id")
    return often.head(most_tags)


def tell_left_out(annotations: pl.DataFrame, chosen: pl.DataFrame, min_positives: int, most_tags: int) -> str:
    """Return which annotated tags are not fitted and why, for people; empty if all are."""
    used = annotations["tag_id"].n_unique()
    rare = int((annotations["tag_id"].value_counts()["count"] < min_positives).sum())
    cut = used - rare - len(chosen)
    reasons = [f"{rare} are on fewer than {min_positives} contents"] if rare else []
    reasons += [f"{cut} are less used than the first {most_tags}"] if cut else []
    return f"{used - len(chosen)} of {used} annotated tags are not fitted: {', '.join(reasons)}" if reasons else ""


def mark_answers(annotations: pl.DataFrame, content_ids: pl.Series, tag_ids: pl.Series) -> csr_array:
    """Return which content has which tag as 0 or 1, float32 of shape (contents, tags)."""
    rows = pl.DataFrame({"content_id": content_ids}).with_row_index("row")
    columns = pl.DataFrame({"tag_id": tag_ids}).with_row_index("column")
    right = annotations.join(rows, on="content_id").join(columns, on="tag_id")
    places = (right["row"].to_numpy(), right["column"].to_numpy())
    return csr_array((np.ones(len(right), np.float32), places), shape=(len(rows), len(columns)))


def fit_logistic(
    features: NDArray[np.float32], answers: NDArray[np.float32], strength: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (features, tags) and biases (tags,) of one logistic regression a tag, fitted together.

    Each tag's log loss summed over the contents, plus half its squared weights times ``strength``, is least (what
    scikit-learn's LogisticRegression minimises, with C = 1 / strength); the bias is not penalised.

    Args:
        features: shape (contents, features).
        answers: shape (contents, tags), 0 or 1.
        strength: of the penalty.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    width, tags = features.shape[1], answers.shape[1]
    wide = np.hstack([features, np.ones((len(features), 1), np.float32)])

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(width + 1, tags).astype(np.float32)
        scores = wide @ weights
        told = float((np.logaddexp(0, scores) - answers * scores).sum(dtype=np.float64))
        gradient = wide.T @ (expit(scores) - answers)
        gradient[:width] += strength * weights[:width]
        return told + strength * float((weights[:width] ** 2).sum(dtype=np.float64)) / 2, gradient.ravel().astype(float)

    start = np.zeros((width + 1) * tags)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    found = best.reshape(width + 1, tags).astype(np.float32)
    return found[:width], found[width]
