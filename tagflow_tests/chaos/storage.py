"""Writers that are killed, eight datasets written at once while a reader looks, full disks and damaged files.

Run ``python -m tagflow_tests.chaos.storage``. Every version bears its number in every row of three artifacts, so that a
reader knows whether what it got is one version and whole. The last line is JSON.
"""

import contextlib
import errno
import json
import multiprocessing
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import duckdb

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError
from tagflow_tests.chaos.crash_points import (
    ARTIFACTS,
    POINTS,
    make_tables,
    publish,
    read_version,
    write_for_ever,
)

WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["tagflow_tests.chaos.crash_points"])

NAME = "toy"
FULL = (0, 4, 20, 40, 60, 80, 120, 160, 240, 400)
"""Kilobytes that are free when a disk is full: from nothing to what one artifact of three takes."""


@dataclass
class Total:
    """What all rounds came to."""

    kills: int = 0
    half_written: int = 0
    lock_failures: int = 0
    torn_reads: int = 0
    reads: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, held: object) -> None:
        """Note what does not hold."""
        if not held:
            self.wrong.append(what)
            click.echo(f"WRONG: {what}")


@contextlib.contextmanager
def writer(root: Path, dataset: str, start: int, count: int, point: str = "") -> Iterator[tuple]:
    """Run a writer in a process of its own, which does not outlive the block; yield it and what it tells."""
    told, tell = WORKERS.Pipe(duplex=False)
    process = WORKERS.Process(target=write_for_ever, args=(root, dataset, start, count, point, tell))
    process.start()
    tell.close()
    try:
        yield process, told
    finally:
        process.kill()
        process.join()


def last_told(told) -> int:
    """Return the last version that a writer said it had published; 0 for none."""
    version = 0
    with contextlib.suppress(EOFError):
        while told.poll():
            version = told.recv()
    return version


def look(total: Total, store: DuckDBStore, dataset: str, least: int) -> int:
    """Read as a reader would, and return the version; it is whole and not older than what was seen or told before."""
    total.reads += 1
    try:
        version, whole = read_version(store, dataset)
    except ArtifactError as error:
        total.lock_failures += "lock" in str(error) or "open for writing" in str(error)
        total.half_written += 1
        total.expect(f"a reader gets a version: {error}", False)
        return least
    total.torn_reads += not whole
    total.half_written += version < least
    total.expect(f"version {version} of {dataset} is whole and not older than {least}", whole and version >= least)
    return version


def check_after_kill(total: Total, store: DuckDBStore, version: int) -> None:
    """Every version that is listed is whole, and the next run publishes."""
    versions = store.versions(NAME)
    damaged = [number for number in versions.list_numbers() if versions.find_damage(versions.read(number))]
    total.half_written += len(damaged)
    total.expect(f"versions {damaged} are whole after a kill", not damaged)
    publish(store._root, NAME, version + 1)
    total.expect("the next run publishes", look(total, store, NAME, version + 1) == version + 1)
    hidden = [path.name for path in versions.folder.glob(".*") if path.name != ".lease"]
    total.expect(f"nothing half done is left: {hidden}", not hidden)


def kill_at_points(total: Total, folder: Path, points: tuple[str, ...] = tuple(POINTS)) -> None:
    """Kill a writer at each named point, when there is an older version and prunable ones."""
    root = folder / "warehouse"
    store, version = DuckDBStore(root), 4
    for number in range(1, version + 1):
        publish(root, NAME, number)
    for point in points:
        with writer(root, NAME, version + 1, 1, point) as (process, told):
            process.join(60)
            total.expect(f"the writer came to {point!r} ({process.exitcode})", process.exitcode == -9)
            total.kills += 1
            said = max(version, last_told(told))
        seen = look(total, store, NAME, said)
        total.half_written += seen not in (version, version + 1)
        total.expect(f"killed at {point!r}: version {seen} is old or new", seen in (version, version + 1))
        check_after_kill(total, store, seen)
        version = seen + 1


def kill_at_random(total: Total, folder: Path, kills: int, seed: int = 1) -> None:
    """Kill a writer at random moments while a reader looks."""
    root, drawn = folder / "warehouse", random.Random(seed)
    store, version = DuckDBStore(root), 1
    publish(root, NAME, version)
    for _ in range(kills):
        with writer(root, NAME, version + 1, 1_000) as (process, told):
            first = told.recv()  # it has published once
            end, version = time.monotonic() + drawn.uniform(0, 0.4), max(version, first)
            while time.monotonic() < end:
                version = look(total, store, NAME, version)
            process.kill()
            process.join()
            total.kills += 1
            version = max(version, last_told(told))
        version = look(total, store, NAME, version)
        check_after_kill(total, store, version)
        version += 1


