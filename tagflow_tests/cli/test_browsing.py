"""``tagflow browse`` on the demo, and on what a stranger types."""

import re

import polars as pl
import pytest

from tagflow.cli.browsing import CONTENTS_SHOWN, TAGS_SHOWN, list_tags
from tagflow.tagset.browsing import count_assignments
from tagflow_tests.conftest import Demo, call_tagflow
from tagflow_tests.worlds import tag_set


@pytest.fixture
def browse(demo: Demo, tmp_path):
    return lambda *words: call_tagflow("browse", "recipes", *words, data=demo.data, cwd=tmp_path)


def test_the_most_assigned_tags_come_first_with_their_counts(demo: Demo, browse) -> None:
    said = browse()
    assert said.code == 0, said.err
    tags = count_assignments(
        *(demo.store.read("recipes", artifact) for artifact in ("fused_tagset", "tagged_output", "raw_clues"))
    )
    assert f"recipes: {len(tags)} tags" in said.out
    body = said.out.splitlines()[3 : 3 + TAGS_SHOWN]
    assert [line.split("  ")[0] for line in body] == tags["tag"].head(TAGS_SHOWN).to_list()
    assert body[0].split()[-3:-1] == [str(tags["assigned"][0]), str(tags["people"][0])]
    assert f"and {len(tags) - TAGS_SHOWN} more" in said.out


def test_a_search_narrows_the_list(browse) -> None:
    said = browse("--search", "CHEES")
    assert said.code == 0, said.err
    assert '"CHEES" in a name or an alias' in said.out
    assert {line.split("  ")[0] for line in said.out.splitlines()[3:]} >= {"cheese", "cream cheese"}
    assert "garlic" not in said.out


def test_one_tag_is_shown_with_its_company_and_its_contents(demo: Demo, browse) -> None:
    said = browse("eggs")
    assert said.code == 0, said.err
    tagged = demo.store.read("recipes", "tagged_output").filter(pl.col("tag") == "eggs")
    assert len(tagged) > 2 * CONTENTS_SHOWN  # else they are not told apart
    best = tagged.sort(-pl.col("confidence"), "content_id").row(0, named=True)
    assert f"assigned to   {len(tagged)} of 176 contents" in said.out
    for part in ("people's labels", "Often together with it", "Nearest in meaning", "Most confident", "Fusion"):
        assert part in said.out
    first = said.out.split("Most confident:\n")[1].splitlines()[0]
    assert first.split()[:3] == [f"{best['confidence']:.2f}", best["band"], best["content_id"]]


def test_an_alias_leads_to_its_tag(demo: Demo, browse) -> None:
    merged = demo.store.read("recipes", "fused_tagset", "fusion_log").filter(pl.col("decision") == "merged")
    alias, leader = merged.select("tag", "leader").row(0)
    said = browse(alias)
    assert said.code == 0, said.err
    assert said.out.startswith(f"{leader}  (t")
    assert f'"{alias}" was merged into the tag "{leader}"' in said.out
    assert re.search(rf'^  merged +0\.\d\d  "{alias}"', said.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("garlci",), "was never proposed nor given by people, did you mean 'garlic'"),
        (("main dish",), "too common"),
        (("--search", "zzz"), 'has "zzz" in its name or an alias'),
        (("garlic", "--search", "x"), "not both"),
    ],
)
def test_a_mistake_is_one_clear_sentence(browse, words: tuple[str, ...], sentence: str) -> None:
    said = browse(*words)
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_chinese_tags_are_aligned() -> None:
    tags = tag_set({"辣椒": [], "soup": ["broth"]}).with_columns(
        assigned=pl.Series([12, 3]), people=0, confidence=pl.Series([0.5, None])
    )
    lines = list_tags("food", tags, None)
    assert lines[3:5] == [
        "辣椒        12          0             0.50",
        "soup         3          0                -  broth",
    ]
