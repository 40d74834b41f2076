"""Semantic fusion on vectors whose cosines are known: who leads, who joins, who is refused, and what the log says."""

from collections.abc import Sequence
from itertools import combinations
from math import cos, radians, sin

import numpy as np
import polars as pl
import pytest

from tagflow.schemas import FUSED_TAGSET
from tagflow.tables import Tables, check_tables
from tagflow.tagset.fusion import fuse_tags
from tagflow.tagset.normalisation import make_tag_id
from tagflow.tagset.vocabulary import USE

KEPT = {"key": pl.String, "tag": pl.String, "contents": pl.Int64, "origin": pl.String, "description": pl.String}


def at(*degrees: float) -> np.ndarray:
    """Return unit vectors in the plane at these angles: the cosine of two is that of the angle between them."""
    return np.array([(cos(radians(degree)), sin(radians(degree))) for degree in degrees], np.float32)


def halves(*marked: str) -> np.ndarray:
    """Return unit vectors of four halves at the named axes: cosines are exact quarters."""
    axes = sorted({axis for mark in marked for axis in mark})
    return np.array([[0.5 * (axis in mark) for axis in axes] for mark in marked], np.float32)


def fuse(
    tags: Sequence[tuple[str, int] | tuple[str, int, str]],
    vectors: np.ndarray,
    uses: Sequence[tuple[str | None, str]] = (),
    *,
    threshold: float = 0.8,
    floor: float = 0.7,
) -> Tables:
    """Return the fused tag set of tags (name, contents, origin or proposed)."""
    rows = [(tag.lower(), tag, contents, *(origin or ("proposed",)), None) for tag, contents, *origin in tags]
    kept = pl.DataFrame(rows, schema=KEPT, orient="row")
    used = pl.DataFrame([(content, tag, "proposed", None) for content, tag in uses], schema=USE, orient="row")
    return check_tables(FUSED_TAGSET, fuse_tags(kept, used, vectors, threshold, floor))


def clusters(fused: Tables) -> dict[str, list[str]]:
    """Return the aliases of each tag."""
    return {tag: aliases for tag, aliases in fused["fused_tagset"].select("tag", "aliases").iter_rows()}


def log(fused: Tables) -> list[tuple[str, str, str]]:
    """Return tag, leader and decision of each line of the log."""
    return fused["fusion_log"].select("tag", "leader", "decision").rows()


def test_tags_that_are_all_unlike_stay_as_they_are():
    fused = fuse([("soup", 3), ("car", 5)], at(0, 90), [("1", "soup")])
    assert clusters(fused) == {"soup": [], "car": []}
    assert log(fused) == []
    assert fused["fused_tagset"].filter(pl.col("tag") == "soup").row(0) == (
        make_tag_id("soup"),
        "soup",
        1,
        [],
        None,
        "proposed",
    )


@pytest.mark.parametrize("tags", [[], [("soup", 3)]])
def test_a_tag_set_of_none_or_one_needs_no_fusion(tags):
    assert clusters(fuse(tags, at(*[0] * len(tags)).reshape(len(tags), 2))) == {tag: [] for tag, _ in tags}


def test_the_most_frequent_tag_leads_whatever_the_order_of_the_rows():
    assert clusters(fuse([("soups", 3), ("broth", 4), ("soup", 9)], at(5, 10, 0))) == {"soup": ["broth", "soups"]}


def test_equally_frequent_tags_go_by_key():
    assert clusters(fuse([("b", 3), ("a", 3)], at(0, 5))) == {"a": ["b"]}


def test_a_merge_is_logged_with_similarity_and_reason():
    (line,) = fuse([("soup", 9), ("soups", 3)], halves("abcd", "abce"), threshold=0.75)["fusion_log"].rows(named=True)
    assert (line["tag"], line["leader"], line["decision"], line["similarity"]) == ("soups", "soup", "merged", 0.75)
    assert "0.75" in line["reason"]


def test_the_threshold_itself_fuses_and_just_above_does_not():
    vectors = halves("abcd", "abce", "wxyz", "wxyz")
    tags = [("a", 4), ("b", 3), ("y", 2), ("z", 1)]
    assert clusters(fuse(tags, vectors, threshold=0.75)) == {"a": ["b"], "y": ["z"]}
    assert clusters(fuse(tags, vectors, threshold=0.76)) == {"a": [], "b": [], "y": ["z"]}


def test_the_nearest_leader_wins_over_a_more_frequent_one():
    assert clusters(fuse([("far", 9), ("near", 5), ("tag", 3)], at(0, 50, 27))) == {"far": [], "near": ["tag"]}


def test_no_tag_is_joined_by_a_chain():
    # a-b and b-c are at 30 degrees (0.866), a-c at 60 (0.5): b is a member, so c has no leader to join
    fused = fuse([("a", 9), ("b", 5), ("c", 3)], at(0, 30, 60))
    assert clusters(fused) == {"a": ["b"], "c": []}
    assert ("b", "a", "merged") in log(fused)


