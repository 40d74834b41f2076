"""Semantic fusion on vectors whose cosines are known: who leads, who joins, who is refused, and what the log says."""

import math
from collections.abc import Sequence
from itertools import combinations, product
from math import cos, radians, sin

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from tagflow.decisions import VocabularyDecisions
from tagflow.schemas import FUSED_TAGSET
from tagflow.settings import GuardSettings, VocabularySettings
from tagflow.tables import Tables, check_tables
from tagflow.tagset.decisions import decide_pairs
from tagflow.tagset.fusion import Ask, Evidence, fuse_tags, gather_evidence, needs_evidence
from tagflow.tagset.normalisation import make_tag_id
from tagflow.tagset.vocabulary import USE

KEPT = {"key": pl.String, "tag": pl.String, "contents": pl.Int64, "origin": pl.String, "description": pl.String}
LISTED = pl.DataFrame(schema={"tag": pl.String, "aliases": pl.List(pl.String)})

Tag = tuple[str, int] | tuple[str, int, str]


def at(*degrees: float) -> np.ndarray:
    """Return unit vectors in the plane at these angles: the cosine of two is that of the angle between them."""
    return np.array([(cos(radians(degree)), sin(radians(degree))) for degree in degrees], np.float32)


def halves(*marked: str) -> np.ndarray:
    """Return unit vectors of four halves at the named axes: cosines are exact quarters."""
    axes = sorted({axis for mark in marked for axis in mark})
    return np.array([[0.5 * (axis in mark) for axis in axes] for mark in marked], np.float32)


def keep(tags: Sequence[Tag]) -> pl.DataFrame:
    """Return the kept tags (name, contents, origin or proposed)."""
    rows = [(tag.lower(), tag, contents, *(origin or ("proposed",)), None) for tag, contents, *origin in tags]
    return pl.DataFrame(rows, schema=KEPT, orient="row")


def use(*uses: tuple[str | None, str]) -> pl.DataFrame:
    """Return uses (content, tag)."""
    return pl.DataFrame([(content, tag, "proposed", None) for content, tag in uses], schema=USE, orient="row")


def fuse(
    tags: Sequence[Tag],
    vectors: np.ndarray,
    uses: Sequence[tuple[str | None, str]] = (),
    *,
    threshold: float = 0.8,
    sure: float = 0.9,
    language: str = "en",
    people: dict[str, object] | None = None,
    evidence: Evidence | None = None,
    ask: Ask | None = None,
    **vocabulary: object,
) -> Tables:
    """Return the fused tag set of tags (name, contents, origin or proposed), and what people decided, over settings."""
    settings, forced = VocabularySettings(**vocabulary), decide_pairs(VocabularyDecisions(**(people or {})), LISTED)
    given = (keep(tags), use(*uses), vectors, threshold, settings, language, forced, evidence, sure)
    fused = fuse_tags(*given, ask=ask)
    changes = FUSED_TAGSET.tables["vocabulary_changes"].empty()
    return check_tables(FUSED_TAGSET, {**fused, "vocabulary_changes": changes})


def clusters(fused: Tables) -> dict[str, list[str]]:
    """Return the aliases of each tag."""
    return {tag: aliases for tag, aliases in fused["fused_tagset"].select("tag", "aliases").iter_rows()}


def log(fused: Tables) -> list[tuple[str, str, str, str]]:
    """Return tag, leader, decision and what decided, of each line of the log."""
    return fused["fusion_log"].select("tag", "leader", "decision", "by").rows()


def reasons(fused: Tables) -> list[str]:
    """Return the reason of each line of the log."""
    return fused["fusion_log"]["reason"].to_list()


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
    assert clusters(fuse([("loaf", 3), ("bread", 3)], at(0, 5))) == {"bread": ["loaf"]}


