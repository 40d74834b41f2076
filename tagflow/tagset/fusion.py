"""Semantic fusion: near-synonyms become aliases of one leader, guarded, each decision logged (TagGPT §2.1.3)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tagflow.ports import FindProduct, Vectors
from tagflow.schemas import FUSED_TAGSET
from tagflow.settings import VocabularySettings
from tagflow.tables import Tables
from tagflow.tagset.confirmations import ASKED, confirm_pairs, propose_pairs
from tagflow.tagset.content_evidence import APART_FLOOR, find_centroids, live_apart, measure_contexts, stand_together
from tagflow.tagset.decisions import Forced
from tagflow.tagset.guards import refuse_pairs
from tagflow.tagset.leaders import Merge, merge_leaders
from tagflow.tagset.normalisation import make_tag_id, normalise
from tagflow.tagset.pair_scan import Pairs, ScanIndex
from tagflow.tagset.word_groups import GuardWords, load_guard_words

FIXED = ("file", "label")
"""Origins whose tags are never fused, unless a dataset says so of its labels: near-duplicates are reported."""

SURE = 0.5  # ours: score of a confirmation from which two tags are one
OWN_CONTENTS = 2  # ours: contents of a tag from which on their mean says something

NEAR = "near"
"""The confirmation by cosine alone."""

MARK = "\x1f"
"""Stands between what decided and why, in the one text a guard gives."""

UNSURE = f"unsure{MARK}"
"""What a pair below the threshold gets that nothing confirms: it is no decision, and not logged."""

ONLY_NEAR = f"confirmation{MARK}nothing but the cosine says that they are one"

BY_MODEL, NOT_BY_MODEL = "model", f"model{MARK}the tag model says that they are two"
"""The confirmation by the tag model, and its refusal."""

Ask = Callable[[pl.DataFrame], pl.Series]
"""Takes left and right, as tags are written, the nearest pair first; says of each whether they are one, or null."""


@dataclass(frozen=True)
class Evidence:
    """What the contents say about tags: who uses them (tags x contents), and the contents' vectors."""

    uses: csr_array
    vectors: Vectors


def needs_evidence(kept: pl.DataFrame, settings: VocabularySettings) -> bool:
    """Return whether the contents are asked: a guard by contents is on, and some tag may be fused at all."""
    return (
        bool({"contexts", "facets"} & set(settings.guards.switched_on()))
        and not kept.select(_is_fixed(settings).all()).item()
    )


def gather_evidence(kept: pl.DataFrame, uses: pl.DataFrame, contents: pl.Series, vectors: Vectors) -> Evidence:
    """Return the evidence of the contents outside the test split.

    Args:
        kept: key of each tag, in any order.
        uses: content_id and tag.
        contents: content ids, as their vectors are ordered.
        vectors: unit rows of shape (contents, d).
    """
    tags = kept.select("key").with_row_index("row")
    places = pl.DataFrame({"content_id": contents}).with_row_index("column")
    said = uses.select("content_id", key=normalise(pl.col("tag"))).unique()
    placed = said.join(tags, on="key").join(places, on="content_id")
    where = (placed["row"].to_numpy(), placed["column"].to_numpy())
    matrix = csr_array((np.ones(len(placed), np.float32), where), shape=(len(tags), len(places)))
    return Evidence(matrix, vectors)


