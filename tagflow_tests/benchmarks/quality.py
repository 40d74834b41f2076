"""The finished method beside Annif on real datasets: ranking, recall and calibration on the held-out fifth.

Run ``python -m tagflow_tests.benchmarks.quality FOLDER NAMES...``; FOLDER holds NAME.jsonl.gz, a content a line with
id, title, caption, ocr, asr and tags. Every set runs through the assets as ``tagflow run`` does, with the settings that
``tagflow init`` writes, its labels as the vocabulary and its category left out. ``--data`` keeps the data folder, so
that a second run embeds nothing; with ``--stored`` what stands in it is measured and nothing is run.

Ranking is scored on the contents that have a label seen twice outside the test split, as Annif's was. Calibration is
looked at as people meet it: on every held-out content, in the list as it is shown, and a tag is right if a person gave
it. A content whose labels are all new to the tag set counts there, with every tag wrong; left out, as in the column
*scored only*, confidence looks too low.
"""

import gzip
import json
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import polars as pl
import yaml

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.runs import QUIET, hush_dagster
from tagflow.confidence.reliability import bin_reliability, brier_score, expected_calibration_error
from tagflow.confidence.thresholds import find_threshold, measure_interval
from tagflow.evaluation.gold import Gold, find_gold
from tagflow.evaluation.tagging_metrics import mark_right, measure_ranking
from tagflow.graph.insertion import embed_contents
from tagflow.pipeline.resources import Workbench
from tagflow.taggers import load_tagger
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.benchmarks.character_vote import vote_by_characters
from tagflow_tests.pipeline.runs import materialize

ANNIF = {  # Annif 1.4.3, our measurement: best single backend and ensemble, nDCG@10 and P@1
    "foodcom": ((0.821, 0.960), (0.823, 0.920)),
    "pyvideo": ((0.596, 0.548), (0.673, 0.607)),
    "digitalgov": ((0.831, 0.850), (0.843, 0.857)),
    "ted": ((0.590, 0.729), (0.609, 0.778)),
    "reuters21578": ((0.969, 0.982), (0.973, 0.981)),
    "onet_job_titles": ((0.610, 0.493), (0.610, 0.489)),
}
"""Another set has a vote of the nearest contents by shared characters in the place of the first column.

Annif's corpus: the same texts, first 6,000 characters; labels seen twice outside the test split as the vocabulary."""

CHINESE = ("tnews_keywords",)
FIELDS = ("id", "title", "caption", "ocr", "asr", "tags")
CANDIDATES = 20  # LLM4Tag §4.3
SHOWN = 5  # tags a content that people look at
DRAWS = 400  # simulated sets of a perfect calibrator
FEW = 200  # assignments below which an interval says little
NOTHING = "–"
TARGET = 0.9  # precision whose fitted threshold is looked at

Figures = dict[str, float]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Kept data folder; default: temporary.")
@click.option("--stored", is_flag=True, help="Measure the tags that the kept data folder holds.")
def main(folder: Path, names: tuple[str, ...], data: Path | None, stored: bool) -> None:
    """Measure the method on the sets named."""
    hush_dagster()
    with tempfile.TemporaryDirectory() as temporary:
        results = {}
        for name in names:
            started = time.monotonic()
            results[name] = measure_set(folder / f"{name}.jsonl.gz", name, data or Path(temporary), stored=stored)
            click.echo(f"{name}: {time.monotonic() - started:.0f} s", err=True)
    _print(results)
    kept = ("ndcg10", "p1", "ece", "ece_scored", "right20", "match_right20", "hr3", "match_hr3")
    sets = {
        name: {key: None if np.isnan(figures[key]) else round(figures[key], 4) for key in kept}  # NaN is no JSON
        for name, figures in results.items()
    }
    click.echo(json.dumps({"sets": sets}))