def test_a_member_below_the_floor_refuses_the_newcomer_and_the_reason_is_logged():
    # both lie at 30 degrees from b, on either side of it, and 60 (0.5) from one another
    fused = fuse([("b", 9), ("a", 5), ("c", 3)], at(30, 0, 60))
    assert clusters(fused) == {"b": ["a"], "c": []}
    assert log(fused) == [("a", "b", "merged"), ("c", "b", "refused")]
    refusal = fused["fusion_log"].row(1, named=True)
    assert refusal["similarity"] == pytest.approx(cos(radians(30)), abs=1e-6)
    assert "0.500" in refusal["reason"]
    assert "0.7" in refusal["reason"]


def test_the_floor_itself_lets_a_member_in():
    tags, vectors = [("a", 9), ("b", 5), ("c", 3)], halves("abcd", "abce", "abdf")  # a-b, a-c: 0.75; b-c: 0.5
    assert clusters(fuse(tags, vectors, threshold=0.75, floor=0.5)) == {"a": ["b", "c"]}
    assert clusters(fuse(tags, vectors, threshold=0.75, floor=0.51)) == {"a": ["b"], "c": []}


def test_a_refused_tag_tries_the_next_leader():
    # c is nearest to first (25 degrees), whose member lies at 55 from it, and reaches second too (30 degrees)
    tags = [("first", 9), ("second", 7), ("member", 5), ("c", 3)]
    fused = fuse(tags, at(0, 55, -30, 25))
    assert clusters(fused) == {"first": ["member"], "second": ["c"]}
    assert log(fused) == [("member", "first", "merged"), ("c", "first", "refused"), ("c", "second", "merged")]


@pytest.mark.parametrize("origin", ["label", "file"])
def test_near_duplicates_among_fixed_tags_are_reported_not_fused(origin):
    fused = fuse([("soups", 3, origin), ("soup", 9, "label"), ("Soup!", 2, origin)], at(1, 0, 90))
    assert clusters(fused) == {"soup": [], "soups": [], "Soup!": []}
    assert log(fused) == [("soups", "soup", "reported")]


@pytest.mark.parametrize(
    ("angle", "expected"), [(8, {"soup": ["broth"], "stock": []}), (12, {"soup": [], "stock": ["broth"]})]
)
def test_a_fixed_tag_leads_even_a_more_frequent_proposal(angle, expected):
    fused = fuse([("broth", 99), ("soup", 9, "label"), ("stock", 0, "file")], at(angle, 0, 20))
    assert clusters(fused) == expected
    assert ("stock", "soup", "reported") in log(fused)


def test_the_frequency_of_a_cluster_counts_distinct_contents():
    uses = [("1", "soup"), ("1", "Soups"), ("2", "soups!"), ("3", "car"), (None, "soup"), ("4", "unheard of")]
    fused = fuse([("soup", 1), ("Soups", 2), ("car", 1)], at(0, 1, 90), uses)["fused_tagset"]
    assert fused.select("tag", "frequency").rows() == [("Soups", 2), ("car", 1)]


def test_a_leader_keeps_its_id_description_and_origin():
    kept = pl.DataFrame(
        [("soup", "Soup", 1, "label", "a hot dish"), ("soups", "soups", 9, "proposed", "worse")],
        schema=KEPT,
        orient="row",
    )
    fused = fuse_tags(kept, pl.DataFrame(schema=USE), at(0, 1), 0.8, 0.7)["fused_tagset"]
    assert fused.row(0) == (make_tag_id("soup"), "Soup", 0, ["soups"], "a hot dish", "label")


@pytest.mark.parametrize("threshold", [0.8, 0.0])
def test_zero_vectors_never_merge(threshold):
    vectors = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.float32)
    fused = fuse([("a", 4), ("b", 3), ("blank", 2), ("void", 1)], vectors, threshold=threshold, floor=threshold)
    assert clusters(fused) == {"a": ["b"], "blank": [], "void": []}


@pytest.mark.parametrize("seed", range(8))
def test_every_tag_ends_in_one_place_and_every_cluster_holds_the_promises(seed):
    random = np.random.default_rng(seed)
    names = [f"t{number:02}" for number in range(40)]
    vectors = random.normal(size=(40, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    origins = random.choice(["proposed", "proposed", "label"], 40).tolist()
    counts = random.integers(1, 9, 40).tolist()
    fused = fuse(list(zip(names, counts, origins, strict=True)), vectors, threshold=0.9, floor=0.8)
    cosine = {(a, b): float(vectors[names.index(a)] @ vectors[names.index(b)]) for a in names for b in names}
    rank = {
        name: (origin == "proposed", -count, name) for name, count, origin in zip(names, counts, origins, strict=True)
    }
    refused = {(tag, leader) for tag, leader, decision in log(fused) if decision == "refused"}
    reported = {(tag, leader) for tag, leader, decision in log(fused) if decision == "reported"}
    found = clusters(fused)
    assert sorted([*found, *(alias for aliases in found.values() for alias in aliases)]) == names
    for leader, aliases in found.items():
        assert all(rank[leader] < rank[alias] and rank[alias][0] for alias in aliases)
        assert all(cosine[leader, alias] >= 0.9 - 1e-6 for alias in aliases)
        assert all(cosine[one, other] >= 0.8 - 1e-6 for one, other in combinations(aliases, 2))
    for a, b in combinations(sorted(found, key=rank.__getitem__), 2):
        if cosine[a, b] > 0.9 + 1e-6:
            assert (b, a) in (refused if rank[b][0] else reported), (
                "near-duplicates stay apart only for a logged reason"
            )
