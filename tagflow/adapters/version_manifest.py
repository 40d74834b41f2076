"""What a version of a dataset holds, file by file, with the digest that tells a damaged file."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tagflow.errors import ArtifactError

NAME = "manifest.json"
LAYOUT = 1
"""Of a version's folder; a later one is refused."""


class FileEntry(BaseModel):
    """One file: its SHA-256, its bytes, and the rows of each table in it."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    size: int
    rows: dict[str, int] = {}


class Manifest(BaseModel):
    """One version: when (UTC) and by which run it was published, on which version it stands, and its files.

    Attributes:
        root: the run that the run is a retry of, or the run itself.
        base: number of the version that the untouched files are from; 0 for none.
        note: why it was published, if not by a run.
    """

    model_config = ConfigDict(frozen=True)

    layout: int
    number: int
    created_at: str
    run: str
    root: str
    tagflow: str
    base: int = 0
    note: str = ""
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class Version:
    """A version of a dataset: its number, its folder, and what is in it; None for a folder without a manifest."""

    number: int
    folder: Path
    manifest: Manifest | None

    @property
    def files(self) -> dict[str, FileEntry]:
        """The files by name; of a folder without a manifest nothing is known."""
        return self.manifest.files if self.manifest else {}


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest into a folder that is not published yet; return the file."""
    said = manifest.model_dump()
    path = folder / NAME
    path.write_text(json.dumps({**said, "digest": _digest(said)}, indent=1), encoding="utf-8")
    return path


def read_manifest(folder: Path, dataset: str) -> Manifest:
    """Read a version's manifest.

    Raises:
        ArtifactError: it is damaged, or of a later layout.
        FileNotFoundError: there is none.
    """
    path = folder / NAME
    what = f"Version {folder.name.lstrip('0')} of dataset {dataset!r}"
    try:
        said = json.loads(path.read_bytes())
        layout, digest = int(said["layout"]), said.pop("digest")
        if layout > LAYOUT:
            raise ArtifactError(f"{what} has layout {layout}, later than {LAYOUT}: update tagflow.")
        if digest != _digest(said):
            raise ValueError("digest")
        return Manifest.model_validate(said)
    except (ValueError, LookupError, TypeError, AttributeError, ValidationError) as error:
        raise ArtifactError(
            f"{what} is damaged ({path} is not what was published): go back to an earlier version with tagflow "
            f"rollback {dataset}."
        ) from error


def _digest(said: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


_DIGESTS: dict[tuple[int, int, int, int], str] = {}
"""Digest of each file that this process has read whole, by device, inode, size and time of change."""


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file; one that did not change since this process last asked is not read again."""
    with path.open("rb") as file:
        seen = os.fstat(file.fileno())
        key = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
        if key not in _DIGESTS:
            _DIGESTS[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _DIGESTS[key]


def is_whole(path: Path, entry: FileEntry) -> bool:
    """Return whether the file is the one that was published."""
    return path.stat().st_size == entry.size and digest_file(path) == entry.sha256
