"""The shipped Chinese videos through every asset, on the weightless encoder."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.graph.ngram_space import DIMENSION
from tagflow_tests.conftest import CHECKOUT
from tagflow_tests.pipeline.runs import materialize, metadata_of

SHORTS = CHECKOUT / "data" / "shorts"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chinese")
    shutil.copytree(SHORTS, folder / "shorts")
    materialize(folder, "shorts")
    return folder


def test_the_shipped_videos_have_the_shape_they_promise() -> None:
    lines = (SHORTS / "contents" / "shorts.jsonl").read_text(encoding="utf-8").splitlines()
    videos = [json.loads(line) for line in lines]
    assert len(videos) >= 150
    assert all(set(video) == {"id", "title", "caption", "category", "ocr", "asr", "tags"} for video in videos)
    assert sum(len(video["asr"]) > 100 for video in videos) >= 60


def test_proposals_are_words_and_phrases_not_whole_sentences(data: Path) -> None:
    proposed = DuckDBStore(data / "warehouse").read("shorts", "candidate_tags")
    lengths = proposed["tag"].str.len_chars()
    assert lengths.median() <= 4
    assert (lengths <= 8).mean() > 0.95  # hashtags may be longer
    assert not {"的", "我们", "视频", "怎么"} & set(proposed["tag"])


def test_contents_are_tagged_with_a_learned_confidence_better_than_by_matching(data: Path) -> None:
    store = DuckDBStore(data / "warehouse")
    assert store.read("shorts", "confidence_model")["fitted"].all()
    report = store.read("shorts", "evaluation_report").filter(pl.col("metric") == "nDCG@10")
    value = dict(report.select("method", "value").iter_rows())
    assert value["llm4tag"] > value["embedding_match"] > 0.2
    vectors = store.read("shorts", "content_tag_graph", "vectors")
    assert vectors.schema["vector"] == pl.Array(pl.Float32, DIMENSION)


def test_the_fit_is_frozen_while_the_contents_stay(data: Path) -> None:
    result = materialize(data, "shorts", "fitted_encoder,candidate_tags")
    said = metadata_of(result, "fitted_encoder")
    assert (said["encoder"], said["refitted"]) == ("character-ngrams", False)
    assert metadata_of(result, "candidate_tags")["proposed_anew"] == 0