@pytest.mark.parametrize(("angle", "merged"), [(25, True), (26, False)])
def test_a_cosine_that_nothing_speaks_for_is_enough_from_nine_tenths_on(angle, merged):
    fused = fuse([("bread", 9), ("loaf", 3)], at(0, angle))  # 0.906 and 0.899
    assert clusters(fused) == ({"bread": ["loaf"]} if merged else {"bread": [], "loaf": []})
    assert log(fused) == [("loaf", "bread", *(("merged", "cosine") if merged else ("refused", "confirmation")))]
    said = "so near that the cosine is enough" if merged else "nothing but the cosine says that they are one"
    assert reasons(fused) == [said]
    assert fused["fusion_log"]["similarity"].to_list() == pytest.approx([cos(radians(angle))], abs=1e-6)


def test_the_cosine_that_is_enough_is_the_encoders():
    tags, vectors = [("bread", 9), ("loaf", 3)], at(0, 26)
    assert clusters(fuse(tags, vectors, sure=0.85)) == {"bread": ["loaf"]}
    assert clusters(fuse(tags, vectors, sure=0.95)) == {"bread": [], "loaf": []}


def test_at_the_threshold_a_refusal_for_want_of_confirmation_is_logged_and_just_below_not():
    tags, vectors = [("bread", 9), ("loaf", 3)], halves("abcd", "abce")
    assert log(fuse(tags, vectors, threshold=0.75)) == [("loaf", "bread", "refused", "confirmation")]
    fused = fuse(tags, vectors, threshold=0.76)
    assert clusters(fused) == {"bread": [], "loaf": []}
    assert log(fused) == []


@pytest.mark.parametrize("threshold", [0.75, 0.8])
def test_words_confirm_a_pair_on_either_side_of_the_threshold(threshold):
    fused = fuse([("soup", 9), ("soups", 3)], halves("abcd", "abce"), threshold=threshold)
    assert clusters(fused) == {"soup": ["soups"]}
    assert fused["fusion_log"].row(0) == (
        "soups",
        "soup",
        0.75,
        "merged",
        "confirmation",
        "same words, at a cosine of 0.75",
    )


@pytest.mark.parametrize(("band", "expected"), [(0.125, {"broccoli": ["brocoli"]}), (0.124, None), (0, None)])
def test_the_grey_band_ends_at_its_width_below_the_threshold(band, expected):
    tags, vectors = [("broccoli", 9), ("brocoli", 3)], halves("abcd", "abce")
    fused = fuse(tags, vectors, threshold=0.875, grey_band=band)
    assert clusters(fused) == (expected or {"broccoli": [], "brocoli": []})
    assert reasons(fused) == (["spelled alike, at a cosine of 0.75"] if expected else [])


def test_one_spelling_is_one_tag_however_far_apart_the_vectors_lie():
    fused = fuse([("e-mail", 9), ("soup", 5), ("email", 3)], halves("abcd", "efgh", "ijkl"))
    assert clusters(fused) == {"e-mail": ["email"], "soup": []}
    assert fused["fusion_log"].row(0)[2:] == (0.0, "merged", "confirmation", "same spelling, at a cosine of 0.0")


def test_one_lemma_still_asks_for_some_cosine():
    tags = [("soup", 9), ("soups", 3)]
    assert clusters(fuse(tags, at(0, 53))) == {"soup": ["soups"]}  # 0.602
    fused = fuse(tags, at(0, 54))  # 0.588
    assert clusters(fused) == {"soup": [], "soups": []}
    assert log(fused) == []


@pytest.mark.parametrize(
    ("leader", "tag", "guard", "reason"),
    [
        ("iphone 12", "iphone 13", "numbers", "numbers differ: 12 / 13"),
        ("summer", "winter", "opposites", "opposites: summer / winter"),
        ("soup", "vegan soup", "scope", "one is narrower: vegan"),
    ],
)
def test_a_guard_refuses_with_its_name_and_reason_unless_it_is_switched_off(leader, tag, guard, reason):
    tags, vectors = [(leader, 9), (tag, 3)], at(0, 5)
    fused = fuse(tags, vectors)
    assert log(fused) == [(tag, leader, "refused", guard)]
    assert reasons(fused) == [reason]
    off = fuse(tags, vectors, guards=GuardSettings(**{guard: False}))
    assert clusters(off) == {leader: [tag]}


