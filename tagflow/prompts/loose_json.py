"""The one JSON value in an answer in words: read strictly, then through a short ladder of known slips, never guessed.

Two values that differ, a key that stands twice or a bracket that never closes make an answer unreadable: which of them
was meant nobody knows.
"""

import json
import re
from typing import Any, NamedTuple

LONGEST = 200_000  # ours: characters of an answer that are read at all
DEEPEST = 40  # ours: brackets within brackets

_THOUGHT_BEGINS = re.compile(r"<(?:think|thinking|reasoning)>", re.I)
_THOUGHT_ENDS = re.compile(r"^.*</(?:think|thinking|reasoning)>", re.S | re.I)
_FENCE = re.compile(r"^\s*(?:```|~~~)[\w-]*[ \t]*\n?(.*?)(?:```|~~~)\s*$", re.S)
_OUTSIDE = str.maketrans("｛｝［］，：", "{}[],:")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "＂": "＂"}


class Found(NamedTuple):
    """The value and how it was come by: strict, fenced, prose or repaired; without a value ``mode`` says why not."""

    value: Any
    mode: str
    known: bool


class _Twice(ValueError):
    """A key stands twice in one object."""


def find_json(text: str) -> Found:
    """Return the one JSON object or list of an answer.

    Modes of a value: strict; thought (after a reasoning block); fenced (one code fence around it); prose (words around
    it); repaired (single or curly quotes, commas before a closing bracket, full-width marks, bare line breaks in
    texts). Reasons without one: blank, oversized, unclosed_thought, several (values that differ), no_json.
    """
    if len(text) > LONGEST:
        return Found(None, "oversized", known=False)
    plain = _strip(text)
    said = drop_thought(text)
    if said is None:
        return Found(None, "unclosed_thought", known=False)
    if not said:
        return Found(None, "blank", known=False)
    fence = _FENCE.match(said)
    ways = [("strict" if said == plain else "thought", said)]
    if fence and "```" not in fence[1]:
        ways.append(("fenced", fence[1].strip()))
    for mode, whole in ways:
        for repaired in (False, True):
            values = _read_values(whole, repaired=repaired)
            if len(values) == 1 and values[0][1] == len(whole) and whole[0] in "{[｛［":
                return Found(values[0][0], "repaired" if repaired else mode, known=True)
    return _pick(said)


def drop_thought(text: str) -> str | None:
    """Return what follows a model's reasoning, trimmed; None if it never ended. Some servers eat its opening mark."""
    said = _strip(_THOUGHT_ENDS.sub("", text, count=1))
    return None if _THOUGHT_BEGINS.match(said) else said


def _strip(text: str) -> str:
    return text.strip().lstrip("\ufeff").strip()


def _pick(said: str) -> Found:
    """Return the only value in prose; the same value said twice is one."""
    for mode, repaired in (("prose", False), ("repaired", True)):
        values = [value for value, _ in _read_values(said, repaired=repaired)]
        if values and all(_is_same(value, values[0]) for value in values):
            return Found(values[0], mode, known=True)
        if values:
            return Found(None, "several", known=False)
    return Found(None, "no_json", known=False)


def _is_same(one: object, other: object) -> bool:
    return json.dumps(one) == json.dumps(other)


def _read_values(text: str, *, repaired: bool) -> list[tuple[Any, int]]:
    """The values of every outermost bracketed span that is JSON, each with its end; none if a span does not close."""
    values = []
    place = 0
    while (start := _find_open(text, place)) is not None:
        span = _close_span(text, start, repaired=repaired)
        if span is None:
            return []
        end, spelled = span
        value = _load(spelled, strict=not repaired)
        if value is not None:
            values.append((value, end))
        elif spelled[:1] == "{" or '"' in spelled:
            return []  # it looks like an answer, and cannot be read
        place = end
    return values


def _find_open(text: str, place: int) -> int | None:
    match = re.compile(r"[{\[｛［]").search(text, place)
    return match.start() if match else None


def _close_span(text: str, start: int, *, repaired: bool) -> tuple[int, str] | None:
    """The end of the bracketed span that starts here, and the span spelled as JSON; None if it does not close."""
    depth, place, spelled = 0, start, []
    while place < len(text):
        letter = text[place]
        if letter == '"' or (repaired and letter in _QUOTES):
            end, string = _close_string(text, place)
            if end is None:
                return None
            spelled.append(string)
            place = end
            continue
        sign = letter.translate(_OUTSIDE) if repaired else letter
        spelled.append(sign)
        place += 1
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
        if depth > DEEPEST:
            return None
        if depth == 0:
            whole = "".join(spelled)
            return place, (_drop_commas(whole) if repaired else whole)
    return None


def _close_string(text: str, start: int) -> tuple[int | None, str]:
    """The end of the string that starts here, and the string in double quotes; the text as it is if they are double."""
    closing = _QUOTES[text[start]]
    place = start + 1
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == closing:
            inside = text[start + 1 : place]
            if closing != '"':
                inside = re.sub(r'(?<!\\)"', r"\"", inside.replace(f"\\{closing}", closing))
            return place + 1, f'"{inside}"'
        place += 1
    return None, ""


def _drop_commas(spelled: str) -> str:
    """Leave out commas before a closing bracket, outside strings."""
    if "\x00" in spelled:
        return spelled
    parts = re.split(r'("(?:[^"\\]|\\.)*")', spelled, flags=re.S)
    rest = "\x00".join(parts[::2])
    kept = re.sub(r",(\s*)(?=[}\]])", r"\1", rest).split("\x00")
    parts[::2] = kept
    return "".join(parts)


def _load(spelled: str, *, strict: bool) -> object:
    try:
        return json.loads(spelled, strict=strict, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key.strip().casefold() for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise _Twice
    return dict(zip(keys, (value for _, value in pairs), strict=True))


def _refuse(name: str) -> None:
    raise ValueError(name)
