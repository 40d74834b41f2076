"""Who is held out: labelled contents only, by the column if there is one, else by the documented hash."""

import hashlib
from fractions import Fraction

import polars as pl
import pytest

from tagflow.clues.holdout import is_held_out, split_contents

FIFTH = Fraction(1, 5)
IDS = [f"c{number}" for number in range(1, 26)]
HELD_OUT = {"c5", "c6", "c11", "c12", "c16", "c24", "c25"}
"""Of c1 to c25 at one fifth: worked out with sha256sum and bc."""


def split(
    ids: list[str],
    share: Fraction = FIFTH,
    *,
    labels: list[list[str]] | None = None,
    column: list[str | None] | None = None,
) -> list[str]:
    """Return the split of contents that are all labelled unless said."""
    contents = pl.DataFrame(
        {"content_id": ids, "labels": labels or [["tag"]] * len(ids), "split": column or [None] * len(ids)},
        schema={"content_id": pl.String, "labels": pl.List(pl.String), "split": pl.String},
    )
    return split_contents(contents, share, by_column=column is not None).to_list()


def test_the_hash_rule_holds_out_known_ids():
    assert {name for name in IDS if is_held_out(name, FIFTH)} == HELD_OUT


@pytest.mark.parametrize("name", ["", "007", "食品-1", "a\nb", "https://example.org/x?y=1"])
@pytest.mark.parametrize("share", [FIFTH, Fraction(3, 10), Fraction(9, 10)])
def test_the_rule_is_sha256_of_the_salted_id_modulo_the_denominator(name, share):
    number = int.from_bytes(hashlib.sha256(b"tagflow-split-v1:" + name.encode()).digest(), "big")
    assert is_held_out(name, share) == (number % share.denominator < share.numerator)


def test_a_labelled_content_is_held_out_by_its_id_alone():
    assert split(IDS) == ["test" if name in HELD_OUT else "fit" for name in IDS]
    assert split(IDS[::-1]) == split(IDS)[::-1]


def test_zero_holds_nothing_out():
    assert set(split(IDS, Fraction(0))) == {"fit"}


def test_unlabelled_contents_are_never_held_out():
    assert split(["c5", "c6"], labels=[[], ["tag"]]) == ["fit", "test"]
    assert split(["a", "b"], labels=[[], ["tag"]], column=["test", "test"]) == ["fit", "test"]


def test_the_column_wins_over_the_hash():
    column = [None, "train", " Test ", "", "TEST"]
    assert split(["c5", "c6", "c1", "c11", "c2"], column=column) == ["fit", "fit", "test", "fit", "test"]
