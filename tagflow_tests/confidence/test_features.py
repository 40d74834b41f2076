"""Features of a pair, worked out by hand on three contents and four tags; a pair's own edge never speaks for it."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tagflow.confidence.features import FEATURES, add_features
from tagflow.graph.classifier import Classifier
from tagflow.graph.space import open_space
from tagflow_tests.worlds import Edge, edges, human, machine, raw_clues, said, tag_set, vectors

CONTENTS = {"a": (1.0, 0.0), "b": (0.6, 0.8), "c": (0.0, 1.0)}
TAGS = {"soup": (0.8, 0.6), "rome": (0.0, 1.0), "opera": (1.0, 0.0), "quiet": (-0.6, -0.8)}
HISTORY = edges(human("a", "soup"), human("b", "soup"), machine("c", "soup"), human("c", "rome"), machine("a", "opera"))
SPACE = open_space({"vectors": vectors(CONTENTS, TAGS)})


def describe(
    *pairs: tuple[str, str, float, float], history: pl.DataFrame = HISTORY, text: str = ""
) -> list[dict[str, float]]:
    """Return every feature of pairs of content, tag, human and machine share, in the order given."""
    schema = {"content_id": pl.String, "tag_id": pl.String, "human": pl.Float64, "machine": pl.Float64}
    texts = pl.DataFrame({"content_id": list(CONTENTS), "text": [text] * 3})
    frame = pl.DataFrame(list(pairs), schema=schema, orient="row")
    described = add_features(frame, texts, tag_set({tag: [] for tag in TAGS}), history, SPACE)
    assert described.select(frame.columns).equals(frame)
    return described.to_dicts()


def test_every_feature_of_one_pair() -> None:
    """People used soup on a and b, the machine on c. Without a's own edge the centroid is b, and one use of 3 stays."""
    (found,) = describe(("a", "soup", 0.3, 0.2), text="Tomato soup\nfor two")
    assert found.pop("annotated") is True
    assert {name: found[name] for name in FEATURES} == pytest.approx(
        {
            "human": 0.3,
            "machine": 0.2,
            "cosine": 0.8,  # (1, 0) and (0.8, 0.6)
            "centroid": 0.6,  # (1, 0) and (0.6, 0.8)
            "prior": math.log(1.5 / 4),  # (2 - 1 + 0.5) of (3 + 1)
            "machine_prior": math.log(1.5 / 4),  # (1 + 0.5) of (3 + 1)
            "named": 1.0,
            "headlined": 1.0,
            "human_log": math.log(0.31),
            "lexical": 0.0,
            "lexical_log": math.log(0.01),
            "term_centroid": 0.0,  # no terms here
            "overlap": 0.0,
            "mentions": 0.0,  # recall says how often
            "keyness": 0.0,
            "named_prior": math.log(1.5 / 4),
            "learned": 0.0,  # no classifier
            "learned_log": 0.0,
            "learned_lead": 0.0,
            "learned_rank": 0.0,
            "named_learned": 0.0,
        }
    )


def test_people_use_the_tag_elsewhere() -> None:
    """The machine gave c its soup: that edge leaves the machine's prior, and both human edges stay.

    The centroid is (1.6, 0.8) / sqrt(3.2), its cosine to (0, 1) 0.8 / sqrt(3.2).
    """
    (found,) = describe(("c", "soup", 0.0, 0.0))
    assert found["centroid"] == pytest.approx(0.8 / math.sqrt(3.2))
    assert found["prior"] == pytest.approx(math.log(2.5 / 4))
    assert found["machine_prior"] == pytest.approx(math.log(0.5 / 4))


def test_the_only_carrier_knows_nothing_of_its_tag() -> None:
    """Nothing is left of rome once c's own edge is out: nobody used it elsewhere, which ``annotated`` says."""
    (found,) = describe(("c", "rome", 0.0, 0.0))
    assert (found["centroid"], found["annotated"]) == (0.0, False)
    assert found["prior"] == pytest.approx(math.log(0.5 / 4))
    assert found["cosine"] == pytest.approx(1.0)


def test_the_only_carrier_is_seen_by_the_others() -> None:
    (found,) = describe(("b", "rome", 0.0, 0.0))
    assert found["centroid"] == pytest.approx(0.8)
    assert found["prior"] == pytest.approx(math.log(1.5 / 4))


