"""From judged pairs to tags: bands and cuts at their borders, ranks, and an account of every record."""

import polars as pl
import pytest

from tagflow.confidence.ranking import account_contents, band, check_conservation, rank_tags
from tagflow.errors import ArtifactError
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, TaggingSettings
from tagflow.tables import check_tables
from tagflow_tests.frames import make_raw_clues, make_table


def score(*pairs: tuple[str, str, float]) -> pl.DataFrame:
    """Return scored candidates of pairs (content, tag, confidence); the tag's id is t-<tag>."""
    names = ("content_id", "tag_id", "tag", "confidence")
    rows = [dict(zip(names, (content, f"t-{tag}", tag, said), strict=True)) for content, tag, said in pairs]
    return make_table("tagged_output", rows, "scored_candidates", path="C2T", neighbours=[], votes=0.0, evidence="near")


def rank(scored: pl.DataFrame, task: str = "multi", **tagging: float) -> list[tuple[str, int, str]]:
    """Return content, rank and tag of every assignment."""
    settings = DatasetSettings(task=task, tagging=TaggingSettings(**tagging))
    return rank_tags(scored, settings, model="m", version="v").select("content_id", "rank", "tag").rows()


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(1.0, "apply"), (0.6, "apply"), (0.5999, "review"), (0.3, "review"), (0.2999, "drop"), (0.0, "drop")],
)
def test_bands_begin_at_their_border(confidence, said):
    settings = TaggingSettings(apply_at=0.6, review_at=0.3)
    assert pl.select(band(pl.lit(confidence), settings)).item() == said


def test_the_default_cut_is_llm4tags_half_and_a_review_below_it():
    said = [pl.select(band(pl.lit(confidence), TaggingSettings())).item() for confidence in (0.5, 0.49, 0.25, 0.24)]
    assert said == ["apply", "review", "review", "drop"]


def test_tags_are_ranked_by_confidence_within_each_content():
    scored = score(("b", "x", 0.4), ("a", "low", 0.3), ("a", "high", 0.9), ("b", "y", 0.5))
    assert rank(scored) == [("a", 1, "high"), ("a", 2, "low"), ("b", 1, "y"), ("b", 2, "x")]


def test_equal_confidence_goes_by_name():
    assert rank(score(("a", "soup", 0.5), ("a", "bread", 0.5), ("a", "pie", 0.5)), top_k=2) == [
        ("a", 1, "bread"),
        ("a", 2, "pie"),
    ]


def test_the_least_confidence_itself_is_kept():
    assert rank(score(("a", "x", 0.4), ("a", "y", 0.3999)), min_confidence=0.4) == [("a", 1, "x")]


def test_at_most_k_tags_a_content():
    scored = score(*((content, f"t{number}", 0.9 - number / 10) for content in "ab" for number in range(5)))
    assert rank(scored, top_k=3) == [(content, number + 1, f"t{number}") for content in "ab" for number in range(3)]


def test_a_least_confidence_of_zero_gives_the_k_best():
    scored = score(("a", "x", 0.0), ("a", "y", 0.01), ("a", "z", 0.0))
    assert rank(scored, min_confidence=0, top_k=2) == [("a", 1, "y"), ("a", 2, "x")]


def test_a_single_tag_dataset_gives_the_best_tag_or_none():
    scored = score(("a", "x", 0.6), ("a", "y", 0.9), ("b", "x", 0.39))
    assert rank(scored, task="single", top_k=5, min_confidence=0.4) == [("a", 1, "y")]


def account(tagged: pl.DataFrame, judged: pl.Series | None = None, letters: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the status of two contents with text, one without, and two quarantined records."""
    raw = make_raw_clues({"content_id": "b"}, {"content_id": "a"}, {"content_id": "blank", "text": "?!"})
    bad = {"reason": "not JSON", "raw": "{", "source_file": "x.jsonl"}
    quarantine = make_table("raw_clues", [{**bad, "line": 3}, {**bad, "line": 0, "content_id": "b"}], "quarantine")
    placed = pl.Series(["a", "b", "blank"]) if judged is None else judged
    return account_contents(raw, quarantine, tagged, placed, letters)


def test_every_record_read_is_accounted_for_once():
    scored = score(("a", "x", 0.9), ("a", "y", 0.8), ("b", "x", 0.1))
    tagged = rank_tags(scored, DatasetSettings(), model="match/embedded", version="123")
    tables = {"tagged_output": tagged, "scored_candidates": scored, "content_status": account(tagged)}
    beside = ("dead_letters", "cuts", "basis", "answers", "costs")
    tables |= {name: TAGGED_OUTPUT.tables[name].empty() for name in beside}
    checked = check_tables(TAGGED_OUTPUT, tables)
    assert checked["content_status"].select("content_id", "status", "tags").rows() == [
        ("b", "no_tag_fits", 0),
        ("a", "tagged", 2),
        ("blank", "skipped", 0),
        ("x.jsonl#3", "quarantined", 0),
        ("x.jsonl#0", "quarantined", 0),
    ]
    assert set(checked["tagged_output"].select("model", "vocabulary_version").rows()) == {("match/embedded", "123")}


def test_the_reason_says_why_there_is_no_tag():
    reasons = account(rank_tags(score(("a", "x", 0.9)), DatasetSettings(), model="m", version="v"))["reason"]
    assert reasons.to_list()[1:] == [None, "no text", "not JSON", "not JSON"]
    assert "confidence" in reasons[0]


def test_nothing_scored_leaves_every_content_untagged():
    tagged = rank_tags(score(), DatasetSettings(), model="m", version="v")
    counts = dict(account(tagged)["status"].value_counts().iter_rows())
    assert counts == {"no_tag_fits": 2, "skipped": 1, "quarantined": 2}
    assert account(tagged)["tags"].sum() == 0


def test_a_content_that_is_not_in_the_graph_yet_is_pending():
    scored = score(("a", "x", 0.9))
    tagged = rank_tags(scored, DatasetSettings(), model="match/embedded", version="123")
    statuses = account(tagged, pl.Series(["a"])).select("content_id", "status", "reason").rows()[:3]
    assert statuses == [
        ("b", "pending", "not in the content-tag graph yet"),
        ("a", "tagged", None),
        ("blank", "skipped", "no text"),
    ]


def test_a_content_without_an_answer_is_a_dead_letter_and_one_whose_question_waits_is_pending():
    """Of two questions of b one only waits, so b is asked again anyway."""
    letters = make_table(
        "tagged_output",
        [
            {"content_id": "a", "task": "judge", "outcome": "filtered", "reason": ""},
            {"content_id": "b", "task": "judge", "outcome": "refused", "reason": "it declined"},
            {"content_id": "b", "task": "select", "outcome": "over_budget", "reason": "the budget is used up"},
        ],
        "dead_letters",
        requests=1,
    )
    tagged = rank_tags(score(), DatasetSettings(), model="m", version="v")
    assert account(tagged, letters=letters).select("content_id", "status", "reason").rows()[:2] == [
        ("b", "pending", "select: the budget is used up"),
        ("a", "dead_lettered", "judge: filtered"),
    ]


def test_a_record_that_is_lost_or_counted_twice_stops_the_artifact():
    two, one = make_raw_clues({"content_id": "a"}, {"content_id": "b"}), make_raw_clues({"content_id": "c"})
    check_conservation(3, two, one)
    for records in (2, 4):
        with pytest.raises(ArtifactError, match=f"{records} records went in and 3 came out"):
            check_conservation(records, two, one)