def write_in_parallel(total: Total, folder: Path, datasets: int, rounds: int) -> None:
    """Write datasets from a process each, while a reader polls all of them, one by one and by SQL over all."""
    root = folder / "warehouse"
    names = [f"set-{number}" for number in range(datasets)]
    for name in names:
        publish(root, name, 1)
    store, seen = DuckDBStore(root), dict.fromkeys(names, 1)
    query = f"SELECT dataset, min(version), max(version) FROM read_duckdb('{root}/dataset=*/first.duckdb', "
    query += "table_name='first', hive_partitioning=true) GROUP BY ALL"
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(writer(root, name, 2, rounds)) for name in names]
        while any(process.is_alive() for process, _ in writers):
            for name in names:
                seen[name] = look(total, store, name, seen[name])
            try:
                rows = duckdb.connect().execute(query).fetchall()
            except duckdb.IOException as error:
                total.lock_failures += "lock" in str(error)
                total.expect(f"SQL over all datasets: {error}", False)
            else:
                total.torn_reads += sum(low != high for _, low, high in rows)
                total.expect("SQL sees every dataset, each in one version", len(rows) == datasets)
        for name, (process, _) in zip(names, writers, strict=True):
            total.expect(f"the writer of {name} ended well ({process.exitcode})", process.exitcode == 0)
            total.expect(f"{name} is at its last version", look(total, store, name, rounds + 1) == rounds + 1)


def fill_disk(total: Total, folder: Path, full: tuple[int, ...] = FULL) -> bool:
    """Publish onto a small disk with a little space left; return False where no disk can be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return False
    try:
        root, version = disk / "warehouse", 1
        store = DuckDBStore(root)
        publish(root, NAME, version)
        filler = disk / "filler"
        for kilobytes in full:
            filler.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - kilobytes * 1024)))
            try:
                publish(root, NAME, version + 1)
                version += 1
            except (ArtifactError, OSError) as error:
                said = str(error)
                plain = isinstance(error, OSError) and error.errno == errno.ENOSPC  # the caller of publish() says more
                total.expect(f"it says how much is needed: {said}", plain or "MB are needed, " in said)
            filler.unlink()
            seen = look(total, store, NAME, version)
            total.expect(f"with {kilobytes} kB left: version {seen} is whole", seen == version)
            publish(root, NAME, version + 1)
            version += 1
            total.expect("it goes on once there is space", look(total, store, NAME, version) == version)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return True


def damage_files(total: Total, folder: Path, mutations: int, seed: int = 2) -> None:
    """Change published files in every way that a disk or a person may, and read: refused, or what was published."""
    root, drawn = folder / "warehouse", random.Random(seed)
    publish(root, NAME, 1)
    store, refused = DuckDBStore(root), 0
    expected = {artifact: make_tables(artifact, 1) for artifact in ARTIFACTS}
    for _ in range(mutations):
        artifact = drawn.choice(ARTIFACTS)
        path = store.path(NAME, artifact).resolve()
        good = path.read_bytes()
        path.unlink()
        broken = good
        while broken == good:  # words that swap may be the same
            broken = mutate(good, drawn)
        path.write_bytes(broken)
        try:
            tables = store.read_all(NAME, artifact)
        except ArtifactError as error:
            refused += 1
            total.expect(f"it names the file and the way back: {error}", "rollback toy" in str(error))
        else:
            total.half_written += not all(frame.equals(expected[artifact][name]) for name, frame in tables.items())
        path.unlink()
        path.write_bytes(good)
    click.echo(f"{mutations} damaged files: {refused} refused")
    total.expect("every damage is refused", refused == mutations)


def mutate(good: bytes, drawn: random.Random) -> bytes:
    """Return the content with one change: bits, words that swap, blocks that vanish or repeat, ends that are cut."""
    content, kind = bytearray(good), drawn.randrange(6)
    at = drawn.randrange(len(content) - 16) // 8 * 8
    if kind == 0:
        content[at] ^= 1 << drawn.randrange(8)
    elif kind == 1:
        content[at : at + 8], content[at + 8 : at + 16] = content[at + 8 : at + 16], content[at : at + 8]
    elif kind == 2:
        del content[drawn.randrange(len(content)) :]
    elif kind == 3:
        content[at : at + 4096] = bytes(len(content[at : at + 4096]))
    elif kind == 4:
        other = drawn.randrange(len(content) - 16) // 8 * 8
        content[at : at + 16] = content[other : other + 16]
    else:
        content += content[at:]
    return bytes(content)


@click.command()
@click.option("--kills", default=20, show_default=True, help="Kills at random moments.")
@click.option("--datasets", default=8, show_default=True, help="Datasets that are written at once.")
@click.option("--rounds", default=50, show_default=True, help="Versions of each of them.")
@click.option("--mutations", default=200, show_default=True, help="Damaged files.")
def main(kills: int, datasets: int, rounds: int, mutations: int) -> None:
    """Kill, read, fill, damage."""
    total = Total()
    with tempfile.TemporaryDirectory(prefix="tagflow-chaos-") as name:
        folder = Path(name)
        for part in ("points", "random", "parallel", "full", "damaged"):
            (folder / part).mkdir()
        kill_at_points(total, folder / "points")
        click.echo(f"{len(POINTS)} named points: {total.kills} kills")
        kill_at_random(total, folder / "random", kills)
        click.echo(f"{kills} random kills: {total.reads} reads so far")
        write_in_parallel(total, folder / "parallel", datasets, rounds)
        click.echo(f"{datasets} datasets, {rounds} versions each: {total.reads} reads so far")
        mounted = fill_disk(total, folder / "full")
        click.echo(f"full disk: {f'{len(FULL)} fill points' if mounted else 'no disk can be mounted here'}")
        damage_files(total, folder / "damaged", mutations)
    names = ("kills", "half_written", "lock_failures", "torn_reads")
    click.echo(json.dumps({name: getattr(total, name) for name in names}))
    if total.wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