def test_a_tag_that_only_the_machine_used_has_no_human_history() -> None:
    (found,) = describe(("b", "opera", 0.0, 0.0))
    assert (found["centroid"], found["annotated"]) == (0.0, False)
    assert found["prior"] == pytest.approx(math.log(0.5 / 4))
    assert found["machine_prior"] == pytest.approx(math.log(1.5 / 4))


def test_a_tag_opposite_to_the_content_has_a_negative_cosine() -> None:
    (found,) = describe(("b", "quiet", 0.0, 0.0))
    assert found["cosine"] == pytest.approx(-1.0)
    assert found["annotated"] is False


def test_pairs_keep_their_order_and_do_not_disturb_each_other() -> None:
    pairs = [("c", "rome", 0.1, 0.0), ("a", "soup", 0.2, 0.0), ("b", "quiet", 0.3, 0.0), ("a", "rome", 0.4, 0.0)]
    together, alone = describe(*pairs), [describe(pair)[0] for pair in pairs]
    for row in (*together, *alone):
        del row["learned_lead"], row["learned_rank"]  # these two are among the pairs of the content
    assert together == alone


def test_the_best_candidate_leads_and_the_others_follow_it() -> None:
    """Content a has a cosine of 0.6 to b, the only one learned from, and meaning counts 0.3: scores 0.18 and 0.18 / 2.

    Nothing is known of opera: the mean of its votes, 0.2 and none by words, stands for the score.
    """
    tags = SPACE.tags["node"].to_list()
    columns = np.array([{"soup": 0, "rome": 1}.get(tag, -1) for tag in tags])
    weights = np.array([[1.0, 0.5]], np.float32)
    known = SPACE._replace(classifier=Classifier(np.array([1]), columns, weights, np.array([0.5], np.float32)))
    pairs = pl.DataFrame(
        {"content_id": ["a"] * 3, "tag_id": ["rome", "soup", "opera"], "human": [0.9, 0.0, 0.2], "machine": [0.0] * 3}
    )
    texts = pl.DataFrame({"content_id": ["a"], "text": ["soup"]})
    found = add_features(pairs, texts, tag_set({tag: [] for tag in TAGS}), HISTORY, known).to_dicts()
    assert [row["learned"] for row in found] == pytest.approx([0.09, 0.18, 0.1])
    assert [row["learned_log"] for row in found] == pytest.approx([math.log(0.09), math.log(0.18), math.log(0.1)])
    assert [row["learned_lead"] for row in found] == pytest.approx([-0.09, 0.0, -0.08])
    assert [row["learned_rank"] for row in found] == pytest.approx([math.log(3), 0.0, math.log(2)])
    assert [row["named_learned"] for row in found] == pytest.approx([0.0, math.log(0.18), 0.0])


def test_how_often_a_name_is_right_is_told_by_the_other_contents_that_say_it() -> None:
    """All three say soup, people gave it to a and b, and something to c; half a case of 2 is believed beforehand.

    For a, 1 of the 2 others is right: odds (1 + 0.5) to (1 + 1.5). For c both are: (2 + 0.5) to (0 + 1.5). The pair of
    b is not recalled by its name, so nothing is told.
    """
    said_by = [("a", "soup"), ("b", "soup"), ("c", "soup")]
    names_said = pl.DataFrame(said_by, schema=["content_id", "target"], orient="row")
    pairs = pl.DataFrame(
        {"content_id": ["a", "c", "b"], "tag_id": ["soup"] * 3, "human": [0.0] * 3, "machine": [0.0] * 3}
    ).with_columns(mentions=pl.Series([0.5, 0.5, 0.0]))
    texts = pl.DataFrame({"content_id": list(CONTENTS), "text": [""] * 3})
    history = edges(human("a", "soup"), human("b", "soup"), human("c", "rome"))
    found = add_features(pairs, texts, tag_set({tag: [] for tag in TAGS}), history, SPACE, names_said)
    assert found["keyness"].to_list() == pytest.approx([math.log(1.5 / 2.5), math.log(2.5 / 1.5), 0.0])


def test_without_history_only_the_vectors_and_the_text_speak() -> None:
    (found,) = describe(("a", "soup", 0.0, 0.0), history=edges())
    assert (found["centroid"], found["annotated"]) == (0.0, False)
    assert (found["prior"], found["machine_prior"]) == pytest.approx((math.log(0.5 / 2), math.log(0.5 / 2)))
    assert found["cosine"] == pytest.approx(0.8)


EDGES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["soup", "rome", "opera"]), st.sampled_from([human, machine])),
    max_size=9,
    unique_by=lambda edge: edge[:2],
)


