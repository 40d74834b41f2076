"""How sure a model is that a tag is right, read off its answers (LLM4Tag §3.4, eq. 10), and the rung that told it.

The rungs, from the best down: the log-probabilities of the first token; how many of several answers agree; a number
that the model says. What a rung cannot tell is None, never 0 and never 1.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from tagflow.calls import Sample
from tagflow.prompts.loose_json import drop_thought, find_json

RUNGS = ("logprobs", "agreement", "verbal")

YES = frozenset({"yes", "y", "是", "是的"})
NO = frozenset({"no", "n", "否", "不", "不是"})
"""First tokens of each answer, folded; a short BPE spells No as N, o, and 不是 begins with 不."""

LEAST_READ = 0.5  # ours: share of the samples that must be readable for their agreement to mean anything

_BYTES = re.compile(r"(?:<0x[0-9A-Fa-f]{2}>)+|(?:\\x[0-9a-fA-F]{2})+")
_NUMBER = re.compile(r"(100|\d{1,2})(?:\s*(?:%|％|/\s*100|out of 100))?\.?", re.I)


class Odds(NamedTuple):
    """What the first token tells: yes against no, and how much of its probability the two had."""

    probability: float | None
    mass: float


def read_log_probabilities(first: Sequence[tuple[str, float]] | None) -> Odds:
    """Return e^yes / (e^yes + e^no) over the spellings of both (eq. 10), or None where one side is not among them.

    Case, spaces, punctuation, full width and the marks of tokenizers (Ġ, ▁, byte tokens) make no difference. A token
    that is listed twice counts once, one without a finite log-probability not at all.

    Args:
        first: likeliest first tokens with natural log-probabilities.
    """
    seen: dict[str, float] = {}
    for token, value in first or ():
        if math.isfinite(value) and value <= 1e-6:
            seen[token] = max(value, seen.get(token, -math.inf))
    yes = [value for token, value in seen.items() if fold_token(token) in YES]
    no = [value for token, value in seen.items() if fold_token(token) in NO]
    mass = math.fsum(math.exp(value) for value in (*yes, *no))
    if not yes or not no:
        return Odds(None, mass)
    highest = max(*yes, *no)
    ayes, noes = (math.fsum(math.exp(value - highest) for value in side) for side in (yes, no))
    return Odds(ayes / (ayes + noes), mass)


def fold_token(token: str) -> str:
    """Return a token without the marks of its tokenizer, case, width, and spaces and punctuation at its ends.

    A stroke stays: N/ begins N/A, which is no No.
    """
    plain = unicodedata.normalize("NFKC", _decode_bytes(token)).casefold()
    around = {letter for letter in plain if letter != "/" and unicodedata.category(letter)[0] in "ZPSC"}
    return plain.strip("".join(around))


def read_verdict(text: str) -> bool | None:
    """Return whether an answer in words says yes, or None where it says neither or both.

    The whole answer, or its first word before a comma, full stop or line end, must be a yes or a no.
    """
    said = drop_thought(text) or ""
    found = find_json(said)
    if found.known and isinstance(found.value, dict) and len(found.value) == 1:
        (value,) = found.value.values()
        if isinstance(value, bool):
            return value
        said = value if isinstance(value, str) else ""
    head = re.split(r"[,.;:!?\n，。；：！？、]|\s[-–—]\s", said.strip("\"'`*“”「」 "), maxsplit=1)[0]
    word = fold_token(head)
    rest = re.findall(r"[a-z]+", said.casefold())[1:]
    if word in YES and "no" not in rest:
        return True
    return False if word in NO and "yes" not in rest else None


def read_agreement(samples: Sequence[Sample], asked: int) -> float | None:
    """Return the share of yes among the readable answers, or None where fewer than half of those asked are readable."""
    said = [verdict for verdict in (read_verdict(sample.text) for sample in samples) if verdict is not None]
    if not said or len(said) < LEAST_READ * asked:
        return None
    return sum(said) / len(said)


def read_percent(text: str) -> float | None:
    """Return the share that an answer of one number from 0 to 100 means; 8/10, 0.8 and two numbers mean none."""
    plain = unicodedata.normalize("NFKC", drop_thought(text) or "").strip("\"'`* \n")
    found = find_json(plain)
    if found.known and isinstance(found.value, dict) and len(found.value) == 1:
        (value,) = found.value.values()
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value / 100 if whole and 0 <= value <= 100 else None
    match = _NUMBER.fullmatch(plain)
    return int(match[1]) / 100 if match else None


def _decode_bytes(token: str) -> str:
    """Return the text of a token that is spelled as bytes: as <0xE6>, with a backslash, or in GPT-2's letters."""
    spelled = token.removeprefix("bytes:")
    if _BYTES.fullmatch(spelled):
        raw = bytes(int(pair, 16) for pair in re.findall(r"[0-9A-Fa-f]{2}(?=>|\\|$)", spelled))
        return raw.decode("utf-8", errors="replace")
    plain = token.replace("▁", " ")
    if any(ord(letter) > 0x7F for letter in plain) and all(letter in _LETTER_BYTES for letter in plain):
        try:
            return bytes(_LETTER_BYTES[letter] for letter in plain).decode("utf-8")
        except UnicodeDecodeError:
            return plain
    return plain


def _list_letter_bytes() -> dict[str, int]:
    """GPT-2's way of spelling bytes as letters: what prints stays, the others follow from U+0100."""
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in prints]
    letters = {chr(byte): byte for byte in prints}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(hidden)}


_LETTER_BYTES = _list_letter_bytes()
