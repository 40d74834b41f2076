"""The corrections people made, ``data/<name>/corrections.jsonl``: one JSON object a line, made to be read and edited.

New ones are put at the end, the whole file is replaced at once, and lines that are there stay as they are: git shows
what was added. Of two lines about one content and tag the later one holds.
"""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock

from tagflow.adapters.content_reader import Rejected, read_records
from tagflow.dataset_files import suggest
from tagflow.errors import ConfigError
from tagflow.knowledge.answers import ANSWER
from tagflow.knowledge.corrections import CORRECTION

FILE = "corrections.jsonl"
NEEDED = ("content_id", "tag", "right")
KEYS = tuple(name for name in CORRECTION.names() if name != "line")


def read_corrections(folder: Path, file: str = FILE) -> pl.DataFrame:
    """Return the corrections of a dataset in the order of their file (``CORRECTION`` columns), none without a file.

    Args:
        folder: the dataset's.
        file: its name.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no correction; names the line.
    """
    path = folder / file
    rows = [_parse(line, f"{path}, line {number}") | {"line": number} for number, line in _number(_read(path))]
    return pl.DataFrame(rows, schema=CORRECTION)


def append_corrections(folder: Path, new: pl.DataFrame, file: str = FILE) -> None:
    """Put corrections at the end of the dataset's file, all or none of them.

    Args:
        folder: the dataset's.
        new: ``CORRECTION`` columns; line is not written.
        file: its name.

    Raises:
        ConfigError: a line that is there is no correction, or the file cannot be written.
    """
    path = folder / file
    with FileLock(path.with_name(f".{file}.lock")):
        read_corrections(folder, file)
        before = _read(path)
        said = [json.dumps({key: row[key] for key in KEYS if row[key] is not None}, ensure_ascii=False)
                for row in new.iter_rows(named=True)]  # fmt: skip
        apart = "\n" if before and not before.endswith("\n") else ""
        if said:
            write_whole(path, before + apart + "".join(f"{line}\n" for line in said))


def read_answers(path: Path) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Return the rows of a review file that a person filled in, and the lines that cannot be read, with the reason.

    Args:
        path: CSV, TSV or JSON Lines with the columns content_id, decision, and tag or tag_id; others are not looked
            at, except comment.

    Returns:
        ``ANSWER`` columns, a row a record in file order, blanks as null; and line and reason of each refused record.

    Raises:
        ConfigError: the file as a whole cannot be read, or lacks a column.
    """
    rows: list[dict[str, object]] = []
    refused: list[tuple[int, str]] = []
    seen: dict[str, None] = {}
    for record in read_records(path):
        if isinstance(record, Rejected):
            if not record.line:
                raise ConfigError(f"{path} cannot be used: {record.reason}.")
            refused.append((record.line, record.reason))
            continue
        seen.update(dict.fromkeys(record.fields))
        cells = {name: _read_cell(record.fields.get(name)) for name in ANSWER.names() if name != "line"}
        rows.append({**cells, "line": record.line})
    missing = [name for name in ("content_id", "decision") if name not in seen]
    missing += [] if {"tag", "tag_id"} & set(seen) else ["tag"]
    if rows and missing:
        raise ConfigError(
            f"{path} has no column {missing[0]!r}{suggest(missing[0], seen)}; a review file has the columns "
            "content_id, tag, tag_id and decision."
        )
    return pl.DataFrame(rows, schema=ANSWER), refused


def _read_cell(value: str | list[str] | None) -> str | None:
    text = ", ".join(value) if isinstance(value, list) else value
    return text if text and text.strip() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}.") from error


def _number(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        said = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise ConfigError(f"{where} is no correction: {problem}.") from error
    if not isinstance(said, dict):
        raise ConfigError(f'{where} is no correction: it must look like {{"content_id": …, "tag": …, "right": true}}.')
    fault = next(_find_faults(said), None)
    if fault:
        raise ConfigError(f"{where}: {fault}.")
    return {key: said.get(key) for key in KEYS}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f"the key {twice!r} stands twice")
    return dict(pairs)


def _find_faults(said: dict[str, object]) -> Iterator[str]:
    for key in said:
        if key not in KEYS:
            yield f"unknown key {key!r}{suggest(key, KEYS)} (keys here: {', '.join(KEYS)})"
    yield from (f"the key {key!r} is missing" for key in NEEDED if key not in said)
    if not isinstance(said.get("right"), bool):
        yield f"right must be true or false (it says {said.get('right')!r})"
    for key in KEYS:
        value = said.get(key)
        text = isinstance(value, str) and (key not in NEEDED or bool(value.strip()))
        if key != "right" and not text and not (value is None and key not in NEEDED):
            yield f"{key} must be text (it says {value!r})"
    day = said.get("at")
    if isinstance(day, str) and not _is_date(day):
        yield f"at must be a date such as 2026-11-20 (it says {day!r})"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def write_whole(path: Path, text: str) -> None:
    """Write beside the file, then over it; a link is followed, so that it stays one.

    Raises:
        ConfigError: the file cannot be written.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
