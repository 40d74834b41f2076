"""The report: which rows it has, what it says when nothing can be measured, and both tag sets side by side."""

import polars as pl
import pytest

from tagflow.evaluation.gold import Gold
from tagflow.evaluation.report import report_curves, report_methods, report_tag_sets
from tagflow.schemas import EVALUATION_REPORT
from tagflow.tables import Tables, check_tables
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import WordEncoder, raw_clues, said, scored, tag_set

PAIRS = {"content_id": pl.String, "tag_id": pl.String}
JUDGED = pl.DataFrame({"tag_id": ["soup", "rome"], "uses": [2, 2]})
GOLD = Gold(pl.DataFrame([("c", "soup")], schema=PAIRS, orient="row"), JUDGED, 2, 4, 10)
OWN = scored(("c", "soup", 0.9), ("c", "rome", 0.4), ("c", "opera", 0.99), ("d", "rome", 0.99))
OTHER = scored(("c", "rome", 0.8))
REACHED = {"target": 0.9, "threshold": 0.8, "coverage": 0.5, "precision": 0.95, "pairs": 40}
THRESHOLDS = make_table("confidence_model", [REACHED, {"target": 0.95, "pairs": 0}], "thresholds")


def check(tables: Tables) -> Tables:
    """Return the artifact with these tables, the others empty, if all are as declared."""
    return check_tables(
        EVALUATION_REPORT, {name: table.empty() for name, table in EVALUATION_REPORT.tables.items()} | tables
    )


def report(gold: Gold = GOLD, own: str = "mine") -> dict[tuple[str, str], dict[str, float | str]]:
    """Return (method, metric) to row."""
    answered = OWN.filter(pl.col("tag_id") == "soup")
    rows = report_methods({"mine": OWN, "theirs": OTHER}, answered, gold, own, THRESHOLDS, single=False)
    checked = check({"evaluation_report": rows})["evaluation_report"]
    return {(row["method"], row["metric"]): row for row in checked.to_dicts()}


def test_every_method_is_measured_by_itself() -> None:
    found = report()
    assert (found["mine", "P@1"]["value"], found["theirs", "P@1"]["value"]) == (1.0, 0.0)


def test_only_the_own_method_has_answers_and_calibration() -> None:
    """Judged are soup (0.9, right) and rome (0.4, wrong) of c; opera was never used, d has no gold."""
    found = report()
    assert [found["mine", name]["value"] for name in ("precision", "recall", "F1")] == [1.0, 1.0, 1.0]
    assert found["mine", "ECE"]["value"] == pytest.approx((0.1 + 0.4) / 2)
    assert found["mine", "Brier"]["value"] == pytest.approx((0.01 + 0.16) / 2)
    assert (found["mine", "ECE"]["n"], found["mine", "Brier"]["n"]) == (2, 2)
    assert "0.2500" in str(found["mine", "Brier"]["note"])  # half are right: 0.5 * 0.5
    assert not {("theirs", name) for name in ("precision", "recall", "F1", "ECE", "Brier")} & found.keys()


def test_the_own_method_s_relative_improvement_stands_with_the_other_method() -> None:
    """Mine: right, then wrong: Acc@1 to 3 are 1, 1/2, 1/2. Theirs: one tag, right: 1, 1, 1. (0 - 1/2 - 1/2) / 3."""
    both = {"mine": OWN, "theirs": scored(("c", "soup", 0.8))}
    rows = report_methods(both, OWN.head(1), GOLD, "mine", THRESHOLDS, single=False)
    found = rows.filter(pl.col("metric") == "relative improvement")
    assert found.select("method", "value").rows() == [("theirs", pytest.approx(-1 / 3))]


def test_methods_that_are_measured_are_compared() -> None:
    """On the only scored content mine is right and theirs wrong: every draw says so."""
    found = check(report_curves({"mine": OWN, "theirs": OTHER}, GOLD, "mine", single=False))["differences"]
    row = found.row(by_predicate=pl.col("metric") == "P@1", named=True)
    assert (row["method"], row["difference"], row["high"], row["verdict"]) == ("theirs", -1.0, -1.0, "worse")


def test_the_fitted_thresholds_are_measured_with_their_interval() -> None:
    """Soup (0.9, right) is all that is assigned at 0.8 or more: 1 of 1, lower end 1 / (1 + 1.96²)."""
    found = report()
    row = found["mine", "precision from the threshold for 0.90"]
    assert (row["value"], row["n"]) == (1.0, 1)
    assert (row["low"], row["high"]) == pytest.approx((0.2065, 1.0), abs=1e-4)
    assert "0.800" in str(row["note"])
    none = found["mine", "precision from the threshold for 0.95"]
    assert (none["value"], none["low"], none["n"]) == (None, None, 0)


