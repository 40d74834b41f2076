"""How much of a content fits into a prompt: an estimate of tokens, and samples of what is too long (TagGPT §4).

Instructions and candidates are reserved first; the content gets the rest.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WEIGHTS: Mapping[
    str, float
] = {  # ours: what a person wrote as a heading says more than what a machine read off a frame
    "title": 4.0,
    "caption": 2.0,
    "category": 4.0,
    "ocr": 1.0,
    "asr": 1.0,
}
OTHER_WEIGHT = 1.0  # ours: a field without a weight

SHARES = (0.5, 0.25, 0.25)  # ours: head, middle and tail of a field that is sampled
SAMPLED_FROM = 120  # ours: characters; a field cut shorter keeps its head only
JOINT = " … "
WORD = 20  # ours: characters at the border of a part that may go so that no word is cut

MESSAGE_TOKENS = 8  # ours: what a chat template puts around a message, at most
_WORDS = re.compile(r"[A-Za-z ]+")
_DIGITS_AND_MARKS = re.compile(r"[\x00-\x1f!-@\[-`{-\x7f]")
_TWO_BYTES = re.compile(r"[\x80-\u07ff]")
_THREE_BYTES = re.compile(r"[\u0800-\uffff]")
_FOUR_BYTES = re.compile(r"[\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Cut:
    """A field that was sampled: characters kept and in total."""

    field: str
    kept: int
    total: int


@dataclass(frozen=True)
class Packed:
    """The clues that are shown, in order, and what was cut of them."""

    clues: tuple[tuple[str, str], ...]
    cuts: tuple[Cut, ...]


def estimate_tokens(text: str) -> int:
    """Return how many tokens a text takes, rather too many than too few.

    Latin letters and spaces count 1/3 of a token, digits and ASCII marks 1; letters of two bytes (Cyrillic, Arabic,
    accents) 3/4, of three (Chinese, Japanese, Korean, Thai) 3/2, of four (emoji) 3. Source: ours; the tokenizers of
    common models stay below it, a tokenizer of very few tokens need not.
    """
    counted = (
        sum(map(len, _WORDS.findall(text))) / 3
        + len(_DIGITS_AND_MARKS.findall(text))
        + len(_TWO_BYTES.findall(text)) * 0.75
        + len(_THREE_BYTES.findall(text)) * 1.5
        + len(_FOUR_BYTES.findall(text)) * 3
    )
    return math.ceil(counted)


def estimate_messages(messages: Sequence[tuple[str, str]]) -> int:
    """Return how many tokens a request takes with its messages' frames."""
    return sum(estimate_tokens(text) + MESSAGE_TOKENS for _, text in messages)


def fit_clues(clues: Sequence[tuple[str, str]], budget: int, weights: Mapping[str, float] = WEIGHTS) -> Packed:
    """Return as much of the clues as the budget holds.

    Fields share the budget by weight; what a short field leaves goes to the others. Of a field that is too long the
    head, the middle and the tail are kept. A field without a letter left is dropped, and stands among the cuts.

    Args:
        clues: (field, text) in order.
        budget: estimated tokens of the texts together.
        weights: field to weight.
    """
    sizes = [estimate_tokens(text) for _, text in clues]
    allowed = _share([weights.get(field, OTHER_WEIGHT) for field, _ in clues], sizes, budget)
    shown: list[tuple[str, str]] = []
    cuts: list[Cut] = []
    for (field, text), size, tokens in zip(clues, sizes, allowed, strict=True):
        kept = text if size <= tokens else sample_text(text, tokens)
        if kept:
            shown.append((field, kept))
        if kept != text:
            cuts.append(Cut(field, _count_kept(kept), len(text)))
    return Packed(tuple(shown), tuple(cuts))


def sample_text(text: str, tokens: float) -> str:
    """Return head, middle and tail of a text, joined by an ellipsis, within so many estimated tokens."""
    length = int(len(text) * tokens / max(estimate_tokens(text), 1))
    while length > 0:
        sampled = _sample(text, length)
        if estimate_tokens(sampled) <= tokens:
            return sampled
        length = int(length * 0.9)
    return ""


def _share(weights: Sequence[float], sizes: Sequence[int], budget: int) -> list[float]:
    """Give every field its share; those that need less are settled first and leave the rest to the others."""
    left, open_weight = float(max(budget, 0)), sum(weights)
    given = [0.0] * len(sizes)
    for place in sorted(range(len(sizes)), key=lambda i: sizes[i] / weights[i]):
        share = left * weights[place] / open_weight if open_weight else 0.0
        given[place] = min(float(sizes[place]), share)
        left, open_weight = left - given[place], open_weight - weights[place]
    return given


def _sample(text: str, length: int) -> str:
    if length >= len(text):
        return text
    if length < SAMPLED_FROM:
        return _end_at_word(text[:length], text[length])
    room = length - 2 * len(JOINT)
    head, middle, tail = (int(room * share) for share in SHARES)
    start = (len(text) - middle) // 2
    return JOINT.join(
        (
            _end_at_word(text[:head], text[head]),
            _begin_at_word(_end_at_word(text[start : start + middle], text[start + middle]), text[start - 1]),
            _begin_at_word(text[len(text) - tail :], text[len(text) - tail - 1]),
        )
    )


def _end_at_word(part: str, following: str) -> str:
    return part.rstrip() if following.isspace() else re.sub(rf"\s\S{{0,{WORD - 1}}}$", "", part).rstrip()


def _begin_at_word(part: str, preceding: str) -> str:
    return part.lstrip() if preceding.isspace() else re.sub(rf"^\S{{0,{WORD - 1}}}\s", "", part).lstrip()


def _count_kept(sampled: str) -> int:
    return len(sampled) - len(JOINT) * sampled.count(JOINT)
