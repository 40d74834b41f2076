"""Recall on a graph drawn by hand: five contents, four tags, both meta-paths (LLM4Tag eq. 4-6)."""

import polars as pl
import pytest

from tagflow.graph.recall import recall_by_neighbour, recall_by_tag, recall_candidates
from tagflow.settings import GraphSettings
from tagflow_tests.worlds import edges, fits, human, machine, near

SIMILARITY = edges(
    near("c1", "c2", 0.6),
    near("c1", "c3", 0.3),
    near("c1", "c4", 0.1),
    fits("c1", "soup", 0.7),
    fits("c1", "rome", 0.4),
    near("c5", "c4", 0.5),
)
HISTORY = edges(
    human("c2", "soup"),
    machine("c2", "vegan"),
    machine("c3", "soup"),
    human("c3", "travel"),
    human("c4", "travel"),
    human("c5", "rome"),
)
WIDE = GraphSettings(c2t=9, c2c2t=9)


def recalled(
    similarity: pl.DataFrame, history: pl.DataFrame, settings: GraphSettings = WIDE
) -> dict[str, dict[str, str]]:
    """Return content to tag to path."""
    paths: dict[str, dict[str, str]] = {}
    for row in recall_candidates(similarity, history, settings).iter_rows(named=True):
        assert row["tag_id"] not in paths.setdefault(row["content_id"], {})
        paths[row["content_id"]][row["tag_id"]] = row["path"]
    return paths


def test_c2t_gives_the_tags_joined_to_the_content() -> None:
    assert recall_by_tag(SIMILARITY, 9).rows() == [("c1", "soup", 0.7), ("c1", "rome", 0.4)]


def test_c2c2t_gives_the_tags_of_its_neighbours_with_their_shares() -> None:
    """The neighbours of c1 hold 0.6, 0.3 and 0.1 of its neighbourhood; c4 alone is the neighbourhood of c5.

    soup of c1: people 0.6 (c2), machine 0.3 (c3), weighted 0.6 * 1 + 0.3 * 0.5. travel of c1: people 0.3 + 0.1.
    """
    found = {
        row["content_id"] + " " + row["tag_id"]: row for row in recall_by_neighbour(SIMILARITY, HISTORY).to_dicts()
    }
    expected = {
        "c1 soup": (0.6, 0.3, 0.75, ["c2", "c3"], 2),
        "c1 vegan": (0.0, 0.6, 0.3, ["c2"], 1),
        "c1 travel": (0.4, 0.0, 0.4, ["c3", "c4"], 2),
        "c5 travel": (1.0, 0.0, 1.0, ["c4"], 1),
    }
    assert found.keys() == expected.keys()
    for pair, (people, proposed, both, neighbours, carriers) in expected.items():
        row = found[pair]
        assert (row["human"], row["machine"], row["c2c2t"]) == pytest.approx((people, proposed, both))
        assert (row["neighbours"], row["carriers"]) == (neighbours, carriers)


def test_the_candidates_are_the_union_and_name_their_path() -> None:
    assert recalled(SIMILARITY, HISTORY) == {
        "c1": {"soup": "C2T+C2C2T", "rome": "C2T", "vegan": "C2C2T", "travel": "C2C2T"},
        "c5": {"travel": "C2C2T"},
    }


def test_a_candidate_off_a_path_has_no_figures_of_it() -> None:
    row = {row["tag_id"]: row for row in recall_candidates(SIMILARITY, HISTORY, WIDE).to_dicts()}
    assert row["vegan"]["c2t"] is None
    assert (row["rome"]["human"], row["rome"]["machine"], row["rome"]["c2c2t"]) == (0.0, 0.0, 0.0)
    assert (row["rome"]["neighbours"], row["rome"]["carriers"]) == ([], 0)
    assert row["soup"]["c2t"] == 0.7


@pytest.mark.parametrize(
    ("c2t", "c2c2t", "tags"),
    [
        (1, 1, {"soup"}),  # soup is first on both paths
        (1, 2, {"soup", "travel"}),  # 0.75, then travel 0.4 before vegan 0.3
        (2, 1, {"soup", "rome"}),
        (0, 2, {"soup", "travel"}),
        (2, 0, {"soup", "rome"}),
        (0, 0, set()),
    ],
)
def test_each_path_is_capped_by_itself(c2t: int, c2c2t: int, tags: set[str]) -> None:
    assert set(recalled(SIMILARITY, HISTORY, GraphSettings(c2t=c2t, c2c2t=c2c2t)).get("c1", {})) == tags


def test_a_candidate_keeps_the_figures_of_the_path_whose_cap_it_missed() -> None:
    row = recall_candidates(SIMILARITY, HISTORY, GraphSettings(c2t=1, c2c2t=0)).row(0, named=True)
    assert (row["tag_id"], row["path"], row["c2t"]) == ("soup", "C2T+C2C2T", 0.7)
    assert (row["human"], row["machine"]) == pytest.approx((0.6, 0.3))


def test_ties_are_cut_by_tag() -> None:
    similarity = edges(fits("c1", "z", 0.5), fits("c1", "a", 0.5), near("c1", "c2", 0.5))
    history = edges(human("c2", "y"), human("c2", "b"))
    assert set(recalled(similarity, history, GraphSettings(c2t=1, c2c2t=1))["c1"]) == {"a", "b"}


def test_a_content_without_history_gets_nothing_from_itself() -> None:
    """c5 carries rome; no edge leads from c5 to c5, so rome is no candidate of c5."""
    assert "rome" not in recalled(SIMILARITY, HISTORY)["c5"]


def test_three_nearest_carriers_are_shown_of_all_that_vote() -> None:
    similarity = edges(
        *(near("c1", other, cosine) for other, cosine in [("d", 0.2), ("b", 0.8), ("e", 0.4), ("c", 0.6)])
    )
    found = recall_by_neighbour(similarity, edges(*(human(other, "soup") for other in "bcde"))).row(0, named=True)
    assert (found["neighbours"], found["carriers"]) == (["b", "c", "e"], 4)
    assert found["human"] == pytest.approx(1.0)


def test_a_neighbour_without_history_dilutes_the_vote() -> None:
    """A neighbour at 0.75 that carries nothing leaves 0.25 of the neighbourhood to the carrier."""
    similarity = edges(near("c1", "b", 0.75), near("c1", "c", 0.25))
    assert recall_by_neighbour(similarity, edges(human("c", "soup")))["human"].to_list() == [0.25]


@pytest.mark.parametrize("cosine", [0.0, -0.5])
def test_a_neighbour_that_is_no_nearer_than_chance_gives_shares_in_0_1(cosine: float) -> None:
    """Such neighbours pass where a dataset sets delta_cc to 0 or less; 0 / 0 is no share."""
    found = recall_candidates(edges(near("c1", "b", cosine)), edges(human("b", "soup")), WIDE)
    shares = [value for row in found.select("human", "machine", "c2c2t").iter_rows() for value in row]
    assert all(0 <= share <= 1 for share in shares)


def test_an_empty_graph_gives_no_candidate() -> None:
    assert recalled(edges(), HISTORY) == {}
    assert recalled(edges(near("c1", "c2", 0.5)), edges()) == {}
