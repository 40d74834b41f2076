"""The page: what a person reads on it, that it stands alone, and that no name can become markup."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest

from tagflow.errors import ArtifactError
from tagflow.report.page import render_page
from tagflow.schemas import EVALUATION_REPORT
from tagflow.settings import DatasetSettings
from tagflow.tables import Tables
from tagflow_tests.frames import make_table

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
SETTINGS = DatasetSettings(description="What this is.")
OURS, PEOPLE = "tag set: tagflow", "tag set: people"
ROWS = [
    ("llm4tag", "nDCG@10", 0.5, 0.45, 0.5512, 38),
    ("llm4tag", "P@1", 0.789, 0.6, 0.9, 38),
    ("llm4tag", "ECE", 0.027, None, None, 500),
    ("llm4tag", "F1", 0.384, 0.3, 0.4, 38),
    ("match", "nDCG@10", 0.7, 0.6, 0.8, 38),
    ("match", "P@1", 0.25, 0.2, 0.3, 38),
    (OURS, "tags in the set", 1458.0, None, None, 1458),
    (OURS, "tags assigned", 260.0, None, None, 1458),
    (OURS, "coverage", 0.999, None, None, 2176),
    (OURS, "popularity: one-content share", 0.53, None, None, 260),
    (OURS, "uniformity: similar pairs", 0.00069, None, None, 9),
    (PEOPLE, "coverage", 1.0, None, None, 176),
]


def tables(rows: list[tuple[object, ...]] = ROWS, **others: pl.DataFrame) -> Tables:
    columns = ("method", "metric", "value", "low", "high", "n")
    said = [dict(zip(columns, row, strict=True)) for row in rows]
    empty = {name: table.empty() for name, table in EVALUATION_REPORT.tables.items()}
    return {**empty, "evaluation_report": make_table("evaluation_report", said), **others}


def tag_map(*names: str) -> pl.DataFrame:
    rows = [{"tag_id": f"{n}", "tag": name, "x": n / 9, "y": n / 9, "contents": 5} for n, name in enumerate(names)]
    return make_table("evaluation_report", rows, "tag_map")


class Reader(HTMLParser):
    """Reads a page: its elements with their attributes, and its text; an element closed out of turn is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(
    name: str = "recipes", settings: DatasetSettings = SETTINGS, said: Tables | None = None, **facts: object
) -> str:
    return Reader(render_page(name, settings, said or tables(), facts)).text


def test_the_headline_names_the_dataset_and_the_run() -> None:
    made = datetime(2026, 11, 20, 9, 5, tzinfo=UTC)
    text = read(made=made, tagflow="1.2.3", contents=12345, encoder=None)
    assert "recipes What this is. made 2026-11-20 09:05 UTC tagflow 1.2.3 contents 12,345 encoder –" in text


def test_the_first_figures_are_said_in_words() -> None:
    text = read()
    assert "Contents 2,176 were read." in text
    assert "Tags 1,458 are in the tag set; 260 of them are on a content." in text
    assert "One-content tags 53 % of the tags in use" in text
    assert "nDCG@10 of llm4tag 0.500 0.450–0.551" in text
    assert "P@1 of llm4tag 0.789 0.600–0.900 On 79 of 100 held-out contents the first tag is right." in text
    assert "ECE of llm4tag 0.027 A stated confidence is off by 2.7 points of 100 on average" in text


def test_nearly_all_is_not_said_to_be_all() -> None:
    text = read()
    assert "Tagged > 99 % of the contents" in text
    assert re.search(r"Contents with a tag [^%]* 100 % > 99 %", text)
    assert re.search(r"Pairs of tags that mean the same [^%]* – 0.07 %", text)


def test_methods_stand_best_first_and_the_one_in_use_is_marked() -> None:
    board = read().split("Small: the 95 %")[1].split("Does it find")[0]
    assert board.index("match") < board.index("llm4tag in use")
    assert "F1 0.384." in board


def test_the_best_value_of_each_metric_is_bold() -> None:
    page = render_page("recipes", SETTINGS, tables(), {})
    assert re.findall(r'class="best">([\d.]+)<', page) == ["0.700", "0.789"]


def test_colours_start_with_the_dataset_s_own_method() -> None:
    rows = [{"method": name, "k": 5, "recall": 0.5, "contents": 9} for name in ("llm4tag", "match")]
    recall = make_table("evaluation_report", rows, "candidate_recall")
    settings = DatasetSettings.model_validate({"tagging": {"method": "match"}})
    page = render_page("recipes", settings, tables(candidate_recall=recall), {})
    (style,) = re.findall(r'<text style="([^"]*)"[^>]*>match<', page)
    assert "fill: var(--series-1)" in style


def test_every_metric_stands_in_the_full_table_with_its_note() -> None:
    rows = [{"method": "m", "metric": "#Right", "value": 3.24, "low": 2.74, "high": 3.6, "n": 38, "note": "of 28"}]
    text = read(said=tables() | {"evaluation_report": make_table("evaluation_report", rows)})
    assert "All 1 metrics" in text
    assert "m #Right of 28 3.2 2.7–3.6 38" in text


def test_a_metric_of_a_tag_set_that_the_page_does_not_know_is_shown_by_its_own_name() -> None:
    assert "novelty 0.250 –" in read(said=tables([(PEOPLE, "novelty", 0.25, None, None, 4)]))


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("not evaluated: nothing is held out (holdout: 0)", "Not evaluated. Nothing is held out (holdout: 0)."),
        (None, ""),
    ],
)
def test_without_gold_the_page_says_plainly_that_nothing_was_evaluated(note: str | None, said: str) -> None:
    row = {"method": "llm4tag", "metric": "evaluation", "n": 0, "note": note}
    text = read(said=tables() | {"evaluation_report": make_table("evaluation_report", [row])})
    assert (said or "Not evaluated.") in text
    assert "held-out contents, from which" not in text
    assert "of 100" not in text


