"""Removes what is kept of deleted contents, or of a whole dataset."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import DatasetVersions
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.run_register import list_runs
from tagflow.cli.layout import count
from tagflow.cli.runs import prepare_home, run_dataset
from tagflow.errors import ArtifactError, ConfigError
from tagflow.settings import check_dataset_name, load_settings

PURGE = "tagflow purge"
"""Who holds a dataset while it is purged."""


def run_purge(name: str, content_ids: Sequence[str]) -> None:
    """Remove every trace of contents that are no longer in the dataset's folder, or of the whole dataset.

    Of single contents: the journal forgets them, caches and earlier versions go, the dataset is made anew from what is
    in its folder, and Dagster's history of it goes, as its pages show rows. Files of people stay.

    Args:
        name: the dataset.
        content_ids: the contents; none for the whole dataset.

    Raises:
        ConfigError: the name cannot be one, or a content is still in the folder.
        ArtifactError: a run holds the dataset, or a file cannot be changed.
    """
    data, versions = find_data(), DatasetVersions(find_data().absolute() / "warehouse", check_dataset_name(name))
    asked = set(content_ids) if content_ids else _list_contents(versions)
    if content_ids:
        load_settings(data, name)
        run_dataset(name, "raw_clues")
        found = DuckDBStore(versions.root).read(name, "raw_clues").filter(pl.col("content_id").is_in(list(asked)))
        if len(found):
            raise ConfigError(
                f"{data / name / 'contents'} still has {found['content_id'][0]!r} in {found['source_file'][0]}: delete "
                f"the record there, and purge it again."
            )
    gone = _forget_answers(data, name, asked, whole=not content_ids)
    try:
        lease = Lease(versions.folder, name, PURGE).acquire(0)
        try:
            shutil.rmtree(versions.root / ".caches" / name, ignore_errors=True)
            shutil.rmtree(versions.folder / "stage", ignore_errors=True)
            if not content_ids:
                _remove_everything(versions)
        finally:
            lease.release()
        runs = _forget_runs(data, name)
        if content_ids:
            run_dataset(name)
            _forget_changes(DuckDBStore(versions.root), name)
            _forget_tombstones(DuckDBStore(versions.root), name, asked)
            lease = Lease(versions.folder, name, PURGE).acquire(0)
            try:
                with lease.publishing():
                    removed = versions.forget_earlier()
            finally:
                lease.release()
        else:
            shutil.rmtree(versions.folder, ignore_errors=True)
    except OSError as error:
        raise ArtifactError(
            f"Dataset {name!r} could not be purged whole ({error.strerror or error}): do it again."
        ) from error
    what = count(len(asked), "content") if content_ids else "the whole dataset"
    kept = f"{removed} earlier versions went" if content_ids else "all versions went"
    click.echo(
        f"{name}: {what} purged; {count(gone, 'answer')} of the journal, caches, {kept}, and Dagster's history of "
        f"{count(runs, 'run')}."
    )
    click.echo(f"Yours to remove: files in {data / name}, such as corrections.jsonl, and what you exported elsewhere.")


def _list_contents(versions: DatasetVersions) -> set[str]:
    """Every content of every kept version that can be read."""
    found: set[str] = set()
    store = DuckDBStore(versions.root)
    for number in versions.list_numbers() or ([0] if versions.link.is_dir() else []):
        try:
            view = store.at(versions.dataset, number) if number else store
            for table in ("raw_clues", "quarantine"):
                frame = view.read(versions.dataset, "raw_clues", table)
                found |= set(frame["content_id"]) if "content_id" in frame.columns else set()
        except ArtifactError:
            continue  # damaged, of an older tagflow, or without contents: it goes all the same
    return found


def _forget_answers(data: Path, name: str, contents: set[str], *, whole: bool) -> int:
    """Have the journal forget the contents; of a whole dataset also what its runs asked about its tags."""
    path = data / "warehouse" / NAME
    if not path.is_file():
        return 0
    with JournalFile(path) as file:
        records = set(contents)
        if whole:
            runs = list_runs(file, name)["run"].to_list()
            records |= ResponseJournal(file).list_records_of(runs)
        return ResponseJournal(file).forget(records)


def _forget_tombstones(store: DuckDBStore, name: str, contents: set[str]) -> None:
    """What says that the contents are gone names them, and goes too."""
    tables = store.read_all(name, "raw_clues")
    kept = tables["tombstones"].filter(~pl.col("content_id").is_in(sorted(contents)))
    store.write(name, "raw_clues", {**tables, "tombstones": kept})


def _forget_changes(store: DuckDBStore, name: str) -> None:
    """The changes since the last tag set name the tags that are gone, and such a tag may be a word of a content."""
    tables = store.read_all(name, "fused_tagset")
    store.write(name, "fused_tagset", {**tables, "vocabulary_changes": tables["vocabulary_changes"].clear()})


def _remove_everything(versions: DatasetVersions) -> None:
    if versions.link.is_symlink():
        versions.link.unlink()
    elif versions.link.is_dir():
        shutil.rmtree(versions.link)
    for path in versions.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _forget_runs(data: Path, name: str) -> int:
    """Remove the dataset's runs and their events from Dagster's storage, and deleted pages from its files."""
    home = prepare_home(data)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        runs = [run.run_id for run in instance.get_runs(dg.RunsFilter(tags={"dagster/partition": name}))]
        for run in runs:
            instance.delete_run(run)
        if not (data / name).is_dir() and instance.has_dynamic_partition("datasets", name):
            instance.delete_dynamic_partition("datasets", name)
    for run in runs:
        for path in home.rglob(f"{run}*"):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for path in home.rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            _forget_last_events(connection, runs)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(runs)


def _forget_last_events(connection: sqlite3.Connection, runs: Sequence[str]) -> None:
    """Dagster keeps a copy of each asset's last event beside the events, and no call of its own removes it alone."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'asset_keys'").fetchone():
        with connection:
            connection.executemany(
                "UPDATE asset_keys SET last_materialization = NULL WHERE last_run_id = ?", [(run,) for run in runs]
            )
