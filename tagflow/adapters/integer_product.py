"""Products of tables of bytes by torch, several times as fast as float32 where the processor has instructions for it.

On processors without them some libraries add pairs of products in 16 bits, where large ones no longer fit: the product
is taken only if it gets the largest numbers right, which a short check at the start finds out.
"""

import sys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tagflow.ports import IntegerProduct

LOADED, UNLOADED = 4_096, 50_000  # ours: vectors from which codes in bytes earn their preparation; and torch's import
CHECKED = (64, 256)  # rows and components of the check: more than one block of any kernel


def find_integer_product(vectors: int) -> IntegerProduct | None:
    """Return a fast and exact product if it is worth while to compare so many vectors with each other, else None."""
    worth = LOADED if "torch" in sys.modules else UNLOADED
    return load_product() if vectors >= worth else None


@lru_cache
def load_product() -> IntegerProduct | None:
    """Return the product of torch if the processor has fast instructions for it and it is exact; imports torch.

    torch has had ``_int_mm`` under this name since 2.0, and calls it its own business: nothing but speed rests on it.
    """
    import torch

    if not hasattr(torch, "_int_mm") or not getattr(torch.cpu, "_is_vnni_supported", lambda: False)():
        return None
    product = _TorchProduct()
    return product if _is_exact(product) else None


class _TorchProduct:
    """Multiplies into one piece of memory, which grows to the largest product asked for."""

    def __init__(self) -> None:
        self._room = np.empty(0, np.int32)

    def __call__(
        self, rows: NDArray[np.int8], others: NDArray[np.int8], out: NDArray[np.int32] | None = None
    ) -> NDArray[np.int32]:
        import torch

        if out is None:
            cells = len(rows) * len(others)
            if len(self._room) < cells:
                self._room = np.empty(cells, np.int32)
            out = self._room[:cells].reshape(len(rows), len(others))
        torch._int_mm(torch.from_numpy(rows), torch.from_numpy(others).t(), out=torch.from_numpy(out))
        return out


def _is_exact(multiply: IntegerProduct) -> bool:
    """Whether the product is right where every number is as large as a byte can be, and for some others."""
    rows, components = CHECKED
    drawn = np.random.default_rng(0).integers(-127, 128, (2, rows, components), dtype=np.int8)
    drawn[:, : rows // 2] = np.where(drawn[:, : rows // 2] < 0, -127, 127)
    drawn[:, : rows // 4] = 127
    try:
        found = multiply(drawn[0], drawn[1])
    except (RuntimeError, TypeError):  # a build of torch without it, or with other arguments
        return False
    return np.array_equal(found, drawn[0].astype(np.int32) @ drawn[1].astype(np.int32).T)
