"""Keyphrases: the words and phrases of a content that could be tags, found without a language model (TagGPT §2.1.2)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

FIELD_WEIGHTS: Mapping[str, float] = {"title": 3.0, "category": 3.0, "caption": 2.0, "ocr": 1.0, "asr": 1.0}  # ours
MAX_WORDS = 3  # ours: longer phrases hardly ever recur
MAX_PHRASES = 32  # ours: phrases of a content that are worth a vector
HASHTAG_WEIGHT = 3.0  # ours: an uploader's hashtag says as much as a title word

WORD = re.compile(r"[^\W_]+(?:['’\-+&.][^\W_]+)*(?:\+\+|#(?!\w))?")
NOT_A_GAP = re.compile(r"[ \t\u00a0]+")


class Phrase(NamedTuple):
    """A candidate phrase of one content: its lower-case form, its spelling, number of words and weight."""

    key: str
    spelling: str
    words: int
    weight: float


@lru_cache
def load_stop_words(language: str) -> frozenset[str]:
    """Return the words that no keyphrase contains: scikit-learn's function words (English) and tagflow's own list.

    A language without a list has no stop words.
    """
    own = files("tagflow.tagset").joinpath("words", f"{language}.txt")
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    if language == "en":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        words |= ENGLISH_STOP_WORDS
    return frozenset(words)


def find_phrases(clues: Iterable[tuple[str, str]], hashtags: Iterable[str], stop_words: frozenset[str]) -> list[Phrase]:
    """Return the phrases of one content, heaviest first, at most ``MAX_PHRASES``; ties by length, then alphabet.

    A phrase is 1 to 3 neighbouring words without a stop word, a number alone or punctuation between them (as in RAKE).
    Its weight is the sum of the weights of the fields it stands in, an occurrence each. Source: ours.

    Args:
        clues: (field, text) of the content.
        hashtags: hashtags already split into words.
        stop_words: words that end a phrase.
    """
    found: dict[str, Phrase] = {}
    for field, text in clues:
        for run in _split_runs(text, stop_words):
            _count_phrases(run, FIELD_WEIGHTS[field], found)
    for hashtag in hashtags:
        words = hashtag.split()
        if 0 < len(words) <= MAX_WORDS:
            _add(words, HASHTAG_WEIGHT, found)
    once_deep = {phrase for phrase in found.values() if phrase.words > 1 and phrase.weight <= FIELD_WEIGHTS["asr"]}
    kept = [phrase for phrase in found.values() if phrase not in once_deep]
    return sorted(kept, key=lambda phrase: (-phrase.weight, -phrase.words, phrase.key))[:MAX_PHRASES]


def _split_runs(text: str, stop_words: frozenset[str]) -> Iterable[list[str]]:
    run: list[str] = []
    end = 0
    for match in WORD.finditer(text):
        if run and not NOT_A_GAP.fullmatch(text, end, match.start()):
            yield run
            run = []
        end = match.end()
        word = match.group()
        bare = re.split("['’]", word, maxsplit=1)[0].lower()
        if bare in stop_words or word.lower() in stop_words or len(bare) < 2 or not any(map(str.isalpha, word)):
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run


def _count_phrases(run: list[str], weight: float, found: dict[str, Phrase]) -> None:
    for length in range(1, MAX_WORDS + 1):
        for start in range(len(run) - length + 1):
            _add(run[start : start + length], weight, found)


def _add(words: list[str], weight: float, found: dict[str, Phrase]) -> None:
    spelling = " ".join(words)
    key = spelling.lower()
    if key in found:
        old = found[key]
        spelling = key if spelling != old.spelling else spelling  # two spellings in one content: the plain one
        found[key] = Phrase(key, spelling, old.words, old.weight + weight)
    else:
        found[key] = Phrase(key, spelling, len(words), weight)
