"""Whether the held-out contents stayed out of everything that is fitted (TagGPT §3.3.2)."""

from collections.abc import Mapping

import polars as pl

from tagflow.tables import Tables

TAUGHT = {
    ("candidate_tags", "candidate_tags"): "proposed tags",
    ("candidate_tags", "proposed_contents"): "were asked for proposals",
    ("content_tag_graph", "classifier"): "taught the classifier",
    ("content_tag_graph", "grown"): "became grown edges",
    ("knowledge_base", "knowledge_base"): "are samples, which the confidence is learned from",
}
"""Tables whose ``content_id`` may be no held-out content, and what it did there."""

TOUCHED = pl.Schema({"artifact": pl.String(), "what": pl.String(), "contents": pl.Int64(), "example": pl.String()})


def find_touched(raw_clues: pl.DataFrame, tables: Mapping[str, Tables], counted: pl.DataFrame) -> pl.DataFrame:
    """Return every way in which held-out contents had a part in something fitted; empty if all is well.

    Args:
        raw_clues: the contents with their split.
        tables: tables of candidate_tags, filtered_tagset, content_tag_graph, knowledge_base, tagged_output and
            emerging_tags, by artifact; an artifact that is not there is not looked at.
        counted: key and contents of every tag, counted anew over the contents that are not held out.

    Returns:
        artifact, what, contents (number of held-out contents, or of tags counted too often) and example (an id, or a
        tag's key), in the order of the way of a content.
    """
    test = raw_clues.filter(pl.col("split") == "test").select("content_id")
    seen = [(*table, what, _ids(tables, *table)) for table, what in TAUGHT.items()]
    edges = tables.get("content_tag_graph", {}).get("content_tag_graph")
    if edges is not None:
        history = edges.filter(pl.col("kind") == "deterministic").select("content_id")
        targets = edges.filter(pl.col("target_kind") == "content").select(content_id="target")
        seen.append(("content_tag_graph", "", "have deterministic edges", history))
        seen.append(("content_tag_graph", "", "are neighbours that others are compared with", targets))
    for artifact, table, column, what in (
        ("tagged_output", "scored_candidates", "neighbours", "spoke for another content's tag"),
        ("emerging_tags", "emerging_tags", "contents", "suggested an emerging tag"),
    ):
        frame = tables.get(artifact, {}).get(table)
        if frame is not None:
            seen.append((artifact, table, what, frame.select(content_id=column).explode("content_id").drop_nulls()))
    found = [(artifact, what, ids.unique().join(test, on="content_id")) for artifact, _, what, ids in seen]
    rows = [
        (artifact, what, len(touched), touched["content_id"].min()) for artifact, what, touched in found if len(touched)
    ]
    return pl.DataFrame([*rows, *_recount(tables, counted)], schema=TOUCHED, orient="row")


def _ids(tables: Mapping[str, Tables], artifact: str, table: str) -> pl.DataFrame:
    frame = tables.get(artifact, {}).get(table)
    return pl.DataFrame(schema={"content_id": pl.String}) if frame is None else frame.select("content_id")


def _recount(tables: Mapping[str, Tables], counted: pl.DataFrame) -> list[tuple[str, str, int, object]]:
    """Return the tags that were counted on more contents than there are outside the test split."""
    filtered = tables.get("filtered_tagset", {}).get("filtered_tagset")
    if filtered is None:
        return []
    both = filtered.select("key", stored="contents").join(counted.select("key", "contents"), on="key", how="left")
    above = both.filter(pl.col("stored") > pl.col("contents").fill_null(0))
    what = "tags are counted on more contents than there are outside the test split"
    return [("filtered_tagset", what, len(above), above["key"].min())] if len(above) else []
