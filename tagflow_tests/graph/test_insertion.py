"""Insertion: what new contents are joined to, and what they are never joined to."""

from functools import partial

import numpy as np
import polars as pl
import pytest

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.graph.edges import link_history
from tagflow.graph.insertion import (
    build_graph,
    describe_vectors,
    embed_contents,
    embed_tags,
    extend_graph,
    find_changes,
    forget_contents,
    insert_contents,
)
from tagflow.graph.recall import recall_candidates
from tagflow.graph.space import open_space
from tagflow.settings import GraphSettings, Thresholds
from tagflow.tables import Tables
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.worlds import WordEncoder, proposals, raw_clues, said, tag_set, unit

ENCODER = WordEncoder({"soup": (1, 0, 0), "stew": (0.8, 0.6, 0), "vegan": (0, 1, 0), "rome": (0, 0, 1)})
AT = partial(Thresholds, fuse=0.8, sure=0.9, match=0.9)
CLOSE = AT(delta_ct=0.1, delta_cc=0.1)


def insert(
    contents: pl.DataFrame,
    voters: pl.DataFrame,
    tags: tuple[str, ...] = (),
    *,
    neighbours: int = 9,
    c2t: int = 9,
    thresholds: Thresholds = CLOSE,
) -> set[tuple[str, str, str]]:
    """Return content, kind of target and target of every similarity edge of the contents."""
    found = insert_contents(
        contents,
        embed_contents(contents, ENCODER),
        (voters.select("content_id", "content_hash"), embed_contents(voters, ENCODER)),
        (pl.Series(tags, dtype=pl.String), ENCODER.encode(tags)),
        ExactNeighbours,
        GraphSettings(neighbours=neighbours, c2t=c2t),
        thresholds,
    )
    return set(found.select("content_id", "target_kind", "target").iter_rows())


def test_a_content_is_joined_to_what_lies_near_it() -> None:
    """Cosine of soup to stew is 0.8, of stew to vegan 0.6, of rome to all others 0."""
    contents = raw_clues(said("s", title="soup"), said("t", title="stew"), said("r", title="rome"))
    assert insert(contents, contents, ("soup", "vegan")) == {
        ("s", "content", "t"),
        ("s", "tag", "soup"),
        ("t", "content", "s"),
        ("t", "tag", "soup"),
        ("t", "tag", "vegan"),
    }


@pytest.mark.parametrize(("delta", "joined"), [(0.59, True), (0.61, False)])
def test_each_kind_of_edge_has_its_own_threshold(delta: float, joined: bool) -> None:
    contents, voters = raw_clues(said("t", title="stew")), raw_clues(said("v", title="vegan"))
    to_content, to_tag = ("t", "content", "v"), ("t", "tag", "vegan")
    found = insert(contents, voters, ("vegan",), thresholds=AT(delta_ct=delta, delta_cc=0.1))
    assert (to_tag in found, to_content in found) == (joined, True)
    found = insert(contents, voters, ("vegan",), thresholds=AT(delta_ct=0.1, delta_cc=delta))
    assert (to_tag in found, to_content in found) == (True, joined)


def test_each_kind_of_edge_has_its_own_cap() -> None:
    contents = raw_clues(said("t", title="stew"))
    voters = raw_clues(said("v", title="vegan"), said("s", title="soup"), said("u", title="stew soup"))
    found = insert(contents, voters, ("vegan", "soup"), neighbours=2, c2t=1)
    assert found == {("t", "content", "u"), ("t", "content", "s"), ("t", "tag", "soup")}


def test_no_content_is_a_neighbour_of_itself_or_of_its_exact_duplicate() -> None:
    contents = raw_clues(
        said("a", title="soup", content_hash="same"),
        said("b", title="soup", content_hash="same"),
        said("c", title="soup"),
    )
    assert insert(contents, contents) == {
        ("a", "content", "c"),
        ("b", "content", "c"),
        ("c", "content", "a"),  # the first of the two copies stands for both
    }


