"""What becomes of vectors that are not finite: one would spoil the neighbours of all the others."""

import numpy as np

from tagflow.errors import ModelError
from tagflow.ports import Vectors

BROKEN_SHARE = 0.5  # ours: a model that fails so often is broken, not its texts
FEW = 10  # ours: of fewer texts no share is told


def silence_unusable(vectors: Vectors, model: str) -> tuple[Vectors, int]:
    """Return the vectors with zeros, which are near nothing, for rows that are not finite, and how many those are.

    Args:
        vectors: shape (n, d).
        model: what made them, for the sentence.

    Raises:
        ModelError: half or more of ten or more are not finite: then the model is at fault.
    """
    usable = np.asarray(np.isfinite(vectors).all(axis=1))
    count = len(vectors) - int(usable.sum())
    if not count:
        return vectors, 0
    if len(vectors) >= FEW and count >= BROKEN_SHARE * len(vectors):
        raise ModelError(
            f"The encoder {model} gave {count} of {len(vectors)} vectors that are not finite; check its weights."
        )
    return np.where(np.expand_dims(usable, 1), vectors, 0).astype(np.float32), count
