"""Shows the tag set to a person who decides about it: the tags, one of them, the fusion log, and what changed."""

import shlex
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.decision_file import read_decisions
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import align, count, fill
from tagflow.dataset_files import suggest
from tagflow.decisions import FILE, VocabularyDecisions
from tagflow.errors import ConfigError
from tagflow.settings import load_settings
from tagflow.tagset.browsing import find_decisions, search_tags
from tagflow.tagset.contradictions import list_strangers
from tagflow.tagset.decisions import BY
from tagflow.tagset.normalisation import normalise, normalise_tags
from tagflow.tagset.vocabulary import resolve_tags
from tagflow.tagset.vocabulary_diff import CHANGES, count_changes, diff_vocabularies

SHOWN = 40
ORIGINS = {"label": "people's labels", "file": "your tag list", "proposed": "proposed"}
READ = (".jsonl", ".parquet")
NEEDED = ("tag_id", "tag", "frequency", "aliases")


def run_list(name: str, search: str | None) -> None:
    """Print the tags by frequency, those that fit the search where there is one.

    Raises:
        ConfigError: no such dataset, no tag that fits, or broken decisions.
        ArtifactError: the tag set was not made yet.
    """
    store, decisions = _open(name)
    tags = store.read(name, "fused_tagset").sort(-pl.col("frequency"), "tag")
    found = tags if search is None else search_tags(tags, search)
    if not len(found):
        raise ConfigError(f'No tag of {name} has "{search}" in its name or an alias.')
    rows = [["tag", "contents", "origin", "aliases"]]
    for row in found.head(SHOWN).iter_rows(named=True):
        rows.append([row["tag"], f"{row['frequency']:,}", ORIGINS[row["origin"]], ", ".join(row["aliases"])])
    aliases = int(tags["aliases"].list.len().sum())
    about = f'{len(found):,} of the {len(tags):,} tags have "{search}"' if search else count(len(tags), "tag")
    click.echo(f"{name}: {about}, {aliases:,} {'alias' if aliases == 1 else 'aliases'} in all; {_count(decisions)}\n")
    click.echo("\n".join(align(rows, right=(1,))))
    if len(found) > SHOWN:
        narrow = "a longer --search" if search else "--search TEXT"
        click.echo(
            f"and {len(found) - SHOWN:,} more: narrow with {narrow}, or tagflow export {name} fused_tagset tags.csv"
        )
    for stranger in list_strangers(decisions, tags):
        click.echo(f"Note: {FILE}: {stranger}.")
    click.echo(f"\nDecide: tagflow vocabulary {name} merge | split | rename | ban | describe | undo (each with --help)")


def run_show(name: str, asked: str) -> None:
    """Print one tag as far as deciding needs it.

    Raises:
        ConfigError: no such dataset or tag.
        ArtifactError: the tag set was not made yet.
    """
    store, decisions = _open(name)
    tables = store.read_all(name, "fused_tagset")
    tags = tables["fused_tagset"]
    key = normalise_tags(pl.Series([asked]))[0]
    found = resolve_tags(tags).filter(pl.col("key") == key)
    if not len(found):
        near = suggest(key, tags.select(pl.concat_list("tag", "aliases").explode()).to_series())
        raise ConfigError(f'"{asked}" is not in the tag set of {name}{near}; all tags: tagflow vocabulary {name}.')
    row = tags.filter(pl.col("tag_id") == found["tag_id"][0]).row(0, named=True)
    names = [row["tag"], *row["aliases"]]
    click.echo(click.style(row["tag"], bold=True) + f"  ({row['tag_id']})")
    facts = {
        "contents": f"{row['frequency']:,} outside the held-out ones",
        "origin": ORIGINS[row["origin"]],
        "description": row["description"] or "none",
        "aliases": ", ".join(row["aliases"]) or "none",
        "decisions": "; ".join(_tell_decisions(decisions, names)) or f"none in {FILE}",
    }
    click.echo("\n".join(fill(said, f"  {what}", 16) for what, said in facts.items()))
    about = find_decisions(tables["fusion_log"], names)
    click.echo("\nMerged, and kept apart:")
    click.echo("\n".join(_align_log(about.head(SHOWN)) or ["  nothing came near enough to be judged"]))
    if len(about) > SHOWN:
        click.echo(f"and {len(about) - SHOWN:,} more: tagflow vocabulary {name} log --search {shlex.quote(row['tag'])}")
    click.echo(f"\nIts contents and its company: {shlex.join(['tagflow', 'browse', name, row['tag']])}")


