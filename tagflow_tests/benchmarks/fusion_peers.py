"""One way of finding near-duplicate tags, measured in a process of its own with one thread."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tagflow.ports import Vectors

if TYPE_CHECKING:
    from tagflow.ports import FindProduct
    from tagflow.tagset.leaders import Guard

FLOOR = 0.7  # the member floor of the settings
SHORT = 10_000  # tags that TagGPT's loop runs on; its time grows with the square

SURE = 0.5  # score of a confirmation from which two tags are one

Found = dict[str, object]
Tags = tuple[list[str], str] | None
"""The texts behind the vectors and their language, where there are texts."""


class Stopwatch:
    """CPU seconds of the regions entered, all threads together."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, what: str = "cpu_s") -> Iterator[None]:
        """Add the CPU time of the block to ``what``."""
        start = time.process_time()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.process_time() - start


def run_tagflow(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Scan and leader merge as the fusion runs them; guards and confirmations, if there are texts, are timed apart."""
    from tagflow.tagset.leaders import merge_leaders
    from tagflow.tagset.pair_scan import ScanIndex

    judge, find_product = make_guard(tags), load_product()

    def guard(i: np.ndarray, j: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        with watch.measure("guard_s"):
            return judge(i, j, cosine)

    with watch.measure():
        merge = merge_leaders(ScanIndex(vectors, find_product=find_product), threshold, FLOOR, guard=guard)
    watch.seconds["cpu_s"] -= watch.seconds.get("guard_s", 0.0)
    return {"note": f"{(merge.leader == np.arange(len(vectors))).sum():,} leaders, {len(merge.tag):,} decisions"}


def load_product() -> "FindProduct":
    """Return what finds the scan's fast product, torch loaded: in a run it has just embedded the tags."""
    import torch  # noqa: F401

    from tagflow.adapters.integer_product import find_integer_product

    find_integer_product(10**6)
    return find_integer_product


def make_guard(tags: Tags) -> "Guard":
    """Return what refuses a pair: guards that need no contents, and the lack of a confirmation; nothing without texts.

    Loads the word lists and dictionaries, so that only the judging is timed.
    """
    if tags is None:
        return lambda i, j, cosine: np.full(len(i), "", "U1")
    import polars as pl

    from tagflow.tagset.confirmations import confirm_pairs
    from tagflow.tagset.guards import GUARDS, refuse_pairs
    from tagflow.tagset.normalisation import normalise_tags
    from tagflow.tagset.word_groups import load_guard_words

    texts, language = tags
    keys, words = normalise_tags(pl.Series("tag", texts)), load_guard_words(language)

    def judge(i: np.ndarray, j: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        pairs = pl.DataFrame({"left": keys.gather(i), "right": keys.gather(j)})
        refused = refuse_pairs(pairs, language, GUARDS, words)["guard"]
        unsure = pl.when(confirm_pairs(pairs, cosine, language, words)["score"] < SURE).then(pl.lit("unsure"))
        said = pl.select(pl.when(refused != "").then(refused).otherwise(unsure.otherwise(pl.lit(""))))
        return said.to_series().to_numpy().astype(np.str_)

    judge(np.array([0]), np.array([1]), np.ones(1, np.float32))
    return judge


def run_tagflow_pairs(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """List all pairs, nothing merged."""
    from tagflow.tagset.pair_scan import ScanIndex, join_pairs

    find_product = load_product()
    with watch.measure():
        pairs = join_pairs(ScanIndex(vectors, find_product=find_product).iterate_pairs(threshold))
    return {"pairs": (pairs.i, pairs.j)}


def run_tagflow_increment(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """The last hundredth of the tags, in a process that holds the others and their pairs, and everything anew beside.

    The time is that of adding them, finding their pairs and merging all tags again on the pairs known by then.
    """
    from tagflow.tagset.leaders import merge_leaders
    from tagflow.tagset.pair_scan import ScanIndex, join_pairs

    find_product = load_product()
    old = len(vectors) - len(vectors) // 100
    index = ScanIndex(vectors[:old], find_product=find_product)
    known = join_pairs(index.iterate_pairs(threshold))
    with watch.measure():
        index.add(vectors[old:])
        new = join_pairs(index.iterate_pairs(threshold, start=old))
        merge = merge_leaders(index, threshold, FLOOR, pairs=[known, new])
    with watch.measure("whole_s"):
        whole = merge_leaders(ScanIndex(vectors, find_product=find_product), threshold, FLOOR)
    same = "the same clusters" if np.array_equal(merge.leader, whole.leader) else "OTHER CLUSTERS"
    share = watch.seconds["cpu_s"] / watch.seconds["whole_s"]
    told = f"{share:.3f} of a whole fusion ({watch.seconds['whole_s']:.2f} s)"
    return {"note": f"{len(vectors) - old:,} new tags: {told}, {same}"}


def run_loop(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """TagGPT's fusion in our words: every tag not yet taken takes each later one that reaches the threshold.

    Generous to it: the cosines of one tag with all others come from one product, the loop over them is Python's.
    """
    short = vectors[:SHORT]
    taken = [False] * len(short)
    i, j = [], []
    with watch.measure():
        for tag in range(len(short)):
            if taken[tag]:
                continue
            cosines = (short @ short[tag]).tolist()
            for other in range(tag + 1, len(short)):
                if cosines[other] >= threshold:
                    taken[other] = True
                    i.append(tag)
                    j.append(other)
    scale = (len(vectors) / len(short)) ** 2
    watch.seconds["cpu_s"] *= scale
    note = f"measured on {len(short):,}, times {scale:.1f}" if scale > 1 else ""
    return {"note": note}


def run_paraphrase_mining(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Run paraphrase_mining_embeddings of sentence-transformers with its own defaults (top_k 100, 500,000 pairs)."""
    import torch
    from sentence_transformers.util import paraphrase_mining_embeddings

    tensor = torch.from_numpy(vectors)
    with watch.measure():
        rows = [row for row in paraphrase_mining_embeddings(tensor) if row[0] >= threshold]
    pairs = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
    return {"pairs": (pairs.min(axis=1), pairs.max(axis=1))}


def run_community_detection(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Run community_detection of sentence-transformers, clusters of two and more."""
    import torch
    from sentence_transformers.util import community_detection

    tensor = torch.from_numpy(vectors)
    with watch.measure():
        clusters = community_detection(tensor, threshold=threshold, min_community_size=2)
    return {"note": f"{len(clusters):,} clusters"}


def run_semhash(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Self-deduplication by semhash on given vectors, with its default index."""
    from semhash import SemHash

    names = [str(number) for number in range(len(vectors))]
    with watch.measure():
        kept = SemHash.from_embeddings(vectors, names, model=None).self_deduplicate(threshold).selected
    return {"note": f"{len(kept):,} kept"}


def run_faiss_flat(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Range search by faiss over a flat index."""
    import faiss

    with watch.measure():
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        pairs = _search_range(index, vectors, threshold)
    return {"pairs": pairs}


def run_faiss_ivf(vectors: Vectors, threshold: float, watch: Stopwatch, tags: Tags) -> Found:
    """Range search by faiss over 4 sqrt(n) inverted lists, a twentieth of them probed."""
    import faiss

    lists = int(4 * len(vectors) ** 0.5)
    with watch.measure():
        index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT
        )
        index.nprobe = max(1, lists // 20)
        index.train(vectors)
        index.add(vectors)
        pairs = _search_range(index, vectors, threshold)
    return {"pairs": pairs, "note": f"{index.nprobe} of {lists} lists"}


def _search_range(index: object, vectors: Vectors, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    ones, others = [], []
    for start in range(0, len(vectors), 4096):
        part = vectors[start : start + 4096]
        limits, _, found = index.range_search(part, float(np.nextafter(np.float32(threshold), np.float32(-1))))
        asked = np.repeat(np.arange(start, start + len(part)), np.diff(limits.astype(np.int64)))
        before = found < asked
        ones.append(found[before])
        others.append(asked[before])
    return np.concatenate(ones), np.concatenate(others)


PEERS: dict[str, tuple[Callable[[Vectors, float, Stopwatch, Tags], Found], str]] = {
    "tagflow": (run_tagflow, "tagflow"),
    "tagflow, pairs only": (run_tagflow_pairs, "tagflow"),
    "tagflow, 1 % new": (run_tagflow_increment, "tagflow"),
    "faiss IVF": (run_faiss_ivf, "faiss-cpu"),
    "faiss flat": (run_faiss_flat, "faiss-cpu"),
    "community_detection": (run_community_detection, "sentence-transformers"),
    "semhash": (run_semhash, "semhash"),
    "paraphrase_mining": (run_paraphrase_mining, "sentence-transformers"),
    "TagGPT's loop": (run_loop, "tagflow"),
}
"""Name: how it runs, and the package that it needs."""


def measure_product(d: int) -> list[float]:
    """Return this process' rates of single-precision matrix products just now, in operations a CPU second."""
    random = np.random.default_rng(0)
    one, other = (random.normal(size=(2048, d)).astype(np.float32) for _ in range(2))
    rates = []
    for _ in range(5):  # of two matrices: for one with itself NumPy takes a routine that does half the work
        start = time.process_time()
        one @ other.T
        rates.append(2 * 2048 * 2048 * d / (time.process_time() - start))
    return rates


def read_peak_mb() -> float:
    """Return the largest resident size of this process; Linux' ru_maxrss would hold that of its parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def main(name: str, vectors_path: str, threshold: str, out: str, language: str = "") -> None:
    """Measure one peer on the vectors; figures go to ``out`` as JSON, its pairs beside it as .npz.

    With a language, a JSON file beside the vectors holds the tags.
    """
    run, package = PEERS[name]
    vectors = np.load(vectors_path)
    texts = Path(vectors_path).with_suffix(".json")
    tags = (json.loads(texts.read_text(encoding="utf-8")), language) if language else None
    rates = measure_product(vectors.shape[1])
    watch = Stopwatch()
    try:
        found = run(vectors, float(threshold), watch, tags)
    except ImportError as error:
        figures: Found = {"missing": f"not installed: pip install {package} ({error})"}
    else:
        peak = read_peak_mb()
        if "pairs" in found:
            i, j = found.pop("pairs")  # type: ignore[misc]
            np.savez(Path(out).with_suffix(".npz"), i=i, j=j)
        rates += measure_product(vectors.shape[1])  # before and after: others may share the processor
        figures = {**watch.seconds, **found, "peak_mb": peak, "flops": float(np.median(rates))}
    Path(out).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
