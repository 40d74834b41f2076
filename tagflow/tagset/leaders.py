"""The leader merge: each tag joins the nearest leader before it, and no chain forms (TagGPT §2.1.3; floor: ours)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagflow.ports import Vectors
from tagflow.tagset.pair_scan import TILE, Pairs, ScanIndex, join_pairs

CROWD = 64  # ours: members from which on a panel's tags are compared with a cluster all at once

Guard = Callable[[NDArray[np.int64], NDArray[np.int64], Vectors], NDArray[np.str_]]
"""Reasons to refuse candidate pairs: leader i, tag j and cosine of each pair in, a text each out ('' = allowed)."""


Apart = Mapping[int, Mapping[int, str]]
"""Tag to the tags that may never share a cluster with it, and why; both ways round."""


class Merge(NamedTuple):
    """The leader of each tag (itself where it leads), and every decision: tag, leader, cosine, what and why."""

    leader: NDArray[np.int64]
    tag: NDArray[np.int64]
    to: NDArray[np.int64]
    similarity: Vectors
    decision: list[str]
    reason: list[str]


def merge_leaders(
    index: ScanIndex,
    threshold: float,
    member_floor: float,
    *,
    fixed: NDArray[np.bool_] | None = None,
    guard: Guard | None = None,
    apart: Apart | None = None,
    pairs: Iterable[Pairs] | None = None,
    extra: Pairs | None = None,
    tile: int = TILE,
) -> Merge:
    """Let every tag, most frequent first, join the nearest leader before it or lead itself.

    A tag tries the leaders that it reaches the threshold with, nearest first, ties by lower index. It is refused where
    the guard gives a reason or where a member of the cluster lies below the floor to it; each refusal is a decision.
    Pairs of a fixed tag with an earlier leader are reported, if the guard allows them, and never merged. All-zero
    vectors merge with nothing but by ``extra``.

    Args:
        index: the tags' vectors, in order of rank.
        threshold: cosine from which two tags are redundant.
        member_floor: least cosine between two members of one cluster.
        fixed: mask of shape (n,) of the tags that stay what they are; they should come first.
        guard: asked once a panel, about pairs whose i led before the panel or stands in it; it must judge each pair by
            itself, or the result would depend on the panels.
        apart: pairs that may never end in one cluster, however they would come there; they go before the guard.
        pairs: all pairs at or above the threshold, sorted by j, then i, in any panels; scanned if not given, leaving
            out those whose i no longer leads, so that a crowded space stays affordable.
        extra: pairs below the threshold that are to be tried as well, sorted by j, then i.
        tile: width of a panel of the scan; it changes speed and memory only.
    """
    leads = np.ones(len(index), bool)
    fixed = np.zeros(len(index), bool) if fixed is None else fixed
    merger = _Merger(index, threshold, member_floor, fixed, leads, apart or {})
    panels = (
        index.iterate_pairs(threshold, tile=tile, leads=leads)
        if pairs is None
        else _cut_panels(pairs, len(index), tile)
    )
    for number, panel in enumerate(panels):
        merger.merge_panel(panel, _cut_extra(extra, number * tile, tile), guard)
    return merger.report()


def _cut_panels(pairs: Iterable[Pairs], tags: int, tile: int) -> Iterator[Pairs]:
    """The pairs in panels of ``tile`` consecutive j, also empty ones."""
    every = join_pairs(pairs)
    bounds = np.searchsorted(every.j, np.arange(0, tags + tile, tile))
    for begin, end in pairwise(bounds.tolist()):
        yield Pairs(every.i[begin:end], every.j[begin:end], every.cosine[begin:end])


def _cut_extra(extra: Pairs | None, first: int, tile: int) -> Pairs:
    if extra is None:
        return join_pairs([])
    begin, end = np.searchsorted(extra.j, [first, first + tile])
    return Pairs(extra.i[begin:end], extra.j[begin:end], extra.cosine[begin:end])


class _Merger:
    """The state of a merge between panels, and what a panel's crowded clusters were asked for once."""

    def __init__(
        self,
        index: ScanIndex,
        threshold: float,
        floor: float,
        fixed: NDArray[np.bool_],
        leads: NDArray[np.bool_],
        apart: Apart,
    ) -> None:
        self._apart = apart
        self._index, self._floor, self._fixed, self._leads = index, floor, fixed, leads
        self._merged_because = f"cosine at or above {threshold}"
        self._leader = np.arange(len(index))
        self._members: dict[int, list[int]] = {}
        self._decided: list[Pairs] = []
        self._decisions: list[str] = []
        self._reasons: list[str] = []
        self._panel = join_pairs([])
        self._crowds: dict[int, tuple[int, dict[int, float]]] = {}

    def merge_panel(self, panel: Pairs, extra: Pairs, guard: Guard | None) -> None:
        spoken = self._index.spoken[panel.i] & self._index.spoken[panel.j]
        every = join_pairs([_take(panel, spoken), extra])
        led = _take(every, self._leads[every.i])
        i, j, cosine = _take(led, np.lexsort((led.i, -led.cosine, led.j)))
        self._panel, self._crowds = Pairs(i, j, cosine), {}
        reasons = guard(i, j, cosine).tolist() if guard and len(i) else []
        taken: list[int] = []
        starts = np.flatnonzero(np.diff(j, prepend=-1))
        leaders = i.tolist()
        for tag, start, stop in zip(j[starts].tolist(), starts.tolist(), [*starts[1:].tolist(), len(j)], strict=False):
            taken.extend(self._place(tag, range(start, stop), leaders, reasons))
        self._decided.append(Pairs(i[taken], j[taken], cosine[taken]))

    def _place(self, tag: int, places: range, leaders: list[int], reasons: list[str]) -> Iterator[int]:
        """Decide on the candidate pairs of one tag, nearest first, until it is merged; yield those decided on."""
        for place in places:
            to = leaders[place]
            if not self._leads[to]:
                continue
            decision, reason = self._judge(tag, to, reasons[place] if reasons else "")
            self._decisions.append(decision)
            self._reasons.append(reason)
            yield place
            if decision == "merged":
                self._leader[tag] = to
                self._leads[tag] = False
                self._members.setdefault(to, []).append(tag)
                return

    def _judge(self, tag: int, to: int, refusal: str) -> tuple[str, str]:
        against = self._apart.get(tag, {})
        kept_out = [other for other in (to, *self._members.get(to, [])) if other in against] if against else []
        if kept_out:
            return "refused", against[kept_out[0]]
        if refusal:
            return "refused", refusal
        if self._fixed[tag]:
            both = "both are fixed, by labels, a file or people"
            return "reported", both if self._fixed[to] else "a fixed tag joins no other"
        if to in self._members:
            lowest = self._find_lowest(tag, to)
            if lowest < np.float32(self._floor):
                return "refused", f"a member of the cluster lies at {lowest:.3f}, below the floor {self._floor}"
        return "merged", self._merged_because

    def _find_lowest(self, tag: int, to: int) -> float:
        """Lowest cosine of the tag with the members of a cluster; a crowd is asked once for the whole panel."""
        members = self._members[to]
        if to not in self._crowds and len(members) >= CROWD:
            tags = self._panel.j[self._panel.i == to]
            lowest = self._index.find_lowest(tags, np.array(members))
            self._crowds[to] = len(members), dict(zip(tags.tolist(), lowest.tolist(), strict=True))
        known, lows = self._crowds.get(to, (0, {}))
        added = float(self._index.find_lowest(np.array([tag]), np.array(members[known:], np.int64))[0])
        return min(added, lows.get(tag, 2.0))

    def report(self) -> Merge:
        i, j, cosine = join_pairs(self._decided)
        return Merge(self._leader, j, i, cosine, self._decisions, self._reasons)


def _take(pairs: Pairs, which: NDArray[Any]) -> Pairs:
    return Pairs(pairs.i[which], pairs.j[which], pairs.cosine[which])