def test_a_report_without_any_row_is_a_page_too() -> None:
    text = read(said=tables([]))
    assert "Not evaluated. No method was measured." in text
    assert "No tag set has been measured." in text
    assert "No tag is assigned yet, so there is no map." in text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "a\x00\x1b\x85\u202eb",
    "</svg>",
]


def test_hostile_names_are_inert_wherever_they_stand() -> None:
    rows: list[tuple[object, ...]] = []
    for name in HOSTILE:
        rows += [
            (name, "nDCG@10", 0.5, 0.4, 0.6, 3),
            (name, name, 0.5, None, None, 3),
            (OURS, name, 0.5, None, None, 3),
        ]
    recall = [{"method": name, "k": 5, "recall": 0.5, "contents": 9} for name in HOSTILE]
    bins = [{"method": name, "bin": 1, "confidence": 0.5, "precision": 0.5, "pairs": 9} for name in HOSTILE]
    said = tables(
        rows,
        tag_map=tag_map(*HOSTILE),
        candidate_recall=make_table("evaluation_report", recall, "candidate_recall"),
        test_reliability=make_table("evaluation_report", bins, "test_reliability"),
    )
    settings = DatasetSettings.model_validate({"description": HOSTILE[1], "tagging": {"method": HOSTILE[0]}})
    page = render_page(HOSTILE[0], settings, said, {name: name for name in HOSTILE})
    reader = Reader(page)
    assert {"script", "img"}.isdisjoint(tag for tag, _ in reader.elements)
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in reader.text
    assert "{{ 7 * 7 }}" in reader.text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)


def test_the_page_stands_alone() -> None:
    """Nothing is fetched: no source, no sheet, no script; links out are for people only, references stay inside."""
    popular = make_table("evaluation_report", [{"tag_set": "tagflow", "times": 1, "tags": 2}], "popularity")
    page = render_page("recipes", SETTINGS, tables(tag_map=tag_map("soup"), popularity=popular), {})
    reader = Reader(page)
    assert {"script", "link", "img", "iframe", "object", "image"}.isdisjoint(tag for tag, _ in reader.elements)
    outside = [(tag, href) for tag, at in reader.elements if (href := at.get("href") or "#")[0] != "#"]
    assert {tag for tag, _ in outside} == {"a"}
    assert not re.search(r"@import|url\((?!#)|\bsrc=", page)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_colour_and_font_that_a_plot_asks_for_is_defined_for_light_and_dark() -> None:
    page = render_page("recipes", SETTINGS, tables(), {})
    light, dark = page.split("prefers-color-scheme: dark", 1)
    for variable in ("--ink", "--muted", "--grid", "--surface", *(f"--series-{n}" for n in range(1, 7))):
        assert f"{variable}: #" in light
        assert f"{variable}: #" in dark
    assert '"Noto Sans CJK SC"' in light
    assert 'content="width=device-width' in light


def test_the_map_s_words_are_in_the_dataset_s_language() -> None:
    page = render_page("美食", DatasetSettings(language="zh"), tables(tag_map=tag_map("家常菜")), {})
    (figure,) = [at for tag, at in Reader(page).elements if tag == "figure" and at["class"] == "card map"]
    assert figure["lang"] == "zh"
    assert ">家常菜</text>" in page


def test_tables_of_another_shape_are_refused() -> None:
    with pytest.raises(ArtifactError, match="must hold the tables"):
        render_page("recipes", SETTINGS, {"evaluation_report": tables()["evaluation_report"]}, {})


def test_tags_cases_words_and_verdicts_stand_on_the_page() -> None:
    tag = {"gold": 4, "given": 4, "right": 3, "precision": 0.75, "recall": 0.75, "f1": 0.75}
    case = {"case": 1, "content_id": "c", "content": "Lentil soup"}
    difference = {"method": "match", "metric": "nDCG@10", "difference": 0.2, "low": 0.1, "high": 0.3, "n": 38}
    page = read(
        said=tables(
            differences=make_table("evaluation_report", [difference | {"verdict": "better"}], "differences"),
            tag_results=make_table(
                "evaluation_report", [tag | {"tag_id": name, "tag": name} for name in ("pie", "jam")], "tag_results"
            ),
            cases=make_table(
                "evaluation_report",
                [
                    {**case, "method": "people", "tags": ["soup"], "right": ["soup"]},
                    {**case, "method": "llm4tag", "tags": [], "right": []},
                ],
                "cases",
            ),
            words=make_table("evaluation_report", [{"tag_set": "people", "word": "soup", "contents": 7}], "words"),
        )
    )
    assert "better +0.200 (+0.100 to +0.300)" in page
    assert "Best F1 P R gold confused with jam 0.75 0.75 0.75 4 –" in page
    assert "Lentil soup people soup llm4tag –" in page
    assert "People's words soup The first 1 as bars Word contents soup 7" in page
    assert "tagflow's words" not in page


def test_a_hostile_word_or_case_stays_text() -> None:
    bad = "<img src=x onerror=alert(1)>"
    rows = [{"case": 1, "content_id": "c", "content": bad, "method": bad, "tags": [bad], "right": [bad]}]
    words = [{"tag_set": "people", "word": bad, "contents": 1}]
    said = tables(
        cases=make_table("evaluation_report", rows, "cases"), words=make_table("evaluation_report", words, "words")
    )
    reader = Reader(render_page("recipes", SETTINGS, said, {}))
    assert "img" not in {tag for tag, _ in reader.elements}
    assert reader.text.count(bad) >= 4