def measure_set(file: Path, name: str, data: Path, *, stored: bool = False) -> Figures:
    """Run the assets of one set, unless they are stored, and return its figures."""
    single = write_dataset(file, name, data)
    if not stored:
        materialize(data, name, "*tagged_output", config=QUIET)
    store = DuckDBStore(data / "warehouse")
    clues, tagset = store.read(name, "raw_clues"), store.read(name, "fused_tagset")
    names = resolve_tags(tagset)
    gold = find_gold(clues, names)
    test = clues.join(gold.pairs, on="content_id", how="semi", maintain_order="left")
    candidates = store.read(name, "tagged_output", "scored_candidates")
    scored = candidates.join(test, on="content_id", how="semi")
    threshold = find_threshold(store.read(name, "confidence_model", "thresholds"), TARGET)
    dataset = Workbench(data=str(data)).open(name, lambda line: None)
    materials = dataset.materials(tagset, store.read_all(name, "content_tag_graph"), clues)
    embed_contents(test, dataset.encoder)
    matched = load_tagger("embedding_match")(test, materials)
    ranked = dict(measure_ranking(scored, gold).select("metric", "value").iter_rows())
    figures = {"ndcg10": ranked["nDCG@10"], "p1": ranked["P@1"], "n": float(len(test))}
    for prefix, frame in (("", scored), ("match_", matched)):
        figures |= {f"{prefix}{key}": value for key, value in _count_hits(frame, gold).items()}
    if name not in ANNIF:
        votes = measure_ranking(vote_by_characters(clues, names, test), gold)
        voted = dict(votes.select("metric", "value").iter_rows())
        figures |= {"vote_ndcg10": voted["nDCG@10"], "vote_p1": voted["P@1"]}
    given = list_given(clues, names)
    shown = mark_given(candidates, given).filter(pl.col("place") <= (1 if single else SHOWN))
    scored_only = shown.join(gold.pairs, on="content_id", how="semi")
    figures |= _check_threshold(mark_given(store.read(name, "tagged_output"), given), threshold)
    return figures | _check_calibration(shown) | {"ece_scored": _check_calibration(scored_only)["ece"]}


def list_given(clues: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return content_id and tag_id of every label of the held-out labelled contents; tag_id is null for an unknown one.

    Args:
        clues: ``raw_clues``.
        names: key and tag_id of every name and alias.
    """
    held_out = clues.filter((pl.col("split") == "test") & (pl.col("labels").list.len() > 0))
    keyed = held_out.select("content_id", key="labels").explode("key").with_columns(normalise(pl.col("key")))
    return keyed.join(names, on="key", how="left").select("content_id", "tag_id").unique(maintain_order=True)


def mark_given(scored: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Return the tags of held-out labelled contents, best first, with ``right`` (0 or 1) and ``place`` (from 1)."""
    right = given.drop_nulls().with_columns(right=pl.lit(1))
    return (
        scored.select("content_id", "tag_id", "tag", "confidence")
        .join(given, on="content_id", how="semi")
        .join(right, on=["content_id", "tag_id"], how="left")
        .with_columns(pl.col("right").fill_null(0))
        .sort("content_id", -pl.col("confidence"), "tag")
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("content_id"))
    )


def write_dataset(file: Path, name: str, data: Path) -> bool:
    """Write the set as ``tagflow init`` would, and return whether each content has one tag."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        records = [{key: value for key, value in json.loads(line).items() if key in FIELDS} for line in lines]
    single = all(len(record["tags"]) == 1 for record in records)
    settings = {
        "language": "zh" if name in CHINESE else "en",
        "task": "single" if single else "multi",
        "vocabulary": {"source": "labels"},
    }
    contents = data / name / "contents"
    contents.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (contents / "contents.jsonl").write_text(text, encoding="utf-8")
    (data / name / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return single


def _count_hits(scored: pl.DataFrame, gold: Gold) -> Figures:
    """#Right and HR@k among the first candidates (LLM4Tag Table 2)."""
    first = mark_right(scored, gold).filter(pl.col("place") <= CANDIDATES)
    right = first.group_by("content_id").agg(pl.col("right").sum())
    contents = gold.pairs.group_by("content_id").agg(gold=pl.len())
    table = contents.join(right, on="content_id", how="left").fill_null(0)
    hits = {"right20": float(table["right"].mean())}  # type: ignore[arg-type]
    for k in (1, 2, 3):
        enough = table.filter(pl.col("gold") >= k)
        hits[f"hr{k}"] = float((enough["right"] >= k).mean()) if len(enough) else float("nan")  # type: ignore[arg-type]
    return hits


