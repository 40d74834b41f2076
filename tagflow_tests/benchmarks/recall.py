"""Searching the nearest tags of contents: exact search beside hnswlib and faiss, by CPU time on one thread.

Run ``python -m tagflow_tests.benchmarks.recall TAGS.jsonl.gz MORE.jsonl.gz --contents CONTENTS.jsonl.gz``. The vectors
are the default encoder's of distinct tags and of the contents' title, caption, ocr and asr. hnswlib and faiss' HNSW
are searched with growing width until 99 % of the 20 nearest are found; the last width is the setting compared.
Recall is counted against exact cosines in double precision; what is as near as the twentieth, to 1e-6, is found.
All sides run in one process with one thread, the searches in turns, and the least CPU time of a side counts.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from threadpoolctl import threadpool_limits

from tagflow.adapters.bfloat16 import computes_bfloat16
from tagflow.adapters.exact_neighbours import ExactNeighbours, Way
from tagflow.adapters.hnswlib_neighbours import BUILD_WIDTH, LINKS, SEED
from tagflow.adapters.integer_product import load_product
from tagflow.ports import Vectors
from tagflow_tests.benchmarks.embedding import draw, join_text, read_records
from tagflow_tests.benchmarks.vectors import embed_tags, read_tags

K = 20
SOUGHT = 0.99
WIDTHS = (32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
TIE = 1e-6

Search = Callable[[Vectors], np.ndarray]


class Side(NamedTuple):
    """One way of searching, prepared."""

    name: str
    search: Search
    prepared: float
    """CPU seconds of what is done once for a set of tags."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--field", "fields", default=("tag", "tags"), multiple=True, show_default=True, help="Of these the first in a file."
)
@click.option("--contents", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--size", default=100_000, show_default=True, help="Tags at most, drawn by the seed.")
@click.option("--queries", default=2000, show_default=True, help="Contents at most, drawn by the seed.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keeps the vectors in this folder.")
@click.option("--rounds", default=3, show_default=True, help="Turns of each side.")
@click.option("--seed", default=0, show_default=True)
def main(
    files: tuple[Path, ...],
    fields: tuple[str, ...],
    contents: Path,
    size: int,
    queries: int,
    cache: Path | None,
    rounds: int,
    seed: int,
) -> None:
    """Compare the sides on the same vectors."""
    import torch

    torch.set_num_threads(1)
    threadpool_limits(1)
    random = np.random.default_rng(seed)
    tags = draw(list_tags(files, fields), size, random)
    texts = draw(list(filter(None, map(join_text, read_records(contents)))), queries, random)
    with tempfile.TemporaryDirectory() as passing:
        folder = cache or Path(passing)
        vectors, asked = embed_tags(tags, folder / "tags.npy"), embed_tags(texts, folder / "contents.npy")
    floor = find_floor(vectors, asked)
    click.echo(
        f"{len(vectors):,} tags, {len(asked):,} contents, cosine of the {K}th tag: median {np.median(floor):.3f}; "
        f"bfloat16 native: {'yes' if computes_bfloat16() else 'no'}"
    )
    sides = [prepare_exact(vectors, way) for way in list_ways()]
    sides += [
        side
        for prepare in (prepare_hnswlib, prepare_flat, prepare_faiss_hnsw)
        if (side := prepare(vectors, asked, floor)) is not None
    ]
    _report(sides, vectors, asked, floor, rounds)


def list_tags(files: Sequence[Path], fields: Sequence[str]) -> list[str]:
    """Return the distinct tags of files that hold them in one field or another."""
    tags: dict[str, None] = {}
    for path in files:
        held = read_records(path)[0]
        field = next((field for field in fields if field in held), None)
        if field is None:
            raise click.ClickException(f"{path} has none of the fields {', '.join(fields)}; name one with --field.")
        tags.update(dict.fromkeys(read_tags([path], field)))
    return list(tags)


def find_floor(vectors: Vectors, queries: Vectors) -> np.ndarray:
    """Return the cosine of the 20th nearest tag of each query, in double precision."""
    exact = vectors.astype(np.float64)
    products = (queries[start : start + 100].astype(np.float64) @ exact.T for start in range(0, len(queries), 100))
    return np.concatenate([np.partition(block, -K, axis=1)[:, -K] for block in products])


def measure_recall(vectors: Vectors, queries: Vectors, floor: np.ndarray, found: np.ndarray) -> float:
    """Return the share of the K nearest that was found; a tag found twice counts once."""
    cosine = np.einsum("qkd,qd->qk", vectors[found].astype(np.float64), queries.astype(np.float64))
    near = cosine >= floor[:, None] - TIE
    order = np.argsort(found, axis=1, kind="stable")
    once = np.diff(np.take_along_axis(found, order, axis=1), axis=1, prepend=-1) != 0
    return float((np.take_along_axis(near, order, axis=1) & once).sum() / found.shape[0] / K)


def list_ways() -> list[Way]:
    """Return the ways of estimating that this processor is fast in, the one taken by default first."""
    ways: list[Way] = ["integer"] if load_product() else []
    return [*ways, *(["bfloat16"] if computes_bfloat16() else []), "float32"]


def prepare_exact(vectors: Vectors, way: Way) -> Side:
    """Prepare our exact search; its preparation is what the first search does for all others."""
    start = time.process_time()
    index = ExactNeighbours(vectors, way)
    index.search(vectors[:1], K)
    spent = time.process_time() - start
    return Side(f"ours, {way}", lambda asked: index.search(asked, K)[0], spent)


def prepare_hnswlib(vectors: Vectors, queries: Vectors, floor: np.ndarray) -> Side:
    """Build hnswlib's graph as the adapter does, and widen its search until the recall is reached."""
    import hnswlib

    start = time.process_time()
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), ef_construction=BUILD_WIDTH, M=LINKS, random_seed=SEED)
    index.add_items(vectors, np.arange(len(vectors)), num_threads=1)
    built = time.process_time() - start

    def search(width: int, asked: Vectors) -> np.ndarray:
        index.set_ef(width)
        return index.knn_query(asked, k=K, num_threads=1)[0].astype(np.int64)

    return _widen("hnswlib", search, built, vectors, queries, floor)


