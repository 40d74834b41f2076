"""LDA: the likely tags of a content's likely topics (Diaz-Aviles et al. 2010: latent Dirichlet allocation for tags).

P(tag | content) is the sum over topics of P(topic | content) · P(tag | topic); the topics are fitted on the taught
contents, and P(tag | topic) is counted on those of them that people annotated.
"""

from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array

from tagflow.confidence.one_against_rest import mark_answers
from tagflow.graph.lexical import UNSPACED, read_terms
from tagflow.graph.matching import list_found, take_best
from tagflow.materials import Materials, list_annotations, shape_scored
from tagflow.schemas import TAGGED_OUTPUT

NEEDS = ("annotations",)
VARIANTS = {"fitted topics": {"topics": "fitted"}}

TRIED = (25, 50, 100, 200)  # ours: numbers of topics that are tried, each twice the one before
HELD_BACK = 10  # ours: one of so many annotated contents chooses between them
NO_CHANCE = 1e-12  # ours: stands for a probability of 0

SCORES = 1 << 22  # ours: scores of contents and tags that are held in memory together

SCORED = TAGGED_OUTPUT.tables["scored_candidates"]


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    topics: Annotated[int, Field(ge=1)] | Literal["fitted"] = 50,
    passes: Annotated[int, Field(ge=1)] = 10,
    min_words: Annotated[int, Field(ge=1)] = 5,
    min_contents: Annotated[int, Field(ge=1)] = 2,
    most_terms: Annotated[int, Field(ge=1)] = 20_000,
    most_contents: Annotated[int, Field(ge=1)] = 20_000,
    top_k: Annotated[int, Field(ge=1)] = 20,
    seed: int = 0,
) -> pl.DataFrame:
    """Return the ``scored_candidates``, best first, ties by tag id; confidence is P(tag | content).

    The tags of a content share one probability, so that a confidence of 0.2 may be the surest of all. A content of
    fewer than ``min_words`` known words has no row: its topics are a guess.

    Args:
        contents: to tag.
        materials: what may be used.
        topics: number of topics (ours); fitted: the one of ``TRIED`` that makes the tags of a tenth of the annotated
            contents likeliest, held back for that; of equals the fewest.
        passes: over the taught contents (scikit-learn's default).
        min_words: known words that a content must have (ours).
        min_contents: contents in which a word must stand to be known (ours).
        most_terms: the commonest words that are known (ours).
        most_contents: taught contents that the topics are fitted on, annotated ones first (ours: a minute).
        top_k: tags of a content at most (ours: as many as the candidates of LLM4Tag §4.3).
        seed: of the fit.
    """
    right = list_annotations(materials)
    annotated = pl.col("content_id").is_in(right["content_id"].implode())
    taught = materials.taught.sort(~annotated, maintain_order=True).head(most_contents)
    if len(materials.taught) > most_contents:
        materials.say(f"lda: topics are fitted on {most_contents} of {len(materials.taught)} contents")
    if not len(contents) or not len(right):
        return SCORED.empty()
    counter = _count_words(materials.settings.language, min_contents, most_terms)
    try:
        words = counter.fit_transform(read_terms(taught))
    except ValueError:  # no word stands in enough contents
        return SCORED.empty()
    asked = counter.transform(read_terms(contents))
    spoken = np.flatnonzero(np.asarray(asked.sum(axis=1)).ravel() >= min_words)
    if not len(spoken):
        return SCORED.empty()
    tag_ids = right["tag_id"].unique().sort()
    answers = mark_answers(right, taught["content_id"], tag_ids)
    if topics == "fitted":
        topics = _choose_topics(words, answers, passes, seed)
        materials.say(f"lda: {topics} topics, as contents held back suggest; tried {', '.join(map(str, TRIED))}")
    model, of_topic = _fit_topics(words, answers, topics, passes, seed)
    mixed = model.transform(asked[spoken])
    together = max(1, SCORES // len(tag_ids))
    parts = [
        take_best((mixed[start : start + together] @ of_topic.T).astype(np.float32), top_k)
        for start in range(0, len(mixed), together)
    ]
    columns, scores = (np.concatenate(side) for side in zip(*parts, strict=True))
    found = list_found(contents["content_id"].gather(spoken), tag_ids, columns, scores)
    return shape_scored(
        found, materials, "topics", pl.format("likely tag of its likely topics: {} of 1", pl.col("score").round(3))
    )


def _choose_topics(words: csr_array, answers: csr_array, passes: int, seed: int) -> int:
    """The number of ``TRIED`` under which the tags of the annotated contents held back have the highest likelihood.

    A tag that no other content carries has no chance under any number, and so counts alike under each.
    """
    annotated = np.flatnonzero(np.asarray(answers.sum(axis=1)).ravel())
    back = annotated[::HELD_BACK]
    rest = np.setdiff1d(np.arange(words.shape[0]), back)
    asked = answers[back].tocoo()
    told = {}
    for topics in TRIED:
        model, of_topic = _fit_topics(words[rest], answers[rest], topics, passes, seed)
        mixed = model.transform(words[back])
        chances = np.einsum("ij,ij->i", mixed[asked.row], of_topic[asked.col])
        told[topics] = float(np.log(np.maximum(chances, NO_CHANCE)).sum())
    return max(TRIED, key=lambda topics: told[topics])


def _fit_topics(
    words: csr_array, answers: csr_array, topics: int, passes: int, seed: int
) -> tuple[Any, NDArray[np.float64]]:
    """The fitted topics, and P(tag | topic) of shape (tags, topics)."""
    model = _make_model(topics, passes, seed)
    known = np.asarray(words.sum(axis=1)).ravel() > 0  # a content without a known word is of no topic
    given = answers.T @ (model.fit_transform(words) * known[:, None])
    return model, given / np.maximum(given.sum(axis=0, keepdims=True), NO_CHANCE)


def _count_words(language: str, min_contents: int, most_terms: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.feature_extraction.text import CountVectorizer

    unspaced = language in UNSPACED
    return CountVectorizer(
        analyzer="char" if unspaced else "word",
        ngram_range=(2, 2) if unspaced else (1, 1),  # ours: pairs of Chinese characters are words
        stop_words="english" if language == "en" else None,
        min_df=min_contents,
        max_features=most_terms,
    )


def _make_model(topics: int, passes: int, seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.decomposition import LatentDirichletAllocation

    return LatentDirichletAllocation(topics, max_iter=passes, learning_method="online", random_state=seed)
