"""The whole way from labelled contents to the fused tag set: time and memory of each step, and what fusion decided.

Run ``python -m tagflow_tests.benchmarks.vocabulary_path CONTENTS.jsonl.gz --language zh``. The vocabulary is the
labels, and they are fused; nothing is held out. With ``--sample`` merges and refusals are listed, to be read by eye.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.integer_product import find_integer_product
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.ngram_encoder import NgramEncoder
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import SentenceEncoder
from tagflow.clues.conversion import has_text
from tagflow.decisions import VocabularyDecisions
from tagflow.graph.insertion import embed_contents
from tagflow.graph.ngram_space import fit_encoder
from tagflow.ports import Encoder
from tagflow.schemas import CANDIDATE_TAGS, TAGGED_OUTPUT
from tagflow.settings import NGRAMS, DatasetSettings, VocabularySettings, find_thresholds
from tagflow.tagset.decisions import collapse_members, decide_pairs
from tagflow.tagset.filtering import count_tags, filter_tags
from tagflow.tagset.fusion import fuse_tags, gather_evidence
from tagflow.tagset.health import measure_health
from tagflow.tagset.normalisation import tag_text
from tagflow.tagset.vocabulary import collect_uses
from tagflow_tests.benchmarks.contents import NO_LIST, read_clues
from tagflow_tests.benchmarks.fusion_peers import read_peak_mb

Steps = dict[str, tuple[float, float]]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", default="zh", show_default=True)
@click.option("--sample", default=0, show_default=True, help="Merges, and as many refusals, to print.")
@click.option("--seed", default=0, show_default=True, help="Draws the sample.")
def main(file: Path, language: str, sample: int, seed: int) -> None:
    """Filter and fuse the labels of one file of contents."""
    settings = DatasetSettings(
        language=language, holdout=0, vocabulary=VocabularySettings(source="labels", fuse_labels=True)
    )
    steps: Steps = {}
    vocabulary, threshold = settings.vocabulary, find_thresholds(settings).fuse
    with _measure("read and pack the contents", steps):
        clues = read_clues(file, settings)
    with _measure("fit the encoder", steps):
        encoder = _make_encoder(clues, settings)
    with _measure("count and filter the tags", steps):
        uses = collect_uses(clues, CANDIDATE_TAGS.tables["candidate_tags"].empty(), NO_LIST, vocabulary)
        contents = clues.filter(has_text())
        filtered = filter_tags(count_tags(uses), len(contents), vocabulary, [])
        forced = decide_pairs(VocabularyDecisions(), NO_LIST)
        kept, uses = collapse_members(filtered, uses, forced)
    with _measure("embed the contents", steps):
        said = embed_contents(contents, encoder)
    with _measure("embed the tags", steps):
        vectors = encoder.encode(kept.select(tag_text(pl.col("tag"))).to_series().to_list())
    with _measure("fuse the tags", steps):
        evidence = gather_evidence(kept, uses, contents["content_id"], said)
        tables = fuse_tags(
            kept, uses, vectors, threshold, vocabulary, language, forced, evidence, find_product=find_integer_product
        )
    fused, log = tables["fused_tagset"], tables["fusion_log"]
    del vectors, said, evidence
    with _measure("measure its health", steps):
        own = encoder.encode(fused.select(tag_text(pl.col("tag"))).to_series().to_list())
        tagged = TAGGED_OUTPUT.tables["tagged_output"].empty()
        health = measure_health(fused, tagged, log, own, len(contents), language, vocabulary.health)
    _list_sample(log, sample, seed)
    counts = log.group_by("decision", "by").len().sort("decision", "len", descending=[False, True])
    redundancy = health.row(0, named=True)
    click.echo(f"{len(filtered):,} labels on {len(contents):,} contents, {len(kept):,} kept, {len(fused):,} tags fused")
    click.echo(f"{redundancy['metric']} {redundancy['value']:.4f}, {redundancy['detail']}")
    click.echo(
        json.dumps(
            {
                "labels": len(filtered),
                "tags": len(fused),
                "decisions": {f"{decision} by {by}": count for decision, by, count in counts.iter_rows()},
                "redundancy": round(redundancy["value"], 5),
                "cpu_s": round(sum(seconds for seconds, _ in steps.values()), 1),
                "peak_mb": round(max(peak for _, peak in steps.values())),
            }
        )
    )


@contextmanager
def _measure(what: str, steps: Steps) -> Iterator[None]:
    """Keep the CPU seconds of the block, and the peak of the process after it."""
    start = time.process_time()
    yield
    steps[what] = time.process_time() - start, read_peak_mb()
    click.echo(f"{what:28}{steps[what][0]:8.1f} s{steps[what][1]:8.0f} MB at most so far")


def _make_encoder(clues: pl.DataFrame, settings: DatasetSettings) -> Encoder:
    engine, progress = LocalEngine(), LogProgress(lambda line: None)
    model = settings.encoder_model()
    if model != NGRAMS:
        return SentenceEncoder(model, "auto", 32, engine, progress)
    return NgramEncoder(fit_encoder(clues, model, None), settings.language, engine, progress)


def _list_sample(log: pl.DataFrame, sample: int, seed: int) -> None:
    for decision in ("merged", "refused") if sample else ():
        of = log.filter(pl.col("decision") == decision)
        click.echo(f"\n{decision}: {len(of):,}")
        for row in of.sample(min(sample, len(of)), seed=seed).iter_rows(named=True):
            click.echo(f"  {row['tag']} | {row['leader']} ({row['similarity']:.2f}, {row['by']}) {row['reason']}")


if __name__ == "__main__":
    main()
