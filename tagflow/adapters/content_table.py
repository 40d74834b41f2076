"""What the fields of records mean to a dataset: which is the id, which the text, and which record of an id counts."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tagflow.adapters.record_lines import Record, Rejected, show
from tagflow.errors import ConfigError
from tagflow.schemas import RAW_CLUES
from tagflow.settings import CLUE_FIELDS, CONTENT_FIELDS, Columns, Labels, suggest

CONTENT_SCHEMA: dict[str, pl.DataType] = {
    "content_id": pl.String(),
    **{field: pl.String() for field in CLUE_FIELDS},
    "labels": pl.List(pl.String()),
    "split": pl.String(),
    "source_file": pl.String(),
    "line": pl.Int64(),
}

QUARANTINE = RAW_CLUES.tables["quarantine"]

SHOWN_COLUMNS = 30


class ContentTable(NamedTuple):
    """What a dataset's content files hold.

    Attributes:
        contents: one row a content, by file name and line.
        quarantine: one row a record that is not used, and a file that cannot be read, as RAW_CLUES declares it; ``raw``
            of a record that was read shows its mapped fields as JSON.
        columns: every source column that occurs, in the order met.
        records: records read, counted as they came; rows of both, unless one was lost.
    """

    contents: pl.DataFrame
    quarantine: pl.DataFrame
    columns: tuple[str, ...]
    records: int


def gather_contents(
    outcomes: Iterable[Record | Rejected], columns: Columns, labels: Labels, say_where: Path, place: str
) -> ContentTable:
    """Return records as the fields of contents.

    The last record of an id wins, in the order given. If no record of the dataset has an id column and the YAML maps
    none, ids are made of the text fields: ``h-`` and 16 hex digits of their BLAKE2b, so that equal texts are one
    content and an edited text is a new one.

    Args:
        outcomes: records as read, in order.
        columns: which source column is which field.
        labels: how a text of several labels is split.
        say_where: the YAML file to name.
        place: where the records are from, to name.

    Raises:
        ConfigError: there is no usable record or no text column, or a mapped column does not exist.
    """
    sources = {field: columns.mapped().get(field, field) for field in CONTENT_FIELDS}
    rows: dict[str, list[Any]] = {column: [] for column in CONTENT_SCHEMA}
    rejected: list[tuple[str, int, str | None, str, str]] = []
    seen: dict[str, None] = {}
    records = 0
    for records, record in enumerate(outcomes, start=1):  # noqa: B007 - the count
        if isinstance(record, Rejected):
            rejected.append((record.file, record.line, None, record.reason, record.raw))
        else:
            seen.update(dict.fromkeys(record.fields))
            _append(rows, record, sources, labels.delimiter)
    if rows["line"]:
        _check_columns(columns, sources, seen, say_where)
    if sources["id"] not in seen:
        rows["content_id"] = [_make_id(texts) for texts in zip(*(rows[field] for field in CLUE_FIELDS), strict=True)]
    kept = _set_aside(rows, rejected)
    if not any(kept):
        raise ConfigError(_explain_nothing(place, rejected))
    contents = pl.DataFrame(rows, schema=CONTENT_SCHEMA).filter(pl.Series(kept, dtype=pl.Boolean()))
    schema = {name: column.dtype for name, column in QUARANTINE.columns.items()}
    quarantine = pl.DataFrame(rejected, schema=schema, orient="row").sort("source_file", "line", maintain_order=True)
    return ContentTable(contents, quarantine, tuple(seen), records)


def _append(rows: dict[str, list[Any]], record: Record, sources: Mapping[str, str], delimiter: str) -> None:
    identity = _join(record.fields.get(sources["id"]))
    rows["content_id"].append(identity if identity and identity.strip() else None)
    for field in (*CLUE_FIELDS, "split"):
        rows[field].append(_join(record.fields.get(sources[field])))
    rows["labels"].append(_split_tags(record.fields.get(sources["tags"]), delimiter))
    rows["source_file"].append(record.file)
    rows["line"].append(record.line)


def _join(value: str | list[str] | None) -> str | None:
    return ", ".join(value) or None if isinstance(value, list) else value


def _split_tags(value: str | list[str] | None, delimiter: str) -> list[str]:
    if isinstance(value, str):
        value = value.split(delimiter) if delimiter else [value]
    return list(dict.fromkeys(tag.strip() for tag in value or () if tag.strip()))


def _make_id(texts: Iterable[str | None]) -> str:
    packed = json.dumps(list(texts), ensure_ascii=False).encode()
    return "h-" + hashlib.blake2b(packed, digest_size=8).hexdigest()


def _set_aside(rows: dict[str, list[Any]], rejected: list[tuple[str, int, str | None, str, str]]) -> list[bool]:
    """Add the rows without id and all but the last row of an id to the rejected; return which rows stay."""
    last = {identity: row for row, identity in enumerate(rows["content_id"])}
    kept = [identity is not None and last[identity] == row for row, identity in enumerate(rows["content_id"])]
    for row in (row for row, stays in enumerate(kept) if not stays):
        file, line, identity = rows["source_file"][row], rows["line"][row], rows["content_id"][row]
        winner = last[identity]
        reason = "no id"
        if identity is not None:
            reason = f"superseded by {rows['source_file'][winner]} line {rows['line'][winner]}"
        fields = {column: rows[column][row] for column in ("content_id", *CLUE_FIELDS, "labels") if rows[column][row]}
        rejected.append((file, line, identity, reason, show(json.dumps(fields, ensure_ascii=False).encode())))
    return kept


def _check_columns(columns: Columns, sources: Mapping[str, str], seen: Mapping[str, None], say_where: Path) -> None:
    shown = ", ".join([*seen][:SHOWN_COLUMNS])
    if len(seen) > SHOWN_COLUMNS:
        shown += f" and {len(seen) - SHOWN_COLUMNS} more"
    for field, column in columns.mapped().items():
        if column not in seen:
            raise ConfigError(
                f"{say_where}: columns.{field} names the column {column!r}, which no record has"
                f"{suggest(column, seen)} (columns found: {shown})."
            )
    if not any(sources[field] in seen for field in CLUE_FIELDS):
        free = next((column for column in seen if column not in sources.values()), "a column")
        raise ConfigError(
            f"No record has a text column ({', '.join(CLUE_FIELDS)}); columns found: {shown}; "
            f"name the one that holds text in {say_where}, for example as columns: {{caption: {free}}}."
        )


def _explain_nothing(place: str, rejected: list[tuple[str, int, str | None, str, str]]) -> str:
    if not rejected:
        return f"There are no records in {place}."
    file, line, _, reason, _ = rejected[0]
    where = f"{file}, line {line}" if line else file
    return f"No record in {place} can be used; the first problem is in {where}: {reason}."
