"""The content files of a dataset as they lie there, without a look inside: what a sensor may know."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from tagflow.adapters.content_reader import list_content_files


class FolderState(NamedTuple):
    """What can be seen of a folder from outside.

    Attributes:
        digest: hash of names, sizes and times of its content files.
        touched: when one of them, or the list of them, was last changed, in seconds since the epoch.
    """

    digest: str
    touched: float


def look_at_folder(folder: Path, *beside: Path) -> FolderState:
    """Return the state of a contents folder and of files beside it; a missing folder is empty and was never touched."""
    if not folder.is_dir():
        return FolderState("", 0.0)
    said, touched = [], folder.stat().st_mtime
    for path in [*list_content_files(folder), *(file for file in beside if file.is_file())]:
        try:
            seen = path.stat()
        except OSError:  # gone since it was listed, or a link to nowhere: reading it will say so
            said.append(f"{path.name}|unreadable")
            continue
        said.append(f"{path.name}|{seen.st_size}|{seen.st_mtime_ns}")
        touched = max(touched, seen.st_mtime, seen.st_ctime)  # a copy may keep the time of its original
    return FolderState(hashlib.blake2b("\n".join(said).encode(), digest_size=8).hexdigest(), touched)
