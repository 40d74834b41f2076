"""Each tag's own figures, by hand: right, missed, confused, never given."""

import polars as pl
import pytest

from tagflow.evaluation.gold import Gold
from tagflow.evaluation.tag_results import measure_each_tag
from tagflow.schemas import EVALUATION_REPORT
from tagflow_tests.worlds import scored, tag_set

TAGS = tag_set({"pie": [], "cake": [], "soup": [], "stew": []})
PAIRS = [("c1", "pie"), ("c2", "pie"), ("c3", "pie"), ("c4", "soup")]
GOLD = Gold(
    pl.DataFrame(PAIRS, schema={"content_id": pl.String, "tag_id": pl.String}, orient="row"),
    pl.DataFrame({"tag_id": ["pie", "cake", "soup", "stew"], "uses": [2] * 4}),
    4,
    4,
    9,
)
ANSWERED = scored(
    ("c1", "pie", 0.9),
    ("c2", "cake", 0.9),
    ("c3", "cake", 0.9),
    ("c3", "stew", 0.8),
    ("c4", "soup", 0.9),
)


def test_every_tag_has_its_own_figures() -> None:
    found = measure_each_tag(ANSWERED, TAGS, GOLD)
    assert found.schema == EVALUATION_REPORT.tables["tag_results"].dtypes
    assert found["tag"].to_list() == ["soup", "pie", "cake", "stew"]  # by F1: 1, 1/2, 0, 0
    rows = {row["tag"]: row for row in found.to_dicts()}
    pie = rows["pie"]
    assert (pie["gold"], pie["given"], pie["right"]) == (3, 1, 1)
    assert (pie["precision"], pie["recall"], pie["f1"]) == (1.0, pytest.approx(1 / 3), pytest.approx(2 / 4))
    assert (pie["confused_with"], pie["confused"]) == ("cake", 2)  # twice, and stew once
    assert (rows["cake"]["precision"], rows["cake"]["recall"], rows["cake"]["f1"]) == (0.0, None, 0.0)
    assert (rows["soup"]["confused_with"], rows["soup"]["f1"]) == (None, 1.0)


def test_a_tag_that_is_never_given_has_no_precision() -> None:
    (row,) = measure_each_tag(scored(), TAGS, GOLD._replace(pairs=GOLD.pairs.head(1))).to_dicts()
    assert (row["tag"], row["precision"], row["recall"], row["given"]) == ("pie", None, 0.0, 0)


def test_without_gold_there_are_no_rows() -> None:
    assert measure_each_tag(ANSWERED, TAGS, GOLD._replace(pairs=GOLD.pairs.clear())).is_empty()
