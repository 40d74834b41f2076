"""Reads content files one record at a time; a bad record costs itself and nothing else.

Here stands which files of a folder are contents and which format a file has. The formats themselves stand in
``record_formats``, what their fields mean to a dataset in ``content_table``.
"""

import gzip
import os
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedIOBase
from itertools import chain
from pathlib import Path

from tagflow.adapters.content_table import ContentTable, gather_contents
from tagflow.adapters.record_formats import read_delimited, read_json_lines, read_parquet
from tagflow.adapters.record_lines import (
    PACKED_LIMIT,
    PACKED_RATIO,
    Lines,
    Record,
    Rejected,
    reject,
    tell_limit,
)
from tagflow.control_characters import escape_controls
from tagflow.errors import ConfigError
from tagflow.settings import Columns, Labels

__all__ = [
    "ContentTable",
    "Record",
    "Rejected",
    "list_content_files",
    "read_contents",
    "read_records",
    "read_stream",
]

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
                yield from read_stream(stream, file)
    except OSError as error:
        yield reject(file, 0, f"cannot be read: {error.strerror or error}")


def read_stream(raw: BufferedIOBase, file: str) -> Iterator[Record | Rejected]:
    """Yield every record of an open file, which must be able to seek; its name says which format it has."""
    suffix = _find_suffix(file)
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


def _find_suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


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
    """Read every content file of the folder into the fields of a content (see ``gather_contents``).

    Raises:
        ConfigError: there is no file, or what ``gather_contents`` refuses.
    """
    files = list_content_files(folder)
    if not files:
        raise ConfigError(f"There are no content files in {folder}; put JSON Lines, CSV, TSV or Parquet files there.")
    return gather_contents(chain.from_iterable(map(read_records, files)), columns, labels, say_where, str(folder))
