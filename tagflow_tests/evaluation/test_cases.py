"""The same contents side by side, and the words of a tag set."""

import polars as pl

from tagflow.evaluation.cases import SHOWN, show_cases
from tagflow.evaluation.gold import Gold
from tagflow.evaluation.words import count_words
from tagflow.schemas import EVALUATION_REPORT
from tagflow_tests.worlds import raw_clues, said, scored

IDS = [f"c{number}" for number in range(20)]
CONTENTS = raw_clues(*(said(one, labels=["Soup", "vegan"], split="test", title=f"of {one}") for one in IDS))
GOLD = Gold(
    pl.DataFrame({"content_id": IDS, "tag_id": ["soup"] * 20}),
    pl.DataFrame({"tag_id": ["soup"], "uses": [2]}),
    20,
    40,
    9,
)


def test_people_and_methods_stand_side_by_side_on_the_same_contents() -> None:
    own = scored(*((one, tag, confidence) for one in IDS for tag, confidence in (("soup", 0.5), ("rome", 0.9))))
    found = show_cases(CONTENTS, {"own": own, "silent": scored()}, GOLD)
    assert found.schema == EVALUATION_REPORT.tables["cases"].dtypes
    assert found["case"].to_list() == [case for case in range(1, SHOWN + 1) for _ in range(3)]
    assert found["method"].to_list()[:3] == ["people", "own", "silent"]
    first = found.head(3).to_dicts()
    assert first[0]["tags"] == ["Soup", "vegan"]
    assert (first[1]["tags"], first[1]["right"]) == (["rome", "soup"], ["soup"])
    assert first[2]["tags"] == []
    assert first[0]["content"] == f"of {first[0]['content_id']}"


def test_a_tag_that_people_gave_is_marked_even_where_it_is_too_rare_to_be_judged() -> None:
    own = scored(*((one, "Vegan", 0.5) for one in IDS))
    assert show_cases(CONTENTS, {"own": own}, GOLD).row(1, named=True)["right"] == ["Vegan"]


def test_the_draw_does_not_hang_on_the_order_of_the_contents() -> None:
    assert show_cases(CONTENTS, {}, GOLD).equals(show_cases(CONTENTS.reverse(), {}, GOLD))


def test_no_content_gives_no_case() -> None:
    assert show_cases(CONTENTS.clear(), {"own": scored()}, GOLD).is_empty()


def test_words_count_once_a_content() -> None:
    assigned = pl.DataFrame(
        [("c1", "Bean soup"), ("c1", "soup of a day"), ("c2", "soup"), ("c2", "家常菜"), ("c3", "家常菜")],
        schema=["content_id", "tag"],
        orient="row",
    )
    assert count_words(assigned, "zh").rows() == [("soup", 2), ("家常菜", 2), ("bean", 1), ("day", 1), ("of", 1)]
    assert count_words(assigned, "en").rows() == [("soup", 2), ("家常菜", 2), ("bean", 1), ("day", 1)]


def test_a_tag_that_is_a_function_word_by_its_spelling_counts() -> None:
    assigned = pl.DataFrame({"content_id": ["1", "2", "2"], "tag": ["IT", "IT", "all of it"]})
    assert count_words(assigned, "en").rows() == [("it", 2)]
