"""The tag set's health: each figure worked out by hand, each limit on both sides."""

import numpy as np
import polars as pl
import pytest

from tagflow.health_settings import HealthSettings
from tagflow.tagset.health import (
    find_foreign,
    find_malformed,
    find_redundant,
    measure_gini,
    measure_health,
)
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import tag_set, unit

NO_LOG = make_table("fused_tagset", [], table="fusion_log")
TAGGED = pl.DataFrame(
    {"content_id": ["c1", "c2", "c3", "c1", "c2"], "tag_id": ["soup", "soup", "soup", "stew", "salad"]}
)
NEAR = unit((1, 0), (0.8, 0.6), (0, 1))  # cosines: soup-stew 0.8, stew-salad 0.6


def measure(settings: HealthSettings, log: pl.DataFrame = NO_LOG, tagged: pl.DataFrame = TAGGED) -> pl.DataFrame:
    fused = tag_set({"soup": ["broth"], "stew": ["broth"], "1. 沙拉": []})
    tagged = tagged.with_columns(pl.col("tag_id").replace("salad", "1. 沙拉"))
    return measure_health(fused, tagged, log, NEAR, contents=4, language="en", settings=settings)


def test_every_figure_is_the_one_worked_out_by_hand():
    figures = dict(measure(HealthSettings()).select("metric", "value").iter_rows())
    assert figures == {
        "redundancy": pytest.approx(2 / 3),  # soup and stew
        "one-content share": pytest.approx(2 / 3),  # stew and salad
        "Gini of popularity": pytest.approx(4 / 15),  # uses 1, 1, 3: (-2*1 + 0*1 + 2*3) / (3 * 5)
        "coverage": 0.75,  # 3 of 4
        "ambiguous aliases": 1.0,  # broth
        "malformed names": pytest.approx(1 / 3),
        "names in another script": pytest.approx(1 / 3),
    }


LOOSE = HealthSettings(
    max_redundancy=0.7,
    max_one_content=0.7,
    max_gini=0.3,
    min_coverage=0.75,
    max_ambiguous=1,
    max_malformed=0.4,
    max_other_script=0.4,
)
STRICT = HealthSettings(
    max_redundancy=0.6,
    max_one_content=0.6,
    max_gini=0.2,
    min_coverage=0.76,
    max_ambiguous=0,
    max_malformed=0.3,
    max_other_script=0.3,
)


def test_each_limit_parts_what_passes_from_what_does_not():
    assert measure(LOOSE)["passed"].all()
    assert not measure(STRICT)["passed"].any()


def test_the_details_name_examples():
    details = dict(measure(LOOSE).select("metric", "detail").iter_rows())
    assert details["redundancy"].endswith("soup / stew 0.80")
    assert details["malformed names"].endswith("1. 沙拉 (numbering)")
    assert details["ambiguous aliases"].endswith("broth")
    assert details["names in another script"].endswith("1. 沙拉")


def test_what_has_nothing_to_measure_has_no_value_and_passes():
    figures = measure(STRICT, tagged=TAGGED.clear())
    empty = figures.filter(pl.col("value").is_null())
    assert empty["metric"].to_list() == ["one-content share", "Gini of popularity", "coverage"]
    assert empty["passed"].all()


@pytest.mark.parametrize(("decision", "left"), [("refused", 0), ("reported", 0), ("merged", 1)])
def test_a_pair_that_was_kept_apart_is_not_redundant(decision, left):
    log = make_table(
        "fused_tagset",
        [{"tag": "stew", "leader": "soup", "similarity": 0.8, "decision": decision, "reason": "guard"}],
        table="fusion_log",
    )
    fused = tag_set({"soup": [], "stew": [], "salad": []})
    assert len(find_redundant(fused, log, NEAR, 0.8)) == left


def test_the_cosine_that_is_asked_for_counts():
    fused = tag_set({"soup": [], "stew": [], "salad": []})
    assert find_redundant(fused, NO_LOG, NEAR, 0.6).select("tag", "other").rows() == [
        ("soup", "stew"),
        ("stew", "salad"),
    ]
    assert find_redundant(fused, NO_LOG, NEAR, 0.81).is_empty()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Tags: soup", "prompt leak"),
        ("标签：汤", "prompt leak"),
        ("Here are the tags", "prompt leak"),
        ("As an AI model", "prompt leak"),
        ("1. soup", "numbering"),
        ("2) soup", "numbering"),
        ("3、汤", "numbering"),
        ("- soup", "numbering"),
        ("soup,", "trailing punctuation"),
        ("warm soup.", "trailing punctuation"),
        ("汤。", "trailing punctuation"),
        ("**soup**", "markup"),
        ("<b>soup</b>", "markup"),
        ('the "soup', "unpaired quotes"),
        ("soup (warm", "unpaired quotes"),
        ("“soup", "unpaired quotes"),
        ("one two three four five six seven eight nine", "over-long"),
        ("x" * 61, "over-long"),
    ],
)
def test_a_name_that_a_person_would_not_write_is_found_with_its_fault(name, fault):
    assert find_malformed(tag_set({"fine": [name]})).rows() == [("fine", name, fault)]


@pytest.mark.parametrize(
    "name",
    [
        "soup",
        "AI",
        "tag",
        "price tag",
        "U.S.",
        "e.g.",
        ".NET",
        "C++",
        "C#",
        "3.5 mm",
        "24",
        "rock 'n' roll",
        "children's books",
        'the "soup"',
        "soup (warm)",
        "汤（热）",
        "Sherlock Holmes",
        "x" * 60,
        "one two three four five six seven eight",
        "Who's there?",
        "vitamin b-12",
        "labels and packaging",
    ],
)
def test_a_name_that_a_person_would_write_is_left_alone(name):
    assert find_malformed(tag_set({name: []})).is_empty()


@pytest.mark.parametrize(
    ("language", "foreign"),
    [
        ("en", ["汤", "суп"]),
        ("de", ["汤", "суп"]),
        ("zh", ["soup", "суп"]),
        ("ru", ["soup", "汤"]),
        ("ja", ["soup", "суп"]),
    ],
)
def test_a_name_without_a_letter_of_the_language_is_foreign(language, foreign):
    fused = tag_set({"soup": [], "汤": [], "суп": [], "2026": [], "汤 soup суп": []})
    assert find_foreign(fused, language).to_list() == foreign


@pytest.mark.parametrize(
    ("uses", "gini"), [([3, 3, 3], 0.0), ([0, 0, 6], 2 / 3), ([1, 3], 0.25), ([5], 0.0), ([], None)]
)
def test_gini_is_the_known_one(uses, gini):
    assert measure_gini(np.array(uses)) == (None if gini is None else pytest.approx(gini))
