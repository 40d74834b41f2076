"""What a tagging method may use: one immutable bundle, the same for every method."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.confidence.features import add_features
from tagflow.errors import ArtifactError, ConfigError
from tagflow.graph.edges import PEOPLE
from tagflow.graph.insertion import BuildIndex, embed_contents
from tagflow.graph.matching import list_found, match_names
from tagflow.graph.recall import recall_candidates
from tagflow.graph.space import Space, open_space
from tagflow.ports import Encoder, Engine, TagModel
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, Thresholds
from tagflow.tables import Tables
from tagflow.tagmodels.interview import Interview
from tagflow.tagset.vocabulary import resolve_tags

BATCH = 4096  # ours: contents whose candidates are held in memory together


def _read_no_results(file: str) -> pl.DataFrame:
    raise ConfigError(f"There is no file {file} here.")


def _find_no_encoder(model: str) -> Encoder:
    raise ConfigError(f"There is no encoder {model} here.")


@dataclass(frozen=True)
class Materials:
    """The tag set, the graph with the contents to tag already inserted, and the brain.

    ``taught`` are the contents of the fit split with text (``raw_clues`` columns): what a method may be fitted on.
    ``find_encoder`` opens another encoder by its folder or hub name. ``say`` takes what a person should know of a
    method's work, such as the tags that it was not fitted for. ``read_results`` gives what another tagger said in a
    file beside dataset.yaml: content_id, said, said_confidence. ``interview`` puts a method's own questions to the
    deployment's language model; None where there is none.
    """

    settings: DatasetSettings
    thresholds: Thresholds
    tagset: pl.DataFrame
    similarity: pl.DataFrame
    deterministic: pl.DataFrame
    space: Space
    encoder: Encoder
    tag_model: TagModel
    engine: Engine
    build_index: BuildIndex
    taught: pl.DataFrame
    find_encoder: Callable[[str], Encoder] = _find_no_encoder
    say: Callable[[str], object] = str
    read_results: Callable[[str], pl.DataFrame] = _read_no_results
    interview: Interview | None = None

    @property
    def failures(self) -> pl.DataFrame:
        """Contents without an answer of a language model (see ``TagModel.failures``), whoever asked."""
        own = self.tag_model.failures
        return own if self.interview is None else pl.concat([own, self.interview.failures])

    @property
    def cuts(self) -> pl.DataFrame:
        """What of contents was left out of the questions (see ``TagModel.cuts``), whoever asked."""
        own = self.tag_model.cuts
        return own if self.interview is None else pl.concat([own, self.interview.cuts])

    def renew(self) -> "Materials":
        """Return the same with new books of a method's own questions, so that one method's are not another's."""
        return self if self.interview is None else replace(self, interview=self.interview.renew())

    @property
    def counts(self) -> dict[str, int]:
        """How answers of a language model were read (see ``TagModel.counts``), whoever asked."""
        asked = Counter(self.tag_model.counts) + Counter(self.interview.counts if self.interview else {})
        return dict(asked)


def gather_materials(
    settings: DatasetSettings,
    thresholds: Thresholds,
    tagset: pl.DataFrame,
    graph: Tables,
    brain: tuple[Encoder, TagModel],
    engine: Engine,
    build_index: BuildIndex,
    raw_clues: pl.DataFrame,
    find_encoder: Callable[[str], Encoder] = _find_no_encoder,
    say: Callable[[str], object] = str,
    read_results: Callable[[str], pl.DataFrame] = _read_no_results,
    interview: Interview | None = None,
) -> Materials:
    """Return the materials from the artifacts as stored; of ``raw_clues`` the fit split alone is taught.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
    """
    check_graph(graph, tagset, brain[0])
    edges = graph["content_tag_graph"]
    return Materials(
        settings=settings,
        thresholds=thresholds,
        tagset=tagset,
        similarity=edges.filter(pl.col("kind") == "similarity"),
        deterministic=edges.filter(pl.col("kind") == "deterministic"),
        space=open_space(graph),
        encoder=brain[0],
        tag_model=brain[1],
        engine=engine,
        build_index=build_index,
        taught=raw_clues.filter((pl.col("split") == "fit") & has_text()),
        find_encoder=find_encoder,
        say=say,
        read_results=read_results,
        interview=interview,
    )


Tagger = Callable[..., pl.DataFrame]
"""A tagging method: contents with text (raw_clues columns), materials and settings in, ``scored_candidates`` out."""


def list_annotations(materials: Materials) -> pl.DataFrame:
    """Return content_id and tag_id of people's tags on the taught contents, sorted; none of the test split."""
    human = materials.deterministic.filter(pl.col("origin").is_in(PEOPLE)).select("content_id", tag_id="target")
    return human.join(materials.taught, on="content_id", how="semi").unique().sort("content_id", "tag_id")


