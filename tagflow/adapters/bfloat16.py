"""Whether half precision is faster on this CPU; where it is not, it costs time instead of saving it.

AMX multiplies bfloat16 much faster than float32, and so does AVX512-BF16 on processors of AMD (twice, on a Zen 4). On
Intel's without AMX the same instructions are there and slower: 85 against 150 billion operations a CPU second on a
Xeon. The answer is read from the processor's name and never timed, because vectors of two precisions do not mix: one
that changed with the load of the machine would have everything embedded anew.
"""

from functools import lru_cache
from pathlib import Path

PROCESSOR = Path("/proc/cpuinfo")


@lru_cache
def computes_bfloat16() -> bool:
    """Return whether torch finds AMX, or AVX512-BF16 on a processor of AMD; imports torch."""
    import torch

    finds = {name: getattr(torch.cpu, f"_is_{name}_supported", lambda: False)() for name in ("amx_tile", "avx512_bf16")}
    return finds["amx_tile"] or (finds["avx512_bf16"] and _read_vendor() == "AuthenticAMD")


def _read_vendor() -> str:
    """Who made the processor, as Linux says; nothing on other systems."""
    if not PROCESSOR.is_file():
        return ""
    lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "")