def fuse_tags(
    kept: pl.DataFrame,
    uses: pl.DataFrame,
    vectors: Vectors,
    threshold: float,
    settings: VocabularySettings,
    language: str,
    forced: Forced,
    evidence: Evidence | None = None,
    sure: float = ASKED["near"],
    apart_floor: float = APART_FLOOR,
    ask: Ask | None = None,
    find_product: FindProduct | None = None,
) -> Tables:
    """Return the ``fused_tagset`` and its ``fusion_log``.

    Tags are taken by frequency, those that stay as they are before all others. A tag is put to the leaders that it
    reaches the threshold with, lies in the grey band under it with, or shares the words with, nearest first. It joins
    the first with which it is confirmed to be one (by their words, or by a cosine that needs nothing more), unless a
    guard or people refuse, or a member of that cluster lies below the floor. A refusal is logged from the threshold on,
    and below it if the pair is confirmed or people refuse. A tag that joins none leads a cluster of its own, so no
    member is joined by a chain.

    Args:
        kept: key, tag, contents, origin, description of the tags that passed the filter.
        uses: content_id and tag of every use, for the frequency of a whole cluster.
        vectors: unit vectors of ``kept``, row for row; all-zero rows merge only by their words.
        threshold: cosine from which two tags are redundant.
        settings: floor, grey band, guards, and whether labels are fused.
        language: of the tags.
        forced: what people decided: tags that join no other, and pairs that may not meet.
        evidence: what the contents say, its rows as ``kept``; without it nobody asks them.
        sure: cosine from which two tags are one whatever their words say.
        apart_floor: cosine of their contents below which two tags live apart.
        ask: asked once about all pairs that only their cosine speaks for; the merge is then made anew. Guards and
            people still refuse.
        find_product: finds fast products for the scan; they change its speed only.
    """
    is_fixed = _is_fixed(settings) | pl.col("key").is_in(forced.leading.implode())
    rank = pl.struct(~is_fixed, -pl.col("contents"), pl.col("key")).rank("ordinal") - 1
    order = np.argsort(kept.select(rank).to_series().to_numpy())
    kept, vectors = kept[order], vectors[order]
    if evidence is not None:
        evidence = Evidence(evidence.uses[order], evidence.vectors)
    judge = _Judge(kept["key"], (threshold, sure, apart_floor), settings, language, evidence)
    index = ScanIndex(vectors, find_product=find_product)
    fixed = kept.select(is_fixed).to_series().to_numpy()
    low = max(threshold - settings.grey_band, -1.0)
    extra = _list_extra(kept["key"], index, low, language, judge.words)
    apart = _index_apart(kept["key"], forced)

    def merge_all() -> Merge:
        return merge_leaders(
            index, low, settings.member_floor, fixed=fixed, guard=judge.refuse, apart=apart, extra=extra
        )

    merge = merge_all()
    if ask is not None and judge.hear(kept["tag"], merge, ask):
        merge = merge_all()
    clusters = _collect_clusters(kept.with_columns(leader=pl.Series(merge.leader)), uses)
    return {"fused_tagset": clusters, "fusion_log": _describe_merge(kept, merge, judge)}


