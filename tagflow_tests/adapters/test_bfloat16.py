"""Half precision is taken where it is faster: by what the processor says of itself."""

from pathlib import Path

import pytest
import torch

from tagflow.adapters import bfloat16


@pytest.mark.parametrize(
    ("amx", "avx512", "vendor", "faster"),
    [
        (True, True, "GenuineIntel", True),
        (False, True, "GenuineIntel", False),
        (False, True, "AuthenticAMD", True),
        (False, False, "AuthenticAMD", False),
        (False, True, None, False),
    ],
)
def test_half_precision_is_for_amx_and_for_amd(
    amx: bool, avx512: bool, vendor: str | None, faster: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    if vendor is not None:
        file.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: any\n", encoding="utf-8")
    monkeypatch.setattr(bfloat16, "PROCESSOR", file)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert bfloat16.computes_bfloat16.__wrapped__() is faster
