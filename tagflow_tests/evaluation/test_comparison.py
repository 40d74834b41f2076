"""Two methods on the same contents: what differs, how sure that is, and by how much one improves on the other."""

import polars as pl
import pytest

from tagflow.evaluation.comparison import COMPARED, compare_clues, compare_methods, improve_relatively
from tagflow.evaluation.gold import Gold
from tagflow_tests.worlds import scored

IDS = [f"c{number:03}" for number in range(200)]
JUDGED = pl.DataFrame({"tag_id": ["A", "B"], "uses": [5, 5]})
GOLD = Gold(pl.DataFrame({"content_id": IDS, "tag_id": ["A"] * 200}), JUDGED, 200, 200, 400)


def answer(right: range) -> pl.DataFrame:
    """Return candidates of a method that is right on the contents with these numbers, and else wrong."""
    return scored(*((content_id, "A" if number in right else "B", 0.5) for number, content_id in enumerate(IDS)))


def compare(own: pl.DataFrame, other: pl.DataFrame) -> dict[str, dict[str, float | str]]:
    """Return the differences of ``other`` from ``own``, by metric."""
    found = compare_methods({"own": own, "other": other}, GOLD, "own")
    assert set(found["method"]) == {"other"}
    return {row["metric"]: row for row in found.to_dicts()}


def test_the_interval_is_that_of_the_differences_content_by_content() -> None:
    """On 20 of 200 only the other is right: mean .1, and a standard error of sqrt(.1 * .9 / 200) = .0212.

    Unpaired, shares of .5 and .6 would have an error of sqrt((.25 + .24) / 200) = .0495, and the interval 0 in it.
    """
    found = compare(answer(range(100)), answer(range(120)))
    row = found["P@1"]
    assert row["difference"] == pytest.approx(0.1)
    assert (row["low"], row["high"]) == pytest.approx((0.1 - 1.96 * 0.0212, 0.1 + 1.96 * 0.0212), abs=0.01)
    assert (row["verdict"], row["n"]) == ("better", 200)
    assert list(found) == list(COMPARED)


def test_a_method_that_is_wrong_more_often_is_worse() -> None:
    assert compare(answer(range(120)), answer(range(100)))["nDCG@10"]["verdict"] == "worse"


def test_methods_that_are_right_on_others_equally_often_are_tied() -> None:
    row = compare(answer(range(100)), answer(range(100, 200)))["P@1"]
    assert (row["difference"], row["verdict"]) == (0.0, "tied")
    assert row["low"] < 0 < row["high"]


def test_a_metric_without_a_value_has_no_row() -> None:
    """The other method produced nothing: its Acc@k has no denominator, its P@1 is 0."""
    found = compare(answer(range(100)), scored())
    assert found["P@1"]["difference"] == pytest.approx(-0.5)
    assert "Acc@1" not in found


def test_nothing_is_compared_without_gold_or_the_own_method() -> None:
    nothing = GOLD._replace(pairs=GOLD.pairs.clear())
    assert compare_methods({"own": answer(range(9)), "other": answer(range(9))}, nothing, "own").is_empty()
    assert compare_methods({"other": answer(range(9))}, GOLD, "own").is_empty()


def test_the_relative_improvement_of_the_paper_comes_out() -> None:
    """LLM4Tag Table 1, Browser News: over BGE 29.8 %, over LLM4TC 3.7 %."""
    llm4tag = (0.904, 0.851, 0.827)
    assert improve_relatively(llm4tag, (0.743, 0.658, 0.598)) == pytest.approx(0.298, abs=0.0006)
    assert improve_relatively(llm4tag, (0.860, 0.807, 0.824)) == pytest.approx(0.037, abs=0.0006)


@pytest.mark.parametrize("other", [(0.0, 0.5), (None, 0.5)])
def test_an_improvement_over_nothing_is_undefined(other: tuple[float | None, float]) -> None:
    assert improve_relatively((0.5, 0.5), other) is None


def test_what_a_field_earns_is_measured_on_the_contents_that_have_it() -> None:
    """Ten contents have it. With it all are right (nDCG 1); without it every second one (nDCG 1/2)."""
    having = pl.Series(IDS[:10])
    (row,) = compare_clues("asr", answer(range(200)), answer(range(0, 200, 2)), having, GOLD).to_dicts()
    assert (row["field"], row["contents"]) == ("asr", 10)
    assert (row["with_it"], row["without_it"]) == (1.0, pytest.approx(0.5))
    assert row["low"] > 0
    assert row["high"] < 1


def test_a_field_that_no_scored_content_has_earns_nothing() -> None:
    assert compare_clues("asr", answer(range(9)), answer(range(9)), pl.Series(["x"]), GOLD).is_empty()