def test_below_the_threshold_a_guard_is_logged_only_against_a_confirmed_pair():
    vectors = halves("abcd", "abce")
    assert log(fuse([("iphone 12", 9), ("iphone 13", 3)], vectors)) == []
    turned = fuse([("2 for 1", 9), ("1 for 2", 3)], vectors)  # the same words, and the numbers change places
    assert log(turned) == [("1 for 2", "2 for 1", "refused", "numbers")]


def test_the_nearest_leader_wins_over_a_more_frequent_one():
    fused = fuse([("soup", 9), ("bread", 5), ("loaf", 3)], at(0, 45, 25))
    assert clusters(fused) == {"soup": [], "bread": ["loaf"]}


def test_no_tag_is_joined_by_a_chain():
    # neighbours lie 20 degrees apart (0.940), the outer two 40 (0.766): broth is a member, so stew has none to join
    fused = fuse([("soup", 9), ("broth", 5), ("stew", 3)], at(0, 20, 40))
    assert clusters(fused) == {"soup": ["broth"], "stew": []}
    assert log(fused) == [("broth", "soup", "merged", "cosine")]


def test_a_member_below_the_floor_refuses_the_newcomer_and_the_reason_is_logged():
    # both lie at 25 degrees from broth, on either side of it, and 50 (0.643) from one another
    fused = fuse([("broth", 9), ("soup", 5), ("stew", 3)], at(25, 0, 50))
    assert clusters(fused) == {"broth": ["soup"], "stew": []}
    assert log(fused) == [("soup", "broth", "merged", "cosine"), ("stew", "broth", "refused", "floor")]
    assert fused["fusion_log"]["similarity"][1] == pytest.approx(cos(radians(25)), abs=1e-6)
    assert reasons(fused)[1] == "a member of the cluster lies at 0.643, below the floor 0.7"


def test_the_floor_itself_lets_a_member_in():
    tags = [("broccoli", 9), ("broccolli", 5), ("brocoli", 3)]
    vectors = halves("abcd", "abce", "abdf")  # 0.75 to the first, 0.5 between the others
    assert clusters(fuse(tags, vectors, member_floor=0.5)) == {"broccoli": ["broccolli", "brocoli"]}
    fused = fuse(tags, vectors, member_floor=0.51)
    assert clusters(fused) == {"broccoli": ["broccolli"], "brocoli": []}
    assert log(fused)[1] == ("brocoli", "broccoli", "refused", "floor")


def test_a_refused_tag_tries_the_next_leader():
    # rolls lie 22 degrees from soup, whose member lies at 47 (0.682) from them, and 23 from bread
    tags = [("soup", 9), ("bread", 7), ("broth", 5), ("rolls", 3)]
    fused = fuse(tags, at(0, 45, -25, 22))
    assert clusters(fused) == {"soup": ["broth"], "bread": ["rolls"]}
    assert log(fused) == [
        ("broth", "soup", "merged", "cosine"),
        ("rolls", "soup", "refused", "floor"),
        ("rolls", "bread", "merged", "cosine"),
    ]


@pytest.mark.parametrize("origin", ["label", "file"])
def test_near_duplicates_among_fixed_tags_are_reported_not_fused(origin):
    fused = fuse([("soups", 3, origin), ("soup", 9, "label"), ("loaf", 2, origin)], at(1, 0, 90))
    assert clusters(fused) == {"soup": [], "soups": [], "loaf": []}
    assert log(fused) == [("soups", "soup", "reported", "fixed")]
    assert reasons(fused) == ["both are fixed, by labels, a file or people"]


def test_of_fixed_tags_only_what_would_have_been_fused_is_reported():
    tags = [("soup", 9, "label"), ("vegan soup", 5, "label"), ("bread", 4, "file"), ("rolls", 3, "label")]
    assert log(fuse(tags, at(0, 1, 90, 120))) == [  # the last two lie 30 degrees apart: 0.866
        ("vegan soup", "soup", "refused", "scope"),
        ("rolls", "bread", "refused", "confirmation"),
    ]


@pytest.mark.parametrize(
    ("angle", "expected"), [(8, {"soup": ["broth"], "stock": []}), (12, {"soup": [], "stock": ["broth"]})]
)
def test_a_fixed_tag_leads_even_a_more_frequent_proposal(angle, expected):
    fused = fuse([("broth", 99), ("soup", 9, "label"), ("stock", 0, "file")], at(angle, 0, 20))
    assert clusters(fused) == expected
    assert ("stock", "soup", "reported", "fixed") in log(fused)


