"""The content files of a dataset as they lie there, without a look inside: what a sensor may know."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tagflow.adapters.content_reader import list_content_files
from tagflow.adapters.correction_file import FILE as CORRECTIONS
from tagflow.schemas import RAW_CLUES

FILES = RAW_CLUES.tables["source_files"]
UNSEEN = -1


class FolderState(NamedTuple):
    """What can be seen of a folder from outside.

    Attributes:
        files: ``source_files``, by name.
        digest: 16 hex digits of the hash of names, sizes and times.
    """

    files: pl.DataFrame
    digest: str


def look_at_dataset(folder: Path) -> FolderState:
    """Return the content files of a dataset's folder, and people's corrections beside them, as they lie there now."""
    return look_at_folder(folder / "contents", folder / CORRECTIONS)


def look_at_folder(folder: Path, *beside: Path) -> FolderState:
    """Return the state of a contents folder and of files beside it; a missing folder is empty.

    A file that went while it was looked at, or a link to nowhere, has the size -1: reading it will say so.
    """
    inside = ((path, path.name) for path in list_content_files(folder))
    outside = ((path, f"../{path.name}") for path in beside if path.is_file())
    rows = []
    for path, name in (*inside, *outside):
        known_as = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
        try:
            seen = path.stat()
            rows.append((known_as, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns))
        except OSError:
            rows.append((known_as, UNSEEN, 0, 0))
    files = pl.DataFrame(rows, schema=FILES.dtypes, orient="row").unique("source_file", keep="first")
    files = files.sort("source_file")
    said = "\n".join(map(repr, files.rows())).encode()
    return FolderState(files, hashlib.blake2b(said, digest_size=8).hexdigest())
