"""What the next run would stand on: the contents of today in the graph as it is, and whose tags hold no more."""

import polars as pl

from tagflow.adapters.content_sources import read_source
from tagflow.clues.conversion import convert_contents, has_text
from tagflow.graph.insertion import find_changes, forget_contents
from tagflow.materials import check_graph
from tagflow.pipeline.resources import Dataset
from tagflow.pipeline.standing import read_stored, reuse_answers
from tagflow.schemas import CONFIDENCE_MODEL, CONTENT_TAG_GRAPH, KNOWLEDGE_BASE
from tagflow.tables import Tables
from tagflow.tagmodels.reuse import ReusingTagModel
from tagflow.tagset.vocabulary import make_vocabulary_version


def read_contents(dataset: Dataset) -> pl.DataFrame:
    """Return the contents as a run would read them now."""
    return convert_contents(read_source(dataset.folder, dataset.settings).contents, dataset.settings)


def insert_contents_of_today(dataset: Dataset, contents: pl.DataFrame, tagset: pl.DataFrame) -> tuple[Tables, bool]:
    """Return the stored graph with the contents of today, and whether that changed it; nothing is stored.

    Args:
        dataset: opened; its graph was made.
        contents: as they are now.
        tagset: ``fused_tagset``.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
    """
    known = dataset.read_previous(CONTENT_TAG_GRAPH)
    check_graph(known, tagset, dataset.encoder)
    new, gone = find_changes(known, contents.filter(has_text()))
    kept = forget_contents(known, gone)
    old = contents.join(new, on="content_id", how="anti", maintain_order="left")
    return dataset.insert(new, old, kept) if len(new) else kept, bool(len(new) or len(gone))


def look_for_stale(dataset: Dataset) -> ReusingTagModel | None:
    """Return the embedded tag model after it looked at every content, with what it found stale and why.

    Tag set, graph and judge are taken as they stand, as the content sensor's runs do.

    Args:
        dataset: opened, with an embedded brain.

    Returns:
        None where there is no tag set, graph or judge yet.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
        ConfigError: the contents cannot be read.
    """
    made = ("fused_tagset", "content_tag_graph", "knowledge_base", "confidence_model")
    if not all(dataset.store.exists(dataset.name, artifact) for artifact in made):
        return None
    contents, tagset = read_contents(dataset), dataset.store.read(dataset.name, "fused_tagset")
    graph, _ = insert_contents_of_today(dataset, contents, tagset)
    brain = dataset.tag_model(dataset.read_previous(CONFIDENCE_MODEL))
    version, cases = make_vocabulary_version(tagset, dataset.decisions.rules), dataset.read_cases(tagset, contents)
    noting = reuse_answers(dataset, brain, read_stored(dataset, whole=False), cases, version, only_note=True)
    samples = dataset.read_previous(KNOWLEDGE_BASE)["knowledge_base"]
    dataset.load_tagger()(
        contents.filter(has_text()), dataset.materials(tagset, graph, contents, noting, samples=samples)
    )
    return noting
