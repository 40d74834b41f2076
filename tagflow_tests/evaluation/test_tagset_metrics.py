"""Tag-set metrics by hand (TagGPT §3.1), on three tags: sweet and sugary are similar, salty is like neither."""

import polars as pl
import pytest

from tagflow.evaluation.tagset_metrics import count_effort, count_popularity, measure_tag_set
from tagflow_tests.worlds import unit

TAGS = pl.Series(["sweet", "sugary", "salty"])
VECTORS = unit((1, 0), (0.8, 0.6), (0, 1))  # cosines 0.8, 0 and 0.6: 0.8 is similar
ASSIGNED = [("c1", "sweet"), ("c1", "sugary"), ("c2", "sweet"), ("c2", "salty"), ("c3", "sweet")]


def assign(*pairs: tuple[str, str]) -> pl.DataFrame:
    """Return content and tag of assignments."""
    return pl.DataFrame(list(pairs), schema={"content_id": pl.String, "tag": pl.String}, orient="row")


def measure(*pairs: tuple[str, str], contents: int = 4) -> dict[str, float | None]:
    """Return metric to value."""
    frame = measure_tag_set(assign(*pairs), TAGS, VECTORS, contents)
    return dict(frame.select("metric", "value").iter_rows())


@pytest.mark.parametrize(
    ("metric", "value", "n"),
    [
        ("tags in the set", 3, 3),
        ("tags assigned", 3, 3),
        ("uniformity: similar pairs", 1 / 3, 3),  # one of three pairs
        ("in-content redundancy", (2 / 2 + 0 / 2 + 0 / 1) / 3, 3),
        ("popularity: one-content share", 2 / 3, 3),  # sugary and salty
        ("popularity: often", 0, 3),
        ("popularity: Gini", 4 / 15, 3),  # uses 1, 1, 3: differences 0 + 2 + 2, over 3 * (1 + 1 + 3)
        ("least effort: tags a content", 5 / 3, 3),
        ("coverage", 3 / 4, 4),
    ],
)
def test_a_metric_is_what_is_worked_out_by_hand(metric: str, value: float, n: int) -> None:
    found = measure_tag_set(assign(*ASSIGNED), TAGS, VECTORS, 4).filter(pl.col("metric") == metric).row(0, named=True)
    assert (found["value"], found["n"]) == (pytest.approx(value), n)


def test_redundancy_is_the_share_of_tags_that_have_a_similar_one_beside_them() -> None:
    assert measure(("c", "sweet"), ("c", "sugary"), ("c", "salty"))["in-content redundancy"] == pytest.approx(2 / 3)
    assert measure(("c", "sweet"), ("d", "sugary"))["in-content redundancy"] == 0


@pytest.mark.parametrize(
    ("uses", "gini"),
    [
        ((1, 1, 1), 0.0),
        ((2, 2, 2), 0.0),
        ((1, 2, 3), 2 / 9),  # differences 1 + 1 + 2, over 3 * 6
        ((1, 1, 7), 4 / 9),  # differences 0 + 6 + 6, over 3 * 9
    ],
)
def test_gini_tells_even_from_uneven_use(uses: tuple[int, int, int], gini: float) -> None:
    pairs = [(f"c{number}", tag) for tag, times in zip(TAGS, uses, strict=True) for number in range(times)]
    assert measure(*pairs)["popularity: Gini"] == pytest.approx(gini)


@pytest.mark.parametrize(("times", "share"), [(10, 0.0), (11, 0.5)])
def test_a_tag_is_used_often_from_eleven_contents_on(times: int, share: float) -> None:
    pairs = [(f"c{number}", "sweet") for number in range(times)]
    assert measure(("c0", "salty"), *pairs)["popularity: often"] == share


def test_the_histograms_count_tags_by_use_and_contents_by_tags() -> None:
    assert count_popularity(assign(*ASSIGNED)).rows() == [(1, 2), (3, 1)]
    assert count_effort(assign(*ASSIGNED)).rows() == [(1, 1), (2, 2)]


def test_a_set_that_tags_nothing_has_no_quality_but_its_own() -> None:
    found = measure()
    assert (found["uniformity: similar pairs"], found["coverage"], found["tags assigned"]) == (
        pytest.approx(1 / 3),
        0,
        0,
    )
    assert {found[metric] for metric in found if metric.startswith(("popularity", "in-content", "least"))} == {None}


def test_one_tag_has_no_pair_to_be_similar_to() -> None:
    found = measure_tag_set(assign(("c", "sweet")), TAGS[:1], VECTORS[:1], 1)
    assert found.filter(pl.col("metric").str.starts_with("uniformity"))["value"].to_list() == [None]
