"""The vectors that a benchmark runs on: of tag lists that the caller names, or drawn by a seed."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import PACKAGED, SentenceEncoder
from tagflow.ports import Vectors


def read_tags(files: Sequence[Path], field: str) -> list[str]:
    """Return the distinct tags of .jsonl, .jsonl.gz (one field of each line) or text files (a tag a line)."""
    tags: dict[str, None] = {}
    for path in files:
        opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
        structured = ".jsonl" in path.suffixes
        with opened as lines:
            for line in filter(str.strip, lines):
                said = json.loads(line)[field] if structured else line.strip()
                tags.update(dict.fromkeys(said if isinstance(said, list) else [said]))
    return list(tags)


def embed_tags(tags: Sequence[str], cache: Path) -> Vectors:
    """Return the default encoder's vectors, kept in ``cache`` (.npy) with a digest of the tags beside it."""
    encoder = SentenceEncoder(PACKAGED, "auto", 32, LocalEngine(), LogProgress(click.echo))
    digest = hashlib.sha256("\n".join([encoder.fingerprint, *tags]).encode()).hexdigest()
    told = cache.with_suffix(".sha256")
    if not (cache.exists() and told.exists() and told.read_text(encoding="utf-8") == digest):
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, encoder.encode(tags))
        told.write_text(digest, encoding="utf-8")
    vectors: Vectors = np.load(cache)
    return vectors


def draw_vectors(n: int, seed: int, d: int = 384) -> Vectors:
    """Return unit rows around a few hundred topics, their spectrum falling off, one in eight planted near another row.

    Made so that pair density, mean cosine and the work left to the scan resemble English tags under MiniLM.
    """
    random = np.random.default_rng(seed)
    strength = np.exp(-np.arange(d, dtype=np.float32) / 150)
    rows = random.standard_normal((n, d), dtype=np.float32)
    topics = random.standard_normal((400, d), dtype=np.float32)
    rows += topics[random.integers(0, len(topics), n)] * random.uniform(0, 1.7, (n, 1)).astype(np.float32)
    rows[:, 0] += 4
    near = np.flatnonzero(random.random(n) < 1 / 8)
    noise = random.standard_normal((len(near), d), dtype=np.float32)
    noise *= random.uniform(0.2, 1.6, (len(near), 1)).astype(np.float32)
    rows[near] = rows[random.integers(0, n, len(near))] + noise
    rows = (rows * strength) @ np.linalg.qr(random.normal(size=(d, d)))[0].astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
