"""The reason of an assignment says what is true of the pair, and nothing else."""

import polars as pl
import pytest

from tagflow.confidence.evidence import explain_pairs


def explain(**features: float) -> str:
    """Return the reason of a pair whose features are 0 except those named."""
    known = {"named": 0.0, "headlined": 0.0, "carriers": 0, "human": 0.0, "machine": 0.0, "cosine": 0.0, **features}
    return pl.DataFrame([known]).select(explain_pairs()).item()


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"cosine": 0.417}, "cosine 0.42 to the text"),
        ({"named": 1.0, "cosine": 0.5}, "named in the text; cosine 0.5 to the text"),
        ({"named": 1.0, "headlined": 1.0, "cosine": 0.5}, "named in the first line; cosine 0.5 to the text"),
        (
            {"carriers": 1, "human": 0.25, "cosine": 0.5},
            "1 similar content tagged so by people (25 % of the neighbourhood); cosine 0.5 to the text",
        ),
        (
            {"carriers": 3, "machine": 0.6, "cosine": 0.5},
            "3 similar contents naming it (60 % of the neighbourhood); cosine 0.5 to the text",
        ),
        (
            {"named": 1.0, "carriers": 2, "human": 0.5, "cosine": -0.1},
            "named in the text; 2 similar contents tagged so by people (50 % of the neighbourhood); "
            "cosine -0.1 to the text",
        ),
    ],
)
def test_a_reason_says_where_it_is_named_who_carries_it_and_how_near_it_lies(
    features: dict[str, float], reason: str
) -> None:
    assert explain(**features) == reason


def test_contents_that_only_name_the_tag_are_not_counted_as_tagged_by_people() -> None:
    """One of the three carriers was annotated; two were only proposed by the machine."""
    assert "3 similar contents tagged so by people" not in explain(carriers=3, human=0.2, machine=0.6)
