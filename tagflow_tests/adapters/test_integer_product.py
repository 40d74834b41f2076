"""Products of bytes: exact, refused where they are not, and taken only where they are worth their preparation."""

import sys

import numpy as np
import pytest

from tagflow.adapters import integer_product
from tagflow.adapters.integer_product import find_integer_product
from tagflow_tests.byte_products import multiply_bytes


def draw(rows: int, components: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, (rows, components), dtype=np.int8)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (64, 1, 96), (130, 257, 96), (2, 3, 384)])
def test_every_product_is_the_whole_number_that_it_should_be(shape):
    rows, others, components = shape
    multiply = find_integer_product(10**6)
    if multiply is None:
        pytest.skip("this processor or this torch has no fast product of bytes")
    one, other = draw(rows, components, 1), draw(others, components, 2)
    expected = [[sum(int(a) * int(b) for a, b in zip(x, y, strict=True)) for y in other] for x in one]
    assert multiply(one, other).tolist() == expected
    part = draw(rows + 9, components, 3)[4 : 4 + rows]  # a view, as the scan gives them
    assert np.array_equal(multiply(part, other), part.astype(np.int32) @ other.astype(np.int32).T)


def test_a_product_that_adds_pairs_in_16_bits_is_found_out():
    def saturate(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        shifted = rows.astype(np.int32) + 128  # instructions before VNNI take one side without a sign
        pairs = shifted.reshape(len(rows), 1, -1, 2) * others.reshape(1, len(others), -1, 2)
        held = np.clip(pairs.sum(axis=3), -(2**15), 2**15 - 1).sum(axis=2)
        return held - 128 * others.astype(np.int32).sum(axis=1)

    def fail(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        raise RuntimeError("not in this build")

    assert integer_product._is_exact(multiply_bytes)
    assert not integer_product._is_exact(saturate)
    assert not integer_product._is_exact(fail)


def test_few_vectors_and_a_torch_still_to_be_imported_are_not_worth_it(monkeypatch):
    monkeypatch.setattr(integer_product, "load_product", lambda: "product")
    import torch  # noqa: F401

    assert find_integer_product(4_095) is None
    assert find_integer_product(4_096) == "product"
    monkeypatch.delitem(sys.modules, "torch")
    assert find_integer_product(49_999) is None
    assert find_integer_product(50_000) == "product"


def test_a_processor_without_the_instructions_gets_none(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False, raising=False)
    assert integer_product.load_product.__wrapped__() is None
