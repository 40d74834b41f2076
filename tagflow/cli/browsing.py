"""Shows the tag set to a person: the most assigned tags, or everything about one."""

import shlex

import click
import numpy as np
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import align, count, fill
from tagflow.errors import ConfigError
from tagflow.settings import DatasetSettings, load_settings
from tagflow.tagset.browsing import (
    count_assignments,
    find_companions,
    find_decisions,
    find_nearest_tags,
    list_contents,
    search_tags,
)
from tagflow.tagset.lookup import Answer, look_up

TAGS_SHOWN = 40
RELATED_SHOWN = 8
CONTENTS_SHOWN = 8
DECISIONS_SHOWN = 12


def run_browse(name: str, tag: str | None, search: str | None) -> None:
    """Print the tags of a dataset, or one of them.

    Raises:
        ConfigError: no such dataset, no such tag, or both a tag and a search.
        ArtifactError: the dataset was not run yet.
    """
    if tag is not None and search is not None:
        raise ConfigError("Give a TAG to look at or --search to look for some, not both.")
    data = find_data()
    settings, store = load_settings(data, name), DuckDBStore(data / "warehouse")
    tags = count_assignments(
        store.read(name, "fused_tagset"), store.read(name, "tagged_output"), store.read(name, "raw_clues")
    )
    lines = list_tags(name, tags, search) if tag is None else show_tag(store, settings, name, tags, tag)
    click.echo("\n".join(lines))


def find_answer(store: DuckDBStore, settings: DatasetSettings, name: str, tag: str) -> Answer:
    """Return what became of a tag that a person names (see ``look_up``)."""
    fused = store.read_all(name, "fused_tagset")
    return look_up(
        tag,
        fused["fused_tagset"],
        fused["fusion_log"],
        store.read(name, "filtered_tagset"),
        (store.read(name, "raw_clues"), store.read(name, "candidate_tags")),
        settings.vocabulary,
    )


def list_tags(name: str, tags: pl.DataFrame, search: str | None) -> list[str]:
    """Return the most assigned tags, those that fit the search where there is one, as lines."""
    found = tags if search is None else search_tags(tags, search)
    if not len(found):
        raise ConfigError(f'No tag of {name} has "{search}" in its name or an alias.')
    rows = [["tag", "assigned", "by people", "mean confidence", "aliases"]]
    for row in found.head(TAGS_SHOWN).iter_rows(named=True):
        mean = "-" if row["confidence"] is None else f"{row['confidence']:.2f}"
        rows.append([row["tag"], f"{row['assigned']:,}", f"{row['people']:,}", mean, ", ".join(row["aliases"])])
    idle = tags.filter(pl.col("assigned") == 0).height
    about = f'{len(found):,} of the {len(tags):,} tags have "{search}"' if search else f"{len(tags):,} tags"
    said = "in a name or an alias" if search else f"({idle:,} of them on no content)"
    lines = [f"{name}: {about} {said}, by number of contents assigned", "", *align(rows, right=(1, 2, 3))]
    more = len(found) - TAGS_SHOWN
    if more > 0:
        narrow = "a longer --search" if search else "--search TEXT"
        lines.append(f"and {more:,} more: narrow with {narrow}, or tagflow export {name} fused_tagset tags.csv")
    return [*lines, "", f"One of them: {shlex.join(['tagflow', 'browse', name, found['tag'][0]])}"]


def show_tag(store: DuckDBStore, settings: DatasetSettings, name: str, tags: pl.DataFrame, asked: str) -> list[str]:
    """Return everything about one tag as lines.

    Raises:
        ConfigError: the tag set has no such tag; says why.
    """
    answer = find_answer(store, settings, name, asked)
    if answer.tag_id is None:
        raise ConfigError(f"{answer.sentence}; all tags: tagflow browse {name}.")
    row = tags.filter(pl.col("tag_id") == answer.tag_id).row(0, named=True)
    tagged, clues = store.read(name, "tagged_output"), store.read(name, "raw_clues")
    contents = list_contents(tagged, clues, answer.tag_id)
    lines = [click.style(row["tag"], bold=True) + f"  ({answer.tag_id})"]
    lines += [answer.sentence + "."] if asked != row["tag"] else []
    return [
        *lines,
        *_describe(row, len(clues)),
        *_relate(store, name, tags, tagged, answer.tag_id),
        *_show_contents(name, row["tag"], contents),
        *_show_decisions(store, name, [row["tag"], *row["aliases"]]),
    ]


