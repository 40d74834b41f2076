"""A dataset's artifacts as numbered versions, each a folder that never changes; one rename makes another one current.

``<root>/dataset=<name>`` is a symbolic link to ``<root>/.versions/<name>/<number>``. Files that two versions share are
one file with two names. A run builds its files in ``<root>/.versions/<name>/stage`` and publishes them together.
"""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tagflow import __version__
from tagflow.adapters.artifact_files import count_rows, sync
from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.version_manifest import (
    LAYOUT,
    FileEntry,
    Manifest,
    Version,
    digest_file,
    is_whole,
    read_manifest,
    write_manifest,
)
from tagflow.errors import ArtifactError

KEPT = 5
"""Ours: versions of a dataset that are kept, beside the last one of the tag set before the current one."""

TAG_SET = "fused_tagset.duckdb"
UNFINISHED = (".new-*", ".gone-*", ".plain-*", ".link-*")


class DatasetVersions:
    """The versions of one dataset."""

    def __init__(self, root: Path, dataset: str) -> None:
        """Look below ``root``; nothing is made yet. The name must be a checked one."""
        self.root, self.dataset = root, dataset
        self.link = root / f"dataset={dataset}"
        self.folder = root / ".versions" / dataset

    def current(self) -> Version | None:
        """Return the current version; number 0 is a plain folder, as an earlier tagflow left it.

        Raises:
            ArtifactError: its manifest is damaged or of a later layout.
        """
        if not self.link.is_symlink():
            if self.link.is_dir():
                return Version(0, self.link, None)
            numbers = self._numbers()  # the link is gone, the versions are not
            return self.read(max(numbers)) if numbers else None
        return self.read(int(self.link.readlink().name))

    def read(self, number: int) -> Version:
        """Return a version by its number; raises ArtifactError if there is none, or like ``read_manifest``."""
        folder = self.folder / f"{number:06}"
        try:
            return Version(number, folder, read_manifest(folder, self.dataset))
        except FileNotFoundError as error:
            kept = ", ".join(map(str, self.list_numbers())) or "none"
            raise ArtifactError(f"Dataset {self.dataset!r} has no version {number} (kept: {kept}).") from error

    def list_numbers(self) -> list[int]:
        """Return the numbers of the versions that were published and are kept, the oldest first."""
        latest = int(self.link.readlink().name) if self.link.is_symlink() else None
        return [number for number in self._numbers() if latest is None or number <= latest]

    def publish(self, lease: Lease, files: Mapping[str, Path], run: str, root: str, *, base: int, kept: int) -> Version:
        """Make the files, with the untouched ones of the current version, the new current version.

        Args:
            lease: of the dataset.
            files: by name, where they lie now; they are synced here.
            run: which run made them.
            root: the run it is a retry of, or itself.
            base: the version they were made from.
            kept: versions to keep.

        Raises:
            ArtifactError: the lease has passed on, or the current version is not the base any more.
            OSError: the disk fails; the current version stays.
        """
        entries = {name: _describe(path) for name, path in files.items()}
        with lease.publishing():
            self._sweep()
            current = self.current()
            found = current.number if current else 0
            if found != base:
                raise ArtifactError(
                    f"What run {run} made of dataset {self.dataset!r} stands on version {base}, and version {found} "
                    f"was published since: nothing was published; start a new run."
                )
            if current is not None and current.manifest is None:
                current = self._adopt(current)
            parts = {name: (files[name], entry) for name, entry in entries.items()}
            if current is not None:
                untouched = {name: entry for name, entry in current.files.items() if name not in parts}
                parts |= {name: (current.folder / name, entry) for name, entry in untouched.items()}
            version = self._add(parts, run, root, current.number if current else 0, "")
            self._point_to(version)
            self._prune(kept)
            return version

    def roll_back(self, lease: Lease, number: int | None, run: str, kept: int) -> tuple[Version, Version]:
        """Publish an earlier version's files as the new current version; return the earlier and the new one.

        Args:
            lease: of the dataset.
            number: the version; None for the latest before the current one that is whole and differs from it.
            run: who asks.
            kept: versions to keep.

        Raises:
            ArtifactError: there is no such version, or a file of it is damaged.
            OSError: the disk fails; the current version stays.
        """
        with lease.publishing():
            self._sweep()
            earlier = self._choose(number)
            parts = {name: (earlier.folder / name, entry) for name, entry in earlier.files.items()}
            note = f"rollback to {earlier.number}"
            version = self._add(parts, run, run, earlier.number, note)
            self._point_to(version)
            self._prune(kept)
            return earlier, version

    def forget_earlier(self) -> int:
        """Remove every version but the current one, and what is half done; return how many.

        Raises:
            OSError: a file cannot be removed.
        """
        self._sweep()
        earlier = self.list_numbers()[:-1]
        for number in earlier:
            shutil.rmtree(self.folder / f"{number:06}")
        return len(earlier)

    def find_damage(self, version: Version) -> list[str]:
        """Return the files of a version that are missing or not what was published, sorted."""
        return sorted(name for name, entry in version.files.items() if not _is_there(version.folder / name, entry))

    def _choose(self, number: int | None) -> Version:
        numbers = self.list_numbers()
        if number is not None:
            chosen = self.read(number)
            if damaged := self.find_damage(chosen):
                raise ArtifactError(
                    f"Version {number} of dataset {self.dataset!r} is damaged ({', '.join(damaged)}): choose another "
                    f"one of tagflow versions {self.dataset}."
                )
            return chosen
        try:
            current = self.current()
        except ArtifactError:  # its manifest is damaged: all the more reason
            current = None
        for candidate in reversed(numbers[:-1]):
            with suppress(ArtifactError):
                version = self.read(candidate)
                if (current is None or version.files != current.files) and not self.find_damage(version):
                    return version
        raise ArtifactError(f"Dataset {self.dataset!r} has no earlier version that is whole and differs.")

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())

    def _add(self, parts: Mapping[str, tuple[Path, FileEntry]], run: str, root: str, base: int, note: str) -> Version:
        """Make a version of files that lie elsewhere; it is whole when its folder has its name."""
        numbers = self._numbers()
        number = max(numbers, default=0) + 1
        new, folder = self.folder / f".new-{secrets.token_hex(4)}", self.folder / f"{number:06}"
        new.mkdir(parents=True)
        for name, (path, _) in parts.items():
            link_file(path, new / name)
        manifest = Manifest(
            layout=LAYOUT,
            number=number,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            run=run,
            root=root,
            tagflow=__version__,
            base=base,
            note=note,
            files={name: entry for name, (_, entry) in sorted(parts.items())},
        )
        sync(write_manifest(new, manifest))
        sync_folder(new)
        new.rename(folder)
        sync_folder(self.folder)
        return Version(number, folder, manifest)

    def _point_to(self, version: Version) -> None:
        """Make a version the current one, in one rename."""
        fresh = self.folder / f".link-{secrets.token_hex(4)}"
        fresh.symlink_to(Path(".versions") / self.dataset / version.folder.name)
        fresh.rename(self.link)
        sync_folder(self.root)

    def _adopt(self, plain: Version) -> Version:
        """Turn a plain folder of an earlier tagflow into the first version, with its files kept."""
        artifacts = [path for path in plain.folder.iterdir() if path.suffix in (".duckdb", ".html")]
        owned = [path for path in artifacts if not path.stem.endswith("_cache") and not path.name.startswith(".")]
        parts = {path.name: (path, _describe(path)) for path in owned}
        version = self._add(parts, "", "", 0, "made before tagflow kept versions")
        caches = self.root / ".caches" / self.dataset
        for path in set(artifacts) - set(owned):
            caches.mkdir(parents=True, exist_ok=True)
            if not (caches / path.name).exists():
                link_file(path, caches / path.name)
        aside = self.folder / f".plain-{secrets.token_hex(4)}"
        self.link.rename(aside)  # until the link stands, current() finds the version by its number
        self._point_to(version)
        shutil.rmtree(aside)
        return version

    def _sweep(self) -> None:
        """Remove what killed runs left half done, and versions that never became current."""
        for pattern in UNFINISHED:
            for path in self.folder.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if self.link.is_symlink():
            latest = int(self.link.readlink().name)
            for number in self._numbers():
                if number > latest:
                    self._remove(number)

    def _prune(self, kept: int) -> None:
        """Keep the newest versions, and the newest one with the tag set before the current one; never fail for it."""
        numbers = self.list_numbers()
        keep = set(numbers[-max(kept, 1) :])
        sets = {number: self._read_tag_set(number) for number in numbers}
        other = [number for number in numbers if sets[number] != sets[numbers[-1]]]
        for number in numbers:
            if number not in keep and number not in other[-1:]:
                with suppress(OSError):
                    self._remove(number)

    def _read_tag_set(self, number: int) -> str | None:
        with suppress(ArtifactError):
            entry = self.read(number).files.get(TAG_SET)
            return entry.sha256 if entry else None
        return None

    def _remove(self, number: int) -> None:
        gone = self.folder / f".gone-{secrets.token_hex(4)}"
        (self.folder / f"{number:06}").rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