def test_copies_of_another_content_take_one_place() -> None:
    same = [said(f"same{number}", title="soup", content_hash="same") for number in range(9)]
    found = insert(raw_clues(said("n", title="soup")), raw_clues(*same, said("other", title="stew")), neighbours=3)
    assert found == {("n", "content", "same0"), ("n", "content", "other")}


@pytest.mark.parametrize("copies", [5, 30])
def test_duplicates_take_no_place_of_other_neighbours(copies: int) -> None:
    """Five places are wanted; the content and all its duplicates lie before the five others."""
    same = [said(f"same{number}", title="soup", content_hash="same") for number in range(copies)]
    others = [said(f"other{number}", title="stew") for number in range(6)]
    found = insert(raw_clues(same[0]), raw_clues(*same, *others), neighbours=5)
    assert found == {("same0", "content", f"other{number}") for number in range(5)}


def test_a_content_without_text_has_no_edge_and_takes_none_of_the_others() -> None:
    contents = raw_clues(said("blank"), said("marks", title="?!"), said("s", title="soup"))
    voters = raw_clues(said("v", title="soup"))
    assert insert(contents, voters, ("soup",), thresholds=AT(delta_ct=-1, delta_cc=-1)) == {
        ("s", "content", "v"),
        ("s", "tag", "soup"),
    }


def test_nothing_to_insert_or_to_be_joined_to_gives_no_edge() -> None:
    contents = raw_clues(said("s", title="soup"))
    assert insert(contents, contents.clear()) == set()
    assert insert(contents.clear(), contents, ("soup",)) == set()


def test_the_test_split_is_found_by_nobody_and_votes_for_nobody() -> None:
    """The held-out content is nearest to the new one and says travel; only the fit content's soup is recalled."""
    known = raw_clues(
        said("fit", title="stew", labels=["soup"]), said("held", title="soup", labels=["rome"], split="test")
    )
    new = raw_clues(said("new", title="soup"))
    tags = tag_set({"soup": [], "rome": []})
    history = link_history(known, proposals(), resolve_tags(tags), GraphSettings())
    voters = known.join(history, on="content_id", how="semi")
    assert insert(new, voters) == {("new", "content", "fit")}
    for content in (new, known.filter(pl.col("split") == "test")):
        found = insert_contents(
            content,
            embed_contents(content, ENCODER),
            (voters, embed_contents(voters, ENCODER)),
            (pl.Series([], dtype=pl.String), ENCODER.encode([])),
            ExactNeighbours,
            GraphSettings(),
            CLOSE,
        )
        assert recall_candidates(found, history, GraphSettings())["tag_id"].to_list() == ["soup"]


def test_a_tag_is_embedded_as_words_with_its_description() -> None:
    tags = tag_set({"Soup-Rome": [], "vegan": []}).with_columns(description=pl.Series([None, "stew"]))
    encoder = WordEncoder({"soup": (1, 0, 0)})
    embed_tags(tags, encoder)
    assert encoder.asked == ["soup rome", "vegan. stew"]


def test_a_content_without_a_letter_or_digit_has_a_vector_of_zeros() -> None:
    vectors = embed_contents(raw_clues(said("a", title="... !"), said("b", title="soup"), said("c")), ENCODER)
    assert vectors.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_stored_vectors_open_as_the_space_they_were() -> None:
    content, tag = unit((1, 0), (0.6, 0.8)), unit((0, 1))
    stored = pl.concat(
        [
            describe_vectors(pl.Series(["t"]), "tag", tag, "f"),
            describe_vectors(pl.Series(["a", "b"]), "content", content, "f"),
        ]
    )
    space = open_space({"vectors": stored})
    assert (space.contents["node"].to_list(), space.contents["row"].to_list()) == (["a", "b"], [0, 1])
    assert (space.tags["node"].to_list(), space.tags["row"].to_list()) == (["t"], [0])
    np.testing.assert_array_equal(space.content_vectors, content)
    np.testing.assert_array_equal(space.tag_vectors, tag)


