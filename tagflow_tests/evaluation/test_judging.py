"""A blind pool of what the methods gave, and what verdicts on it say of each method, worked out by hand."""

import polars as pl
import pytest

from tagflow.evaluation.judging import POOL, SHEET, VERDICT, draw_contents, make_sheet, measure_verdicts, pool_tags
from tagflow_tests.worlds import raw_clues, said

CLUES = raw_clues(*(said(f"c{number}", title=f"title {number}", caption="long\n text") for number in range(20)))


def assigned(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """Return assigned tags from (content, tag, rank); the tag's id is its name."""
    table = [(content_id, tag, tag, rank) for content_id, tag, rank in rows]
    schema = {"content_id": pl.String, "tag_id": pl.String, "tag": pl.String, "rank": pl.Int64}
    return pl.DataFrame(table, schema=schema, orient="row")


ANSWERS = {
    "first": assigned(("c1", "A", 1), ("c1", "B", 2), ("c1", "C", 3), ("c2", "A", 1)),
    "second": assigned(("c1", "B", 1), ("c2", "D", 1), ("c2", "E", 2)),
}


def verdicts(**right: bool) -> pl.DataFrame:
    """Return verdicts from content_tag to right."""
    rows = [(*pair.split("_"), value) for pair, value in right.items()]
    return pl.DataFrame(rows, schema=VERDICT, orient="row")


def test_a_draw_is_repeated_by_its_seed_and_differs_by_it() -> None:
    drawn = [draw_contents(CLUES, 5, seed)["content_id"].to_list() for seed in ("a", "a", "b")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5


def test_held_out_contents_are_drawn_where_there_are_any() -> None:
    clues = raw_clues(said("a", title="x"), said("t", title="x", split="test"), said("empty", split="test"))
    assert draw_contents(clues, 9, "seed")["content_id"].to_list() == ["t"]


def test_the_pool_holds_the_first_tags_of_every_method() -> None:
    pool = pool_tags(ANSWERS, CLUES, 2)
    assert pool.schema == POOL
    assert set(pool.select("method", "content_id", "tag").rows()) == {
        ("first", "c1", "A"),
        ("first", "c1", "B"),
        ("first", "c2", "A"),
        ("second", "c1", "B"),
        ("second", "c2", "D"),
        ("second", "c2", "E"),
    }


def test_a_judge_sees_each_tag_once_and_no_method() -> None:
    contents = CLUES.filter(pl.col("content_id").is_in(["c1", "c2"])).reverse()
    sheet = make_sheet(pool_tags(ANSWERS, CLUES, 3), contents, "seed")
    assert sheet.schema == SHEET
    assert sheet["content_id"].to_list() == ["c2"] * 3 + ["c1"] * 3  # in the order of the contents
    assert set(sheet.select("content_id", "tag").rows()) == {("c1", tag) for tag in "ABC"} | {
        ("c2", tag) for tag in "ADE"
    }
    assert set(sheet["text"]) == {"title 1 long text", "title 2 long text"}
    assert sheet["decision"].null_count() == len(sheet)


def test_the_order_of_the_tags_tells_no_method() -> None:
    """The same pool under other names of the methods gives the same sheet."""
    other = {"zz": ANSWERS["first"], "aa": ANSWERS["second"]}
    sheets = [make_sheet(pool_tags(answers, CLUES, 3), CLUES, "seed") for answers in (ANSWERS, other)]
    assert sheets[0].equals(sheets[1])


JUDGED = verdicts(c1_A=True, c1_B=True, c1_C=False, c2_A=False, c2_D=True, c2_E=False, c2_F=True)


@pytest.mark.parametrize(
    ("method", "metric", "value", "n"),
    [
        ("first", "precision", 2 / 4, 4),
        ("first", "recall", 2 / 4, 4),  # of A and B on c1, D on c2, and F, which the judge added to c2
        ("first", "F1", 2 * 2 / (4 + 4), 2),
        ("first", "Acc@1", 1 / 2, 2),
        ("first", "Acc@2", 2 / 3, 3),
        ("first", "Acc@3", 2 / 4, 4),
        ("second", "precision", 2 / 3, 3),
        ("second", "recall", 2 / 4, 4),
        ("second", "Acc@1", 2 / 2, 2),
        ("second", "judged share", 1.0, 3),
    ],
)
def test_a_method_is_measured_by_the_verdicts(method: str, metric: str, value: float, n: int) -> None:
    found = measure_verdicts(pool_tags(ANSWERS, CLUES, 3), JUDGED)
    row = found.row(by_predicate=(pl.col("method") == method) & (pl.col("metric") == metric), named=True)
    assert (row["value"], row["n"]) == (pytest.approx(value), n)


def test_what_nobody_judged_yet_is_left_out_and_said() -> None:
    """Only c1's A is judged: the first method's B and C are left out, and c2 is no judged content."""
    found = measure_verdicts(pool_tags(ANSWERS, CLUES, 3), verdicts(c1_A=True))
    rows = {(row["method"], row["metric"]): (row["value"], row["n"]) for row in found.to_dicts()}
    assert rows["first", "precision"] == (1.0, 1)
    assert rows["first", "judged share"] == (pytest.approx(1 / 3), 3)
    assert rows["second", "precision"] == (None, 0)
    assert rows["second", "recall"] == (0.0, 1)


def test_without_verdicts_nothing_is_measured() -> None:
    assert measure_verdicts(pool_tags(ANSWERS, CLUES, 3), verdicts()).is_empty()
