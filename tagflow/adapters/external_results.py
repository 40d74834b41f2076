"""What another tagger said of contents: one JSON object a line.

``id`` is the content's; ``tags`` is a list of names, or of objects with ``name`` and ``confidence``, or an object from
name to confidence (HanLP's keyphrases); Azure image analysis is taken as it answers, with ``tagsResult.values``. A
confidence lies in [0, 1] and is 1 where none is given.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tagflow.errors import ConfigError

RESULTS = pl.Schema({"content_id": pl.String(), "said": pl.String(), "said_confidence": pl.Float64()})


def read_results(folder: Path, name: str) -> pl.DataFrame:
    """Return ``RESULTS`` of the file ``name`` in a dataset's folder; of a name said twice the surest counts.

    Raises:
        ConfigError: there is no such file, it lies elsewhere, or a line cannot be read; names the file and the line.
    """
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise ConfigError(f"{name} must be the name of a file beside {folder / 'dataset.yaml'}.")
    if not path.is_file():
        raise ConfigError(
            f"There is no file {folder.name}/{name}: put the other tagger's results there, one JSON object a line."
        )
    rows: list[tuple[str, str, float]] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                rows += _read_line(line, f"{path}, line {number}")
    frame = pl.DataFrame(rows, schema=RESULTS, orient="row")
    best = frame.sort("said_confidence", descending=True, maintain_order=True)
    return best.unique(["content_id", "said"], keep="first", maintain_order=True)


def _read_line(line: bytes, where: str) -> Iterator[tuple[str, str, float]]:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where} is no JSON: {error}.") from error
    if not isinstance(said, dict) or not isinstance(said.get("id"), str | int):
        raise ConfigError(f"{where} must be an object with the content's id.")
    for name, confidence in _list_tags(said, where):
        sure = isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1
        if not isinstance(name, str) or not sure:
            raise ConfigError(f"{where}: a tag needs a name, and a confidence in [0, 1] if it has one.")
        if name.strip():
            yield str(said["id"]), name, float(confidence)


def _list_tags(said: dict[str, Any], where: str) -> list[tuple[Any, Any]]:
    azure = said.get("tagsResult")
    tags = azure.get("values") if isinstance(azure, dict) else said.get("tags")
    if isinstance(tags, dict):
        return [*tags.items()]
    if not isinstance(tags, list):
        raise ConfigError(f"{where} must have tags: a list of names or objects, or an object from name to confidence.")
    return [(one.get("name"), one.get("confidence", 1.0)) if isinstance(one, dict) else (one, 1.0) for one in tags]