def test_vectors_that_come_in_pieces_open_as_one_space() -> None:
    """The store reads them in groups of rows; contents put in later stand behind the tags."""
    rows = [("content", "a", (1, 0)), ("tag", "t", (0, 1)), ("tag", "u", (0.8, 0.6)), ("content", "b", (0.6, 0.8))]
    pieces = [describe_vectors(pl.Series([node]), kind, unit(at), "f") for kind, node, at in rows]
    stored = pl.concat(pieces, rechunk=False)
    assert stored["vector"].n_chunks() == 4
    space = open_space({"vectors": stored})
    assert (space.contents["node"].to_list(), space.tags["node"].to_list()) == (["a", "b"], ["t", "u"])
    np.testing.assert_array_equal(space.content_vectors, unit((1, 0), (0.6, 0.8)))
    np.testing.assert_array_equal(space.tag_vectors, unit((0, 1), (0.8, 0.6)))


def test_a_space_may_have_no_tags() -> None:
    rows = [
        describe_vectors(pl.Series(["a"]), "content", unit((0.6, 0.8)), "f"),
        describe_vectors(pl.Series([], dtype=pl.String), "tag", np.zeros((0, 2), np.float32), "f"),
    ]
    assert (
        len(open_space({"vectors": pl.concat(rows)}).tags),
        len(open_space({"vectors": pl.concat(rows)}).tag_vectors),
    ) == (0, 0)


def built(contents: pl.DataFrame) -> Tables:
    """Return the graph of contents that people tagged with their first word."""
    tags = tag_set({"soup": [], "vegan": []})
    history = link_history(contents, proposals(), resolve_tags(tags), GraphSettings())
    return build_graph(contents, history, tags, ENCODER, ExactNeighbours, GraphSettings(), CLOSE)


def test_a_new_content_is_added_to_the_graph_and_nothing_that_was_there_changes() -> None:
    known = raw_clues(said("a", title="soup", labels=["soup"]), said("b", title="vegan", labels=["vegan"]))
    new = raw_clues(said("n", title="stew"))
    graph = built(known)
    more = extend_graph(
        graph, known, new, tag_set({"soup": [], "vegan": []}), ENCODER, ExactNeighbours, GraphSettings(), CLOSE
    )
    whole = built(pl.concat([known, new]))
    for name, table in more.items():
        assert table[: len(graph[name])].equals(graph[name])
        columns = [column for column, dtype in table.schema.items() if not isinstance(dtype, pl.Array)]
        assert table.select(columns).sort(columns).equals(whole[name].select(columns).sort(columns)), name


def test_new_changed_and_vanished_contents_are_found_by_hash() -> None:
    was = raw_clues(said("a", title="soup"), said("b", title="vegan"), said("c", title="rome"))
    now = raw_clues(said("a", title="soup"), said("b", title="stew", content_hash="other"), said("n", title="rome"))
    new, gone = find_changes(built(was), now)
    assert new["content_id"].to_list() == ["b", "n"]
    assert sorted(gone) == ["b", "c"]


def test_a_forgotten_content_leaves_no_vector_and_no_edge_in_either_direction() -> None:
    """Edges of stew: a - t - b are near each other, so a and b lead to t."""
    contents = raw_clues(
        said("a", title="soup", labels=["soup"]),
        said("t", title="stew", labels=["soup"]),
        said("b", title="vegan", labels=["vegan"]),
    )
    graph = built(contents)
    assert graph["content_tag_graph"].filter(pl.col("target") == "t").height == 2
    left = forget_contents(graph, pl.Series(["t"]))
    assert "t" not in {*left["content_tag_graph"]["content_id"], *left["content_tag_graph"]["target"]}
    assert set(left["vectors"]["node"]) == {"a", "b", "soup", "vegan"}
    kept = graph["content_tag_graph"].filter((pl.col("content_id") != "t") & (pl.col("target") != "t"))
    assert left["content_tag_graph"].equals(kept)
