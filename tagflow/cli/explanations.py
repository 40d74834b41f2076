"""Says why a content has its tags and not others; reads what is stored and needs no encoder."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.browsing import find_answer
from tagflow.cli.explanation_text import write_facts
from tagflow.confidence.explanation import (
    compare_pairs,
    describe_pair,
    explain_cuts,
    explain_miss,
    find_carriers,
    find_like_cases,
    place_tag,
    recall_again,
    weigh_features,
)
from tagflow.decisions import load_decisions
from tagflow.errors import ArtifactError, ConfigError
from tagflow.graph.space import Space, open_space
from tagflow.knowledge.corrections import REVIEWED
from tagflow.settings import DatasetSettings, find_thresholds, load_settings, suggest
from tagflow.tables import Tables
from tagflow.tagset.browsing import first_line
from tagflow.tagset.lookup import Answer
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.quotation import quote_names
from tagflow.tagset.vocabulary import make_vocabulary_version, resolve_tags

Facts = dict[str, Any]

NEXT_SHOWN = 5
NEIGHBOURS_SHOWN = 3
OWN_JUDGE = "llm4tag/embedded"
"""What tagged when candidates are the graph's and the judge is the stored confidence model."""
TOLERANCE = 1e-6  # between a stored confidence and the same one computed again


def run_explain(name: str, content_id: str, tag: str | None, *, as_json: bool) -> None:
    """Print why the content has its tags; with a tag, why it has that one or not.

    Raises:
        ConfigError: no such dataset or content.
        ArtifactError: the dataset was not run yet.
    """
    data = find_data()
    facts = explain_content(DuckDBStore(data / "warehouse"), load_settings(data, name), name, content_id, tag)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(write_facts(facts)))


def explain_content(
    store: DuckDBStore, settings: DatasetSettings, name: str, content_id: str, tag: str | None
) -> Facts:
    """Return everything known about the tags of one content, ready for JSON.

    Raises:
        ConfigError: there is no such content.
        ArtifactError: the dataset was not run yet, or the graph does not fit the tag set.
    """
    clues = store.read_all(name, "raw_clues")
    content = clues["raw_clues"].filter(pl.col("content_id") == content_id)
    if not len(content):
        return _explain_stranger(clues, name, content_id)
    case = _Case(store, settings, name, content, clues["raw_clues"])
    answer = None if tag is None else find_answer(store, settings, name, tag)
    facts = case.describe()
    asked = [answer.tag_id] if answer and answer.tag_id else []
    shown = case.tagged["tag_id"].to_list() if answer is None else asked
    assigned = case.detail(shown)
    if answer is None:
        return {**facts, "assigned": assigned, "next": case.cut.head(NEXT_SHOWN).drop("content_id").to_dicts()}
    return {**facts, "asked": {**case.answer(answer), **(assigned[0] if assigned else {})}}


def _explain_stranger(clues: Tables, name: str, content_id: str) -> Facts:
    """A refused record is an answer; an id that nothing has is a mistake."""
    refused = clues["quarantine"].filter(
        (pl.format("{}#{}", "source_file", "line") == content_id) | (pl.col("content_id") == content_id)
    )
    if len(refused):
        row = refused.row(0, named=True)
        reason = f"line {row['line']} of {row['source_file']} was refused: {row['reason']}"
        status = {"status": "quarantined", "reason": reason, "raw": row["raw"]}
        return {"dataset": name, "content_id": content_id, **status}
    known = suggest(content_id, clues["raw_clues"]["content_id"])
    raise ConfigError(
        f"{name} has no content {content_id!r}{known}; all ids: tagflow export {name} tagged_output.content_status "
        "status.csv."
    )


