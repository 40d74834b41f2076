"""The classifier: its formula on two contents, and what it says of a content beside a fit without it."""

import numpy as np
import polars as pl
import pytest

from tagflow.graph import classifier
from tagflow.graph.classifier import Classifier, fit_classifier, score_contents
from tagflow.graph.lexical import BUCKETS, open_terms
from tagflow.tables import Tables
from tagflow_tests.worlds import edges, human, machine, unit

IDS = pl.Series(["a", "b", "c"])
VECTORS = unit((1, 0), (0.6, 0.8), (0, 1))
NO_TERMS = open_terms(pl.DataFrame({"terms": [[], [], []], "term_weights": [[], [], []]}))


def fit(*history: tuple[str, str], ids: pl.Series = IDS) -> Tables:
    """Return the tables of a fit to what people gave, without words."""
    rows = IDS.is_in(ids.implode()).to_numpy()
    return fit_classifier(edges(*(human(*edge) for edge in history)), (ids, VECTORS[rows], NO_TERMS[rows]))


def opened(tables: Tables, tags: list[str]) -> Classifier:
    """Return the classifier over all three contents."""
    rows = [IDS.to_list().index(one) for one in tables["classifier"]["content_id"]]
    places = dict(tables["classified"].select("tag_id", "place").iter_rows())
    return Classifier(
        np.array(rows),
        np.array([places.get(tag, -1) for tag in tags]),
        tables["classifier"]["weights"].to_numpy(),
        tables["classifier"]["own"].to_numpy().astype(np.float32),
    )


def test_the_weights_are_those_of_ridge_regression() -> None:
    """Both have the tag, cosine 0.6, of which meaning counts 0.3: K + I / 4 = ((1.25, 0.18), (0.18, 1.25)).

    Its inverse is ((1.25, -0.18), (-0.18, 1.25)) / 1.5301, so each weight is 1.07 / 1.5301 = 1 / 1.43.
    """
    tables = fit(("a", "soup"), ("b", "soup"))
    assert tables["classified"].rows() == [("soup", 0)]
    assert tables["classifier"]["own"].to_list() == pytest.approx([1.25 / 1.5301] * 2)
    assert tables["classifier"]["weights"].to_numpy().ravel() == pytest.approx([1 / 1.43] * 2)


def test_a_new_content_is_scored_by_its_likeness_to_the_others() -> None:
    """C lies at cosine 0 to a and 0.8 to b: 0.3 of 0.8, times 1 / 1.43."""
    scores = score_contents(np.array([2]), opened(fit(("a", "soup"), ("b", "soup")), ["soup"]), VECTORS, NO_TERMS)
    assert scores.ravel() == pytest.approx([0.24 / 1.43])


def test_a_content_it_learned_from_is_scored_as_if_it_had_not_been_there() -> None:
    """Without a, b alone has K + 1 / 4 = 1.25 and weight 0.8; a is at 0.3 of cosine 0.6: 0.18 * 0.8."""
    scores = score_contents(np.array([0]), opened(fit(("a", "soup"), ("b", "soup")), ["soup"]), VECTORS, NO_TERMS)
    assert scores.ravel() == pytest.approx([0.144])


@pytest.mark.parametrize("rows_together", [7, 1024])
def test_leaving_out_holds_for_right_and_wrong_tags_of_many_contents(
    rows_together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of the contents it was fitted on equal the scores by a fit without each of them."""
    monkeypatch.setattr(classifier, "ROWS", rows_together)
    random = np.random.default_rng(5)
    n = 40
    vectors = random.normal(size=(n, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    terms = open_terms(pl.DataFrame({"terms": [[i % 4] for i in range(n)], "term_weights": [[1.0]] * n}))
    ids = pl.Series([f"c{i}" for i in range(n)])
    history = edges(*(human(ids[i], "xyz"[i % 3]) for i in range(n)))
    whole = fit_classifier(history, (ids, vectors, terms))
    rows = np.arange(n)
    everything = Classifier(
        rows,
        np.arange(3),
        whole["classifier"]["weights"].to_numpy(),
        whole["classifier"]["own"].to_numpy().astype(np.float32),
    )
    told = score_contents(rows, everything, vectors, terms)
    tags = whole["classified"]["tag_id"].to_list()
    for i in (0, 7, 39):
        others = np.delete(rows, i)
        part = fit_classifier(history, (ids.gather(others), vectors[others], terms[others]))
        left = Classifier(
            others,
            np.arange(3),
            part["classifier"]["weights"].to_numpy(),
            part["classifier"]["own"].to_numpy().astype(np.float32),
        )
        fresh = dict(
            zip(part["classified"]["tag_id"], score_contents(np.array([i]), left, vectors, terms)[0], strict=True)
        )
        assert [fresh[tag] for tag in tags] == pytest.approx(told[i].tolist(), abs=1e-5)


def test_words_count_more_than_meaning() -> None:
    """C shares all its words with a (cosine 1) and nothing of its meaning: 0.7 of 1."""
    terms = open_terms(pl.DataFrame({"terms": [[5], [], [5]], "term_weights": [[1.0], [], [1.0]]}))
    assert terms.shape == (3, BUCKETS)
    tables = fit_classifier(edges(human("a", "soup"), human("b", "soup")), (IDS, VECTORS, terms))
    scores = score_contents(np.array([2]), opened(tables, ["soup"]), VECTORS, terms)
    assert scores.ravel() == pytest.approx([(0.7 + 0.24) / 1.43])


def test_a_tag_used_once_and_proposals_teach_nothing() -> None:
    assert fit(("a", "soup"), ("b", "rome"))["classified"].is_empty()
    proposed = fit_classifier(edges(machine("a", "soup"), machine("b", "soup")), (IDS, VECTORS, NO_TERMS))
    assert proposed["classifier"].is_empty()


@pytest.mark.parametrize("limit", [("MOST_CONTENTS", 2), ("MOST_WEIGHTS", 2)])
def test_of_many_contents_some_are_learned_the_same_ones_every_time(
    limit: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashes of a, b and c begin with 40, 84 and 37, so a and c are drawn.

    They lie at cosine 0: K + I / 4 = 1.25 I.
    """
    monkeypatch.setattr(classifier, *limit)
    history = (("a", "soup"), ("b", "soup"), ("c", "soup"))
    assert fit(*history)["classifier"]["content_id"].to_list() == ["a", "c"]
    assert fit(*history)["classifier"]["weights"].to_numpy().ravel() == pytest.approx([1 / 1.25] * 2)


def test_of_many_tags_the_most_used_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_TAGS", 1)
    tables = fit(("a", "soup"), ("b", "soup"), ("a", "rome"), ("b", "rome"), ("c", "rome"))
    assert tables["classified"].rows() == [("rome", 0)]
