"""Every method that asks a language model, against a server that knows the labels and errs where it is told to.

Twenty contents say nothing but three words that every tag is as near to, and a number. The server gives sixteen of
them their one label and four another tag, so whatever puts its answer first has P@1 = 16/20, and whatever returns
nothing but its answer has nDCG@10 = 16/20 as well.
"""

from collections.abc import Iterator

import polars as pl
import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.evaluation.gold import find_gold
from tagflow.evaluation.tagging_metrics import measure_ranking
from tagflow.materials import Materials
from tagflow.taggers import asks_by_itself, list_methods, list_variants, load_tagger
from tagflow.tagmodels.interview import Interview
from tagflow.tagmodels.llm import LLMTagModel
from tagflow_tests.language_models import Silence
from tagflow_tests.llm.desk import Desk
from tagflow_tests.llm.method_reader import Oracle, open_interview
from tagflow_tests.worlds import gather_knowledge, kitchen, raw_clues, said

TAGS = ("soup", "vegan", "travel")
TITLES = [f"soup vegan travel {number}" for number in range(20)]
LABELS = {title: (TAGS[number % 3],) for number, title in enumerate(TITLES)}
WRONG = {TITLES[number]: (TAGS[(number + 1) % 3],) for number in (2, 7, 11, 19)}
RIGHT = 16 / 20

TEST = raw_clues(
    *(said(f"n{number}", title=title, labels=LABELS[title], split="test") for number, title in enumerate(TITLES))
)
ANNOTATED = raw_clues(
    *(said(f"{name} {place}", title=f"{name} {place}", labels=[name]) for name in TAGS for place in ("first", "second"))
)
WORLD = kitchen(TEST, more=ANNOTATED)
GOLD = find_gold(pl.concat([ANNOTATED, TEST]), pl.DataFrame({"key": TAGS, "tag_id": TAGS}))

OWN = [method for method in list_methods() if asks_by_itself(method)]
RUNS = [(method, name) for method in OWN for name in ("", *list_variants(method))]
BY_THE_BRAIN = ["llm4tag", "taggpt_generative", "taggpt_selective"]
APPENDS = {"icxml", "irera", "ensemble_vote"}
"""Their list goes on behind what the model chose, so that a wrong answer may have the right tag below it."""


@pytest.fixture(scope="module")
def oracle() -> Iterator[tuple[Interview, Desk]]:
    with open_interview(Oracle(LABELS, WRONG), gather_knowledge(WORLD), candidates=3, choices=1) as opened:
        yield opened


def score(scored: pl.DataFrame) -> dict[str, float]:
    rows = measure_ranking(scored, GOLD)
    return dict(rows.select("metric", "value").rows())


def test_there_are_the_methods_of_the_papers() -> None:
    assert OWN == ["carp", "ensemble_vote", "icxml", "irera", "llm4tc", "zero_shot"]


@pytest.mark.parametrize(("method", "variant"), RUNS)
def test_a_methods_row_is_the_share_of_right_answers(method: str, variant: str, oracle: tuple[Interview, Desk]) -> None:
    interview, desk = oracle[0].renew(), oracle[1]
    settings = list_variants(method)[variant] if variant else {}
    scored = load_tagger(method, settings)(TEST, asking(interview))
    assert set(scored["content_id"]) == set(TEST["content_id"])
    found = score(scored)
    assert found["P@1"] == pytest.approx(RIGHT)
    if method not in APPENDS:
        assert found["nDCG@10"] == pytest.approx(RIGHT)
    assert interview.failures.is_empty()
    assert interview.counts.keys() == {"read"}
    desk.check_books()


@pytest.mark.parametrize("method", BY_THE_BRAIN)
def test_the_papers_taggers_with_a_language_model_as_the_brain(method: str, oracle: tuple[Interview, Desk]) -> None:
    interview, desk = oracle
    writer = interview.writer
    brain = LLMTagModel(
        desk.endpoint, interview.knowledge, writer.prompts, LocalEngine(), Silence(), limits=writer.limits
    )
    scored = load_tagger(method)(TEST, kitchen(TEST, more=ANNOTATED, tag_model=brain))
    assert score(scored)["P@1"] == pytest.approx(RIGHT)
    assert brain.failures.is_empty()


def asking(interview: Interview) -> Materials:
    return kitchen(TEST, more=ANNOTATED, interview=interview)


def test_asked_again_nothing_is_paid_again(oracle: tuple[Interview, Desk]) -> None:
    interview, desk = oracle[0].renew(), oracle[1]
    load_tagger("carp")(TEST, asking(interview))
    before = len(desk.requests)
    load_tagger("carp")(TEST, asking(interview))
    assert len(desk.requests) == before


@pytest.mark.parametrize("method", OWN)
def test_no_held_out_content_is_told_to_the_model_about_another(method: str, oracle: tuple[Interview, Desk]) -> None:
    """Each question shows one held-out title, its own; examples come from the annotated contents."""
    interview, desk = oracle[0].renew(), oracle[1]
    before = len(desk.requests)
    load_tagger(method, {"match": 0.1} if method == "ensemble_vote" else {})(TEST[:4], asking(interview))
    for request in desk.requests[before:]:
        told = [title for title in TITLES if f'"{title}"' in request.text]
        assert len(told) <= 1