class _Judge:
    """Guards and confirmations, as the merge asks them: a panel of pairs at a time."""

    def __init__(
        self,
        keys: pl.Series,
        cosines: tuple[float, float, float],
        settings: VocabularySettings,
        language: str,
        evidence: Evidence | None,
    ) -> None:
        self._keys, self._language = keys, language
        self._threshold, self._sure, self._apart_floor = np.float32(cosines[0]), cosines[1], cosines[2]
        self._asked, self._evidence = settings.guards.switched_on(), evidence
        self._centroids = None if evidence is None else find_centroids(evidence.uses, evidence.vectors)
        self.words: GuardWords = load_guard_words(language)
        self.confirmed: dict[tuple[int, int], str] = {}
        self._told: dict[tuple[int, int], bool] = {}

    def hear(self, tags: pl.Series, merge: Merge, ask: Ask) -> bool:
        """Ask about the pairs that only their cosine speaks for; whether anything was answered."""
        doubtful = pl.Series(np.isin(merge.reason, (UNSURE, ONLY_NEAR)))
        rows = pl.DataFrame({"i": merge.to, "j": merge.tag, "near": merge.similarity}).filter(doubtful)
        rows = rows.sort(-pl.col("near"), "i", "j")
        if not len(rows):
            return False
        said = ask(pl.DataFrame({"left": tags.gather(rows["i"]), "right": tags.gather(rows["j"])}))
        answered = rows.with_columns(said=said).drop_nulls("said")
        self._told = {(i, j): one for i, j, one in answered.select("i", "j", "said").iter_rows()}
        return bool(self._told)

    def refuse(self, i: NDArray[np.int64], j: NDArray[np.int64], cosine: Vectors) -> NDArray[np.str_]:
        """Return what speaks against each pair, '' where nothing does."""
        pairs = pl.DataFrame({"left": self._keys.gather(i), "right": self._keys.gather(j)})
        below = pl.Series(cosine < self._threshold)
        contexts = None if self._centroids is None else measure_contexts(self._centroids, i, j)
        refused = refuse_pairs(pairs, self._language, self._asked, self.words, self._ask_contents(i, j, contexts))
        by_guard = pl.when(refused["guard"] != "").then(refused["guard"] + MARK + refused["reason"])
        sure = pl.Series(self._confirm(pairs, i, j, cosine, self._trust_contexts(contexts, i, j)))
        unsure = pl.when(~sure & below).then(pl.lit(UNSURE))
        near = pl.when(~sure).then(pl.lit(ONLY_NEAR))
        two = pl.when(pl.Series(self._hear(i, j, yes=False)) & ~sure).then(pl.lit(NOT_BY_MODEL))
        said = pl.select(pl.coalesce(two, unsure, by_guard, near, pl.lit("")))
        return said.to_series().to_numpy().astype(np.str_)

    def _hear(self, i: NDArray[np.int64], j: NDArray[np.int64], *, yes: bool) -> NDArray[np.bool_]:
        """Of which pairs the tag model said yes, or no."""
        if not self._told:
            return np.zeros(len(i), np.bool_)
        return np.array([self._told.get(pair) is yes for pair in zip(i.tolist(), j.tolist(), strict=True)], np.bool_)

    def _ask_contents(
        self, i: NDArray[np.int64], j: NDArray[np.int64], contexts: Vectors | None
    ) -> dict[str, pl.Series] | None:
        if self._evidence is None or contexts is None:
            return None
        return {
            "contexts": live_apart(contexts, self._apart_floor),
            "facets": stand_together(self._evidence.uses, i, j),
        }

    def _trust_contexts(self, contexts: Vectors | None, i: NDArray[np.int64], j: NDArray[np.int64]) -> Vectors | None:
        """Contexts speak for a pair only where each tag has some of its own: shared contents are near themselves."""
        if self._evidence is None or contexts is None:
            return None
        uses = self._evidence.uses
        counts = np.asarray(uses.sum(axis=1)).ravel()
        both = np.asarray(uses[i].multiply(uses[j]).sum(axis=1)).ravel()
        own = (both == 0) & (np.minimum(counts[i], counts[j]) >= OWN_CONTENTS)
        return np.where(own, contexts, np.nan).astype(np.float32)

    def _confirm(
        self, pairs: pl.DataFrame, i: NDArray[np.int64], j: NDArray[np.int64], cosine: Vectors, contexts: Vectors | None
    ) -> NDArray[np.bool_]:
        found = confirm_pairs(pairs, cosine, self._language, self.words, contexts, self._sure)
        sure = (found["score"] >= SURE).to_numpy()
        places = zip(i[sure].tolist(), j[sure].tolist(), strict=True)
        self.confirmed.update(zip(places, found["reason"].filter(pl.Series(sure)), strict=True))
        told = self._hear(i, j, yes=True)
        for pair in zip(i[told & ~sure].tolist(), j[told & ~sure].tolist(), strict=True):
            self.confirmed[pair] = BY_MODEL
        sure |= told
        return np.asarray(sure, dtype=np.bool_)


def _index_apart(keys: pl.Series, forced: Forced) -> dict[int, dict[int, str]]:
    rows = dict(zip(keys.to_list(), range(len(keys)), strict=True))
    apart: dict[int, dict[int, str]] = {}
    for key, other, reason in forced.apart.iter_rows():
        if key in rows and other in rows:
            apart.setdefault(rows[key], {})[rows[other]] = f"people{MARK}{reason}"
            apart.setdefault(rows[other], {})[rows[key]] = f"people{MARK}{reason}"
    return apart


