"""TF-IDF: contents and tags compared by their words, the classical baseline.

Four ways: ``centroid``, a tag is the mean of its annotated contents and its own name (Rocchio); ``names``, a tag is its
name, aliases and description, nothing is learned but how rare words are; ``linear``, one logistic regression a tag;
``open``, the content's own heaviest phrases, mapped to the tag set.
"""

from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array, diags_array

from tagflow.confidence.one_against_rest import choose_tags, mark_answers, tell_left_out
from tagflow.graph.lexical import UNSPACED, read_terms, search_terms
from tagflow.graph.matching import explain_match, list_found, take_best
from tagflow.materials import Materials, list_annotations, match_said, shape_scored
from tagflow.schemas import TAGGED_OUTPUT

VARIANTS = {"names": {"mode": "names"}, "linear": {"mode": "linear"}, "open": {"mode": "open"}}

SCORED = TAGGED_OUTPUT.tables["scored_candidates"]


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    mode: Literal["centroid", "names", "linear", "open"] = "centroid",
    top_k: Annotated[int, Field(ge=1)] = 20,
    min_contents: Annotated[int, Field(ge=1)] = 1,
    most_terms: Annotated[int, Field(ge=1)] = 200_000,
    most_tags: Annotated[int, Field(ge=1)] = 500,
    min_positives: Annotated[int, Field(ge=1)] = 5,
) -> pl.DataFrame:
    """Return the ``scored_candidates``, best first, ties by tag id; confidence is the cosine or the probability.

    Rarity of words, centroids and weights are learned from contents outside the test split alone.

    Args:
        contents: to tag.
        materials: what may be used.
        mode: see above.
        top_k: tags of a content at most (ours: as many as the candidates of LLM4Tag §4.3).
        min_contents: contents in which a word or pair of words must stand to count.
        most_terms: the commonest of them that count (ours).
        most_tags: linear: the most used tags, for which it is fitted (ours: a minute of two cores).
        min_positives: linear: annotated contents below which a tag is left out (ours).
    """
    texts = read_terms(materials.taught)
    if not len(contents) or not len(materials.tagset) or not texts:
        return SCORED.empty()
    counter = _count_terms(materials.settings.language, min_contents, most_terms)
    try:
        taught = csr_array(counter.fit_transform(texts))
    except ValueError:  # no word stands in enough contents
        return SCORED.empty()
    asked = csr_array(counter.transform(read_terms(contents)))
    if mode == "open":
        return _name_phrases(contents, asked, counter.get_feature_names_out(), materials, top_k)
    if mode == "linear":
        right = list_annotations(materials)
        chosen = choose_tags(right, min_positives, most_tags)
        if left_out := tell_left_out(right, chosen, min_positives, most_tags):
            materials.say(f"tfidf: {left_out}")
        tags = chosen["tag_id"]
        found = take_best(_score_linear(taught, asked, materials, tags), top_k)
        return _shape(list_found(contents["content_id"], tags, *found), materials, "weights of its words")
    named = csr_array(counter.transform(_tell_names(materials.tagset)))
    compared = _add_contents(named, taught, materials) if mode == "centroid" else named
    found = search_terms(asked, compared, top_k)
    near = list_found(contents["content_id"], materials.tagset["tag_id"], *found).filter(pl.col("score") > 0)
    return _shape(near, materials, "shared words")


def _count_terms(language: str, min_contents: int, most_terms: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.feature_extraction.text import TfidfVectorizer

    unspaced = language in UNSPACED
    return TfidfVectorizer(
        analyzer="char" if unspaced else "word",
        ngram_range=(2, 4) if unspaced else (1, 2),  # ours: runs of two to four Chinese characters are words
        stop_words="english" if language == "en" else None,
        sublinear_tf=True,
        min_df=min_contents,
        max_features=most_terms,
        dtype=np.float32,
    )


def _tell_names(tagset: pl.DataFrame) -> list[str]:
    """What each tag says of itself: name, aliases and description; the words of a slug are words."""
    whole = pl.concat_str(
        pl.col("tag"), pl.col("aliases").list.join(" "), pl.col("description").fill_null(""), separator=" "
    )
    return tagset.select(whole.str.replace_all(r"[-_/]+", " ")).to_series().to_list()


def _add_contents(tags: csr_array, taught: csr_array, materials: Materials) -> csr_array:
    """The mean of a tag's annotated contents and of what it says of itself, of length 1."""
    ids = (materials.taught["content_id"], materials.tagset["tag_id"])
    answers = mark_answers(list_annotations(materials), *ids)
    summed = csr_array(tags + answers.T @ taught)
    length = np.sqrt(np.asarray(summed.multiply(summed).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.where(length > 0, length, 1)) @ summed, dtype=np.float32)


def _score_linear(taught: csr_array, asked: csr_array, materials: Materials, tags: pl.Series) -> NDArray[np.float32]:
    """The probability of each tag for each content, shape (asked, tags); fitted on the annotated contents."""
    from scipy.special import expit
    from sklearn.linear_model import SGDClassifier

    right = list_annotations(materials)
    rows = np.flatnonzero(materials.taught["content_id"].is_in(right["content_id"].implode()).to_numpy())
    answers = mark_answers(right, materials.taught["content_id"].gather(rows), tags).toarray()
    out = np.zeros((asked.shape[0], len(tags)), np.float32)
    for column in range(len(tags)):  # a fit a tag: scikit-learn has no sparse solver for many at once
        if answers[:, column].all():
            out[:, column] = 1.0
            continue
        model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=20, tol=None, random_state=0)
        model.fit(taught[rows], answers[:, column])
        out[:, column] = expit(model.decision_function(asked))
    return out


def _name_phrases(
    contents: pl.DataFrame, asked: csr_array, terms: NDArray[np.str_], materials: Materials, top_k: int
) -> pl.DataFrame:
    """The heaviest phrases of each content that are, or lie near, a tag."""
    weights = asked.tocoo()
    said = pl.DataFrame(
        {
            "content_id": contents["content_id"].gather(weights.row),
            "said": pl.Series(terms[weights.col], dtype=pl.String),
            "weight": weights.data.astype(np.float64),
        }
    )
    heavy = said.sort("content_id", -pl.col("weight"), "said").group_by("content_id", maintain_order=True).head(top_k)
    found = match_said(heavy, materials, threshold=materials.thresholds.match, nearest=1)
    best = (
        found.with_columns(score=pl.col("weight") * pl.col("cosine"))
        .sort("content_id", -pl.col("score"), "tag_id")
        .unique(["content_id", "tag_id"], keep="first", maintain_order=True)
    )
    return _shape(best.with_columns(told=explain_match()), materials, pl.col("told"))


def _shape(pairs: pl.DataFrame, materials: Materials, reason: str | pl.Expr) -> pl.DataFrame:
    told = pl.lit(reason) if isinstance(reason, str) else reason
    return shape_scored(pairs, materials, "words", pl.format("{}: {} of 1", told, pl.col("score").round(2)))