def prepare_flat(vectors: Vectors, queries: Vectors, floor: np.ndarray) -> Side | None:
    """Prepare faiss' brute force."""
    faiss = _import_faiss()
    if faiss is None:
        return None
    start = time.process_time()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return Side("faiss flat", lambda asked: index.search(asked, K)[1], time.process_time() - start)


def prepare_faiss_hnsw(vectors: Vectors, queries: Vectors, floor: np.ndarray) -> Side | None:
    """Build faiss' graph with the same settings as hnswlib's."""
    faiss = _import_faiss()
    if faiss is None:
        return None
    start = time.process_time()
    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD_WIDTH
    index.add(vectors)
    built = time.process_time() - start

    def search(width: int, asked: Vectors) -> np.ndarray:
        index.hnsw.efSearch = width
        return index.search(asked, K)[1]

    return _widen("faiss HNSW", search, built, vectors, queries, floor)


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    return faiss


def _widen(
    name: str,
    search: Callable[[int, Vectors], np.ndarray],
    built: float,
    vectors: Vectors,
    queries: Vectors,
    floor: np.ndarray,
) -> Side:
    for width in WIDTHS:
        recall = measure_recall(vectors, queries, floor, search(width, queries))
        click.echo(f"  {name} at width {width}: recall {recall:.4f}")
        if recall >= SOUGHT:
            break
    return Side(f"{name}, width {width}", partial(search, width), built)


def _report(sides: list[Side], vectors: Vectors, queries: Vectors, floor: np.ndarray, rounds: int) -> None:
    spent = {side.name: np.inf for side in sides}
    recall: dict[str, float] = {}
    for _ in range(rounds):
        for side in sides:
            start = time.process_time()
            found = side.search(queries)
            spent[side.name] = min(spent[side.name], time.process_time() - start)
            recall[side.name] = measure_recall(vectors, queries, floor, found)
    rate = {name: len(queries) / seconds for name, seconds in spent.items()}
    graph = next(side for side in sides if side.name.startswith("hnswlib"))
    click.echo(f"{'':24}{'queries/CPU s':>14}{'x hnswlib':>11}{'recall':>9}{'prepared s':>12}")
    for side in sides:
        click.echo(
            f"{side.name:24}{rate[side.name]:14,.0f}{rate[side.name] / rate[graph.name]:11.2f}{recall[side.name]:9.4f}"
            f"{side.prepared:12.2f}"
        )
    if not _import_faiss():
        click.echo("faiss is not installed: pip install faiss-cpu")
    ours = sides[0]
    summary = {
        "qps": round(rate[ours.name], 1),
        "recall": recall[ours.name],
        "hnswlib_qps": round(rate[graph.name], 1),
        "hnswlib_recall": round(recall[graph.name], 4),
        "prepare_ratio": round(ours.prepared / graph.prepared, 4),
        "float32_qps": round(rate["ours, float32"], 1),
    }
    click.echo(json.dumps(summary))


if __name__ == "__main__":
    main()
