"""Shows the versions of a dataset and goes back to one."""

from pathlib import Path

import click

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import DatasetVersions
from tagflow.adapters.version_manifest import FileEntry, Version
from tagflow.cli.layout import align, count
from tagflow.errors import ArtifactError
from tagflow.settings import load_settings

COUNTED = {"raw_clues": "contents", "fused_tagset": "tags", "tagged_output": "assigned"}
"""Artifacts whose rows are shown, and what a row is."""

ROLLBACK = "tagflow rollback"
"""Who holds a dataset that is being rolled back."""


def run_versions(name: str, *, check: bool = False) -> None:
    """Print the kept versions, the oldest first: number, time, rows, and what changed in each.

    Args:
        name: the dataset.
        check: whether every file is read and compared with what was published.

    Raises:
        ConfigError: no such dataset.
        ArtifactError: it was not run yet, or a checked file is damaged.
    """
    versions = _open(name)
    if not versions.list_numbers():
        raise ArtifactError(f"Dataset {name!r} has no version yet: run tagflow run {name}.")
    rows, before, damaged = [("", "", "made (UTC)", *COUNTED.values(), "what changed")], None, {}
    latest = versions.list_numbers()[-1]
    for number in versions.list_numbers():
        mark = "now" if number == latest else ""
        try:
            version = versions.read(number)
        except ArtifactError:
            rows.append((mark, str(number), "", "", "", "", "its manifest is damaged"))
            damaged[number] = ["manifest.json"]
            continue
        if check and (found := versions.find_damage(version)):
            damaged[number] = found
        rows.append((mark, str(number), *_describe(version, before)))
        before = version
    for line in align(rows, right=(1, 3, 4, 5)):
        click.echo(line)
    if damaged and check:
        said = "; ".join(f"version {number}: {', '.join(files)}" for number, files in damaged.items())
        raise ArtifactError(
            f"Dataset {name!r} has damaged files ({said}): {ROLLBACK} {name} goes to one that is whole."
        )
    if check:
        click.echo("Every file is what was published.")


def run_rollback(name: str, number: int | None) -> None:
    """Make an earlier version's artifacts the current ones, as a new version, and say what that changed.

    Args:
        name: the dataset.
        number: the version; None for the latest whole one before the current one.

    Raises:
        ConfigError: no such dataset.
        ArtifactError: there is no such version, a file of it is damaged, or a run holds the dataset.
    """
    versions = _open(name)
    kept = load_settings(find_data(), name).versions.keep
    if not versions.list_numbers():
        raise ArtifactError(f"Dataset {name!r} has no version to go back to: run tagflow run {name}.")
    try:
        lease = Lease(versions.folder, name, ROLLBACK).acquire(0)
        try:
            left = _read_current(versions)
            earlier, now = versions.roll_back(lease, number, ROLLBACK, kept)
        finally:
            lease.release()
    except OSError as error:
        raise ArtifactError(
            f"Dataset {name!r} could not be rolled back ({error.strerror or error}): nothing was changed."
        ) from error
    made = earlier.manifest.created_at if earlier.manifest else ""
    click.echo(f"{name}: version {earlier.number} of {made} is current again, as version {now.number}")
    changed = _find_changed(now, left)
    for file in changed:
        old, new = (_tell_rows(version.files.get(file) if version else None, file) for version in (left, now))
        click.echo(f"  {Path(file).stem}: {old} -> {new}")
    click.echo(
        f"{count(len(changed), 'file')} changed. contents/, vocabulary.yaml, corrections.jsonl and dataset.yaml are as "
        f"you left them: the next tagflow run {name} builds on them."
    )


def _open(name: str) -> DatasetVersions:
    data = find_data()
    load_settings(data, name)
    return DatasetVersions(data.absolute() / "warehouse", name)


def _read_current(versions: DatasetVersions) -> Version | None:
    try:
        return versions.current()
    except ArtifactError:
        return None


def _describe(version: Version, before: Version | None) -> tuple[str, str, str, str, str]:
    assert version.manifest is not None
    made = version.manifest.created_at.partition("+")[0].replace("T", " ")
    changed = [Path(file).stem for file in _find_changed(version, before) if file.endswith(".duckdb")]
    artifacts = sum(file.endswith(".duckdb") for file in version.files)
    said = "everything" if len(changed) == artifacts else ", ".join(changed) or "nothing"
    note = f"{version.manifest.note}: " if version.manifest.note else ""
    contents, tags, assigned = (
        _tell_rows(version.files.get(f"{artifact}.duckdb"), artifact, "") for artifact in COUNTED
    )
    return made, contents, tags, assigned, note + said


def _find_changed(version: Version, before: Version | None) -> list[str]:
    """The files that are not the same in both."""
    old = before.files if before else {}
    names = sorted({*version.files, *old})
    return [name for name in names if _digest(version.files.get(name)) != _digest(old.get(name))]


def _digest(entry: FileEntry | None) -> str | None:
    return entry.sha256 if entry else None


def _tell_rows(entry: FileEntry | None, file: str, word: str = " rows") -> str:
    if entry is None:
        return "none" if word else "-"
    rows = entry.rows.get(Path(file).stem)
    return f"{rows:,}{word}" if rows is not None else f"{entry.size:,} bytes"
