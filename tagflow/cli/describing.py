"""Lets a language model define the tags that nobody defined, as decisions that people can read, change and undo."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl
from ruamel.yaml.comments import CommentedMap

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.decision_file import edit_decisions, open_block, read_decisions, set_entry
from tagflow.adapters.rehearsal import RehearsedModel
from tagflow.cli.deciding import MAKES_TAGS, find_key
from tagflow.cli.layout import count
from tagflow.cli.plans import write_lines
from tagflow.errors import ConfigError

if TYPE_CHECKING:
    from tagflow.pipeline.resources import Dataset

STAGE = "vocabulary describe"
"""What asks, in the accounts."""


def run_describe_all(name: str, most: int) -> None:
    """Ask for a definition of each of the commonest tags without one, and write the answers into the decisions.

    Args:
        name: of the dataset.
        most: tags asked about at most.

    Raises:
        ConfigError: no such dataset, or its brain is embedded.
        ArtifactError: it was not run yet.
        ModelError: the endpoint refuses everything.
    """
    dataset, tags, examples = _gather(name, most)
    assert dataset.desk is not None
    try:
        told = dataset.describe_tags(tags, examples).join(tags.select("tag_id", "tag"), on="tag_id")
        spent = dataset.desk.count()
    finally:
        dataset.desk.close()
    said = told.drop_nulls("description")

    def change(document: CommentedMap) -> None:
        block = open_block(document, "describe")
        for tag, text in said.select("tag", "description").rows():
            set_entry(block, tag, text)

    data = find_data()
    if len(said):
        edit_decisions(data, name, f"describe --all --most {most}", change)
    file = Path(name) / "vocabulary.yaml"
    click.echo(
        f"{count(len(said), 'tag')} of {len(tags):,} described in {file}; read them, they are a machine's words."
    )
    for outcome, reason, times in _count_ends(told.filter(pl.col("description").is_null())):
        click.echo(f"  {count(times, 'tag')} without an answer: {reason or outcome}")
    if spent:
        asked = f"{spent['requests']} requests, {spent['answers_reused']} answers there already"
        click.echo(f"  {asked}{', ' + str(spent['money']) if 'money' in spent else ''} (tagflow costs {name})")
    if len(said):
        click.echo(f"  takes effect with tagflow run {name} --select {MAKES_TAGS}; tagflow vocabulary {name} undo")


def run_describe_plan(name: str, most: int) -> None:
    """Print what ``run_describe_all`` would ask and cost; sends nothing."""
    from tagflow.pipeline.estimates import draw_up, open_history

    dataset, tags, examples = _gather(name, most)
    assert dataset.desk is not None
    asked = dataset.desk.deployment
    with open_history(find_data(), name) as (journal, history):
        model = RehearsedModel(asked.base_url, asked.model, journal)
        model.stage = STAGE
        dataset.describe_tags(tags, examples, model)
    lines = draw_up(model, dataset.settings, asked.price, history, steady=True)
    click.echo(f"{name}: what describing {count(len(tags), 'tag')} would ask {asked.model}. Nothing was sent.")
    click.echo("\n".join(write_lines(lines, asked.price.currency if asked.price else None)))


def _gather(name: str, most: int) -> tuple["Dataset", pl.DataFrame, pl.DataFrame]:
    """The dataset, its commonest tags without a definition, and clues of contents that carry them, the surest first."""
    from tagflow.pipeline.resources import Workbench

    data = find_data()
    dataset = Workbench(data=str(data), progress="terminal").open(name, lambda line: None, stage=STAGE)
    if not dataset.asks:
        where = dataset.folder / "dataset.yaml"
        raise ConfigError(f"{where}: brain is embedded, which defines nothing: set it to llm, or give TAG and TEXT.")
    decided = {find_key(tag) for tag in read_decisions(data, name).describe}
    tagset = dataset.store.read(name, "fused_tagset").filter(pl.col("description").is_null())
    open_ = tagset.filter(~tagset["tag"].map_elements(lambda tag: find_key(tag) in decided, pl.Boolean))
    tags = open_.sort(-pl.col("frequency"), "tag").head(most)
    edges = dataset.store.read(name, "content_tag_graph").filter(pl.col("kind") == "deterministic")
    carried = edges.select("content_id", "weight", tag_id="target").join(tags, on="tag_id", how="semi")
    clues = dataset.store.read(name, "raw_clues").filter(pl.col("split") == "fit").select("content_id", "clues")
    ranked = carried.sort("tag_id", -pl.col("weight"), "content_id")
    return dataset, tags, ranked.join(clues, on="content_id", maintain_order="left").select("tag_id", "clues")


def _count_ends(failed: pl.DataFrame) -> list[tuple[str, str, int]]:
    ends = failed.group_by("outcome", "reason").agg(times=pl.len())
    return ends.sort(-pl.col("times").cast(pl.Int64), "outcome", "reason").rows()
