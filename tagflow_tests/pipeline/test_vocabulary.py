"""What people decide about tags, through whole runs: their decisions, their tag list, rules, ids and the health check.

The contents are recipes whose tags are set here, the encoder counts characters, so a run costs little.
"""

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.one_text import tag_text
from tagflow.confidence.reconciliation import find_settled
from tagflow.decisions import TagRules
from tagflow.schemas import ARTIFACTS
from tagflow.tables import Tables
from tagflow.tagset.vocabulary import make_vocabulary_version
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes
from tagflow_tests.stored_files import stored_tables

NAME = "some"
ON = {  # tag: the contents that people gave it, by place
    "soup": [0, 1, 2, 3],
    "soups": [4, 5],
    "broth": [6, 7, 8],
    "ragout": [9, 10, 11],
    "garlic": [0, 1, 2, 3, 4, 5],
    "pasta": [0, 4],
    "tomato": [3, 4, 5],
    "tomatos": [6, 7],
}
FREQUENCY = {"soup": 6, "garlic": 6, "tomato": 5, "broth": 3, "ragout": 3, "pasta": 2}  # two plurals are aliases
TAG_SET = "raw_clues,fitted_encoder,candidate_tags,filtered_tagset,fused_tagset"
DECISIONS = {
    "banned": ["Garlic"],
    "merge": {"soup": ["broth"]},
    "split": [["tomato", "tomatos"]],
    "rename": {"ragout": "stew"},
    "describe": {"pasta": "Dishes of dough."},
}
LIMITS = {"max_redundancy": 1, "max_one_content": 1, "max_gini": 1, "min_coverage": 0, "max_malformed": 1}


def write_dataset(data: Path, **vocabulary: object) -> Path:
    """Write the dataset: twelve recipes with the tags of ``ON``, all of them to be fitted on."""
    records = [
        {**record, "tags": [tag for tag, places in ON.items() if place in places]}
        for place, record in enumerate(read_recipes(12))
    ]
    return make_dataset(
        data,
        NAME,
        records,
        holdout=0,
        encoder={"model": "character-ngrams"},
        vocabulary={"source": "labels", "fuse_labels": True, **vocabulary},
        tagging={"min_confidence": 0.0},
        evaluation={"methods": ["llm4tag"]},
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dg.ExecuteInProcessResult]:
    """A data folder in which the dataset was run once, and that run; read it, do not change it."""
    data = tmp_path_factory.mktemp("vocabulary")
    write_dataset(data, health={**LIMITS, "similar": -1, "max_redundancy": 0})
    return data, materialize(data, NAME)