def run_log(name: str, search: str | None, decision: str | None) -> None:
    """Print the fusion log, people's decisions first.

    Raises:
        ConfigError: no such dataset, or nothing that fits.
        ArtifactError: the tag set was not made yet.
    """
    store, _ = _open(name)
    log = store.read(name, "fused_tagset", "fusion_log")
    found = log if decision is None else log.filter(pl.col("decision") == decision)
    if search is not None:
        part = normalise_tags(pl.Series([search]))[0]
        either = pl.any_horizontal(
            normalise(pl.col(side)).str.contains(part, literal=True) for side in ("tag", "leader")
        )
        found = found.filter(either)
    if not len(found):
        raise ConfigError(f"The fusion log of {name} has no such decision ({_count_log(log)}).")
    people = pl.col("reason").str.starts_with(BY)
    ordered = found.sort(~people, -pl.col("similarity"), "tag", "leader", nulls_last=False)
    click.echo(f"{name}: {_count_log(found)}\n")
    click.echo("\n".join(_align_log(ordered.head(SHOWN))))
    if len(found) > SHOWN:
        click.echo(f"and {len(found) - SHOWN:,} more: narrow with --search and --decision, or ")
        click.echo(f"tagflow export {name} fused_tagset.fusion_log log.csv")


def run_diff(name: str, file: Path) -> None:
    """Print what changed in the tag set since an exported one.

    Raises:
        ConfigError: no such dataset or file, or no tag set in it.
        ArtifactError: the tag set was not made yet.
    """
    store, _ = _open(name)
    difference = diff_vocabularies(_read_export(file, name), store.read(name, "fused_tagset"))
    counts = count_changes(difference)
    click.echo(f"{name}, since {file}: " + ", ".join(f"{number:,} {change}" for change, number in counts.items()))
    words = {"merged": "into", "split": "from", "renamed": "from"}
    for change in CHANGES:
        part = difference.changes.filter(pl.col("change") == change)
        rows = [
            [change, tag, f"{words[change]} {other}" if other else "", detail]
            for _, tag, other, detail in part.head(SHOWN).iter_rows()
        ]
        if rows:
            click.echo("\n" + "\n".join(align(rows)))
        if len(part) > SHOWN:
            click.echo(f"and {len(part) - SHOWN:,} more {change}")


def _open(name: str) -> tuple[DuckDBStore, VocabularyDecisions]:
    data = find_data()
    load_settings(data, name)
    return DuckDBStore(data / "warehouse"), read_decisions(data, name)


def _read_export(file: Path, name: str) -> pl.DataFrame:
    if file.suffix not in READ:
        raise ConfigError(
            f"{file} must end in one of {', '.join(READ)}; export the tag set before a run to compare with it after: "
            f"tagflow export {name} fused_tagset before.jsonl"
        )
    try:
        frame = pl.read_ndjson(file) if file.suffix == ".jsonl" else pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}.") from error
    if missing := [column for column in NEEDED if column not in frame.columns]:
        raise ConfigError(f"{file} is no exported tag set: it lacks {', '.join(missing)}.")
    return frame.select(*NEEDED).cast({"aliases": pl.List(pl.String), "frequency": pl.Int64})


def _count(decisions: VocabularyDecisions) -> str:
    counts = {
        "banned": len(decisions.banned),
        "merged": sum(map(len, decisions.merge.values())),
        "kept apart": len(decisions.split),
        "renamed": len(decisions.rename),
        "described": len(decisions.describe),
        "added": len(decisions.added),
    }
    said = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    return f"people decided: {said}" if said else "people decided nothing yet"


def _tell_decisions(decisions: VocabularyDecisions, names: list[str]) -> list[str]:
    keys = set(normalise_tags(pl.Series(names)))

    def about(*tags: str) -> bool:
        return not keys.isdisjoint(normalise_tags(pl.Series(tags)))

    rules = decisions.rules
    return [
        *(f"merge: {', '.join(to)} into {tag}" for tag, to in decisions.merge.items() if about(tag, *to)),
        *(f"split: {a} and {b}" for a, b in decisions.split if about(a, b)),
        *(f"rename: {old} to {new}" for old, new in decisions.rename.items() if about(old, new)),
        *("describe" for tag in decisions.describe if about(tag)),
        *("rules: manual only" for tag in rules.manual_only if about(tag)),
        *(f"rules: {tag} implies {', '.join(to)}" for tag, to in rules.implies.items() if about(tag, *to)),
        *(f"rules: {a} excludes {b}" for a, b in rules.excludes if about(a, b)),
        *(
            f"rules: group {name}, at most {group.at_most}"
            for name, group in rules.groups.items()
            if about(*group.tags)
        ),
        *(f"rules: only in {', '.join(to)}" for tag, to in rules.languages.items() if about(tag)),
    ]


def _align_log(log: pl.DataFrame) -> list[str]:
    words = {"merged": "merged", "refused": "kept apart", "reported": "reported"}
    rows = [
        [
            words[row["decision"]],
            "-" if row["similarity"] is None else f"{row['similarity']:.2f}",
            row["tag"],
            row["leader"],
            row["reason"],
        ]
        for row in log.iter_rows(named=True)
    ]
    return align(rows, indent=2, widest=30)


def _count_log(log: pl.DataFrame) -> str:
    counts = dict(log["decision"].value_counts().sort("decision").iter_rows())
    return ", ".join(f"{number:,} {what}" for what, number in counts.items()) or "it is empty"