def test_labels_are_fused_by_frequency_where_the_dataset_says_so_and_files_never():
    tags, vectors = [("soups", 3, "label"), ("soup", 9, "label"), ("broth", 10)], at(-1, 0, 5)
    assert clusters(fuse(tags, vectors)) == {"soup": ["broth"], "soups": []}
    assert clusters(fuse(tags, vectors, fuse_labels=True)) == {"broth": ["soup", "soups"]}
    listed = [("soups", 3, "file"), ("soup", 9, "file")]
    assert clusters(fuse(listed, at(1, 0), fuse_labels=True)) == {"soup": [], "soups": []}


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
    nothing = decide_pairs(VocabularyDecisions(), LISTED)
    fused = fuse_tags(kept, use(), at(0, 1), 0.8, VocabularySettings(), "en", nothing)["fused_tagset"]
    assert fused.row(0) == (make_tag_id("soup"), "Soup", 0, ["soups"], "a hot dish", "label")


@pytest.mark.parametrize("threshold", [0.8, 0.0])
def test_zero_vectors_merge_by_one_spelling_only(threshold):
    vectors = np.array([[1, 0], [1, 0], [0, 0], [0, 0], [0, 0], [0, 0]], np.float32)
    tags = [("soup", 9), ("broth", 8), ("blank", 7), ("blanks", 6), ("wi-fi", 5), ("wifi", 4)]
    fused = fuse(tags, vectors, threshold=threshold, member_floor=0.0)
    assert clusters(fused) == {"soup": ["broth"], "blank": [], "blanks": [], "wi-fi": ["wifi"]}
    assert log(fused)[-1] == ("wifi", "wi-fi", "merged", "confirmation")


def test_what_people_keep_apart_shares_no_cluster_not_even_by_a_third():
    fused = fuse([("soup", 9), ("broth", 5), ("stock", 3)], at(0, 5, 10), people={"split": [["Stock", "broth"]]})
    assert clusters(fused) == {"soup": ["broth"], "stock": []}
    assert log(fused) == [("broth", "soup", "merged", "cosine"), ("stock", "soup", "refused", "people")]
    assert reasons(fused)[1] == "people decided in vocabulary.yaml (split)"


def test_people_go_before_the_guards_and_before_one_spelling():
    fused = fuse([("e-mail", 9), ("email", 3)], at(0, 90), people={"split": [["e-mail", "email"]]})
    assert clusters(fused) == {"e-mail": [], "email": []}
    assert log(fused) == [("email", "e-mail", "refused", "people")]
    guarded = fuse([("soup", 9), ("vegan soup", 3)], at(0, 5), people={"split": [["soup", "vegan soup"]]})
    assert log(guarded) == [("vegan soup", "soup", "refused", "people")]


def test_what_people_split_from_a_tag_that_is_not_there_does_nothing():
    fused = fuse([("soup", 9), ("broth", 3)], at(0, 5), people={"split": [["soup", "stock"]]})
    assert clusters(fused) == {"soup": ["broth"]}


def test_a_tag_that_people_named_leads_and_two_of_them_are_reported():
    tags, vectors = [("soup", 9), ("broth", 5), ("stock", 3)], at(0, 5, 10)
    assert clusters(fuse(tags, vectors, people={"describe": {"Stock": "Of bones."}})) == {"stock": ["soup", "broth"]}
    both = fuse(tags, vectors, people={"describe": {"stock": "Of bones.", "broth": "Of meat."}})
    assert clusters(both) == {"broth": ["soup"], "stock": []}
    assert log(both) == [("stock", "broth", "reported", "fixed"), ("soup", "broth", "merged", "cosine")]


TAGS = [("rolls", 3), ("bread", 4)]  # not in their order of rank, and the evidence neither
NEAR = at(5, 0)


