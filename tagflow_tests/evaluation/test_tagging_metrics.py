"""Tagging metrics by hand: one content tagged in part, one late, one not at all (LLM4Tag eq. 12-13)."""

import math

import polars as pl
import pytest

from tagflow.evaluation.gold import Gold
from tagflow.evaluation.tagging_metrics import ROW, measure_answers, measure_candidates, measure_cuts, measure_ranking
from tagflow_tests.worlds import scored


def gold(pairs: list[tuple[str, str]], judged: str) -> Gold:
    """Return gold of content and tag, with one letter for each tag that can be judged."""
    frame = pl.DataFrame(pairs, schema={"content_id": pl.String, "tag_id": pl.String}, orient="row")
    uses = {"A": 2, "B": 7}  # every other one 3
    known = pl.DataFrame({"tag_id": list(judged), "uses": [uses.get(tag, 3) for tag in judged]})
    return Gold(frame, known.cast({"tag_id": pl.String, "uses": pl.Int64}), 9, len(frame), 100)


GOLD = gold([("c1", "A"), ("c1", "B"), ("c2", "C"), ("c3", "D")], "ABCD")

SCORED = scored(
    ("c1", "A", 0.9),  # right
    ("c1", "X", 0.8),  # nobody ever used X: left out of the list
    ("c1", "C", 0.7),  # wrong
    ("c1", "B", 0.6),  # right, in third place
    ("c2", "A", 0.5),  # wrong
    ("c2", "C", 0.4),  # right, in second place
    ("c9", "A", 0.9),  # c9 has no gold: not scored
)

LATE = 1 / math.log2(3)  # the gain of a second place


def seldom(uses: int) -> float:
    """Return 1 + C (uses + 1.5)^-0.55 with C = (ln 100 - 1) 2.5^0.55: 100 labelled contents (Jain et al. 2016)."""
    return 1 + (math.log(100) - 1) * 2.5**0.55 * (uses + 1.5) ** -0.55


