"""Frames against a declared schema: what passes, and the sentence that each violation gets."""

import polars as pl
import pytest

from tagflow.errors import ArtifactError
from tagflow.schemas import CANDIDATE_TAGS, CONTENT_TAG_GRAPH, RAW_CLUES
from tagflow.tables import Artifact, Column, Table, Tables, check_tables
from tagflow_tests.frames import make_raw_clues, make_table

PROPOSAL = {"content_id": "c1", "tag": "soup", "votes": 1, "score": 0.5}


def empty(artifact: Artifact) -> Tables:
    """Return the artifact without rows."""
    return {name: table.empty() for name, table in artifact.tables.items()}


def complaint(artifact: Artifact, **tables: pl.DataFrame) -> str:
    """Return what is said about the artifact with these tables and the others empty."""
    with pytest.raises(ArtifactError) as caught:
        check_tables(artifact, {**empty(artifact), **tables})
    return str(caught.value)


def test_rows_that_fit_pass_and_columns_come_out_in_declared_order():
    raw = make_raw_clues({"content_id": "c1", "labels": ["x"]})
    checked = check_tables(RAW_CLUES, {**empty(RAW_CLUES), "raw_clues": raw.select(reversed(raw.columns))})
    assert checked["raw_clues"].equals(raw)


def test_a_missing_and_an_unknown_table_are_named():
    with pytest.raises(ArtifactError, match=r"raw_clues must hold the tables \['quarantine', 'raw_clues', ") as caught:
        check_tables(RAW_CLUES, {"raw_clues": make_raw_clues(), "log": pl.DataFrame()})
    assert "was given ['log', 'raw_clues']" in str(caught.value)


def test_a_missing_and_an_unknown_column_are_named():
    frame = make_table("candidate_tags", [PROPOSAL]).rename({"votes": "voices"})
    said = complaint(CANDIDATE_TAGS, candidate_tags=frame)
    assert said.startswith("candidate_tags.candidate_tags ")
    assert "lacks the columns ['votes']" in said
    assert "unknown columns ['voices']" in said


@pytest.mark.parametrize(
    ("column", "dtype", "sentence"),
    [
        ("votes", pl.Int32, "candidate_tags.candidate_tags.votes must be Int64 and is Int32."),
        ("score", pl.String, "candidate_tags.candidate_tags.score must be Float64 and is String."),
    ],
)
def test_a_column_of_another_dtype_is_named(column, dtype, sentence):
    frame = make_table("candidate_tags", [PROPOSAL]).cast({column: dtype})
    assert complaint(CANDIDATE_TAGS, candidate_tags=frame) == sentence


def test_nulls_are_counted_where_there_may_be_none():
    frame = make_table(
        "candidate_tags", [PROPOSAL, {**PROPOSAL, "tag": "a", "score": None}, {"content_id": "c"}], votes=1
    )
    assert complaint(CANDIDATE_TAGS, candidate_tags=frame) == (
        "candidate_tags.candidate_tags.tag has 1 null values and may have none."
    )
    said = complaint(CANDIDATE_TAGS, candidate_tags=frame.filter(pl.col("tag").is_not_null()))
    assert said == "candidate_tags.candidate_tags.score has 1 null values and may have none."


def test_nulls_pass_where_they_are_declared():
    row = {"source_file": "a", "line": 0, "reason": "broken", "raw": ""}
    quarantine = make_table("raw_clues", [row], "quarantine")
    assert quarantine["content_id"].null_count() == 1
    assert len(check_tables(RAW_CLUES, {**empty(RAW_CLUES), "quarantine": quarantine})["quarantine"]) == 1


def test_a_repeated_key_is_shown():
    frame = make_table("candidate_tags", [PROPOSAL, {**PROPOSAL, "tag": "stew"}, {**PROPOSAL, "votes": 2}])
    said = complaint(CANDIDATE_TAGS, candidate_tags=frame)
    assert said == "candidate_tags.candidate_tags holds {'content_id': 'c1', 'tag': 'soup'} more than once."


def test_rows_may_repeat_in_a_table_without_a_key():
    row = {"source_file": "a", "line": 1, "reason": "broken", "raw": ""}
    tables = {**empty(RAW_CLUES), "quarantine": make_table("raw_clues", [row, row], "quarantine")}
    assert len(check_tables(RAW_CLUES, tables)["quarantine"]) == 2


@pytest.mark.parametrize(
    ("dtype", "fits"),
    [
        (pl.Array(pl.Float32, 2), True),
        (pl.Array(pl.Float64, 2), False),
        (pl.List(pl.Float32), False),
    ],
)
def test_a_vector_may_have_any_width_but_only_float32(dtype, fits):
    node = {"node": "a", "node_kind": "tag", "fingerprint": "f", "source_hash": "h", "terms": [], "term_weights": []}
    row = make_table("content_tag_graph", [node], "vectors", vector=[])
    vectors = row.with_columns(vector=pl.Series([[0.6, 0.8]], dtype=dtype))
    if fits:
        tables = check_tables(CONTENT_TAG_GRAPH, {**empty(CONTENT_TAG_GRAPH), "vectors": vectors})
        assert tables["vectors"]["vector"].dtype == dtype
    else:
        assert "content_tag_graph.vectors.vector must be" in complaint(CONTENT_TAG_GRAPH, vectors=vectors)


def test_shape_orders_casts_and_drops():
    table = Table({"a": Column(pl.Int64(), "a number"), "b": Column(pl.String(), "a text")})
    shaped = table.shape(pl.DataFrame({"c": [True], "b": ["x"], "a": [7]}, schema_overrides={"a": pl.UInt32}))
    assert shaped.schema == {"a": pl.Int64(), "b": pl.String()}
    assert shaped.rows() == [(7, "x")]