def use_on(contents: int, rolls: Sequence[int], bread: Sequence[int]) -> csr_array:
    matrix = np.zeros((2, contents), np.float32)
    matrix[0, list(rolls)], matrix[1, list(bread)] = 1, 1
    return csr_array(matrix)


def test_contents_that_live_apart_keep_tags_apart():
    contents = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    evidence = Evidence(use_on(4, rolls=[0, 1], bread=[2, 3]), contents)
    fused = fuse(TAGS, NEAR, evidence=evidence)
    assert log(fused) == [("rolls", "bread", "refused", "contexts")]
    assert reasons(fused) == ["contents live apart: 0.0 below 0.2"]
    assert clusters(fuse(TAGS, NEAR, evidence=evidence, guards={"contexts": False})) == {"bread": ["rolls"]}
    assert clusters(fuse(TAGS, NEAR)) == {"bread": ["rolls"]}


def test_tags_that_stand_together_on_contents_are_facets():
    evidence = Evidence(use_on(12, rolls=[0, 1, 2], bread=[0, 1, 2, 3]), np.ones((12, 1), np.float32))
    fused = fuse(TAGS, NEAR, evidence=evidence)  # by chance 3 * 4 / 12 = 1 content had both
    assert log(fused) == [("rolls", "bread", "refused", "facets")]
    assert reasons(fused) == ["stand together on 3 of the rarer tag's 3 contents"]
    assert clusters(fuse(TAGS, NEAR, evidence=evidence, guards={"facets": False})) == {"bread": ["rolls"]}


def test_two_spellings_may_live_apart_and_stand_together():
    evidence = Evidence(use_on(12, [0, 1, 2], [0, 1, 2, 3]), np.ones((12, 1), np.float32))
    assert clusters(fuse([("rolls", 3), ("roll", 4)], NEAR, evidence=evidence)) == {"roll": ["rolls"]}


@pytest.mark.parametrize(
    ("short", "full", "merged"),
    [
        ([0, 1], [2, 3], True),
        ([0, 1], [2], False),  # the mean of one content says too little
        ([0, 1], [1, 2, 3], False),  # a shared content is near itself
        ([0, 4], [2, 3], True),  # centroids at 45 and 0 degrees: 0.707
        ([4, 5], [2, 3], False),
    ],
)
def test_a_chinese_short_form_is_confirmed_by_contents_of_its_own(short, full, merged):
    contents = at(0, 0, 0, 0, 90, 90)
    uses = np.zeros((2, 6), np.float32)
    uses[0, short], uses[1, full] = 1, 1
    evidence, quiet = Evidence(csr_array(uses), contents), {"contexts": False, "facets": False}
    tags, vectors = [("体检", 9), ("体格检查", 3)], halves("abcd", "abce")
    fused = fuse(tags, vectors, language="zh", evidence=evidence, guards=quiet)
    assert clusters(fused) == ({"体检": ["体格检查"]} if merged else {"体检": [], "体格检查": []})
    assert clusters(fuse(tags, vectors, language="zh", guards=quiet)) == {"体检": [], "体格检查": []}


def test_the_evidence_counts_a_tag_once_a_content_and_only_what_is_kept():
    uses = use(("1", "Soup"), ("1", "soup!"), ("2", "bread"), ("2", "car"), ("9", "soup"), (None, "bread"))
    evidence = gather_evidence(keep([("bread", 1), ("soup", 2)]), uses, pl.Series(["1", "2"]), at(0, 90))
    assert evidence.uses.toarray().tolist() == [[0, 1], [1, 0]]
    assert evidence.vectors.tolist() == at(0, 90).tolist()


def test_contents_are_asked_only_where_a_guard_wants_them_and_some_tag_may_be_fused():
    labels, mixed = keep([("soup", 1, "label")]), keep([("soup", 1, "file"), ("bread", 1)])
    assert needs_evidence(mixed, VocabularySettings())
    assert not needs_evidence(labels, VocabularySettings())
    assert needs_evidence(labels, VocabularySettings(fuse_labels=True))
    assert needs_evidence(mixed, VocabularySettings(guards={"contexts": False}))
    assert not needs_evidence(mixed, VocabularySettings(guards={"contexts": False, "facets": False}))


