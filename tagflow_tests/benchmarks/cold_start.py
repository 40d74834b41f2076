"""A tag set from nothing: how much of people's tags it covers, beside the pools of keyphrase extractors.

Run ``python -m tagflow_tests.benchmarks.cold_start FOLDER NAME...``. FOLDER holds NAME.jsonl or NAME.jsonl.gz, a
content a line, with the fields of a content and its ``tags``, which are hidden until the end. Every pool is made from
the same packed clues, cut by the same filter, fused by the same guarded fusion and cut to its most frequent tags. A
human tag with at least five uses is covered if a tag or alias of the set lies at a cosine of 0.8 or more to it.
Extractors that are not installed are named. KeyBERT embeds every phrase of every text, which takes hours for phrases:
``--sample`` draws that many contents by a seed, the same for all pools.
"""

import json
import time
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import click
import numpy as np
import polars as pl

from tagflow.adapters.integer_product import find_integer_product
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import PACKAGED, SentenceEncoder
from tagflow.clues.conversion import has_text
from tagflow.decisions import VocabularyDecisions
from tagflow.graph.insertion import embed_contents
from tagflow.ports import Encoder
from tagflow.settings import DatasetSettings, find_thresholds
from tagflow.tagset.decisions import collapse_members, decide_pairs
from tagflow.tagset.filtering import count_tags, filter_tags
from tagflow.tagset.fusion import fuse_tags, gather_evidence
from tagflow.tagset.normalisation import normalise, tag_text
from tagflow.tagset.vocabulary import collect_uses
from tagflow_tests.benchmarks.cold_start_pools import POOLS
from tagflow_tests.benchmarks.contents import NO_LIST, read_clues

SIZES = (250, 500, 1000, 2000)
COVERED = 0.8  # TagGPT §3.2: two tags are one from here
LEAST_USES = 5
SETTINGS = DatasetSettings(language="en", holdout=0)
Figures = dict[str, float]


class Cold(NamedTuple):
    """A dataset whose tags are hidden: the contents, and people's tags with their number of contents."""

    contents: pl.DataFrame
    human: pl.DataFrame


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--pool", "pools", multiple=True, type=click.Choice(list(POOLS)), help="Only these; default: all.")
@click.option("--sample", default=0, show_default=True, help="Contents drawn by the seed; 0: all.")
@click.option("--seed", default=0, show_default=True)
@click.option("--missed", default=0, show_default=True, help="Human tags that are missed, and top tags, to list.")
def main(folder: Path, names: tuple[str, ...], pools: tuple[str, ...], sample: int, seed: int, missed: int) -> None:
    """Compare the pools on each dataset."""
    encoder = SentenceEncoder(PACKAGED, "auto", 32, LocalEngine(), LogProgress(lambda line: None))
    results: dict[str, dict[str, Figures]] = {}
    for name in names:
        cold = read_cold(folder, name, sample, seed)
        click.echo(
            f"\n{name}: {len(cold.contents):,} contents{' (sample)' if sample else ''}, {len(cold.human):,} human tags "
            f"on {LEAST_USES} contents and more"
        )
        cuts = "".join(f"{f'top {size}':>10}" for size in SIZES)
        click.echo(f"  {'pool':18}{'proposed':>10}{'once':>7}{'fused':>7}{cuts}{'seconds':>9}")
        for pool in pools or POOLS:
            figures = _measure(cold, pool, encoder, missed)
            if figures:
                results.setdefault(pool, {})[name] = figures
    _summarise(results, sample)


def read_cold(folder: Path, name: str, sample: int, seed: int) -> Cold:
    """Return the contents with packed clues and without tags, and people's tags that are used often enough."""
    path = next(path for ending in (".jsonl.gz", ".jsonl") if (path := folder / f"{name}{ending}").is_file())
    read = read_clues(path, SETTINGS)
    chosen = read.sample(min(sample, len(read)), seed=seed) if sample else read
    uses = chosen.select("content_id", key="labels").explode("key").select("content_id", normalise(pl.col("key")))
    human = uses.drop_nulls().group_by("key").agg(contents=pl.col("content_id").n_unique().cast(pl.Int64))
    blind = chosen.with_columns(labels=pl.lit([], dtype=pl.List(pl.String)))
    often = human.filter(pl.col("contents") >= LEAST_USES).sort(-pl.col("contents"), "key")
    return Cold(cut_clues(blind).filter(has_text()), often)