@pytest.mark.parametrize(("held_out", "why"), [(0, "nothing is held out"), (3, "3 held-out contents")])
def test_without_gold_one_row_says_why_nothing_is_evaluated(held_out: int, why: str) -> None:
    found = report(Gold(pl.DataFrame(schema=PAIRS), GOLD.judged, held_out, 0, 10))
    assert list(found) == [("mine", "evaluation")]
    row = found["mine", "evaluation"]
    assert (row["value"], row["low"], row["high"], row["n"]) == (None, None, None, 0)
    assert str(row["note"]).startswith("not evaluated: ")
    assert why in str(row["note"])


ENCODER = WordEncoder({"soup": (1, 0, 0), "broth": (0.8, 0.6, 0), "vegan": (0, 0, 1)})
CLUES = raw_clues(
    said("c1", labels=["Soup", "soup", "broth"], title="x"),
    said("c2", labels=["SOUP"], title="x"),
    said("c3", title="x"),
)
TAGGED = scored(("c1", "soup", 0.9), ("c2", "soup", 0.9), ("c3", "vegan", 0.9))


def test_both_tag_sets_are_measured_on_the_same_contents() -> None:
    """People: soup twice and its like, broth, once, on the two labelled contents; tagflow: all three contents."""
    tables = check(report_tag_sets(CLUES, TAGGED, tag_set({"soup": [], "vegan": []}), ENCODER, "en"))
    values = {(row["method"], row["metric"]): row["value"] for row in tables["evaluation_report"].to_dicts()}
    people, ours = "tag set: people", "tag set: tagflow"
    assert (values[people, "tags in the set"], values[ours, "tags in the set"]) == (2, 2)
    assert (values[people, "uniformity: similar pairs"], values[ours, "uniformity: similar pairs"]) == (1, 0)
    assert (values[people, "in-content redundancy"], values[ours, "in-content redundancy"]) == (0.5, 0)
    assert (values[people, "least effort: tags a content"], values[ours, "least effort: tags a content"]) == (1.5, 1)
    assert (values[people, "coverage"], values[ours, "coverage"]) == (1, 1)
    popularity = [("people", 1, 1), ("people", 2, 1), ("tagflow", 1, 1), ("tagflow", 2, 1)]
    assert tables["popularity"].rows() == popularity
    assert tables["least_effort"].rows() == [("people", 1, 1), ("people", 2, 1), ("tagflow", 1, 3)]


def test_contents_without_labels_leave_tagflow_alone_in_the_report() -> None:
    clues = CLUES.with_columns(labels=pl.lit([], dtype=pl.List(pl.String)))
    tables = report_tag_sets(clues, TAGGED, tag_set({"soup": [], "vegan": []}), ENCODER, "en")
    assert set(tables["evaluation_report"]["method"]) == {"tag set: tagflow"}
    assert set(tables["popularity"]["tag_set"]) == set(tables["least_effort"]["tag_set"]) == {"tagflow"}


def test_an_empty_tag_set_gives_no_row() -> None:
    clues = CLUES.with_columns(labels=pl.lit([], dtype=pl.List(pl.String)))
    tables = check(report_tag_sets(clues, TAGGED.clear(), tag_set({}), ENCODER, "en"))
    assert all(frame.is_empty() for frame in tables.values())


def test_the_curves_are_those_of_the_judged_candidates() -> None:
    """Judged of c are soup (0.9, right) and rome (0.4, wrong); the other method finds nothing right."""
    tables = check(report_curves({"mine": OWN, "theirs": OTHER}, GOLD, "mine", single=True))
    cuts = {row["cut"]: row for row in tables["accuracy_coverage"].to_dicts()}
    assert [cuts[cut]["accuracy"] for cut in (0.0, 0.9, 0.95)] == [1.0, 1.0, None]
    assert [cuts[cut]["coverage"] for cut in (0.0, 0.9, 0.95)] == [1.0, 1.0, 0.0]
    assert tables["test_reliability"].rows() == [("mine", 1, 0.4, 0.0, 1), ("mine", 2, 0.9, 1.0, 1)]
    first = tables["candidate_recall"].filter(pl.col("k") == 1)
    assert first.rows() == [("mine", 1, 1.0, 1), ("theirs", 1, 0.0, 1)]
    nothing = report_curves({}, GOLD, "mine", single=True)
    assert all(frame.is_empty() for frame in nothing.values())
