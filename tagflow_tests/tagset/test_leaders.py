"""The leader merge against the plain loop, in a space as crowded or as empty as may be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagflow.tagset import leaders
from tagflow.tagset.leaders import Merge, merge_leaders
from tagflow.tagset.pair_scan import Pairs, ScanIndex, scan_pairs
from tagflow_tests.tagset.test_pair_scan import draw


def at(*degrees: float) -> ScanIndex:
    """Return vectors in the plane at these angles; None is the zero vector."""
    angles = np.radians([0 if angle is None else angle for angle in degrees])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    rows[[angle is None for angle in degrees]] = 0
    return ScanIndex(rows)


def list_decisions(merge: Merge) -> list[tuple[int, int, str]]:
    return list(zip(merge.tag.tolist(), merge.to.tolist(), merge.decision, strict=True))


def merge_plainly(vectors, threshold, floor, fixed, guard) -> tuple[list[int], list[tuple]]:
    """One tag after the other, one pair after the other, over the list of all pairs."""
    i, j, cosine = scan_pairs(vectors, threshold)
    every = dict(zip(zip(*(x.tolist() for x in scan_pairs(vectors, -2.0)[:2]), strict=True),
                     scan_pairs(vectors, -2.0).cosine.tolist(), strict=True))  # fmt: skip
    refusals = guard(i, j, cosine).tolist() if guard else [""] * len(i)
    leader, members, log = list(range(len(vectors))), {}, []
    for tag in range(len(vectors)):
        near = sorted((p for p in range(len(i)) if j[p] == tag), key=lambda p: (-cosine[p], i[p]))
        for p in near:
            to = int(i[p])
            if not vectors[to].any() or not vectors[tag].any() or leader[to] != to or leader[tag] != tag:
                continue
            lowest = min((every[min(tag, m), max(tag, m)] for m in members.get(to, [])), default=9)
            if refusals[p]:
                decision, reason = "refused", refusals[p]
            elif fixed[tag]:
                decision, reason = "reported", "fixed"
            elif np.float32(lowest) < np.float32(floor):
                decision, reason = "refused", f"{lowest:.3f}"
            else:
                decision, reason = "merged", "cosine"
                leader[tag] = to
                members.setdefault(to, []).append(tag)
            log.append((tag, to, cosine[p], decision, reason))
    return leader, log


def refuse_a_third(i, j, cosine):
    assert len(i) == len(j) == len(cosine)
    return np.where((i * 7 + j) % 3 == 0, "a third", "")


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32), n=st.integers(0, 45), d=st.integers(1, 8), spread=st.sampled_from([0.1, 0.4, 1.0]),
    threshold=st.sampled_from([-0.5, 0.0, 0.6, 0.8]), floor=st.sampled_from([-1.0, 0.5, 0.7, 0.9]),
    fixed=st.integers(0, 10), guarded=st.booleans(), tile=st.integers(1, 50), listed=st.booleans(),
    crowd=st.integers(1, 9),
)  # fmt: skip
def test_it_decides_what_the_plain_loop_decides(
    seed, n, d, spread, threshold, floor, fixed, guarded, tile, listed, crowd
):
    vectors = draw(seed, n, d, spread)
    first, guard = np.arange(n) < fixed, refuse_a_third if guarded else None
    index = ScanIndex(vectors)
    pairs = list(index.iterate_pairs(threshold, tile=tile)) if listed else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaders, "CROWD", crowd)
        merge = merge_leaders(index, threshold, floor, fixed=first, guard=guard, pairs=pairs, tile=tile)
    leader, log = merge_plainly(vectors, threshold, floor, first, guard)
    assert merge.leader.tolist() == leader
    assert list_decisions(merge) == [(tag, to, decision) for tag, to, _, decision, _ in log]
    assert merge.similarity.tolist() == [cosine for _, _, cosine, _, _ in log]
    assert all(said in reason for (*_, said), reason in zip(log, merge.reason, strict=True))


def test_a_tag_joins_the_nearest_leader_and_makes_no_chain():
    merge = merge_leaders(at(0, 40, 25, 50), 0.8, -1.0)  # 0.8 = 36.9 degrees
    assert merge.leader.tolist() == [0, 1, 1, 1]
    assert list_decisions(merge) == [(2, 1, "merged"), (3, 1, "merged")]
    assert merge.similarity.tolist() == pytest.approx(np.cos(np.radians([15, 10])))
    assert merge.reason == ["cosine at or above 0.8"] * 2


def test_a_tie_goes_to_the_lower_index():
    vectors = np.array([[1, 0], [0, 1], [0.70710677, 0.70710677]], np.float32)
    assert merge_leaders(ScanIndex(vectors), 0.7, 0.7).leader.tolist() == [0, 1, 0]


def test_a_refusal_by_the_floor_names_the_lowest_member_and_the_next_leader_is_tried():
    merge = merge_leaders(at(0, 55, -30, 25), 0.8, 0.7)  # the last lies 25 from the first, 55 from its member
    assert merge.leader.tolist() == [0, 1, 0, 1]
    assert list_decisions(merge) == [(2, 0, "merged"), (3, 0, "refused"), (3, 1, "merged")]
    assert merge.reason[1] == "a member of the cluster lies at 0.574, below the floor 0.7"  # cos 55 degrees


def test_a_guard_refuses_with_its_reason_and_is_asked_about_the_nearest_first():
    asked = []

    def guard(i, j, cosine):
        asked.extend(zip(i.tolist(), j.tolist(), strict=True))
        return np.where(i == 1, "numbers differ", "")

    merge = merge_leaders(at(0, 50, 30), 0.8, 0.7, guard=guard)
    assert asked == [(1, 2), (0, 2)]
    assert list_decisions(merge) == [(2, 1, "refused"), (2, 0, "merged")]
    assert merge.reason[0] == "numbers differ"


def test_fixed_tags_stay_and_are_reported_and_others_join_them():
    merge = merge_leaders(at(0, 5, 8), 0.8, 0.7, fixed=np.array([True, True, False]))
    assert merge.leader.tolist() == [0, 1, 1]
    assert list_decisions(merge) == [(1, 0, "reported"), (2, 1, "merged")]
    assert merge.reason[0] == "both are fixed, by labels, a file or people"


def test_a_fixed_tag_behind_one_that_is_not_joins_it_neither():
    merge = merge_leaders(at(0, 5), 0.8, 0.7, fixed=np.array([False, True]))
    assert merge.leader.tolist() == [0, 1]
    assert merge.reason == ["a fixed tag joins no other"]


@pytest.mark.parametrize("threshold", [0.8, 0.0, -1.0])
def test_zero_vectors_lead_themselves(threshold):
    assert merge_leaders(at(None, 0, None, 3), threshold, -1.0).leader.tolist() == [0, 1, 2, 1]


def list_pairs(*pairs: tuple[int, int, float]) -> Pairs:
    i, j, cosine = zip(*pairs, strict=True)
    return Pairs(np.array(i), np.array(j), np.array(cosine, np.float32))


@pytest.mark.parametrize("tile", [1, 2, 768])
def test_extra_pairs_are_tried_below_the_threshold_in_their_turn(tile):
    index = at(0, 90, 30, 120)  # the third reaches the first; of its member, it lies 60 degrees, the fourth 30
    extra = list_pairs((0, 1, 0.0), (1, 2, 0.5), (0, 3, -0.5))
    merge = merge_leaders(index, 0.8, 0.7, extra=extra, tile=tile)
    assert merge.leader.tolist() == [0, 0, 2, 0]
    assert list_decisions(merge) == [(1, 0, "merged"), (2, 0, "refused"), (3, 0, "merged")]
    assert merge.similarity.tolist() == pytest.approx([0.0, np.cos(np.radians(30)), -0.5])


@pytest.mark.parametrize("tile", [1, 768])
def test_an_extra_pair_comes_after_the_nearer_ones_and_only_if_its_leader_still_leads(tile):
    merge = merge_leaders(at(0, 90, 70, 10), 0.8, -1.0, extra=list_pairs((0, 2, 0.342), (2, 3, 0.5)), tile=tile)
    assert merge.leader.tolist() == [0, 1, 1, 0]
    assert list_decisions(merge) == [(2, 1, "merged"), (3, 0, "merged")]


def test_an_extra_pair_is_put_to_guard_floor_and_fixed_like_any_other():
    extra = list_pairs((0, 1, 0.0))
    asked = merge_leaders(at(0, 90), 0.8, 0.7, extra=extra, guard=lambda i, j, cosine: np.array(["no"] * len(i)))
    assert (asked.decision, asked.reason) == (["refused"], ["no"])
    fixed = merge_leaders(at(0, 90), 0.8, 0.7, extra=extra, fixed=np.array([True, True]))
    assert (fixed.decision, fixed.leader.tolist()) == (["reported"], [0, 1])
    low = merge_leaders(at(0, 0, 90), 0.8, 0.7, extra=list_pairs((0, 2, 0.0)))
    assert (low.decision, low.leader.tolist()) == (["merged", "refused"], [0, 0, 2])


def test_zero_vectors_merge_by_extra_pairs():
    assert merge_leaders(at(None, 0, None), 0.8, 0.7, extra=list_pairs((0, 2, 0.0))).leader.tolist() == [0, 1, 0]


@pytest.mark.parametrize("tile", [1, 768])
@pytest.mark.parametrize("listed", [True, False])
def test_tags_apart_share_no_cluster_whoever_leads_it(tile, listed):
    apart = {1: {2: "people"}, 2: {1: "people"}}
    index = at(0, 5, 10, 40)
    pairs = list(index.iterate_pairs(0.8)) if listed else None
    merge = merge_leaders(index, 0.8, 0.7, apart=apart, pairs=pairs, tile=tile)
    assert merge.leader.tolist() == [0, 0, 2, 2]  # the last lies 30 degrees from the third, 40 from the first
    assert list_decisions(merge) == [(1, 0, "merged"), (2, 0, "refused"), (3, 2, "merged")]
    assert merge.reason[1] == "people"
    direct = merge_leaders(at(0, 5), 0.8, 0.7, apart={0: {1: "they differ"}, 1: {0: "they differ"}})
    assert (direct.leader.tolist(), direct.reason) == ([0, 1], ["they differ"])


def test_apart_goes_before_guard_and_fixed_and_holds_for_extra_pairs():
    apart = {0: {1: "people"}, 1: {0: "people"}}
    fixed = np.array([True, True])
    for index, extra in ((at(0, 5), None), (at(0, 90), list_pairs((0, 1, 0.0)))):
        merge = merge_leaders(
            index, 0.8, 0.7, fixed=fixed, apart=apart, extra=extra, guard=lambda i, j, cosine: np.array(["no"] * len(i))
        )
        assert (merge.decision, merge.reason) == (["refused"], ["people"])


def test_without_pairs_there_is_nothing_to_decide():
    merge = merge_leaders(at(0, 90), 0.8, 0.7)
    assert (merge.leader.tolist(), merge.tag.tolist(), merge.decision) == ([0, 1], [], [])
    assert merge_leaders(at(), 0.8, 0.7).leader.tolist() == []


def test_no_leader_is_within_reach_of_another_but_by_a_refusal():
    index = ScanIndex(draw(4, 400, 6, spread=0.5))
    merge = merge_leaders(index, 0.9, 0.85, tile=64)
    refused = {(to, tag) for tag, to, decision in list_decisions(merge) if decision == "refused"}
    leads = merge.leader == np.arange(400)
    pairs: Pairs = next(index.iterate_pairs(0.9, tile=400))
    both = leads[pairs.i] & leads[pairs.j] & index.spoken[pairs.i] & index.spoken[pairs.j]
    apart = set(zip(pairs.i[both].tolist(), pairs.j[both].tolist(), strict=True))
    assert apart
    assert apart <= refused