def _check_threshold(assigned: pl.DataFrame, threshold: float | None) -> Figures:
    """What is right of what is assigned from the threshold fitted off the test split; nothing if there is none."""
    least = np.inf if threshold is None else threshold
    above = assigned.filter(pl.col("confidence") >= least)
    right, n = int(above["right"].sum()), len(above)
    low, high = measure_interval(right, n)
    share = right / n if n else float("nan")
    return {"threshold": least, "assigned": float(n), "precision": share, "low": low, "high": high}


def _check_calibration(shown: pl.DataFrame) -> Figures:
    """ECE and Brier score of tags that are shown, before any cut."""
    confidence, right = shown["confidence"].to_numpy(), shown["right"].to_numpy().astype(np.int64)
    generator = np.random.default_rng(0)
    perfect = [_measure_error(confidence, generator.random(len(confidence)) < confidence) for _ in range(DRAWS)]
    base = float(right.mean())
    return {
        "ece": _measure_error(confidence, right),
        "ece_perfect95": float(np.quantile(perfect, 0.95)),
        "brier": brier_score(confidence, right),
        "brier_base": base * (1 - base),
    }


def _measure_error(confidence: np.ndarray, right: np.ndarray) -> float:
    return expected_calibration_error(bin_reliability(confidence, right.astype(np.int64), "test")) or 0.0


def _print(results: dict[str, Figures]) -> None:
    click.echo(f"{'nDCG@10 / P@1':18}{'contents':>9}{'Annif best':>14}{'ensemble':>14}{'tagflow':>14}{'gain':>8}")
    for name, figures in results.items():
        voted = ((figures.get("vote_ndcg10", 0.0), figures.get("vote_p1", 0.0)),)  # in the place of Annif's best
        columns = ANNIF.get(name, voted)
        peers = [*(f"{ndcg:.3f} / {p1:.3f}" for ndcg, p1 in columns), "-"]
        gain = f"{figures['ndcg10'] / max(ndcg for ndcg, _ in columns) - 1:+.1%}"
        own = f"{figures['ndcg10']:.3f} / {figures['p1']:.3f}"
        click.echo(f"{name:18}{figures['n']:9.0f}{peers[0]:>14}{peers[1]:>14}{own:>14}{gain:>8}")
    click.echo(f"\n{'at 20 candidates':18}{'#Right':>9}{'match':>9}{'HR@1/2/3':>24}{'match':>24}")
    for name, figures in results.items():
        hits = [" / ".join(_tell(figures[f"{side}hr{k}"]) for k in (1, 2, 3)) for side in ("", "match_")]
        click.echo(f"{name:18}{figures['right20']:9.2f}{figures['match_right20']:9.2f}{hits[0]:>24}{hits[1]:>24}")
    heading = f"{'ECE':>9}{'perfect, 95 %':>15}{'scored only':>13}{'Brier':>9}{'base rate':>11}"
    click.echo(f"\n{'of the tags shown':18}{heading}")
    for name, figures in results.items():
        error = f"{figures['ece']:9.3f}{figures['ece_perfect95']:15.3f}{figures['ece_scored']:13.3f}"
        click.echo(f"{name:18}{error}{figures['brier']:9.3f}{figures['brier_base']:11.3f}")
    click.echo(
        f"\n{f'fitted for {TARGET:.0%}':18}{'threshold':>10}{'assigned':>10}{'precision':>11}"
        f"{'Wilson 95 %':>17}{'holds':>9}"
    )
    for name, figures in results.items():
        interval, holds = f"{figures['low']:.3f} - {figures['high']:.3f}", "yes" if figures["high"] >= TARGET else "no"
        if figures["assigned"] < FEW:
            holds = "few"
        if not figures["assigned"]:
            interval = holds = NOTHING
        reached = f"{_tell(figures['threshold']):>10}{figures['assigned']:10.0f}{_tell(figures['precision']):>11}"
        click.echo(f"{name:18}{reached}{interval:>17}{holds:>9}")


def _tell(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else NOTHING


if __name__ == "__main__":
    main()
