"""What a product of bytes should give, by numpy in whole numbers: for tests where no fast one may be."""

import numpy as np
from numpy.typing import NDArray


def multiply_bytes(
    rows: NDArray[np.int8], others: NDArray[np.int8], out: NDArray[np.int32] | None = None
) -> NDArray[np.int32]:
    """Return the products of all rows of both tables, written to ``out`` too if it is given."""
    product = rows.astype(np.int32) @ others.astype(np.int32).T
    if out is not None:
        out[...] = product
    return product
