"""The pair scan and the leader merge beside their peers: CPU time, memory, recall.

Run ``python -m tagflow_tests.benchmarks.fusion TAGS.jsonl.gz MORE.txt --size 40000 --cache tags.npy``; without files
the vectors are drawn by a seed. Each peer runs in a process of its own with one thread; those that are not installed
are named with what to install. The limit is the time of one matrix product of all vectors with themselves, halved, at
the rate (median) measured before and after in the same process. Guards and confirmations are asked where the tags have
texts, and their time is told apart.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from tagflow.ports import Vectors
from tagflow_tests.benchmarks.fusion_peers import PEERS
from tagflow_tests.benchmarks.vectors import draw_vectors, embed_tags, read_tags

ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
}
CHECKED = (
    50_000  # up to here the reference compares all pairs, above only those of as many sampled tags as take as long
)
ROWS = 512  # rows of a block of the reference

Figures = dict[str, float | str]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--field", default="tag", show_default=True, help="Field of a JSON line that holds the tag or tags.")
@click.option("--size", default=40_000, show_default=True, help="Number of tags, drawn by the seed from the lists.")
@click.option("--threshold", default=0.8, show_default=True, help="Cosine from which two tags are a pair.")
@click.option("--cache", type=click.Path(dir_okay=False, path_type=Path), help="Keeps the embedded tags (.npy).")
@click.option("--seed", default=0, show_default=True, help="Order of the tags, or the whole generator.")
@click.option("--language", default="en", show_default=True, help="Of the tags, for guards and confirmations.")
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(PEERS)), help="Only these; default: all.")
def main(
    files: tuple[Path, ...],
    field: str,
    size: int,
    threshold: float,
    cache: Path | None,
    seed: int,
    language: str,
    peers: tuple[str, ...],
) -> None:
    """Measure our scan and merge and its peers on the same vectors."""
    with tempfile.TemporaryDirectory() as folder:
        vectors, tags = _make_vectors(files, field, size, cache or Path(folder, "tags.npy"), seed)
        stored = Path(folder, "vectors.npy")
        np.save(stored, vectors)
        stored.with_suffix(".json").write_text(json.dumps(tags), encoding="utf-8")
        names = list(peers) or list(PEERS)
        if "tagflow" not in names:
            names.insert(0, "tagflow")
        results = {}
        for number, name in enumerate(names):
            out = Path(folder, f"{number}.json")
            results[name] = _run(name, stored, threshold, out, language if tags else "")
            click.echo(f"{name}: {results[name].get('missing') or 'done'}", err=True)
        columns, true = _list_reference(vectors, threshold, seed)
        for number, name in enumerate(names):
            results[name]["recall"] = _measure_recall(Path(folder, f"{number}.npz"), columns, true, len(vectors))
    _report(vectors, columns, true, results)


def _make_vectors(files: tuple[Path, ...], field: str, size: int, cache: Path, seed: int) -> tuple[Vectors, list[str]]:
    if not files:
        return draw_vectors(size, seed), []
    tags = read_tags(files, field)
    vectors = embed_tags(tags, cache)
    order = np.random.default_rng(seed).permutation(len(tags))[:size]
    click.echo(f"{len(tags):,} distinct tags in {len(files)} files, {len(order):,} of them taken")
    return vectors[order], [tags[place] for place in order]


def _run(name: str, vectors: Path, threshold: float, out: Path, language: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "tagflow_tests.benchmarks.fusion_peers", name, vectors, str(threshold), out, language],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return {"missing": f"failed: {(done.stderr.strip().splitlines() or [str(done.returncode)])[-1][:160]}"}
    figures: Figures = json.loads(out.read_text(encoding="utf-8"))
    return figures


def _list_reference(vectors: Vectors, threshold: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tags j that are checked, and i * n + j of all their pairs i < j, by double-precision products of everything."""
    n = len(vectors)
    columns = np.arange(n)
    if n > CHECKED:
        columns = np.sort(np.random.default_rng(seed).choice(n, CHECKED**2 // n // 2, replace=False))
    exact = vectors.astype(np.float64)
    found = []
    for start in range(0, len(columns), ROWS):
        part = columns[start : start + ROWS]
        row, i = np.nonzero(exact[part] @ exact[: part[-1]].T >= threshold)
        before = i < part[row]
        found.append(i[before] * n + part[row[before]])
    return columns, np.concatenate(found)


def _measure_recall(path: Path, columns: np.ndarray, true: np.ndarray, n: int) -> float | str:
    if not path.exists():
        return ""
    pairs = np.load(path)
    checked = np.isin(pairs["j"], columns)
    listed = pairs["i"][checked].astype(np.int64) * n + pairs["j"][checked]
    return float(np.isin(true, listed).mean()) if len(true) else 1.0


def _report(vectors: Vectors, columns: np.ndarray, true: np.ndarray, results: dict[str, Figures]) -> None:
    n, d = vectors.shape
    total = vectors.sum(axis=0, dtype=np.float64)
    mean = (total @ total - np.einsum("ij,ij->", vectors, vectors, dtype=np.float64)) / (n * (n - 1))
    possible = int(columns.sum())
    ours = float(results["tagflow"]["cpu_s"])
    click.echo(
        f"{n:,} tags of {d} components, mean cosine {mean:.3f}, {len(true):,} pairs of {possible:,} looked at "
        f"(density {len(true) / possible:.2e})"
    )
    click.echo(f"{'':24}{'CPU s':>10}{'x ours':>9}{'x limit':>9}{'GFLOP/s':>9}{'peak MB':>9}{'recall':>9}  ")
    for name, figures in results.items():
        if "missing" in figures:
            click.echo(f"{name:24}  {figures['missing']}")
            continue
        seconds, flops = float(figures["cpu_s"]), float(figures["flops"])
        recall = figures["recall"]
        click.echo(
            f"{name:24}{seconds:10.2f}{seconds / ours:9.2f}{seconds / (n * n * d / flops):9.3f}{flops / 1e9:9.0f}"
            f"{float(figures['peak_mb']):9.0f}{recall if isinstance(recall, str) else f'{recall:.4f}':>9}"
            f"  {figures.get('note', '')}"
        )
    guard = float(results["tagflow"].get("guard_s", 0.0))
    click.echo(f"guards and confirmations (nothing where tags are drawn), not in the time above: {guard:.2f} CPU s")
    summary = {
        "n": n,
        "cpu_s": round(ours, 3),
        "limit_ratio": round(ours / (n * n * d / float(results["tagflow"]["flops"])), 4),
        "peak_mb": round(float(results["tagflow"]["peak_mb"])),
        "pair_recall": results.get("tagflow, pairs only", {}).get("recall"),
        "peers": {
            name: round(float(figures["cpu_s"]), 3)
            for name, figures in results.items()
            if not name.startswith("tagflow") and "cpu_s" in figures
        },
    }
    click.echo(json.dumps(summary))


if __name__ == "__main__":
    main()
