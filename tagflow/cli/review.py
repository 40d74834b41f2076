"""Asks a person about the most valuable cases, and takes the answers back as corrections."""

from datetime import UTC, datetime
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.correction_file import FILE, append_corrections, read_answers, read_corrections
from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.exports import write_frame
from tagflow.cli.layout import align, count
from tagflow.confidence.thresholds import find_bands
from tagflow.errors import ConfigError
from tagflow.knowledge.answers import Judged, judge_answers, leave_known
from tagflow.knowledge.corrections import Cases, resolve_corrections
from tagflow.knowledge.review import choose_cases, describe_cases, value_cases
from tagflow.schemas import CONFIDENCE_MODEL
from tagflow.settings import load_settings
from tagflow.tagset.vocabulary import resolve_tags

FORMATS = (".csv", ".jsonl")
REFUSED_SHOWN = 20


class Desk:
    """A dataset with what people decided about it so far."""

    def __init__(self, name: str) -> None:
        """Read settings, tag set, contents and corrections.

        Raises:
            ConfigError: no such dataset, or its corrections are broken.
            ArtifactError: the dataset was not run yet.
        """
        self.name, self.data = name, find_data()
        self.settings = load_settings(self.data, name)
        self.store = DuckDBStore(self.data / "warehouse")
        self.corrections = read_corrections(self.data / name)
        self.tagset = self.store.read(name, "fused_tagset")
        self.names = resolve_tags(self.tagset)
        self.clues = self.store.read(name, "raw_clues")

    @property
    def file(self) -> Path:
        """Where the corrections stand."""
        path = self.data / self.name / FILE
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

    def resolve(self) -> Cases:
        """Return the corrections as they hold now."""
        return resolve_corrections(self.corrections, self.names, self.clues)

    def ask(self, most: int) -> pl.DataFrame:
        """Return the most valuable cases that nobody decided yet."""
        tables = self.store.read_all(self.name, "tagged_output")
        edges = self.store.read(self.name, "content_tag_graph")
        scored, tagged = tables["scored_candidates"], tables["tagged_output"]
        tagging = find_bands(self.settings, self._read_thresholds(), tagged).tagging
        valued = value_cases(scored, tagged, self.clues, self.names, edges, tagging, self.resolve().pairs)
        return describe_cases(choose_cases(valued, most), self.clues, tagging)

    def _read_thresholds(self) -> pl.DataFrame:
        """The thresholds of the last refresh; none where the confidence was not fitted yet."""
        if not self.store.exists(self.name, CONFIDENCE_MODEL.name):
            return CONFIDENCE_MODEL.tables["thresholds"].empty()
        return self.store.read(self.name, CONFIDENCE_MODEL.name, "thresholds")


def run_review(name: str, file: Path | None, most: int) -> None:
    """Show the most valuable cases, or write them to a file for a person to fill in.

    Raises:
        ConfigError: no such dataset, or a file that is neither CSV nor JSONL.
        ArtifactError: the dataset was not run yet.
    """
    if file is not None and file.suffix not in FORMATS:
        raise ConfigError(f"{file} must end in .csv or .jsonl, so that people can write their decisions into it.")
    cases = Desk(name).ask(most)
    if not len(cases):
        click.echo(f"There is nothing to ask about {name}: no judged candidate outside the held-out contents is open.")
        return
    if file is None:
        rows = [[f"{row['confidence']:.2f}", row["band"], row["tag"], row["content_id"], row["first_line"]]
                for row in cases.iter_rows(named=True)]  # fmt: skip
        heading = f"{name}: {count(len(cases), 'case')} that a decision would teach most, best first"
        click.echo("\n".join([heading, "", *align(rows), ""]))
        click.echo(f"To decide: tagflow review {name} review.csv")
        return
    write_frame(cases, file)
    click.echo(f"{count(len(cases), 'case')} written to {file}.")
    click.echo('Write into the column "decision": yes, no, or the name of the tag that is right instead; leave others.')
    click.echo(f"Then: tagflow review {name} --import {file}")


def run_import(name: str, file: Path, by: str | None) -> None:
    """Take the decisions of a review file; a row that cannot be taken is named and costs itself only.

    Raises:
        ConfigError: no such dataset, or the file as a whole cannot be read.
        ArtifactError: the dataset was not run yet.
    """
    desk = Desk(name)
    answers, broken = read_answers(file)
    said = {"at": datetime.now(UTC).date().isoformat(), "by": by, "source": file.name}
    judged = judge_answers(answers, desk.tagset, desk.names, desk.clues["content_id"], said)
    new = leave_known(judged.accepted, desk.corrections)
    append_corrections(desk.data / name, new)
    click.echo("\n".join(_tell_import(desk, file, judged, new, broken)))


def _tell_import(desk: Desk, file: Path, judged: Judged, new: pl.DataFrame, broken: list[tuple[int, str]]) -> list[str]:
    refused = sorted([*judged.refused.iter_rows(), *broken])
    right = int(new["right"].sum())
    lines = [f"{count(len(new), 'correction')} taken: {right:,} right, {len(new) - right:,} wrong."]
    lines += [f"{len(judged.accepted) - len(new):,} known already."] if len(judged.accepted) > len(new) else []
    lines += [f"{count(judged.blank, 'row')} without a decision."] if judged.blank else []
    lines += [f"{count(len(refused), 'row')} refused:"] if refused else []
    lines += [f"  {file}, line {line}: {reason}" for line, reason in refused[:REFUSED_SHOWN]]
    more = len(refused) - REFUSED_SHOWN
    lines += [f"  and {more:,} more"] if more > 0 else []
    held_out = new.join(desk.clues.filter(pl.col("split") == "test"), on="content_id", how="semi")
    if len(held_out):
        lines.append(
            f"{len(held_out):,} of them about held-out contents: kept, but nothing is learned from them, "
            "because the report measures on them."
        )
    if len(new):
        lines += [f"Written to {desk.file}.", f"They count from the next tagged content on; tagflow run {desk.name} "
                  "also learns the confidence from them and tags everything anew."]  # fmt: skip
    return lines


def run_status(name: str) -> None:
    """Say what people decided so far.

    Raises:
        ConfigError: no such dataset, or its corrections are broken.
        ArtifactError: the dataset was not run yet.
    """
    desk = Desk(name)
    if not len(desk.corrections):
        click.echo(f"Nobody decided anything about {name} yet: tagflow review {name} review.csv")
        return
    counts = desk.resolve().tally()
    cases = sum(counts.values())
    click.echo(f"{desk.file}: {count(len(desk.corrections), 'correction')} of {count(cases, 'case')}")
    meanings = {
        "right": "right: the content has the tag",
        "wrong": "wrong: the content does not have it",
        "held_out": "about held-out contents: kept, nothing is learned from them",
        "content_gone": "about contents that the dataset does not have",
        "tag_unknown": "about tags that the tag set does not have",
    }
    rows = [[f"{counts[key]:,}", said] for key, said in meanings.items() if counts[key] or key in ("right", "wrong")]
    click.echo("\n".join(align(rows, indent=2, right=(0,))))
    people = desk.corrections.group_by(pl.col("by").fill_null("nobody named")).agg(number=pl.len().cast(pl.Int64))
    people = people.sort(-pl.col("number"), "by")
    click.echo("  by " + ", ".join(f"{by}: {number:,}" for by, number in people.iter_rows()))