def _describe(row: dict[str, object], contents: int) -> list[str]:
    origins = {"label": "people's labels", "file": "your tag list", "proposed": "proposed from the contents"}
    aliases = row["aliases"]
    assert isinstance(aliases, list)
    mean = "" if row["confidence"] is None else f", mean confidence {row['confidence']:.2f}"
    facts = {
        "origin": origins[str(row["origin"])],
        "description": str(row["description"] or "none"),
        "aliases": ", ".join(aliases) or "none",
        "assigned to": f"{row['assigned']:,} of {contents:,} contents ({row['apply']:,} in band apply){mean}",
        "by people": f"{count(row['people'], 'content')}, held-out ones counted too",
        "counted": f"{count(row['frequency'], 'content')} outside the held-out ones use it (for the frequency cuts)",
    }
    return [fill(said, f"  {what}", 16) for what, said in facts.items()]


def _relate(store: DuckDBStore, name: str, tags: pl.DataFrame, tagged: pl.DataFrame, tag_id: str) -> list[str]:
    together = find_companions(tagged, tag_id, RELATED_SHOWN)
    rows = [[tag, f"{lift:.1f} x", count(both, "content")] for _, tag, both, lift in together.iter_rows()]
    lines = ["", "Often together with it (times chance; contents with both):", *align(rows, indent=2, right=(1,))]
    lines += [] if rows else ["  none"]
    stored = store.read(name, "content_tag_graph", "vectors").filter(pl.col("node_kind") == "tag")
    if tag_id not in stored["node"]:
        return [*lines, "", "Nearest in meaning: not known, the graph is older than the tag set."]
    matrix = np.ascontiguousarray(stored["vector"].to_numpy())
    near = find_nearest_tags(stored["node"], matrix, tag_id, RELATED_SHOWN)
    named = near.join(tags, on="tag_id", maintain_order="left").select("tag", "cosine", "assigned")
    rows = [[tag, f"{cosine:.2f}", count(assigned, "content")] for tag, cosine, assigned in named.iter_rows()]
    return [*lines, "", "Nearest in meaning (cosine; contents assigned):", *align(rows, indent=2, right=(1,))]


def _show_contents(name: str, tag: str, contents: pl.DataFrame) -> list[str]:
    if not len(contents):
        return ["", "No content has it."]
    few = len(contents) <= 2 * CONTENTS_SHOWN
    parts = (
        [("Contents that have it:", contents)]
        if few
        else [
            ("Most confident:", contents.head(CONTENTS_SHOWN)),
            ("Least confident:", contents.tail(CONTENTS_SHOWN).reverse()),
        ]
    )
    lines = []
    for title, part in parts:
        rows = [
            [
                f"{row['confidence']:.2f}",
                row["band"],
                row["content_id"] + (" (held out)" if row["held_out"] else ""),
                row["first_line"],
            ]
            for row in part.iter_rows(named=True)
        ]
        lines += ["", title, *align(rows, indent=2)]
    doubtful = shlex.join(["tagflow", "explain", name, contents["content_id"][-1], "--tag", tag])
    return [*lines, "", f"Why one of them: {doubtful}"]


def tell_cosine(cosine: float | None) -> str:
    """Return the cosine with two digits; a person's decision has none."""
    return "-" if cosine is None else f"{cosine:.2f}"


def _show_decisions(store: DuckDBStore, name: str, names: list[str]) -> list[str]:
    log = find_decisions(store.read(name, "fused_tagset", "fusion_log"), names)
    words = {"merged": "merged", "refused": "not merged", "reported": "near, both kept"}
    rows = [
        [
            words[row["decision"]],
            tell_cosine(row["similarity"]),
            f'"{row["tag"]}" with "{row["leader"]}": {row["reason"]}',
        ]
        for row in log.head(DECISIONS_SHOWN).iter_rows(named=True)
    ]
    more = len(log) - len(rows)
    lines = ["", "Fusion (cosine):", *(align(rows, indent=2) or ["  no pair with it came near enough to be fused"])]
    return [*lines, f"  and {more:,} more: tagflow export {name} fused_tagset.fusion_log log.csv"] if more else lines
