"""Files dropped under a real daemon that is killed at random: each content must be tagged exactly once.

``python -m tagflow_tests.chaos.sensor``; the last line is JSON. Files come whole, renamed into place, or slowly;
one in a hundred more is broken. The daemon is killed alone or together with its runs, and started again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import polars as pl
import yaml

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow_tests.chaos.watched import NAME, WITNESS
from tagflow_tests.chaos.worlds import FRAMES, SUBJECTS

SETTLE = 1200.0
"""Seconds that the last files may take on a busy machine."""


def write_dataset(data: Path) -> None:
    """A dataset that is tagged in seconds: a tag list, no model, nothing compared."""
    folder = data / NAME
    (folder / "contents").mkdir(parents=True)
    (folder / "tags.csv").write_text("\n".join(["tag", *SUBJECTS]) + "\n", encoding="utf-8")
    settings = {
        "holdout": 0,
        "encoder": {"model": "character-ngrams"},
        "vocabulary": {"source": "file", "file": "tags.csv", "min_contents": 1},
        "evaluation": {"methods": []},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    lines = [json.dumps(make_record(f"first-{number}")) for number in range(40)]
    (folder / "contents" / "first.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_record(name: str) -> dict[str, str]:
    """Return a content that names three of the tags."""
    drawn = random.Random(name)
    chosen = drawn.sample(SUBJECTS, 3)
    return {"id": name, "title": drawn.choice(FRAMES).format(*chosen), "caption": f"{chosen[2]}, no. {name}"}


def drop_files(folder: Path, count: int, seconds: float, drawn: random.Random) -> None:
    """Put the files into the folder within about so many seconds, each in one of the ways files come."""
    for number in range(count):
        path, line = folder / f"drop-{number}.jsonl", json.dumps(make_record(f"drop-{number}")) + "\n"
        way = drawn.choice(("whole", "renamed", "slow"))
        if way == "renamed":
            (folder / f".{path.name}").write_text(line, encoding="utf-8")
            (folder / f".{path.name}").rename(path)
        else:
            with path.open("w", encoding="utf-8") as file:
                half = len(line) // 2 if way == "slow" else len(line)
                file.write(line[:half])
                file.flush()
                time.sleep(drawn.random() * seconds / count if way == "slow" else 0)
                file.write(line[half:])
        if number % 100 == 50:
            (folder / f"broken-{number}.jsonl").write_text('{"id": "broken', encoding="utf-8")
        time.sleep(drawn.random() * seconds / count)


def start_daemon(data: Path, witness: Path) -> subprocess.Popen[bytes]:
    """Start Dagster's daemon on the watched code location, in a process group of its own."""
    environment = {
        **os.environ,
        "TAGFLOW_DATA": str(data),
        "DAGSTER_HOME": str(data / ".dagster"),
        "PYTHONWARNINGS": "ignore",
        WITNESS: str(witness),
    }
    words = ["dagster._daemon", "run", "-m", "tagflow_tests.chaos.watched", "-d", str(Path(__file__).parents[2])]
    with (data / "daemon.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *words], env=environment, stdout=log, stderr=log, start_new_session=True
        )


def kill(daemon: subprocess.Popen[bytes], *, with_runs: bool) -> None:
    """Kill the daemon, and everything it started if so asked."""
    if with_runs:
        os.killpg(daemon.pid, signal.SIGKILL)
    else:
        daemon.kill()
    daemon.wait()


def count_tagged(store: DuckDBStore) -> pl.DataFrame:
    """Return content_id and times of what is tagged of the dropped files."""
    status = store.read(NAME, "tagged_output", "content_status").filter(pl.col("status") == "tagged")
    dropped = status.filter(pl.col("content_id").str.starts_with("drop-"))
    return dropped.group_by("content_id").agg(times=pl.len())


def read_witness(witness: Path) -> set[str]:
    """Return the contents that were put to the method although they were tagged."""
    lines = witness.read_text(encoding="utf-8").splitlines() if witness.is_file() else []
    return {content_id for line in lines for content_id in json.loads(line)["again"]}


def run(files: int, kills: int, pause: float, seed: int) -> dict[str, int]:
    """Drop the files, kill the daemon, wait for the rest, and count."""
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="tagflow-sensor-") as root:
        data, witness = Path(root) / "data", Path(root) / "witness"
        write_dataset(data)
        command = [
            sys.executable,
            "-c",
            f"from tagflow.cli.runs import run_dataset; run_dataset({NAME!r}, '*tagged_output')",
        ]
        subprocess.run(command, env={**os.environ, "TAGFLOW_DATA": str(data)}, check=True, stdout=subprocess.DEVNULL)
        store, started = DuckDBStore(data / "warehouse"), time.monotonic()
        dropping = threading.Thread(
            target=drop_files, args=(data / NAME / "contents", files, pause * kills, random.Random(seed + 1))
        )
        dropping.start()
        daemon = start_daemon(data, witness)
        try:
            for number in range(kills):
                time.sleep(pause * (0.5 + drawn.random()))
                with_runs = drawn.random() < 0.5
                kill(daemon, with_runs=with_runs)
                tagged = len(count_tagged(store))
                click.echo(f"kill {number + 1}{' with its runs' * with_runs}: {tagged} of {files} are tagged")
                daemon = start_daemon(data, witness)
            dropping.join()
            end = time.monotonic() + SETTLE
            while len(count_tagged(store)) < files and time.monotonic() < end:
                time.sleep(1)
            click.echo(f"{time.monotonic() - started:.0f} s from the first file to the last tag")
            time.sleep(3 * 10)  # three more looks of the sensor: nothing may be asked for again
        finally:
            kill(daemon, with_runs=True)
        tagged = count_tagged(store)
        again = read_witness(witness) | set(tagged.filter(pl.col("times") > 1)["content_id"])
        once = set(tagged["content_id"]) - again
        if len(tagged) < files:
            click.echo((data / "daemon.log").read_text(encoding="utf-8", errors="replace")[-4000:])
        return {"files": files, "tagged_once": len(once), "missed": files - len(tagged), "twice": len(again)}


@click.command()
@click.option("--files", default=1000, show_default=True, help="Files dropped, one content each.")
@click.option("--kills", default=20, show_default=True, help="Kills of the daemon.")
@click.option("--pause", default=20.0, show_default=True, help="Seconds between two kills, on average.")
@click.option("--seed", default=0, show_default=True, help="Of what is drawn.")
def main(files: int, kills: int, pause: float, seed: int) -> None:
    """Drop, kill, count."""
    said = run(files, kills, pause, seed)
    click.echo(json.dumps(said))
    if said["tagged_once"] != files:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