@hypothesis_settings(deadline=None)
@given(EDGES, st.sampled_from("abc"), st.sampled_from(["soup", "rome", "opera"]))
def test_a_pair_is_seen_as_if_its_own_edge_were_not_there(
    linked: list[tuple[str, str, Callable[[str, str], Edge]]], content_id: str, tag: str
) -> None:
    """Each content has an edge to quiet too, so that there are three contents either way."""
    others = [human(other, "quiet") for other in CONTENTS]
    history = [kind(one, other) for one, other, kind in linked]
    without = [edge for edge in history if edge[:2] != (content_id, tag)]
    seen, alone = (
        describe((content_id, tag, 0.0, 0.0), history=edges(*others, *rows))[0] for rows in (history, without)
    )
    del seen["annotated"], alone["annotated"]  # whether people ever used the tag, here or elsewhere
    assert seen == pytest.approx(alone, abs=1e-6)


def test_no_pairs_have_every_feature_and_no_row() -> None:
    empty = pl.DataFrame(
        schema={"content_id": pl.String, "tag_id": pl.String, "human": pl.Float64, "machine": pl.Float64}
    )
    texts = pl.DataFrame(schema={"content_id": pl.String, "text": pl.String})
    described = add_features(empty, texts, tag_set({"soup": []}), HISTORY, SPACE)
    assert described.is_empty()
    assert {*FEATURES, "annotated"} <= set(described.columns)


def names(tag: str, aliases: list[str], **clues: str) -> tuple[float, float]:
    """Return named and headlined of a tag for what a content says."""
    content = raw_clues(said("a", **clues))
    pairs = pl.DataFrame({"content_id": ["a"], "tag_id": [tag], "human": [0.0], "machine": [0.0]})
    space = open_space({"vectors": vectors({"a": (1, 0)}, {tag: (1, 0)})})
    found = add_features(pairs, content.select("content_id", "text"), tag_set({tag: aliases}), edges(), space)
    return found.select("named", "headlined").row(0)


NAMED, HEADLINED, ABSENT = (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)


@pytest.mark.parametrize(
    ("tag", "aliases", "clues", "found"),
    [
        ("soup", [], {"title": "Tomato soup"}, HEADLINED),
        ("soup", [], {"title": "Dinner", "caption": "Tomato soup."}, NAMED),
        ("soup", [], {"title": "soup", "caption": "soup"}, HEADLINED),
        ("soup", [], {"title": "SOUP!"}, HEADLINED),
        ("soup", [], {"title": "Dinner"}, ABSENT),
        ("art", [], {"title": "Start of a party"}, ABSENT),  # whole words only
        ("soup", [], {"title": "soups"}, ABSENT),
        ("open data", [], {"title": "The open data portal"}, HEADLINED),
        ("open data", [], {"title": "data that is open"}, ABSENT),
        ("open-data", [], {"title": "Open data"}, HEADLINED),  # a slug is its words
        ("open_data", [], {"title": "open-data"}, HEADLINED),
        ("open data", [], {"title": "open_data"}, HEADLINED),
        ("soup", ["broth"], {"title": "Beef broth"}, HEADLINED),
        ("soup", ["broth"], {"title": "soup", "caption": "broth"}, HEADLINED),
        ("soup", ["Haute-Cuisine"], {"title": "Dinner", "caption": "haute cuisine"}, NAMED),
        ("c++", [], {"title": "Learn C++ now"}, HEADLINED),
        ("c++", [], {"title": "Vitamin C"}, ABSENT),
        ("c", [], {"title": "C++ and C#"}, ABSENT),
        ("c#", [], {"title": "C# for all"}, HEADLINED),
        ("寿司", [], {"title": "美味しい寿司の店"}, HEADLINED),  # a script without spaces
        ("ＮＡＳＡ", [], {"title": "NASA"}, HEADLINED),  # full-width letters
        ("vegan", [], {"title": "My lunch #vegan"}, HEADLINED),  # a hashtag is its word
        ("node.js", [], {"title": "Node.js for all"}, HEADLINED),  # marks inside a name
        ("children's books", [], {"title": "Children's books"}, HEADLINED),
        ("rock & roll", [], {"title": "Rock & roll"}, HEADLINED),
        ("straße", [], {"title": "Die Straße"}, HEADLINED),
    ],
)
def test_a_tag_is_named_by_whole_words_of_its_name_or_an_alias(
    tag: str, aliases: list[str], clues: dict[str, str], found: tuple[float, float]
) -> None:
    assert names(tag, aliases, **clues) == found
