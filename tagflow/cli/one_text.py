"""Tags one text as a new content of a dataset; nothing of it is stored."""

import json

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.clues.conversion import convert_contents, has_text
from tagflow.confidence.ranking import rank_tags
from tagflow.errors import ConfigError, ModelError
from tagflow.settings import CLUE_FIELDS
from tagflow.tagset.rules import enforce_rules
from tagflow.tagset.vocabulary import make_vocabulary_version


def run_tag(name: str, text: str) -> None:
    """Print the tags of the text as one JSON object."""
    click.echo(json.dumps(tag_text(name, text), ensure_ascii=False, indent=2))


def tag_text(name: str, text: str) -> dict[str, object]:
    """Return status and tags of the text, tagged with the dataset's method.

    Raises:
        ConfigError: the text has no letter or digit.
        ArtifactError: the dataset was not run yet.
        ModelError: the dataset's language model gave no answer.
    """
    from tagflow.pipeline.bands import set_bands
    from tagflow.pipeline.resources import Workbench

    dataset = Workbench(data=str(find_data()), progress="terminal").open(name, lambda line: None, remember=False)
    tagset = dataset.store.read(name, "fused_tagset")
    graph = dataset.store.read_all(name, "content_tag_graph")
    confidence = dataset.store.read_all(name, "confidence_model")
    known = dataset.store.read(name, "raw_clues")
    content = convert_contents(_as_content(text), dataset.settings)
    if not content.select(has_text()).item():
        raise ConfigError("There is nothing to tag: the text has no letter and no digit.")
    placed = dataset.insert(content, known, graph)
    samples = dataset.store.read(name, "knowledge_base")
    brain = dataset.tag_model(confidence, dataset.gather_knowledge(tagset, placed, known, samples))
    materials = dataset.materials(tagset, placed, known, brain, samples=samples)
    judged = dataset.load_tagger()(content, materials)
    scored = enforce_rules(judged, dataset.decisions.rules, tagset, content).kept
    model, version = (
        dataset.name_model(materials.tag_model),
        make_vocabulary_version(tagset, dataset.decisions.rules),
    )
    failed = materials.failures.filter(pl.col("content_id") == content["content_id"][0])
    if len(failed):
        task, reason = failed.select("task", "reason").row(0)
        raise ModelError(f"The language model gave no answer ({task}): {reason}.")
    tagged = rank_tags(scored, set_bands(dataset, confidence, materials.tag_model), model=model, version=version)
    columns = ["rank", "tag", "confidence", "band", "path", "neighbours", "evidence"]
    return {
        "dataset": name,
        "status": "tagged" if len(tagged) else "no_tag_fits",
        "tags": tagged.with_columns(pl.col("confidence").round(4)).select(columns).to_dicts(),
        "model": model,
        "vocabulary_version": version,
    }


def _as_content(text: str) -> pl.DataFrame:
    absent = [pl.lit(None, pl.String).alias(field) for field in (*CLUE_FIELDS, "split")]
    return pl.select(
        *absent,
        content_id=pl.lit(""),
        labels=pl.lit([], dtype=pl.List(pl.String)),
        source_file=pl.lit("command line"),
    ).with_columns(caption=pl.lit(text))
