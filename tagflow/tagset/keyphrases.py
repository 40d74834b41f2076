"""Keyphrases: the words and phrases of a content that could be tags, found without a language model (TagGPT §2.1.2)."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import regex

from tagflow.ports import Segment

FIELD_WEIGHTS: Mapping[str, float] = {"title": 3.0, "category": 3.0, "caption": 2.0, "ocr": 1.0, "asr": 1.0}  # ours
MAX_WORDS = 3  # ours: longer phrases hardly ever recur
MAX_UNSPACED = 8  # ours: letters of a phrase in a script without spaces
MAX_PHRASES = 32  # ours: phrases of a content that are worth a vector
HASHTAG_WEIGHT = 3.0  # ours: an uploader's hashtag says as much as a title word

WORD = regex.compile(r"\p{L}#(?!\w)|[\p{L}\p{M}\p{N}]+(?:['’\-+&.][\p{L}\p{M}\p{N}]+)*(?:\+\+)?")
POSSESSIVE = regex.compile("['’]s?$")
NOT_A_GAP = regex.compile(r"[ \t\u00a0]*")
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")


class Phrase(NamedTuple):
    """A candidate phrase of one content: lower-case form, spelling, number of words, weight, times it stands there."""

    key: str
    spelling: str
    words: int
    weight: float
    times: int


Words = tuple[str, ...]


class StopWords(NamedTuple):
    """Words that end a phrase, and words that are no phrase alone; both lower case."""

    always: frozenset[str]
    alone: frozenset[str]


@lru_cache
def load_stop_words(language: str) -> StopWords:
    """Return scikit-learn's function words (English) with tagflow's own lists; a language without lists has none."""
    always, alone = (_read_words(f"{language}{part}.txt") for part in ("", "_alone"))
    if language == "en":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        always |= ENGLISH_STOP_WORDS - alone
    return StopWords(always, alone)


def find_phrases(
    clues: Iterable[tuple[str, str]],
    hashtags: Iterable[str],
    stop_words: StopWords,
    segment: Segment | None = None,
) -> list[Phrase]:
    """Return the phrases of one content, heaviest first, at most ``MAX_PHRASES``; ties by length, then alphabet.

    A phrase is 1 to 3 neighbouring words without a stop word, a number alone, a possessive or punctuation between them
    (as in RAKE). Its weight is the sum of the weights of the fields it stands in, an occurrence each. A longer phrase
    that stands once in a light field is left out, and so is a word that stands several times, but always in the same
    longer phrase (the idea of the C-value). A hashtag counts once more than its field. Where words are not spaced, a
    single letter is a word of longer phrases only. Source of the rules: ours.

    Args:
        clues: (field, text) of the content.
        hashtags: hashtags already split into words.
        stop_words: words that end a phrase or are none alone.
        segment: splits runs of a script without spaces into words; without it a run is one word.
    """
    found: dict[Words, Phrase] = {}
    for field, text in clues:
        for run in _split_runs(text, stop_words.always, segment):
            _count_phrases(run, FIELD_WEIGHTS[field], stop_words.alone, found)
    weak = stop_words.alone | stop_words.always
    for hashtag in hashtags:
        words = tuple(unicodedata.normalize("NFC", hashtag).split())
        if len(words) <= MAX_WORDS and not all(word.lower() in weak for word in words):
            _add(words, HASHTAG_WEIGHT, found, times=0)
    nested = _find_nested(found)
    kept = {  # one spelling may be cut in two ways; the heavier one stands
        phrase.key: phrase
        for words, phrase in sorted(found.items(), key=lambda item: item[1].weight)
        if words not in nested and (phrase.words == 1 or phrase.weight > FIELD_WEIGHTS["asr"])
    }
    return sorted(kept.values(), key=lambda phrase: (-phrase.weight, -phrase.words, phrase.key))[:MAX_PHRASES]


def _read_words(name: str) -> frozenset[str]:
    file = files("tagflow.tagset").joinpath("words", name)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _split_runs(text: str, stop_words: frozenset[str], segment: Segment | None) -> Iterable[Words]:
    run: list[str] = []
    last = 0
    text = unicodedata.normalize("NFC", text)
    for match in WORD.finditer(text):
        if run and not NOT_A_GAP.fullmatch(text, last, match.start()):
            yield tuple(run)
            run = []
        last = match.end()
        for part in segment(match.group()) if segment and UNSPACED.search(match.group()) else [match.group()]:
            word = POSSESSIVE.sub("", part)
            stops = regex.split("['’]", word, maxsplit=1)[0].lower() in stop_words or word.lower() in stop_words
            long_enough = len(word) > 1 or UNSPACED.match(word)
            if not stops and long_enough and any(map(str.isalpha, word)):
                run.append(word)
            if run and (stops or word != part or run[-1] != word):
                yield tuple(run)
                run = []
    if run:
        yield tuple(run)


def _count_phrases(run: Words, weight: float, alone: frozenset[str], found: dict[Words, Phrase]) -> None:
    for length in range(1, MAX_WORDS + 1):
        for start in range(len(run) - length + 1):
            words = run[start : start + length]
            if not all(word.lower() in alone or len(word) == 1 for word in words) and _is_short(words):
                _add(words, weight, found)


def _is_short(words: Words) -> bool:
    unspaced = [word for word in words if UNSPACED.match(word)]
    return len(words) == 1 or not unspaced or sum(map(len, words)) <= MAX_UNSPACED


def _find_nested(found: Mapping[Words, Phrase]) -> set[Words]:
    """Words that stand more than once, each time inside one and the same longer phrase."""
    by_word: dict[str, list[Phrase]] = {}
    for words, phrase in found.items():
        for word in {word.lower() for word in words} if len(words) > 1 else ():
            by_word.setdefault(word, []).append(phrase)
    singles = ((words, phrase) for words, phrase in found.items() if len(words) == 1 and phrase.times > 1)
    return {words for words, phrase in singles if any(one.times == phrase.times for one in by_word.get(words[0], ()))}


def _join(words: Words) -> str:
    """The words as they are written: no space between two that touch in a script without spaces."""
    joined = words[0]
    for word in words[1:]:
        touch = UNSPACED.match(joined[-1]) or UNSPACED.match(word)
        joined += word if touch else f" {word}"
    return joined


def _add(words: Words, weight: float, found: dict[Words, Phrase], times: int = 1) -> None:
    spelling, place = _join(words), tuple(word.lower() for word in words)
    key = spelling.lower()
    if place in found:
        old = found[place]
        spelling = key if spelling != old.spelling else spelling  # two spellings in one content: the plain one
        found[place] = Phrase(key, spelling, old.words, old.weight + weight, old.times + times)
    else:
        found[place] = Phrase(key, spelling, len(words), weight, times)