def test_the_log_goes_by_rank_and_each_tag_by_nearness():
    tags = [("soup", 9), ("bread", 8), ("pasta", 3), ("noodles", 5)]  # 30 degrees: 0.866, refused from 0.8 on
    fused = fuse(tags, at(0, 60, 29, 31), threshold=0.85)
    assert log(fused) == [
        ("noodles", "bread", "refused", "confirmation"),
        ("noodles", "soup", "refused", "confirmation"),
        ("pasta", "noodles", "merged", "cosine"),
    ]


NAMES = ["".join(letters) for letters in product("bdgkpz", "ou", "kvz", "ou")][:40]  # no words, nor alike in spelling


@pytest.mark.parametrize("seed", range(8))
def test_every_tag_ends_in_one_place_and_every_cluster_holds_the_promises(seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(40, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    origins = random.choice(["proposed", "proposed", "label"], 40).tolist()
    counts = random.integers(1, 9, 40).tolist()
    tags, off = list(zip(NAMES, counts, origins, strict=True)), {"names": False}  # words that no dictionary has
    fused = fuse(tags, vectors, threshold=0.85, member_floor=0.87, guards=off)
    cosine = {(a, b): float(vectors[NAMES.index(a)] @ vectors[NAMES.index(b)]) for a in NAMES for b in NAMES}
    rank = {
        name: (origin == "proposed", -count, name) for name, count, origin in zip(NAMES, counts, origins, strict=True)
    }
    apart = {(tag, leader): by for tag, leader, decision, by in log(fused) if decision != "merged"}
    found = clusters(fused)
    assert sorted([*found, *(alias for aliases in found.values() for alias in aliases)]) == sorted(NAMES)
    for leader, aliases in found.items():
        assert all(rank[leader] < rank[alias] and rank[alias][0] for alias in aliases)
        assert all(cosine[leader, alias] >= 0.9 - 1e-6 for alias in aliases)
        assert all(cosine[one, other] >= 0.87 - 1e-6 for one, other in combinations(aliases, 2))
    for a, b in combinations(sorted(found, key=rank.__getitem__), 2):
        if cosine[a, b] > 0.9 + 1e-6:
            assert apart[b, a] == ("floor" if rank[b][0] else "fixed"), "near-duplicates stay apart for a logged reason"
        elif 0.85 + 1e-6 < cosine[a, b] < 0.9 - 1e-6:
            assert apart[b, a] == "confirmation"


def at_cosines(*cosines: float) -> np.ndarray:
    """Return a unit vector along the first axis, and one at each cosine to it, apart from each other."""
    rows = np.zeros((len(cosines) + 1, len(cosines) + 1), np.float32)
    rows[0, 0] = 1
    for place, cosine in enumerate(cosines, start=1):
        rows[place, [0, place]] = cosine, math.sqrt(1 - cosine**2)
    return rows


def test_the_tag_model_decides_what_only_the_cosine_says() -> None:
    """Nearest pair first; a yes merges from the grey band on, a no is logged, and no answer changes nothing."""
    asked: list[tuple[str, str]] = []

    def answer(pairs: pl.DataFrame) -> pl.Series:
        asked.extend(pairs.rows())
        told = {"stew": True, "broth": False}
        return pl.Series([told.get(right) for right in pairs["right"]], dtype=pl.Boolean)

    tags = [("soup", 9), ("broth", 5), ("stew", 4), ("chowder", 3)]
    fused = fuse(tags, at_cosines(0.85, 0.7, 0.68), ask=answer)
    assert asked == [("soup", "broth"), ("soup", "stew"), ("soup", "chowder")]
    assert clusters(fused) == {"soup": ["stew"], "broth": [], "chowder": []}
    assert log(fused) == [("broth", "soup", "refused", "model"), ("stew", "soup", "merged", "model")]


def test_a_guard_refuses_what_the_tag_model_would_merge() -> None:
    fused = fuse(
        [("summer dinner", 9), ("winter dinner", 5)],
        at_cosines(0.85),
        ask=lambda pairs: pl.Series([True] * len(pairs), dtype=pl.Boolean),
    )
    assert log(fused) == [("winter dinner", "summer dinner", "refused", "opposites")]
