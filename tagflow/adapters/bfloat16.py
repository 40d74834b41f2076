"""Whether this CPU multiplies bfloat16 natively; where it does not, half precision costs time instead of saving it."""

from functools import lru_cache


@lru_cache
def computes_bfloat16() -> bool:
    """Return whether torch finds AVX512-BF16 or AMX; imports torch."""
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