def cut_clues(contents: pl.DataFrame) -> pl.DataFrame:
    """Return the contents with each clue as it stands in the packed text (a line a clue), so that all read the same."""
    lines = contents.select("content_id", "clues", line=pl.col("text").str.split("\n"))
    fields = pl.col("clues").list.eval(pl.element().struct.field("field"))
    placed = lines.select("content_id", "line", field=fields).filter(pl.col("line").list.len() > 0)
    said = placed.filter(pl.col("line").list.len() == pl.col("field").list.len()).explode("line", "field")
    if said["content_id"].n_unique() != contents.filter(has_text())["content_id"].n_unique():
        raise click.ClickException("a packed text has another number of lines than its content has clues")
    clues = said.group_by("content_id", maintain_order=True).agg(clues=pl.struct("field", text="line"))
    return contents.drop("clues").join(clues, on="content_id", maintain_order="left").select(contents.columns)


def build_tag_set(contents: pl.DataFrame, pool: pl.DataFrame, encoder: Encoder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return every proposed tag with its verdict, and the fused tag set, as the assets make them."""
    vocabulary = SETTINGS.vocabulary
    uses = collect_uses(contents, pool, NO_LIST, vocabulary)
    filtered = filter_tags(count_tags(uses), len(contents), vocabulary, [])
    forced = decide_pairs(VocabularyDecisions(), NO_LIST)
    kept, uses = collapse_members(filtered, uses, forced)
    evidence = gather_evidence(kept, uses, contents["content_id"], embed_contents(contents, encoder))
    vectors = encoder.encode(kept.select(tag_text(pl.col("tag"))).to_series().to_list())
    threshold = find_thresholds(SETTINGS).fuse
    fused = fuse_tags(
        kept,
        uses,
        vectors,
        threshold,
        vocabulary,
        SETTINGS.language,
        forced,
        evidence,
        find_product=find_integer_product,
    )
    return filtered, fused["fused_tagset"]


def find_nearest(human: pl.DataFrame, fused: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """Return for each human tag the rank of the first tag that covers it (null: none), and the nearest name."""
    names = fused.with_row_index("rank").select("rank", name=pl.concat_list("tag", "aliases")).explode("name")
    asked = encoder.encode(human.select(tag_text(pl.col("key"))).to_series().to_list())
    given = encoder.encode(names.select(tag_text(pl.col("name"))).to_series().to_list())
    cosine = asked @ given.T
    ranks = pl.Series([names["rank"].filter(pl.Series(row >= COVERED)).min() for row in cosine], dtype=pl.Int64)
    best = cosine.argmax(axis=1)
    nearest = pl.Series(names["name"].gather(best))
    return human.with_columns(rank=ranks, nearest=nearest, cosine=pl.Series(cosine.max(axis=1)))


def _measure(cold: Cold, pool: str, encoder: Encoder, missed: int) -> Figures | None:
    propose, package = POOLS[pool]
    started = time.process_time()
    try:
        proposed = propose(cold.contents, encoder)
    except ImportError as error:
        click.echo(f"  {pool:18}not installed: pip install {package} ({error})")
        return None
    seconds = time.process_time() - started
    filtered, fused = build_tag_set(cold.contents, proposed, encoder)
    found = find_nearest(cold.human, fused, encoder)
    ranks = found["rank"].fill_null(len(fused)).to_numpy()
    covered = {size: float(np.mean(ranks < min(size, len(fused)))) for size in SIZES}
    once = float(np.mean(filtered["contents"].to_numpy() == 1))
    shown = "".join(f"{covered[size]:10.3f}" for size in SIZES)
    click.echo(f"  {pool:18}{len(filtered):10,}{once:7.2f}{len(fused):7,}{shown}{seconds:9.0f}")
    if missed:
        click.echo(f"    top: {', '.join(fused['tag'].head(missed))}")
        lost = found.filter(pl.col("rank").is_null()).head(missed)
        click.echo(f"    missed: {', '.join(f'{key} ({name} {at:.2f})' for key, _, _, name, at in lost.iter_rows())}")
    sizes: Figures = {f"top_{size}": round(covered[size], 4) for size in SIZES}
    return {"tags": len(fused), "one_content": round(once, 4), **sizes, "mean": round(mean(covered.values()), 4)}


def _summarise(results: dict[str, dict[str, Figures]], sample: int) -> None:
    click.echo("\nmean over the datasets")
    said = {}
    for pool, figures in results.items():
        cuts = {f"top_{size}": round(mean(one[f"top_{size}"] for one in figures.values()), 4) for size in SIZES}
        said[pool] = cuts | {"mean": round(mean(one["mean"] for one in figures.values()), 4)}
        click.echo(f"  {pool:18}{'':24}" + "".join(f"{value:10.3f}" for value in cuts.values()))
    click.echo(json.dumps({"sample": sample, "covered": said, "datasets": results}))


if __name__ == "__main__":
    main()
