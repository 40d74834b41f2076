"""Passages: how a domain text is cut, which tag a passage defines, and which passages a content gets."""

import polars as pl
import pytest

from tagflow.graph.insertion import embed_tags
from tagflow.graph.lexical import count_terms, open_lexicon
from tagflow.knowledge.passages import LONGEST, define_tags, retrieve_passages, split_passages
from tagflow_tests.frames import make_table, make_tagset
from tagflow_tests.worlds import WordEncoder

GUIDE = """# House rules

Tag what is on the plate.
Not what is in the cupboard.

## Meal prep

Cooked ahead for several days.

Boxes and labels belong to it.

- **One-pot:** everything in one pan.
- Use it sparingly
vegan: nothing from animals
and no honey

see http://example.org: nothing is defined here: nothing
"""


def texts(*files: tuple[str, str | None, str]) -> pl.DataFrame:
    """Return domain texts from (file, title, text)."""
    rows = [(file, 1, title, text) for file, title, text in files]
    return pl.DataFrame(rows, schema=["source_file", "place", "title", "text"], orient="row", strict=False).cast(
        {"title": pl.String}
    )


def cut(text: str, title: str | None = None) -> list[tuple[str | None, str, str | None]]:
    """Return heading, text and what is defined of each passage."""
    return split_passages(texts(("guide.md", title, text))).select("heading", "text", "defines").rows()


def test_a_text_is_cut_at_paragraphs_lists_and_definitions_under_its_headings() -> None:
    assert cut(GUIDE)[:6] == [
        ("House rules", "Tag what is on the plate. Not what is in the cupboard.", "House rules"),
        ("Meal prep", "Cooked ahead for several days.", "Meal prep"),
        ("Meal prep", "Boxes and labels belong to it.", None),
        ("Meal prep", "everything in one pan.", "One-pot"),
        ("Meal prep", "Use it sparingly", None),
        ("Meal prep", "nothing from animals and no honey", "vegan"),
    ]


def test_a_title_is_what_the_first_passage_of_its_text_defines() -> None:
    assert cut("A stew of beef.\n\nServed hot.", title="goulash") == [
        ("goulash", "A stew of beef.", "goulash"),
        ("goulash", "Served hot.", None),
    ]


@pytest.mark.parametrize(
    ("line", "term"),
    [
        ("soup: a liquid dish", "soup"),
        ("**soup**: a liquid dish", "soup"),
        ("* __soup__: a liquid dish", "soup"),
        ("饺子：一种面食", "饺子"),
        ("http://example.org", None),
        ("it starts at 10:30 sharp", None),
        ("what one should always keep in mind here: salt", None),
        ("soup:", None),
    ],
)
def test_a_name_before_a_colon_is_defined_if_it_can_be_a_name(line: str, term: str | None) -> None:
    ((_, _, found),) = cut(line)
    assert found == term


def test_a_long_paragraph_is_cut_at_sentences_and_nothing_is_lost() -> None:
    whole = "".join(f"In step {number:02} stir slowly and never leave it alone. " for number in range(50)).strip()
    parts = [text for _, text, _ in cut(whole)]
    assert len(parts) == 4  # 16 sentences of 49 characters fit into 800
    assert all(len(part) <= LONGEST and part.endswith("alone.") for part in parts)
    assert " ".join(parts) == whole
    assert "".join(text for _, text, _ in cut("饺子。" * 500 + "x" * 900 + "y")) == "饺子。" * 500 + "x" * 900 + "y"


def test_equal_passages_are_kept_once_and_numbered() -> None:
    twice = split_passages(texts(("a.md", None, "Salt it."), ("b.md", None, "Salt it.\n\nTaste it.")))
    assert twice.select("passage", "source_file", "text").rows() == [(1, "a.md", "Salt it."), (2, "b.md", "Taste it.")]
    assert split_passages(texts()).is_empty()