def rows(frame: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return metric to row."""
    assert dict(frame.schema) == ROW
    return {row["metric"]: row for row in frame.to_dicts()}


@pytest.mark.parametrize(
    ("metric", "value", "n"),
    [
        ("P@1", (1 + 0 + 0) / 3, 3),
        ("R@1", (1 / 2 + 0 + 0) / 3, 3),
        ("F1@1", (2 / (1 + 2) + 0 + 0) / 3, 3),  # F1 of a content is 2 right / (k + gold)
        ("P@3", (2 / 3 + 1 / 3 + 0) / 3, 3),  # divided by k, though c2 has two tags
        ("R@3", (1 + 1 + 0) / 3, 3),
        ("F1@3", (4 / (3 + 2) + 2 / (3 + 1) + 0) / 3, 3),
        ("P@5", (2 / 5 + 1 / 5 + 0) / 3, 3),
        ("R@5", (1 + 1 + 0) / 3, 3),
        ("F1@5", (4 / (5 + 2) + 2 / (5 + 1) + 0) / 3, 3),
        ("P@10", (2 / 10 + 1 / 10 + 0) / 3, 3),
        ("F1@10", (4 / (10 + 2) + 2 / (10 + 1) + 0) / 3, 3),
        ("nDCG@10", ((1 + 1 / 2) / (1 + LATE) + LATE / 1 + 0) / 3, 3),  # log2(3 + 1) = 2
        ("Acc@1", (1 + 0) / (1 + 1), 2),  # pooled; c3 produced nothing
        ("PSP@1", seldom(2) / (seldom(2) + seldom(3) + seldom(3)), 3),  # A of A and B; the most seldom first
        ("PSP@3", (seldom(2) + seldom(7) + seldom(3)) / (seldom(2) + seldom(7) + 2 * seldom(3)), 3),
        ("Acc@2", (1 + 1) / (2 + 2), 4),
        ("Acc@2 of the k-th tag", (0 + 1) / 2, 2),  # c1's second tag is wrong, c2's is right
        ("Acc@3 of the k-th tag", 1 / 1, 1),  # only c1 has a third one
        ("Acc@3", (2 + 1) / (3 + 2), 5),
        ("Coverage@1", 2 / 3, 3),
        ("Coverage@2", 2 / 3, 3),
        ("Coverage@3", 1 / 3, 3),
        ("#Right", (2 + 1 + 0) / 3, 3),
        ("HR#1", 2 / 3, 3),
        ("HR#2", 1 / 1, 1),  # only c1 has two gold tags
        ("HR#3", None, 0),
        ("judged share", 5 / 6, 6),  # all but X, of the contents with gold
    ],
)
def test_a_metric_is_what_is_worked_out_by_hand(metric: str, value: float | None, n: int) -> None:
    found = rows(measure_ranking(SCORED, GOLD))[metric]
    assert (found["value"], found["n"]) == (pytest.approx(value) if value is not None else None, n)


def test_the_order_of_the_rows_does_not_matter() -> None:
    assert measure_ranking(SCORED.reverse(), GOLD).equals(measure_ranking(SCORED, GOLD))


def test_every_interval_contains_its_value() -> None:
    for row in measure_ranking(SCORED, GOLD).filter(pl.col("low").is_not_null()).to_dicts():
        assert row["low"] <= row["value"] <= row["high"]


@pytest.mark.parametrize(("more", "value"), [(10, 1.0), (5, 1.0), (12, 1.0)])
def test_the_best_list_of_ten_has_an_ndcg_of_1(more: int, value: float) -> None:
    """With 12 gold tags no list of ten can hold them all: the ideal is that of min(10, gold)."""
    letters = "ABCDEFGHIJKL"[:more]
    full = gold([("c", letter) for letter in letters], letters)
    found = rows(measure_ranking(scored(*(("c", letter, 0.5) for letter in letters)), full))
    assert found["nDCG@10"]["value"] == pytest.approx(value)
    assert found["R@10"]["value"] == pytest.approx(min(10, more) / more)


def test_the_eleventh_tag_gains_nothing() -> None:
    wrong = [("c", letter, 0.9) for letter in "BCDEFGHIJK"]
    found = rows(measure_ranking(scored(*wrong, ("c", "A", 0.1)), gold([("c", "A")], "ABCDEFGHIJK")))
    assert (found["nDCG@10"]["value"], found["R@10"]["value"], found["#Right"]["value"]) == (0.0, 0.0, 1.0)


def test_ties_in_confidence_go_by_name() -> None:
    tied = scored(("c", "B", 0.5), ("c", "A", 0.5))
    assert rows(measure_ranking(tied, gold([("c", "A")], "AB")))["P@1"]["value"] == 1.0
    assert rows(measure_ranking(tied, gold([("c", "B")], "AB")))["P@1"]["value"] == 0.0


def test_a_method_that_says_nothing_is_scored_by_its_silence() -> None:
    found = rows(measure_ranking(scored(), GOLD))
    assert (found["P@1"]["value"], found["nDCG@10"]["value"], found["Coverage@1"]["value"]) == (0.0, 0.0, 0.0)
    assert (found["Acc@1"]["value"], found["judged share"]["value"]) == (None, None)


def test_without_gold_nothing_is_measured() -> None:
    nothing = gold([], "ABCD")
    assert measure_ranking(SCORED, nothing).is_empty()
    assert measure_answers(SCORED, nothing, single=False).is_empty()


def answers(single: bool, *assigned: tuple[str, str]) -> tuple[float | None, float | None, float | None]:
    """Return precision, recall and F1 of assigned tags against ``GOLD``."""
    frame = scored(*((content_id, tag, 1.0) for content_id, tag in assigned))
    found = rows(measure_answers(frame, GOLD, single=single))
    return found["precision"]["value"], found["recall"]["value"], found["F1"]["value"]


def test_answers_are_pooled_over_the_contents() -> None:
    """Right: c1-A and c3-D, of three judged answers (X cannot be judged, c9 has no gold) and four gold tags."""
    found = answers(False, ("c1", "A"), ("c1", "C"), ("c1", "X"), ("c3", "D"), ("c9", "A"))
    assert found == pytest.approx((2 / 3, 2 / 4, 4 / (3 + 4)))


def test_a_single_tag_task_lets_a_content_abstain() -> None:
    """c1 is right, c2 abstains, c3 is wrong: P is right / answered, R is right / all, F1 is 2PR / (P + R)."""
    precision, recall = 1 / 2, 1 / 3
    assert answers(True, ("c1", "B"), ("c3", "A")) == pytest.approx(
        (precision, recall, 2 * precision * recall / (precision + recall))
    )


def test_answers_are_averaged_over_contents_and_over_tags() -> None:
    """Assigned: A (right) and C (wrong) to c1, D (right) to c3; c2 got nothing. Gold: A and B, C, D."""
    frame = scored(("c1", "A", 1.0), ("c1", "C", 0.9), ("c3", "D", 1.0))
    found = {metric: row["value"] for metric, row in rows(measure_answers(frame, GOLD, single=False)).items()}
    assert found["precision, mean over contents"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["recall, mean over contents"] == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert found["F1, mean over contents"] == pytest.approx((2 / (2 + 2) + 0 + 1) / 3)
    assert found["precision, mean over tags"] == pytest.approx((1 + 0 + 0 + 1) / 4)
    assert found["recall, mean over tags"] == pytest.approx((1 + 0 + 0 + 1) / 4)
    assert found["F1, mean over tags"] == pytest.approx((1 + 0 + 0 + 1) / 4)


def test_a_tag_that_is_assigned_and_never_right_counts_among_the_tags() -> None:
    """Of the tags A (in the gold, missed) and B (assigned, wrong) none has a share of anything."""
    found = rows(measure_answers(scored(("c", "B", 1.0)), gold([("c", "A")], "AB"), single=False))
    assert (found["F1, mean over tags"]["value"], found["F1, mean over tags"]["n"]) == (0.0, 2)


@pytest.mark.parametrize("single", [True, False])
def test_without_an_answer_there_is_no_precision(single: bool) -> None:
    assert answers(single) == (None, 0.0, 0.0)


def test_candidate_recall_is_the_mean_share_of_gold_found_among_the_first_k() -> None:
    """Content c has two gold tags, found first and third; d has one, never found."""
    known = gold([("c", "A"), ("c", "B"), ("d", "A")], "ABC")
    lists = scored(("c", "A", 0.9), ("c", "C", 0.8), ("c", "B", 0.7), ("d", "B", 0.9))
    table = measure_candidates(lists, known)
    assert table["k"].to_list() == list(range(1, 41))
    assert table["recall"][:4].to_list() == [0.25, 0.25, 0.5, 0.5]  # (1/2 + 0) / 2, then (2/2 + 0) / 2
    assert set(table["contents"]) == {2}
    assert measure_candidates(lists, gold([], "ABC")).is_empty()


def test_a_higher_cut_leaves_fewer_tags_and_contents() -> None:
    """At 0.6 only c1 is left, with right, wrong, right; at 0.75 with its first tag, at 0.95 with none."""
    found = {(row["cut"], row["k"]): row for row in measure_cuts(SCORED, GOLD).to_dicts()}

    def at(cut: float, k: int) -> tuple[float | None, float, int]:
        row = found[cut, k]
        return row["accuracy"], row["coverage"], row["tags"]

    assert at(0.0, 1) == (1 / 2, 2 / 3, 2)
    assert at(0.0, 2) == (2 / 4, 2 / 3, 4)
    assert at(0.6, 2) == (1 / 2, 1 / 3, 2)
    assert at(0.6, 3) == (2 / 3, 1 / 3, 3)
    assert at(0.75, 2) == (1 / 1, 0.0, 1)
    assert at(0.95, 1) == (None, 0.0, 0)
    assert set(measure_cuts(SCORED, GOLD, (1,))["k"]) == {1}
    assert measure_cuts(SCORED, gold([], "ABC")).is_empty()