class Stage:
    """What a run has made of a dataset and not published yet; a retry of the run goes on with it."""

    def __init__(self, versions: DatasetVersions, lease: Lease, run: str, root: str, *, resumed: bool = False) -> None:
        """Open the stage of a run.

        Args:
            versions: of the dataset.
            lease: held by the run.
            run: the run.
            root: the run it is a retry of, or itself.
            resumed: whether the run needs what its root has staged.

        Raises:
            ArtifactError: it needs that, and it is gone.
            OSError: the folder cannot be made.
        """
        self.versions, self.lease, self.run, self.root = versions, lease, run, root
        self.folder = versions.folder / "stage"
        self.version = versions.current()
        said = _read_json(self.folder / "stage.json")
        number = self.version.number if self.version else 0
        if said != {"root": root, "base": number}:
            if resumed and not self._was_published():
                raise ArtifactError(
                    f"What run {root} staged of dataset {versions.dataset!r} is gone, for another run began since: "
                    f"start a new run instead of going on with it."
                )
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            (self.folder / "stage.json").write_text(json.dumps({"root": root, "base": number}), encoding="utf-8")

    def find(self, name: str) -> Path | None:
        """Return where the run's own file lies; None if it has not made one, or all is published."""
        path = self.folder / name
        return path if path.is_file() else None

    def list_files(self) -> dict[str, Path]:
        """Return the run's own files by name."""
        return {path.name: path for path in self.folder.iterdir() if path.suffix in (".duckdb", ".html")}

    def publish(self, kept: int) -> Version:
        """Publish what is staged (see ``DatasetVersions.publish``) and clear the stage."""
        base = self.version.number if self.version else 0
        files = self.list_files()
        for path in files.values():
            sync(path)
        self.version = self.versions.publish(self.lease, files, self.run, self.root, base=base, kept=kept)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.version

    def _was_published(self) -> bool:
        for number in self.versions.list_numbers():
            with suppress(ArtifactError):
                manifest = self.versions.read(number).manifest
                if manifest is not None and manifest.root == self.root:
                    return True
        return False


def link_file(path: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)
        sync(target)


def sync_folder(folder: Path) -> None:
    """Have the disk keep a folder's names, where the file system can."""
    with suppress(OSError):
        sync(folder)


def _describe(path: Path) -> FileEntry:
    rows = count_rows(path) if path.suffix == ".duckdb" else {}
    return FileEntry(sha256=digest_file(path), size=path.stat().st_size, rows=rows)


def _is_there(path: Path, entry: FileEntry) -> bool:
    try:
        return is_whole(path, entry)
    except OSError:
        return False


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