Settings = Mapping[str, Any]


def _need_annotations(contents: pl.DataFrame, materials: Materials, settings: Settings) -> str | None:
    if len(list_annotations(materials)):
        return None
    return "it learns from annotated contents outside the test split, and there are none"


def _need_hashtags(contents: pl.DataFrame, materials: Materials, settings: Settings) -> str | None:
    if contents["hashtags"].list.len().sum():
        return None
    return "no content has hashtags of its own, or they are the labels"


def _need_results(contents: pl.DataFrame, materials: Materials, settings: Settings) -> str | None:
    try:
        materials.read_results(settings.get("file", "external.jsonl"))
    except ConfigError as error:
        return str(error)
    return None


def _need_language_model(contents: pl.DataFrame, materials: Materials, settings: Settings) -> str | None:
    if materials.interview is not None:
        return None
    return "it asks a language model, and TAGFLOW_LLM_BASE_URL names none that this dataset may ask"


NEEDS: dict[str, Callable[[pl.DataFrame, Materials, Settings], str | None]] = {
    "annotations": _need_annotations,
    "external results": _need_results,
    "hashtags": _need_hashtags,
    "language model": _need_language_model,
}
"""What a method can need (see ``tagflow.taggers``): why it is not there, for people, or None if it is."""


def check_graph(graph: Tables, tagset: pl.DataFrame, encoder: Encoder) -> None:
    """Refuse a graph whose vectors or tags are not the ones in use.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
    """
    if (graph["vectors"]["fingerprint"] != encoder.fingerprint).any():
        raise ArtifactError("content_tag_graph was made with another encoder: run the dataset's assets from there on.")
    tags = graph["vectors"].filter(pl.col("node_kind") == "tag")["node"]
    if set(tags) != set(tagset["tag_id"]):
        raise ArtifactError("content_tag_graph was made for another tag set: run the dataset's assets from there on.")


def recall_pairs(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the candidates of contents on every path, with every recall feature (see ``add_features``).

    Args:
        contents: content_id and text.
        materials: the graph must hold the contents' similarity edges and vectors.
    """
    similarity = materials.similarity.join(contents.select("content_id"), on="content_id", how="semi")
    pairs = recall_candidates(similarity, materials.deterministic, materials.settings.graph)
    texts = contents.select("content_id", "text")
    said = materials.similarity.filter(pl.col("origin") == "name")
    return add_features(pairs, texts, materials.tagset, materials.deterministic, materials.space, said)


def map_contents(
    function: Callable[[pl.DataFrame, Materials], pl.DataFrame], contents: pl.DataFrame, materials: Materials
) -> pl.DataFrame:
    """Return the rows ``function`` gives for the contents, batch by batch, in their order."""
    slices = [contents[start : start + BATCH] for start in range(0, max(len(contents), 1), BATCH)]
    return pl.concat(materials.engine.map(lambda part: function(part, materials), slices))


def shape_scored(pairs: pl.DataFrame, materials: Materials, path: str, evidence: pl.Expr) -> pl.DataFrame:
    """Return ``scored_candidates`` of pairs with content_id, tag_id and score; ``votes`` is 0 where they have none."""
    unsaid = [] if "votes" in pairs.columns else [pl.lit(0.0).alias("votes")]
    named = pairs.join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left").with_columns(
        *unsaid,
        confidence=pl.col("score").clip(0, 1),
        path=pl.lit(path),
        neighbours=pl.lit([], dtype=pl.List(pl.String)),
        evidence=evidence,
    )
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(named)


def find_nearest(contents: pl.DataFrame, materials: Materials, most: int) -> pl.DataFrame:
    """Return the tags nearest to each content, nearest first: content_id, tag_id and score (the cosine).

    A tag set of at most ``most`` tags is returned whole.
    """
    vectors = embed_contents(contents, materials.encoder)
    found = materials.build_index(materials.space.tag_vectors).search(vectors, most)
    return list_found(contents["content_id"], materials.space.tags["node"], *found)


def match_said(said: pl.DataFrame, materials: Materials, *, threshold: float, nearest: int) -> pl.DataFrame:
    """Return the tags that the names a model said stand for (see ``match_names``), with all columns of ``said``.

    Args:
        said: content_id, said, and whatever else is known of a name.
        materials: tag set, vectors and encoder.
        threshold: least cosine.
        nearest: tags of a name at most, where its spelling does not decide.
    """
    tools = (resolve_tags(materials.tagset), materials.space, materials.encoder, materials.build_index)
    found = match_names(said["said"], *tools, threshold=threshold, nearest=nearest)
    return said.join(found, on="said", maintain_order="left_right")