@dataclass(frozen=True)
class _Case:
    """One content, with what is stored about it."""

    store: DuckDBStore
    settings: DatasetSettings
    name: str
    content: pl.DataFrame
    contents: pl.DataFrame

    @cached_property
    def tagset(self) -> pl.DataFrame:
        return self.store.read(self.name, "fused_tagset")

    @cached_property
    def output(self) -> Tables:
        tables, own = self.store.read_all(self.name, "tagged_output"), pl.col("content_id") == self.content_id
        return {name: table.filter(own) for name, table in tables.items() if "content_id" in table.columns}

    @cached_property
    def model(self) -> str:
        """What tagged: the stored output knows, unless it is empty."""
        said = self.store.read(self.name, "tagged_output")["model"]
        return str(said[0]) if len(said) else self.settings.tagging.method

    @cached_property
    def graph(self) -> Tables:
        graph = self.store.read_all(self.name, "content_tag_graph")
        tags = graph["vectors"].filter(pl.col("node_kind") == "tag")["node"]
        if set(tags) != set(self.tagset["tag_id"]):
            raise ArtifactError(
                f"content_tag_graph of dataset {self.name!r} was made for another tag set: run tagflow run {self.name}."
            )
        return graph

    @cached_property
    def space(self) -> Space:
        return open_space(self.graph)

    @cached_property
    def confidence(self) -> Tables:
        return self.store.read_all(self.name, "confidence_model")

    @property
    def content_id(self) -> str:
        return str(self.content["content_id"][0])

    @property
    def tagged(self) -> pl.DataFrame:
        return self.output["tagged_output"].sort("rank")

    @property
    def cut(self) -> pl.DataFrame:
        return explain_cuts(self.output["scored_candidates"], self.tagged, self.settings)

    @property
    def judged_here(self) -> bool:
        """Whether recall and judge can be followed: they are the graph's and the stored model's."""
        return self.model.split(",")[0] == OWN_JUDGE

    @property
    def placed(self) -> bool:
        """Whether the content has a vector with a direction, thus edges and candidates."""
        status = self.output["content_status"]["status"]
        waits = not len(status) or status[0] in ("skipped", "pending")
        return not waits and self.content_id in self.space.contents["node"]

    @cached_property
    def weighed(self) -> pl.DataFrame:
        pairs = recall_again(
            self.content, self.graph["content_tag_graph"], self.tagset, self.space, self.settings.graph
        )
        return weigh_features(self.confidence["confidence_model"], pairs)

    @cached_property
    def labels(self) -> pl.DataFrame:
        """People's tags of the content, with the tag of the tag set each one is."""
        said = self.content.select(tag="labels").explode("tag").drop_nulls()
        keyed = said.with_columns(key=normalise(pl.col("tag")))
        return keyed.join(resolve_tags(self.tagset), on="key", how="left", maintain_order="left")

    def describe(self) -> Facts:
        """What the content is and how it was tagged."""
        status = self.output["content_status"]
        fitted = bool(self.confidence["confidence_model"]["fitted"].all())
        waiting = {"status": "pending", "reason": "read after the last tagging", "tags": 0}
        known = status.row(0, named=True) if len(status) else waiting
        clue = self.content["clues"][0]
        tagged = set(self.tagged["tag_id"])
        people = [{"tag": tag, "tag_id": tag_id, "assigned": tag_id in tagged} for tag, _, tag_id in self.labels.rows()]
        return {
            "dataset": self.name,
            "content_id": self.content_id,
            "first_field": clue[0]["field"] if len(clue) else None,
            "first_line": self.content.select(first_line()).item(),
            "status": known["status"],
            "reason": known["reason"],
            "split": self.content["split"][0],
            "held_out": self.content["split"][0] == "test",
            "model": self.model,
            "calibrated": "uncalibrated" not in self.model and (fitted or not self.judged_here),
            "judged_by_confidence_model": self.judged_here,
            "people": people,
            "shown_in_part": self.output["cuts"].drop("content_id").to_dicts() if "cuts" in self.output else [],
            "notes": self._find_doubts(),
        }

    def _find_doubts(self) -> list[str]:
        """What no longer fits together: an artifact that was made anew without those after it."""
        doubts = []
        versions = self.tagged["vocabulary_version"]
        rules = load_decisions(find_data(), self.name).rules
        if len(versions) and versions[0] != make_vocabulary_version(self.tagset, rules):
            doubts.append("it was tagged with an earlier tag set")
        if self.judged_here and self.placed and not doubts:
            sums = self.weighed.unique("tag_id").select("tag_id", again="confidence")
            judged = self.output["scored_candidates"]
            decided = judged["path"].eq(REVIEWED).any()  # a correction stands above the judge
            both = (judged.head(0) if decided else judged).join(
                sums.head(0) if decided else sums, on="tag_id", how="full"
            )
            gap = (both["confidence"] - both["again"]).abs()
            if both["again"].null_count() or both["confidence"].null_count() or (gap > TOLERANCE).any():
                doubts.append("graph, confidence model or settings were changed after it was tagged")
        return [f"{doubt}: tagflow run {self.name} brings it up to date" for doubt in doubts]

    def detail(self, tag_ids: list[str]) -> list[Facts]:
        """Everything about these tags of the content, in their order."""
        if not tag_ids or not self.placed:
            return []
        ids = pl.DataFrame({"tag_id": tag_ids}, schema={"tag_id": pl.String})
        columns = ["tag_id", "rank", "band"]
        scores = self.output["scored_candidates"].select("tag_id", "confidence", "path", "votes", "evidence")
        rows = (
            ids.join(self.tagset.select("tag_id", "tag"), on="tag_id", how="left", maintain_order="left")
            .join(self.tagged.select(columns), on="tag_id", how="left", maintain_order="left")
            .join(scores, on="tag_id", how="left", maintain_order="left")
            .join(compare_pairs(self.content_id, ids["tag_id"], self.space), on="tag_id", maintain_order="left")
            .with_columns(given_by_people=pl.col("tag_id").is_in(self.labels["tag_id"].drop_nulls().implode()))
        )
        quotes = self._quote(ids)
        return [{**row, "clue": quotes.get(row["tag_id"]), **self._reason(row["tag_id"])} for row in rows.to_dicts()]

    def _quote(self, ids: pl.DataFrame) -> dict[str, Facts]:
        quoted = quote_names(self.content, self.tagset.join(ids, on="tag_id", how="semi"))
        return {row.pop("tag_id"): row for row in quoted.drop("content_id").to_dicts()}

    def _reason(self, tag_id: str) -> Facts:
        """Neighbours, the judge's sum and its record; nothing for a method that does not use them."""
        if not self.judged_here:
            return {}
        edges = self.graph["content_tag_graph"]
        carriers = find_carriers(self.content, edges).filter(pl.col("tag_id") == tag_id)
        lines = self.contents.select(neighbour="content_id", first_line=first_line())
        shown = carriers.head(NEIGHBOURS_SHOWN).join(lines, on="neighbour", how="left", maintain_order="left")
        parts = self.weighed.filter(pl.col("tag_id") == tag_id)
        if not len(parts):  # not recalled: what the judge would have said
            pairs = describe_pair(self.content, tag_id, edges, self.tagset, self.space, self.settings.graph)
            parts = weigh_features(self.confidence["confidence_model"], pairs).filter(pl.col("tag_id") == tag_id)
        head = parts.select("tag_id", "head", "logit", "raw", "calibrated", "confidence").head(1)
        cases = find_like_cases(self.confidence["reliability"], head).drop("tag_id").to_dicts()
        terms = parts.select("feature", "value", "standardised", "coefficient", "contribution")
        return {
            "carriers": len(carriers),
            "neighbours": shown.drop("content_id", "tag_id").to_dicts(),
            "judge": {**head.drop("tag_id").to_dicts()[0], "contributions": terms.to_dicts()},
            "calibration": cases[0] if cases else None,
        }

    def answer(self, answer: Answer) -> Facts:
        """What became of the tag a person asks for, in a sentence."""
        known: Facts = {"tag": answer.tag, "tag_id": answer.tag_id}
        if answer.tag_id is None:
            return {**known, "outcome": answer.fate, "sentence": answer.sentence}
        outcome, said = self._place(answer.tag_id)
        return {**known, "outcome": outcome, "sentence": f"{answer.sentence}; {said}"}

    def _place(self, tag_id: str) -> tuple[str, str]:
        own = self.tagged.filter(pl.col("tag_id") == tag_id)
        if len(own):
            rank, confidence = own.select("rank", "confidence").row(0)
            return "assigned", f"the content has it, at rank {rank} of {len(self.tagged)} (confidence {confidence:.2f})"
        if not self.placed:
            return "not_judged", "the content was not put to any tag"
        cut = self.cut.filter(pl.col("tag_id") == tag_id)
        if len(cut):
            row = cut.row(0, named=True)
            judged = self.output["scored_candidates"].height
            rank = f"rank {row['rank']} of {judged} candidates with confidence {row['confidence']:.2f}"
            return "cut", f"it was a candidate, {rank}, and was cut: {row['reason']}"
        place = place_tag(self.content, tag_id, self.graph["content_tag_graph"], self.space)
        if not self.judged_here:
            near = f"its cosine to the text is {place.cosine:.2f}, rank {place.rank:,} of {place.tags:,} tags"
            return "not_recalled", f"it was no candidate of {self.model.split('/')[0]}; {near}"
        delta = find_thresholds(self.settings).delta_ct
        return "not_recalled", f"it was not recalled: {explain_miss(place, delta, self.settings.graph)}"
