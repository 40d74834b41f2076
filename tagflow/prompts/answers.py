"""How answers are read: what does not say what was asked is unusable, and never becomes a default tag. Source: ours."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tagflow.prompts.loose_json import drop_thought, find_json
from tagflow.tagset.normalisation import normalise_tags

PARSER = "answers-1"
"""Changes whenever answers are read in another way, so that fingerprints change with it."""

RUNAWAY = 100  # ours: entries from which a list is no answer but a model that does not stop
LONGEST_TAG = 80  # ours: characters; longer is a sentence
LONGEST_DEFINITION = 300  # ours: characters

SLIPS = ("duplicate", "wrong_type", "out_of_range", "unknown_name", "disagreeing", "malformed", "excess", "leaked")
"""What is left out of an answer that is read, and counted."""

_BARE_NUMBERS = re.compile(r"\[?\s*\d{1,6}(?:\s*[,，、;\s]\s*\d{1,6})*\s*\]?\.?")
_NUMBERED = re.compile(r"#?\s*(\d{1,6})\s*[.):：、\-]\s*(\S.*)", re.S)


@dataclass(frozen=True)
class Reading:
    """What an answer says.

    Attributes:
        values: tags, places of candidates (from 0), or the definition; empty if none fits or the answer is unusable.
        usable: whether it says what was asked; an explicit "none" is usable.
        mode: how it was come by (see ``find_json``; bare for a plain list of numbers), or why it is unusable.
        slips: what was left out, by kind.
    """

    values: tuple[Any, ...] = ()
    usable: bool = False
    mode: str = ""
    slips: Mapping[str, int] = field(default_factory=dict)


def read_tags(text: str, most: int) -> Reading:
    """Return the proposed tags: trimmed, each once whatever its case, width and marks, at most so many.

    An empty list is usable: there is nothing to name.
    """
    entries, mode = _find_list(text, "tags")
    if entries is None:
        return Reading(mode=mode)
    slips: Counter[str] = Counter(wrong_type=sum(not isinstance(entry, str) for entry in entries))
    said = [" ".join(unicodedata.normalize("NFC", entry).split()) for entry in entries if isinstance(entry, str)]
    tags: dict[str, str] = {}
    for tag in said:
        key = _fold(tag)
        if not _is_tag(tag) or not key:
            slips["malformed"] += 1
        elif key in tags:
            slips["duplicate"] += 1
        elif len(tags) == most:
            slips["excess"] += 1
        else:
            tags[key] = tag
    return _settle(tuple(tags.values()), entries, mode, slips)


def read_choices(text: str, names: Sequence[Sequence[str]]) -> Reading:
    """Return the chosen places, from 0, in the order of the answer.

    An entry is the number of a candidate, or its name or alias in any spelling, or both if they agree. An answer of
    nothing but numbers outside the list is unusable; it is not "none fits".

    Args:
        text: the answer.
        names: of each candidate, in the order of its number: name and aliases.
    """
    entries, mode = _find_list(text, "numbers")
    plain = drop_thought(text) or ""
    if entries is None and _BARE_NUMBERS.fullmatch(plain):
        entries, mode = [int(number) for number in re.findall(r"\d+", plain)], "bare"
        if len(entries) > RUNAWAY:
            entries, mode = None, "runaway"
    if entries is None:
        return Reading(mode=mode)
    spoken = any(isinstance(entry, str) for entry in entries)
    owners = _own_names(names) if spoken else {}
    slips: Counter[str] = Counter()
    places: dict[int, None] = {}
    for entry in entries:
        place, slip = _place(entry, owners, len(names))
        if place is None:
            slips[slip] += 1
        elif place in places:
            slips["duplicate"] += 1
        else:
            places[place] = None
    return _settle(tuple(places), entries, mode, slips)


def read_definition(text: str) -> Reading:
    """Return the one definition: one line of at most 300 characters."""
    found = find_json(text)
    if not found.known:
        return Reading(mode=found.mode)
    said = found.value.get("definition") if isinstance(found.value, dict) else None
    if not isinstance(said, str):
        return Reading(mode="wrong_shape")
    line = said.strip()
    if not line or len(line) > LONGEST_DEFINITION or not _is_clean(line):
        return Reading(mode="malformed", slips={"malformed": 1})
    return Reading((line,), usable=True, mode=found.mode)


def make_schema(task: str, most: int) -> str:
    """Return the JSON schema of a task's answer as text: propose, select, rerank or describe."""
    if task == "propose":
        content: dict[str, Any] = {"tags": {"type": "array", "items": {"type": "string"}, "maxItems": most}}
    elif task == "describe":
        content = {"definition": {"type": "string"}}
    else:
        numbers = {"type": "integer", "enum": list(range(1, most + 1))}
        content = {"numbers": {"type": "array", "items": numbers, "maxItems": most}}
    schema = {"type": "object", "properties": content, "required": [*content], "additionalProperties": False}
    return json.dumps(schema)