TAGS = make_tagset(
    {"tag_id": "t1", "tag": "meal-prep"},
    {"tag_id": "t2", "tag": "plant based", "aliases": ["Vegan"]},
    {"tag_id": "t3", "tag": "one-pot", "description": "What people said."},
    {"tag_id": "t4", "tag": "grill"},
)


def test_a_tag_that_people_did_not_describe_gets_the_passage_that_defines_it() -> None:
    passages = split_passages(
        texts(("guide.md", None, GUIDE + "\n\nMeal-prep: boxes for the week\n\nVEGAN: a second one"))
    )
    assert define_tags(TAGS, passages).select("tag_id", "description").rows() == [
        ("t1", "boxes for the week"),  # its key is meal-prep, as the tag is written; the heading says meal prep
        ("t2", "nothing from animals and no honey"),
        ("t3", "What people said."),
        ("t4", None),
    ]
    assert define_tags(TAGS, passages.clear()).equals(TAGS)


def test_a_definition_moves_the_tags_vector_towards_what_it_says() -> None:
    """Grill alone is a word the encoder does not know; the passage says coals."""
    encoder = WordEncoder({"coals": (1, 0), "ice": (0, 1)})
    passages = split_passages(texts(("a.txt", None, "grill: coals coals")))
    before, after = (embed_tags(tags, encoder)[3] for tags in (TAGS, define_tags(TAGS, passages)))
    asked = encoder.encode(["coals"])[0]
    assert before @ asked == 0
    assert after @ asked > 0.8


ENCODER = WordEncoder({"soup": (1, 0, 0), "vegan": (0, 1, 0), "travel": (0, 0, 1)})
SHELF = split_passages(
    texts(
        ("a.md", None, "soup"),
        ("b.md", None, "vegan"),
        ("c.md", None, "soup vegan"),
        ("d.md", None, "travel"),
        ("e.md", None, "travel: far"),
    )
)
CONTENT = pl.DataFrame({"content_id": ["n"], "text": ["soup"]})


def retrieved(*tags: str, most: int = 3, lexicon=None) -> list[int]:
    candidates = pl.DataFrame(
        {"content_id": ["n"] * len(tags), "tag": list(tags)}, schema=dict.fromkeys(("content_id", "tag"), pl.String)
    )
    return retrieve_passages(CONTENT, candidates, SHELF, ENCODER, lexicon, most)["passage"].to_list()


def test_a_content_gets_the_nearest_passages_and_none_that_has_nothing_to_say() -> None:
    """Cosines to soup: 1, 0, 0.71, 0, 0."""
    assert retrieved() == [1, 3]
    assert retrieved(most=1) == [1]


def test_a_passage_that_defines_or_names_a_candidate_comes_too() -> None:
    """Travel is named by the fourth (0.125), defined by the fifth (0.25); gone comes to nothing."""
    assert retrieved("travel") == [1, 3, 5]
    assert retrieved("travel", "gone", most=9) == [1, 3, 5, 4]


def test_words_count_as_much_as_meaning() -> None:
    """By words the first passage is soup, the third shares one of two; in meaning all are alike."""
    blind = WordEncoder({"nothing": (1,)})
    said = SHELF["text"].to_list()
    fit = make_table("fitted_encoder", [{"term_texts": 5, "texts": 0}], "fit")
    lexicon = open_lexicon({"fit": fit, "terms": count_terms(said, "en")}, "en")
    nobody = pl.DataFrame(schema=dict.fromkeys(("content_id", "tag"), pl.String))
    found = retrieve_passages(CONTENT, nobody, SHELF, blind, lexicon)
    assert found["passage"].to_list()[:2] == [1, 3]
    assert found["score"][0] == pytest.approx(1.0)


def test_without_passages_there_is_nothing_to_retrieve() -> None:
    nobody = pl.DataFrame(schema=dict.fromkeys(("content_id", "tag"), pl.String))
    assert retrieve_passages(CONTENT, nobody, SHELF.clear(), ENCODER, None).is_empty()