@pytest.fixture
def data(built: tuple[Path, dg.ExecuteInProcessResult], tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(built[0], tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def decide(data: Path, **said: object) -> None:
    (data / NAME / "vocabulary.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")


def read_tags(data: Path) -> Tables:
    return DuckDBStore(data / "warehouse").read_all(NAME, "fused_tagset")


def list_aliases(tables: Tables) -> dict[str, set[str]]:
    return {tag: set(aliases) for tag, aliases in tables["fused_tagset"].select("tag", "aliases").iter_rows()}


def list_ids(tables: Tables) -> dict[str, str]:
    return dict(tables["fused_tagset"].select("tag", "tag_id").iter_rows())


def name_contents(*places: int) -> set[str]:
    records = read_recipes(12)
    return {str(records[place]["id"]) for place in places}


def test_a_first_run_fuses_the_plurals_and_knows_of_no_change(built: tuple[Path, dg.ExecuteInProcessResult]) -> None:
    tables = read_tags(built[0])
    assert list_aliases(tables) == {**{tag: set() for tag in FREQUENCY}, "soup": {"soups"}, "tomato": {"tomatos"}}
    assert dict(tables["fused_tagset"].select("tag", "frequency").iter_rows()) == FREQUENCY
    assert tables["vocabulary_changes"].is_empty()
    assert not [name for name in metadata_of(built[1], "fused_tagset") if name.startswith("tags_")]


def test_decisions_hold_ids_survive_and_the_changes_are_told(data: Path) -> None:
    before = read_tags(data)
    decide(data, **DECISIONS)
    said = metadata_of(materialize(data, NAME, TAG_SET), "fused_tagset")
    after = read_tags(data)
    assert list_aliases(after) == {
        "soup": {"soups", "broth"},
        "stew": {"ragout"},
        "tomato": set(),
        "tomatos": set(),
        "pasta": set(),
    }
    frequency = dict(after["fused_tagset"].select("tag", "frequency").iter_rows())
    assert frequency == {"soup": 9, "stew": 3, "tomato": 3, "tomatos": 2, "pasta": 2}
    assert after["fused_tagset"].filter(pl.col("tag") == "pasta")["description"].item() == "Dishes of dough."
    was, now = list_ids(before), list_ids(after)
    assert (now["soup"], now["stew"], now["tomato"], now["pasta"]) == (
        was["soup"],
        was["ragout"],
        was["tomato"],
        was["pasta"],
    )
    assert now["tomatos"] not in was.values()
    assert after["vocabulary_changes"].rows() == [
        ("merged", "broth", "soup", "was on 3 contents"),
        ("split", "tomatos", "tomato", "is on 2 contents"),
        ("renamed", "stew", "ragout", "the same tag"),
        ("gone", "garlic", None, "was on 6 contents"),
    ]
    counted = {name: said[f"tags_{name}"] for name in ("merged", "split", "renamed", "new", "gone", "unchanged")}
    assert counted == {"merged": 1, "split": 1, "renamed": 1, "new": 0, "gone": 1, "unchanged": 3}
    people = after["fusion_log"].filter(pl.col("by") == "people", pl.col("similarity").is_null())
    assert set(people.select("tag", "leader", "decision").rows()) == {
        ("broth", "soup", "merged"),
        ("tomato", "tomatos", "refused"),
        ("ragout", "stew", "merged"),
    }

    (data / NAME / "vocabulary.yaml").unlink()  # and back again
    materialize(data, NAME, TAG_SET)
    back = read_tags(data)
    assert list_ids(back) == was
    assert set(back["vocabulary_changes"].select("change", "tag", "other").rows()) == {
        ("merged", "tomatos", "tomato"),
        ("split", "broth", "soup"),
        ("renamed", "ragout", "stew"),
        ("new", "garlic", None),
    }


def test_a_second_run_with_the_same_decisions_changes_nothing_at_all(data: Path) -> None:
    decide(data, **DECISIONS, rules={"implies": {"pasta": ["tomato"]}})
    materialize(data, NAME)
    store = DuckDBStore(data / "warehouse")
    before = {name: store.read_all(NAME, name) for name in ARTIFACTS}
    assert len(before["fused_tagset"].pop("vocabulary_changes")) > 0
    materialize(data, NAME)
    after = {name: store.read_all(NAME, name) for name in ARTIFACTS}
    assert after["fused_tagset"].pop("vocabulary_changes").is_empty()
    for name, tables in before.items():
        assert set(after[name]) == set(tables)
        for table, frame in tables.items():
            if table not in ("costs", "method_costs"):  # processor time
                assert after[name][table].equals(frame), (name, table)


def test_a_tag_set_stored_by_an_older_version_is_rebuilt_with_its_ids(data: Path) -> None:
    before = read_tags(data)
    with stored_tables(DuckDBStore(data / "warehouse"), NAME, "fused_tagset") as connection:
        connection.execute('ALTER TABLE fusion_log DROP COLUMN "by"')
        connection.execute("DROP TABLE vocabulary_changes")
        connection.execute("DELETE FROM _artifact WHERE key = 'rows.vocabulary_changes'")
        connection.execute("UPDATE fused_tagset SET tag_id = 't0' WHERE tag = 'soup'")
    assert set(read_tags(data)) == {"fused_tagset", "fusion_log"}
    materialize(data, NAME, TAG_SET)
    after = read_tags(data)
    assert list_ids(after) == {**list_ids(before), "soup": "t0"}
    assert after["fusion_log"].equals(before["fusion_log"])
    assert after["vocabulary_changes"].is_empty()


CSV = "tag,aliases,description\nSoup,soups|Broth,A hot dish.\npasta,,\n"
SKOS = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix e: <http://example.org/> .
e:soup a skos:Concept ; skos:prefLabel "Soup"@en ; skos:altLabel "soups"@en, "Broth"@en, "Suppe"@de ;
    skos:definition "A hot dish."@en .
e:pasta a skos:Concept ; skos:prefLabel "pasta"@en .
"""


@pytest.mark.parametrize(("file", "text"), [("tags.csv", CSV), ("tags.ttl", SKOS)])
def test_contents_that_say_an_alias_of_the_tag_list_have_the_tag(tmp_path: Path, file: str, text: str) -> None:
    folder = write_dataset(tmp_path, source="file", file=file)
    (folder / file).write_text(text, encoding="utf-8")
    materialize(tmp_path, NAME, f"{TAG_SET},content_tag_graph")
    tables = read_tags(tmp_path)
    assert list_aliases(tables) == {"Soup": {"soups", "Broth"}, "pasta": set()}
    soup = tables["fused_tagset"].filter(pl.col("tag") == "Soup").row(0, named=True)
    assert (soup["description"], soup["origin"]) == ("A hot dish.", "file")
    edges = DuckDBStore(tmp_path / "warehouse").read(NAME, "content_tag_graph")
    human = edges.filter(pl.col("origin") == "human", pl.col("target") == soup["tag_id"])
    assert set(human["content_id"]) == name_contents(*range(9))  # soup, soups and broth
    log = tables["fusion_log"].filter(pl.col("by") == "people")
    assert set(log.select("tag", "leader", "reason").rows()) == {
        ("soups", "Soup", "the tag list says so"),
        ("Broth", "Soup", "the tag list says so"),
    }


def check_health(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "tag_set_health"]
    return check


def test_the_tag_sets_health_is_reported_and_warns_without_stopping_the_run(
    built: tuple[Path, dg.ExecuteInProcessResult], data: Path
) -> None:
    check = check_health(built[1])
    assert built[1].success
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    said = {name: value.value for name, value in check.metadata.items()}
    assert {name: said[name] for name in said if name != "beyond the limit"} == {
        "redundancy": 1.0,  # any two tags are similar here
        "one-content share": 0.0,  # at a least confidence of 0 every content shows all six tags
        "Gini of popularity": 0.0,
        "coverage": 1.0,
        "ambiguous aliases": 0.0,
        "malformed names": 0.0,
        "names in another script": 0.0,
    }
    beyond = str(said["beyond the limit"])
    assert "redundancy" in beyond
    assert "coverage" not in beyond

    settings = yaml.safe_load((data / NAME / "dataset.yaml").read_text(encoding="utf-8"))
    settings["vocabulary"]["health"] = LIMITS
    (data / NAME / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    again = check_health(materialize(data, NAME, "tagged_output"))
    assert again.passed
    assert again.metadata["beyond the limit"].value == "none"


def test_rules_hold_of_what_a_run_and_a_text_are_tagged_with(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDBStore(data / "warehouse")
    before = store.read_all(NAME, "tagged_output")
    tags = list_ids(read_tags(data))
    assert set(before["tagged_output"]["tag"]) == set(tags), "without rules every tag is shown somewhere"
    rules = {"manual_only": ["Ragout"], "excludes": [["garlic", "tomato"]], "implies": {"broth": ["pasta"]}}
    decide(data, rules=rules)
    result = materialize(data, NAME, "tagged_output")
    after = store.read_all(NAME, "tagged_output")
    assert set(after["scored_candidates"]["tag"]) == set(tags), "what was judged is kept, whatever is allowed"
    shown = after["tagged_output"].group_by("content_id").agg("tag")
    sets = [set(one) for one in shown["tag"]]
    assert any("broth" in one for one in sets)
    assert all("ragout" not in one and not {"garlic", "tomato"} <= one for one in sets)
    assert all("pasta" in one for one in sets if "broth" in one)
    assert any("garlic" in one for one in sets)
    assert any("tomato" in one for one in sets)
    judged = before["scored_candidates"].filter(pl.col("tag") == "ragout").height
    assert int(str(metadata_of(result, "tagged_output")["refused_by_rules"])) > judged > 0

    monkeypatch.setenv("TAGFLOW_DATA", str(data))
    said = tag_text(NAME, " ".join(str(read_recipes(12)[place]["title"]) for place in (0, 5, 7, 10)))
    found = {str(tag["tag"]) for tag in said["tags"]}
    assert found
    assert "ragout" not in found
    assert not {"garlic", "tomato"} <= found
    assert "broth" not in found or "pasta" in found

    version = make_vocabulary_version(read_tags(data)["fused_tagset"], TagRules.model_validate(rules))
    assert {said["vocabulary_version"], *after["tagged_output"]["vocabulary_version"]} == {version}
    (old,) = before["tagged_output"]["vocabulary_version"].unique()
    (model,) = before["tagged_output"]["model"].unique()
    contents = store.read(NAME, "raw_clues")
    assert len(find_settled(before, contents, model=model, version=old)) == 12
    assert find_settled(before, contents, model=model, version=version).is_empty(), "new rules judge every content anew"