def _find_list(text: str, key: str) -> tuple[list[Any] | None, str]:
    found = find_json(text)
    if not found.known:
        return None, found.mode
    entries = found.value.get(key) if isinstance(found.value, dict) else found.value
    if not isinstance(entries, list):
        return None, "wrong_shape"
    return (None, "runaway") if len(entries) > RUNAWAY else (entries, found.mode)


def _settle(values: tuple[Any, ...], entries: list[Any], mode: str, slips: Counter[str]) -> Reading:
    """An answer of which nothing is left, though it said something, is unusable."""
    kept = {kind: count for kind, count in slips.items() if count}
    if entries and not values:
        return Reading(mode=max(kept, key=lambda kind: kept[kind]), slips=kept)
    return Reading(values, usable=True, mode=mode, slips=kept)


def _own_names(names: Sequence[Sequence[str]]) -> dict[str, int]:
    """The place of every spelling; what two candidates share is nobody's, unless it is the name of one."""
    rows = [(name, place, rank > 0) for place, own in enumerate(names) for rank, name in enumerate(own)]
    frame = pl.DataFrame(rows, schema={"name": pl.String, "place": pl.Int64, "alias": pl.Boolean}, orient="row")
    keyed = frame.with_columns(key=normalise_tags(frame["name"])).sort("alias", maintain_order=True)
    owners: dict[str, int] = {}
    shared = set()
    for key, place, alias in keyed.select("key", "place", "alias").iter_rows():
        if owners.setdefault(key, place) != place and not alias:
            shared.add(key)
    return {key: place for key, place in owners.items() if key and key not in shared}


def _place(entry: object, owners: Mapping[str, int], size: int) -> tuple[int | None, str]:
    """The place that an entry means, or the kind of slip."""
    if isinstance(entry, float) and entry.is_integer():
        entry = int(entry)
    if isinstance(entry, bool) or not isinstance(entry, int | str):
        return None, "wrong_type"
    if isinstance(entry, int):
        return (entry - 1, "") if 1 <= entry <= size else (None, "out_of_range")
    return _place_words(entry, owners, size)


def _place_words(entry: str, owners: Mapping[str, int], size: int) -> tuple[int | None, str]:
    if len(entry) > LONGEST_TAG or not _is_clean(entry):
        return None, "malformed"
    owner = owners.get(_key(entry))
    plain = unicodedata.normalize("NFKC", entry).strip().removeprefix("#")
    if plain.isascii() and plain.isdigit():
        number = int(plain) - 1
        if not 0 <= number < size:
            return (owner, "") if owner is not None else (None, "out_of_range")
        return (number, "") if owner in (None, number) else (None, "disagreeing")
    both = _NUMBERED.fullmatch(plain)
    if owner is None and both:
        number, owner = int(both[1]) - 1, owners.get(_key(both[2]))
        if owner is not None and owner != number:
            return None, "disagreeing"
    return (owner, "") if owner is not None else (None, "unknown_name")


def _key(text: str) -> str:
    return str(normalise_tags(pl.Series([text], dtype=pl.String))[0])


def _fold(tag: str) -> str:
    """A tag without case, width and the marks around it, but for those of C# and C++; empty without letter or digit."""
    plain = unicodedata.normalize("NFKC", tag).casefold()
    inside = [place for place, letter in enumerate(plain) if letter.isalnum()]
    if not inside:
        return ""
    named = re.match(r"#(?!#)|\++", plain[inside[-1] + 1 :])
    return plain[inside[0] : inside[-1] + 1] + (named[0] if named else "")


def _is_tag(tag: str) -> bool:
    return len(tag) <= LONGEST_TAG and _is_clean(tag)


def _is_clean(text: str) -> bool:
    """No line breaks, control signs, halves of signs, or signs that turn the writing round."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp", "Co") for letter in text) and not (
        set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    )
