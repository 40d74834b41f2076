"""The clue converter on small contents: clues in order, hashtags as labels, the split, and what the hash sees."""

import polars as pl
import pytest

from tagflow.clues.conversion import convert_contents, has_text
from tagflow.schemas import RAW_CLUES
from tagflow.settings import ClueSettings, DatasetSettings, Labels
from tagflow.tables import check_tables
from tagflow_tests.frames import make_contents

BY_HASHTAGS = DatasetSettings(holdout=0, labels=Labels(source="hashtags"))


def convert(settings: DatasetSettings | None = None, **row: object) -> dict[str, object]:
    """Return the raw clues of one content."""
    return convert_contents(make_contents(row), settings or DatasetSettings(holdout=0)).row(0, named=True)


def hash_of(**row: object) -> str:
    """Return the content hash of a content with a title, changed as said."""
    return str(convert(**{"title": "Soup", "caption": "hot", **row})["content_hash"])


def test_fields_become_clues_in_packing_order_without_the_blank_ones():
    clues = convert(asr="boil it", title=None, caption=" \t", category="Soup")
    assert clues["clues"] == [{"field": "category", "text": "Soup"}, {"field": "asr", "text": "boil it"}]
    assert clues["text"] == "Soup\nboil it"
    assert (clues["language"], clues["split"], clues["source_file"]) == ("en", "fit", "a.jsonl")


def test_the_frame_has_the_declared_schema_and_the_order_of_the_contents():
    read = make_contents({"content_id": "b", "title": "x"}, {"content_id": "a"})
    others = {name: table.empty() for name, table in RAW_CLUES.tables.items()}
    tables = check_tables(RAW_CLUES, others | {"raw_clues": convert_contents(read, BY_HASHTAGS)})
    assert tables["raw_clues"]["content_id"].to_list() == ["b", "a"]


def test_a_text_over_the_budget_is_cut_in_the_packed_text_only():
    clues = convert(DatasetSettings(clues=ClueSettings(budget=100)), title="T" * 40, asr="a" * 90)
    assert clues["text"] == "T" * 40 + "\n" + "a" * 60
    assert clues["cuts"] == [{"field": "asr", "kept": 60, "total": 90}]
    assert clues["clues"][1]["text"] == "a" * 90


def test_hashtags_are_those_of_title_and_caption_and_labels_stay():
    clues = convert(title="Soup #b", caption="#a #b", ocr="#sign", labels=["Dinner"])
    assert (clues["hashtags"], clues["labels"]) == (["b", "a"], ["Dinner"])
    assert clues["text"] == "Soup #b\n#a #b\n#sign"


def test_hashtags_that_are_the_labels_leave_title_and_caption():
    clues = convert(BY_HASHTAGS, title="Soup #Vegan", caption="＃quick＃ hot dinner", labels=["old"])
    assert clues["labels"] == ["Vegan", "quick"]
    assert clues["text"] == "Soup\nhot dinner"
    assert [clue["text"] for clue in clues["clues"]] == ["Soup", "hot dinner"]


@pytest.mark.parametrize("field", ["category", "ocr", "asr"])
def test_hashtags_that_are_the_labels_stand_in_no_clue(field):
    clues = convert(BY_HASHTAGS, **{"title": "Soup #vegan", field: "hot #vegan dinner"})
    assert clues["text"] == "Soup\nhot dinner"


def test_a_content_of_nothing_but_its_labels_has_no_text():
    clues = convert(BY_HASHTAGS, title="#vegan", caption="#quick")
    assert (clues["labels"], clues["clues"], clues["text"]) == (["vegan", "quick"], [], "")


@pytest.mark.parametrize("field", ["title", "caption", "category", "ocr", "asr"])
def test_the_hash_changes_with_any_clue(field):
    assert hash_of(**{field: "new"}) != hash_of()


def test_the_hash_changes_when_text_moves_to_another_field():
    placed = [{"caption": None, field: "hot"} for field in ("caption", "category", "ocr", "asr")]
    placed += [{"title": "Soup hot", "caption": None}, {"title": "Soup\nhot", "caption": None}]
    assert len({hash_of(**row) for row in placed}) == len(placed)


def test_the_hash_sees_what_packing_cuts():
    said = "word " * 400
    assert hash_of(asr=said + "one") != hash_of(asr=said + "two")


def test_the_hash_changes_with_the_packed_text():
    less = DatasetSettings(holdout=0, clues=ClueSettings(budget=100))
    assert convert(less, asr="word " * 40)["content_hash"] != convert(asr="word " * 40)["content_hash"]
    assert convert(less, asr="word")["content_hash"] == convert(asr="word")["content_hash"]


@pytest.mark.parametrize("change", [{"labels": ["x"]}, {"split": "test"}, {"source_file": "b"}, {"content_id": "c2"}])
def test_the_hash_ignores_everything_but_the_clues(change):
    assert hash_of(**change) == hash_of()
    assert len(hash_of()) == 32
    assert set(hash_of()) <= set("0123456789abcdef")


def test_one_named_split_makes_the_column_decide_for_all():
    rows = [{"content_id": "c5", "labels": ["x"]}, {"content_id": "c1", "labels": ["x"], "split": "test"}]
    fifth = DatasetSettings(holdout=0.2)
    assert convert_contents(make_contents(*rows), fifth)["split"].to_list() == ["fit", "test"]
    rows[1]["split"] = None  # then the hash decides: at one fifth it holds out c5, not c1
    assert convert_contents(make_contents(*rows), fifth)["split"].to_list() == ["test", "fit"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("7", True), ("é", True), ("食", True), ("!a", True), ("", False), ("… - ?", False), ("🍲", False)],
)
def test_text_is_a_letter_or_a_digit(text, said):
    assert pl.DataFrame({"text": [text]}).select(has_text()).item() is said
