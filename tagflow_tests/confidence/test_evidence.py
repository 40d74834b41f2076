"""The reason of an assignment says what is true of the pair, and nothing else."""

import polars as pl
import pytest

from tagflow.confidence.evidence import explain_pairs

NEAR = "closeness of meaning 0.5 of 1"


def explain(**features: object) -> str:
    """Return the reason of a pair whose features are 0 except those named, and whose name stands nowhere."""
    known = {
        "headlined": 0.0,
        "found": None,
        "carriers": 0,
        "word_carriers": 0,
        "grown_carriers": 0,
        "human": 0.0,
        "machine": 0.0,
        "cosine": 0.5,
        **features,
    }
    return pl.DataFrame([known], schema_overrides={"found": pl.String}).select(explain_pairs()).item()


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"cosine": 0.417}, "closeness of meaning 0.42 of 1"),
        ({"cosine": -0.1}, "closeness of meaning -0.1 of 1"),
        ({"found": "spaghetti"}, f'its text says "spaghetti"; {NEAR}'),
        ({"found": "Pasta", "headlined": 1.0}, f'its first line says "Pasta"; {NEAR}'),
        ({"carriers": 1, "human": 0.25}, f"1 of the most similar contents has this tag from people; {NEAR}"),
        ({"carriers": 3, "machine": 0.6}, f"3 of the most similar contents have this tag as a proposal; {NEAR}"),
        ({"grown_carriers": 2}, f"tagflow itself gave it to 2 of the most similar contents; {NEAR}"),
        ({"word_carriers": 1}, f"1 of the contents that share its words has this tag; {NEAR}"),
        ({"word_carriers": 2}, f"2 of the contents that share its words have this tag; {NEAR}"),
        (
            {"carriers": 1, "word_carriers": 2, "human": 0.1},
            f"1 of the most similar contents has this tag from people; {NEAR}",
        ),
        (
            {"found": "soup", "carriers": 3, "human": 0.2, "machine": 0.6},
            'its text says "soup"; 3 of the most similar contents have this tag from people or as a proposal; ' + NEAR,
        ),
    ],
)
def test_a_reason_says_where_it_is_named_who_carries_it_and_how_near_it_lies(
    features: dict[str, object], reason: str
) -> None:
    assert explain(**features) == reason
