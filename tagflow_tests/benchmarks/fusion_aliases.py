"""The guards that need no contents, put to the merges of a published tag list: how many each would have refused.

Run ``python -m tagflow_tests.benchmarks.fusion_aliases FILE --sample 100 --seed 0``. FILE is .jsonl or .jsonl.gz, a
line for each tag with its ``aliases``. The samples are for reading by eye: which refusals and passes are right.
"""

import gzip
import json
import time
from pathlib import Path

import click
import polars as pl

from tagflow.tagset.guards import GUARDS, refuse_pairs
from tagflow.tagset.normalisation import normalise

MUST = (
    ("高血压", "低血压"),
    ("北京旅游", "南京旅游"),
    ("男士发型", "女士发型"),
    ("早餐食谱", "晚餐食谱"),
    ("右倒库", "左倒库"),
    ("性价比高", "性价比低"),
    ("中式烹饪", "西式烹饪"),
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", default="zh", show_default=True, help="Of the tags.")
@click.option("--sample", default=0, show_default=True, help="Refusals, and as many passes, to print.")
@click.option("--seed", default=0, show_default=True, help="Draws the sample.")
def main(file: Path, language: str, sample: int, seed: int) -> None:
    """Count the refusals by guard, and check the merges that must not be."""
    pairs = _read_pairs(file)
    keys = pairs.select(normalise(pl.col("left")), normalise(pl.col("right")))
    refuse_pairs(keys.head(1), language, GUARDS)  # loads the lists
    started = time.process_time()
    refused = pl.concat([pairs, refuse_pairs(keys, language, GUARDS)], how="horizontal")
    seconds = time.process_time() - started
    counts = dict(refused.filter(pl.col("guard") != "")["guard"].value_counts(sort=True).iter_rows())
    click.echo(f"{len(pairs):,} merges, {seconds:.2f} s of CPU time; refused: {counts}")
    digits = keys.select(_differ_in_digits()).to_series()
    passed = refused.filter(digits & (pl.col("guard") == ""))
    click.echo(f"differ in digits only: {digits.sum()}, of them allowed: {passed.select('left', 'right').rows()}")
    must = pl.DataFrame(MUST, schema=["left", "right"], orient="row")
    allowed = must.filter(refuse_pairs(must, language, GUARDS)["guard"] == "").rows() if language == "zh" else []
    click.echo(f"must be refused: {len(MUST)}, of them allowed: {allowed}")
    for name, drawn in (("refused", pl.col("guard") != ""), ("allowed", pl.col("guard") == "")) if sample else ():
        click.echo(f"\n{name}:")
        for row in refused.filter(drawn).sample(sample, seed=seed).iter_rows():
            click.echo(" | ".join(row))
    result = {"merges": len(pairs), "seconds": round(seconds, 2), "refused": counts, "digits": int(digits.sum())}
    click.echo(json.dumps(result | {"digits_allowed": len(passed), "must_allowed": len(allowed)}))


def _read_pairs(file: Path) -> pl.DataFrame:
    opened = gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8")
    with opened as lines:
        tags = [json.loads(line) for line in lines]
    rows = [(tag["tag"], alias) for tag in tags for alias in tag.get("aliases", [])]
    return pl.DataFrame(rows, schema={"left": pl.String, "right": pl.String}, orient="row")


def _differ_in_digits() -> pl.Expr:
    left, right = (pl.col(side).str.replace_all(r"\d", "") for side in ("left", "right"))
    return (left == right) & (pl.col("left") != pl.col("right"))


if __name__ == "__main__":
    main()
