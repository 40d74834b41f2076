"""Reads content files one record at a time; a bad record costs itself and nothing else.

Here stands which files of a folder are contents, which format a file has, and what its fields mean to a dataset. The
formats themselves stand in ``record_formats``.
"""

import gzip
import hashlib
import json
import os
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from io import BufferedIOBase
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tagflow.adapters.record_formats import read_delimited, read_json_lines, read_parquet
from tagflow.adapters.record_lines import (
    PACKED_LIMIT,
    PACKED_RATIO,
    Lines,
    Record,
    Rejected,
    reject,
    show,
    tell_limit,
)
from tagflow.control_characters import escape_controls
from tagflow.errors import ConfigError
from tagflow.schemas import RAW_CLUES
from tagflow.settings import CLUE_FIELDS, CONTENT_FIELDS, Columns, Labels, suggest

__all__ = ["ContentTable", "Record", "Rejected", "list_content_files", "read_contents", "read_records"]

UNFINISHED = (".tmp", ".part")

FORMATS: dict[str, Callable[[Lines, str], Iterator[Record | Rejected]]] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".csv": partial(read_delimited, delimiter=None),
    ".tsv": partial(read_delimited, delimiter="\t"),
}

PIECE = 1024 * 1024  # bytes that are unpacked at a time

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"

NOT_CONTENTS = {
    b"\xff\xfe\x00\x00": "UTF-32 text; save it as UTF-8",
    b"\x00\x00\xfe\xff": "UTF-32 text; save it as UTF-8",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"PK\x03\x04": "a zip archive or xlsx workbook; save its contents as CSV or JSON Lines",
    b"PK\x05\x06": "an empty zip archive; save its contents as CSV or JSON Lines",
    b"\xd0\xcf\x11\xe0": "an old Office document; save its contents as CSV or JSON Lines",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; compress it by gzip",
    b"\xfd7zXZ": "compressed by xz; compress it by gzip",
    GZIP: "gzip inside gzip; unpack it once",
}
"""First bytes of files that hold no records, and what to do; a longer beginning stands before a shorter one."""

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


def list_content_files(folder: Path) -> list[Path]:
    """Return the regular files directly in the folder by name, without hidden and unfinished (.tmp, .part) ones.

    A symbolic link is listed unless it leads to a folder, so that reading it can say what is wrong with it.
    """
    if not folder.is_dir():
        return []
    return sorted(
        (
            path
            for path in folder.iterdir()
            if not path.name.startswith(".")
            and not path.name.lower().endswith(UNFINISHED)
            and (path.is_file() or (path.is_symlink() and not path.is_dir()))
        ),
        key=lambda path: path.name,
    )


def read_records(path: Path, name: str | None = None) -> Iterator[Record | Rejected]:
    """Yield every record of a file, read or rejected, in file order; at most one rejection has line 0.

    A symbolic link is followed only to a file below the folder it lies in.
    """
    file = escape_controls((name or path.name).encode(errors="surrogateescape").decode(errors="backslashreplace"))
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO would wait for its writer
            yield reject(file, 0, "not a regular file")
        elif path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            yield reject(file, 0, "a symbolic link that leads out of the contents folder")
        else:
            with path.open("rb") as stream:
                yield from _read_stream(stream, file, _find_suffix(path))
    except OSError as error:
        yield reject(file, 0, f"cannot be read: {error.strerror or error}")


def _read_stream(raw: BufferedIOBase, file: str, suffix: str) -> Iterator[Record | Rejected]:
    packed = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    limit = max(PACKED_LIMIT, PACKED_RATIO * raw.seek(0, os.SEEK_END)) if packed else None
    raw.seek(0)
    lines = Lines(stream, limit)
    first = next(lines, None)
    if lines.damage:  # nothing is known of the file
        yield reject(file, 0, lines.damage)
        return
    head = first.raw if first else b""
    if head.startswith(PARQUET):
        yield from _read_parquet(stream, file, limit)
        return
    refusal = _refuse_file(head, suffix)
    if refusal:
        yield reject(file, 0, refusal, head)
        return
    lines.put_back([first] if first else [])
    for outcome in FORMATS[suffix](lines, file):
        yield outcome
        if not outcome.line:
            return
    if lines.damage:
        yield reject(file, 0, lines.damage)


def _refuse_file(head: bytes, suffix: str) -> str | None:
    for magic, what in NOT_CONTENTS.items():
        if head.startswith(magic):
            return what
    if suffix == ".parquet":
        return "not a Parquet file: it does not start with PAR1"
    if suffix not in FORMATS:
        return f"unknown kind of file {suffix!r}; use {', '.join(FORMATS)} or .parquet, each also with .gz"
    if b"\r" in head.strip() and not head.endswith(b"\n"):
        return "lines end in CR alone; save the file with LF or CRLF"
    return None


def _find_suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read_parquet(stream: BufferedIOBase, file: str, limit: int | None) -> Iterator[Record | Rejected]:
    stream.seek(0)
    if limit is None:
        yield from read_parquet(stream, file)
        return
    with tempfile.TemporaryFile() as unpacked:  # Parquet is read from its end, which gzip cannot
        try:
            for part in iter(partial(stream.read, PIECE), b""):
                unpacked.write(part)
                if unpacked.tell() > limit:
                    yield reject(file, 0, tell_limit(limit))
                    return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield reject(file, 0, f"gzip stream is damaged: {error}")
            return
        unpacked.seek(0)
        yield from read_parquet(unpacked, file)


def read_contents(folder: Path, columns: Columns, labels: Labels, say_where: Path) -> ContentTable:
    """Read every content file of the folder into the fields of a content.

    The last record of an id wins, by file name and line. If no record of the dataset has an id column and the YAML maps
    none, ids are made of the text fields: ``h-`` and 16 hex digits of their BLAKE2b, so that equal texts are one
    content and an edited text is a new one.

    Raises:
        ConfigError: there is no file, no usable record or no text column, or a mapped column does not exist;
            ``say_where`` is the YAML file to name.
    """
    files = list_content_files(folder)
    if not files:
        raise ConfigError(f"There are no content files in {folder}; put JSON Lines, CSV, TSV or Parquet files there.")
    sources = {field: columns.mapped().get(field, field) for field in CONTENT_FIELDS}
    rows: dict[str, list[Any]] = {column: [] for column in CONTENT_SCHEMA}
    rejected: list[tuple[str, int, str | None, str, str]] = []
    seen: dict[str, None] = {}
    records = 0
    for records, record in enumerate(chain.from_iterable(map(read_records, files)), start=1):  # noqa: B007 - the count
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
        raise ConfigError(_explain_nothing(folder, rejected))
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


def _explain_nothing(folder: Path, rejected: list[tuple[str, int, str | None, str, str]]) -> str:
    if not rejected:
        return f"The content files in {folder} hold no records; put JSON Lines, CSV, TSV or Parquet records there."
    file, line, _, reason, _ = rejected[0]
    where = f"{file}, line {line}" if line else file
    return f"No record in {folder} can be used; the first problem is in {where}: {reason}."
