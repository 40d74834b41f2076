"""A dataset of generated short texts, with everything a record can be: fine, a copy, blank, broken, of no subject."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import yaml

SUBJECTS = (
    "pottery weaving glassblowing woodturning calligraphy bookbinding embroidery basketry origami leatherwork "
    "kayaking climbing fencing archery sailing rowing skating cycling orienteering badminton astronomy geology "
    "botany beekeeping birdwatching mushrooms fossils lichens volcanoes glaciers accordion cello marimba choir "
    "ukulele bagpipes sourdough pickling cheese chocolate espresso dumplings"
).split()

FRAMES = (
    "An evening of {0} and {1} with friends",
    "How {0} led me to {1}",
    "{0}: the first hour, then {1}",
    "What {0} has to do with {1}",
    "My week of {0}, {1} and little else",
    "A short guide to {0} for people who love {1}",
)

SAMPLES = 3
"""Answers drawn for a proposal."""


@dataclass(frozen=True)
class World:
    """What was written: every record's id, or its place where it has none."""

    records: tuple[str, ...]
    blank: int
    broken: int


def write_world(data: Path, name: str, seed: int, contents: int, changed: int = 0, **llm: object) -> World:
    """Write a dataset folder.

    Args:
        data: the data folder.
        name: the dataset.
        seed: of the texts.
        contents: records with text.
        changed: records, from the first, whose text is another one than without it.
        llm: settings of the language model beside the number of samples.
    """
    folder = data / name
    (folder / "contents").mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(contents):
        drawn = random.Random(f"{seed} {number} {'changed' if number < changed else ''}")
        chosen = drawn.sample(SUBJECTS, 3)
        title = drawn.choice(FRAMES).format(*chosen)
        caption = f"Part {drawn.randrange(10**6)} of a diary on {chosen[2]}."
        if number % 29 == 28:
            title, caption = "Nn", f"no. {drawn.randrange(10**6)}"  # nothing that the model takes for a tag
        lines.append(json.dumps({"id": f"c{number:04}", "title": title, "caption": caption}))
    copies = contents // 40
    lines += [line.replace('"id": "c', '"id": "copy') for line in lines[:copies]]
    blank = max(1, contents // 50)
    lines += [json.dumps({"id": f"blank{number}", "title": " "}) for number in range(blank)]
    broken = max(1, contents // 100)
    lines += ['{"id": "broken'] * broken
    (folder / "contents" / "contents.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {
        "brain": "llm",
        "holdout": 0.1,
        "encoder": {"model": "character-ngrams"},
        "vocabulary": {"min_contents": 2, "proposals": 6},
        "llm": {"samples": SAMPLES, "candidates": 8, "shown": 0, **llm},
        "evaluation": {"methods": []},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    ids = [json.loads(line)["id"] for line in lines if not line.endswith("broken")]
    places = [f"contents.jsonl#{place}" for place, line in enumerate(lines, 1) if line.endswith("broken")]
    return World((*ids, *places), blank, broken)
