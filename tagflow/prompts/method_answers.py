"""How the answers to the methods' own questions are asked for and read: numbers with reasons, titles, ratings.

Each reader gives the value, or None and why not (a key of ``tagmodels.asking.WORDS``); nothing is guessed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tagflow.prompts.answers import LONGEST_DEFINITION, read_choices, read_tags
from tagflow.prompts.loose_json import find_json

LONGEST_REASON = 2000  # ours: characters of clues or reasoning that are kept
MOST_RATING = 10  # DNB's scale

TEXT = {"type": "string"}


@dataclass(frozen=True)
class Reasoned:
    """Places of candidates, from 0, the surest first, and what the model says of how it came to them."""

    places: tuple[int, ...]
    clues: str = ""
    reasoning: str = ""


def make_answer(**properties: dict[str, Any]) -> str:
    """Return the JSON schema, as text, of an object with exactly these properties in this order."""
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return json.dumps(schema)


def list_numbers(size: int, most: int) -> dict[str, Any]:
    """Return the schema of a list of at most ``most`` numbers from 1 to ``size``."""
    return {"type": "array", "items": {"type": "integer", "enum": [*range(1, size + 1)]}, "maxItems": most}


def list_texts(most: int) -> dict[str, Any]:
    """Return the schema of a list of at most ``most`` texts."""
    return {"type": "array", "items": TEXT, "maxItems": most}


def read_numbers(names: Sequence[Sequence[str]], most: int, text: str) -> tuple[Reasoned | None, str]:
    """Return the chosen places, at most ``most``, with clues and reasoning where the answer has them.

    Args:
        names: of each candidate, in the order of its number: name and aliases.
        most: places at most; what stands behind them in the answer is left out.
        text: the answer.
    """
    reading = read_choices(text, names)
    if not reading.usable:
        return None, reading.mode
    found = find_json(text)
    said = found.value if isinstance(found.value, dict) else {}
    clues, reasoning = (_clip(said.get(key)) for key in ("clues", "reasoning"))
    return Reasoned(tuple(reading.values[:most]), clues, reasoning), ""


def read_names(most: int, text: str) -> tuple[tuple[str, ...] | None, str]:
    """Return the tags that the answer names, at most ``most``; none is an answer too."""
    reading = read_tags(text, most)
    return (tuple(reading.values), "") if reading.usable else (None, reading.mode)


def read_clues(text: str) -> tuple[dict[str, str] | None, str]:
    """Return clues and reasoning; both must be there."""
    found = find_json(text)
    if not found.known:
        return None, found.mode
    said = found.value if isinstance(found.value, dict) else {}
    told = {key: _clip(said.get(key)) for key in ("clues", "reasoning")}
    return (told, "") if all(told.values()) else (None, "wrong_shape")


def read_titles(least: int, most: int, text: str) -> tuple[tuple[str, ...] | None, str]:
    """Return the titles, each on one line; fewer than ``least`` are no answer, those behind ``most`` are left out."""
    found = find_json(text)
    if not found.known:
        return None, found.mode
    said = found.value.get("titles") if isinstance(found.value, dict) else found.value
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        return None, "wrong_shape"
    titles = [" ".join(one.split())[:LONGEST_DEFINITION] for one in said]
    told = tuple(one for one in titles if one)
    return (told[:most], "") if len(told) >= least else (None, "wrong_shape")


def read_rating(text: str) -> tuple[float | None, str]:
    """Return a rating from 0 to 10 as a share of 1; an answer such as 8/10 is 8, and never 810."""
    found = find_json(text)
    if not found.known:
        return None, found.mode
    said = found.value.get("rating") if isinstance(found.value, dict) else found.value
    if isinstance(said, str):
        before, slash, behind = said.partition("/")
        if slash and behind.strip() != str(MOST_RATING):
            return None, "wrong_type"
        said = int(before) if before.strip().isascii() and before.strip().isdigit() else None
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None, "wrong_type"
    return (said / MOST_RATING, "") if 0 <= said <= MOST_RATING else (None, "out_of_scale")


def _clip(said: object) -> str:
    if isinstance(said, list):
        said = ", ".join(one for one in said if isinstance(one, str))
    return " ".join(said.split())[:LONGEST_REASON] if isinstance(said, str) else ""