def _is_fixed(settings: VocabularySettings) -> pl.Expr:
    return pl.col("origin").is_in(FIXED[:1] if settings.fuse_labels else FIXED)


def _list_extra(keys: pl.Series, index: ScanIndex, low: float, language: str, words: GuardWords) -> Pairs:
    """Pairs of the same words, however far apart their vectors lie; those that the merge's scan finds are left out."""
    found = propose_pairs(keys, language, words)
    i, j = found["i"].to_numpy().astype(np.int64), found["j"].to_numpy().astype(np.int64)
    cosine = index.compare(i, j)
    rest = (cosine < np.float32(low)) | ~(index.spoken[i] & index.spoken[j])
    return Pairs(i[rest], j[rest], cosine[rest])


def _describe_merge(kept: pl.DataFrame, merge: Merge, judge: _Judge) -> pl.DataFrame:
    log = pl.DataFrame(
        {
            "tag": kept["tag"].gather(merge.tag),
            "leader": kept["tag"].gather(merge.to),
            "similarity": merge.similarity.astype(np.float64),
            "decision": merge.decision,
            "said": merge.reason,
            "confirmed": [
                judge.confirmed.get(pair) for pair in zip(merge.to.tolist(), merge.tag.tolist(), strict=True)
            ],
        },
        schema_overrides={"decision": pl.String, "said": pl.String, "confirmed": pl.String},
    )
    marked = pl.col("said").str.contains(MARK, literal=True)
    merged = pl.col("decision") == "merged"
    by = (
        pl.when(marked)
        .then(pl.col("said").str.split(MARK).list.first())
        .when(pl.col("decision") == "reported")
        .then(pl.lit("fixed"))
        .when(merged & (pl.col("confirmed") == BY_MODEL))
        .then(pl.lit(BY_MODEL))
        .when(merged & (pl.col("confirmed") != NEAR))
        .then(pl.lit("confirmation"))
        .when(merged)
        .then(pl.lit("cosine"))
        .otherwise(pl.lit("floor"))
    )
    reason = (
        pl.when(marked)
        .then(pl.col("said").str.split(MARK).list.last())
        .when(merged & (pl.col("confirmed") == BY_MODEL))
        .then(pl.format("the tag model says that they are one, at a cosine of {}", pl.col("similarity").round(2)))
        .when(merged & (pl.col("confirmed") != NEAR))
        .then(pl.format("{}, at a cosine of {}", "confirmed", pl.col("similarity").round(2)))
        .when(merged)
        .then(pl.lit("so near that the cosine is enough"))
        .otherwise("said")
    )
    told = log.filter(pl.col("said") != UNSURE).with_columns(by=by, reason=reason)
    return FUSED_TAGSET.tables["fusion_log"].shape(told)


def _collect_clusters(kept: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    leaders = kept.with_row_index("row").filter(pl.col("row") == pl.col("leader"))
    used = uses.select("content_id", key=normalise(pl.col("tag"))).join(kept.select("key", "leader"), on="key")
    frequency = used.group_by("leader").agg(frequency=pl.col("content_id").drop_nulls().n_unique().cast(pl.Int64))
    aliases = (
        kept.with_row_index("row")
        .filter(pl.col("row") != pl.col("leader"))
        .group_by("leader", maintain_order=True)
        .agg(aliases=pl.col("tag"))
    )
    fused = leaders.join(frequency, on="leader", how="left").join(aliases, on="leader", how="left")
    ids = [make_tag_id(key) for key in fused["key"]]
    return fused.select(
        tag_id=pl.Series(ids, dtype=pl.String),
        tag="tag",
        frequency=pl.col("frequency").fill_null(0),
        aliases=pl.col("aliases").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        description="description",
        origin="origin",
    ).sort(-pl.col("frequency"), "tag_id")
