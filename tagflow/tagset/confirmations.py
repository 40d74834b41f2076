"""Confirmations of the tag fusion: evidence that two tags are one although their vectors are not near enough (ours).

Each kind of evidence says how much cosine is still asked for: the score of a pair is a logistic curve of its cosine
whose middle lies there, so a pair of the same words is sure from afar and a likeness of spelling asks for more. The
middles are set by hand on the half of the project's pair list that is not frozen; a fit of so few pairs would not be
better founded.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.ports import Vectors
from tagflow.tagset.pair_texts import PairTexts, fold_pairs
from tagflow.tagset.spellings import make_forms
from tagflow.tagset.variants import are_derived, are_initials, are_shortened, are_spelled_alike, are_turned
from tagflow.tagset.word_groups import GuardWords, load_guard_words

STEEP = 12.0  # ours: a tenth of cosine moves a score at the middle from 0.50 to 0.77

ASKED = {  # ours, set on the unfrozen pairs: cosine at which each kind of evidence is worth 0.5
    "same spelling": -1.0,  # however far apart an encoder puts them
    "same words": 0.6,  # lemmas meet that are two things: greens and green
    "same meaning": -1.0,  # the list is trusted; an encoder of characters sees nothing here
    "names of one thing": 0.1,  # of a dictionary; a word may have a meaning that it does not know
    "synonyms": 0.7,  # of a dictionary as well; of deeds and ideas every fourth pair is merely near
    "initials": 0.15,
    "two initials": 0.5,
    "one word of the same meaning": 0.5,
    "same words in another order": 0.6,
    "spelled alike": 0.3,
    "derived": 0.6,
    "shortened": 0.35,
    "near": 0.9,  # cosine alone; pairs of real English tags at 0.80 to 0.90 are related more often than the same
}
SHORTENED_CONTEXT = 0.6  # ours: cosine of the contents' centroids that a shortened form asks for besides


def confirm_pairs(
    pairs: pl.DataFrame,
    cosine: Vectors,
    language: str,
    words: GuardWords | None = None,
    contexts: Vectors | None = None,
    near: float = ASKED["near"],
) -> pl.DataFrame:
    """Return score in [0, 1] and reason of each pair; from 0.5 on the two tags are one, as far as their words say.

    Without other evidence the cosine itself is asked for more (``near``). Guards are asked apart: a confirmed pair may
    still be refused.

    Args:
        pairs: left and right, as keys.
        cosine: of the two vectors, shape (pairs,).
        language: of the tags.
        words: the lists; the language's own if not given.
        contexts: cosine of the contents' centroids (NaN = none); Chinese short forms are confirmed only with it.
        near: cosine that needs no other evidence, in the encoder's space.

    Raises:
        ConfigError: the language's extra is not installed.
    """
    lists = words or load_guard_words(language)
    folded = fold_pairs(pairs, language)
    forms = make_forms(folded.texts, language, lists)
    found = {name: find(folded, forms) for name, find in KINDS.items()}
    if language == "zh":
        found["same words in another order"] = are_turned(folded)
        if contexts is not None:
            found["shortened"] = are_shortened(folded) & (np.nan_to_num(contexts, nan=-1.0) >= SHORTENED_CONTEXT)
    else:
        long, two = are_initials(folded)
        found |= {"initials": long, "two initials": two, "spelled alike": are_spelled_alike(folded)}
        found["derived"] = are_derived(folded)
    found["near"] = np.ones(len(pairs), bool)
    asked = ASKED | {"near": near}
    scores = np.zeros((len(pairs), len(found)))
    for place, (name, holds) in enumerate(found.items()):
        scores[holds, place] = 1 / (1 + np.exp(-STEEP * (np.asarray(cosine, np.float64)[holds] - asked[name])))
    best = scores.argmax(axis=1) if len(pairs) else np.zeros(0, np.int64)
    score = scores[np.arange(len(pairs)), best]
    names = np.array(list(found))[best]
    return pl.DataFrame(
        {"score": score, "reason": names.tolist()},
        schema={"score": pl.Float64, "reason": pl.String},
    )


def propose_pairs(keys: pl.Series, language: str, words: GuardWords | None = None) -> pl.DataFrame:
    """Return the pairs of keys whose words are the same or mean the same, however far apart their vectors lie.

    Found by equal forms, not by comparing all pairs, so it stays cheap for any number of tags.

    Returns:
        i and j (places in ``keys``, i < j), sorted by j, then i; each tag is paired with the first of its form only.
    """
    lists = words or load_guard_words(language)
    pairs = fold_pairs(pl.DataFrame({"left": keys, "right": keys}), language)
    forms = make_forms(pairs.texts, language, lists)
    found = []
    for form in ("joined", "words", "equal", "beside", "thing", "synonym"):
        placed = pl.DataFrame({"form": forms[form].gather(pairs.left), "j": np.arange(len(keys))})
        first = placed.filter(pl.col("form") != "").with_columns(i=pl.col("j").min().over("form"))
        found.append(first.filter(pl.col("i") < pl.col("j")).select("i", "j"))
    return pl.concat(found).unique().sort("j", "i")


def _equal(form: str) -> Callable[[PairTexts, pl.DataFrame], NDArray[np.bool_]]:
    def compare(pairs: PairTexts, forms: pl.DataFrame) -> NDArray[np.bool_]:
        left, right = forms[form].gather(pairs.left), forms[form].gather(pairs.right)
        return ((left == right) & (left != "")).to_numpy()

    return compare


def _same_words(pairs: PairTexts, forms: pl.DataFrame) -> NDArray[np.bool_]:
    """Equal words; two words that only change places need a function word or a comma (tourism in Spain)."""
    same = _equal("words")(pairs, forms)
    order = forms["order"].str.split(" ")
    left, right = order.gather(pairs.left), order.gather(pairs.right)
    turned = (left != right) & (left.list.len() == 2) & (right.list.len() == 2)
    return np.asarray(same & ~turned.to_numpy(), dtype=np.bool_)


def _synonyms(form: str) -> Callable[[PairTexts, pl.DataFrame], NDArray[np.bool_]]:
    def compare(pairs: PairTexts, forms: pl.DataFrame) -> NDArray[np.bool_]:
        return np.asarray(_equal(form)(pairs, forms) & ~_equal("words")(pairs, forms), dtype=np.bool_)

    return compare


def _beside(pairs: PairTexts, forms: pl.DataFrame) -> NDArray[np.bool_]:
    """Equal once words that hold beside another are replaced; both tags must share such another word."""
    same = _equal("beside")(pairs, forms) & ~_equal("words")(pairs, forms)
    if pairs.language == "zh":
        shared = pl.Series([True] * len(pairs.left), dtype=pl.Boolean)
    else:
        lists = forms["words"].str.split(" ")
        shared = lists.gather(pairs.left).list.set_intersection(lists.gather(pairs.right)).list.len() > 0
    return np.asarray(same & shared.to_numpy(), dtype=np.bool_)


KINDS: dict[str, Callable[[PairTexts, pl.DataFrame], NDArray[np.bool_]]] = {
    "same spelling": _equal("joined"),
    "same words": _same_words,
    "same meaning": _synonyms("equal"),
    "names of one thing": _synonyms("thing"),
    "synonyms": _synonyms("synonym"),
    "one word of the same meaning": _beside,
}
