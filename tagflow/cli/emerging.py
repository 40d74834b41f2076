"""Shows the tags that contents without a fitting tag suggest, and puts one of them into the tag set when told to."""

import shlex

import click
import polars as pl
from ruamel.yaml.comments import CommentedMap

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.decision_file import edit_decisions, open_block, set_entry
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import count, fill
from tagflow.dataset_files import suggest
from tagflow.decisions import FILE
from tagflow.errors import ConfigError
from tagflow.settings import load_settings
from tagflow.tagset.normalisation import normalise_tags

ARTIFACT = "emerging_tags"


def run_emerging(name: str) -> None:
    """Print the suggestions, the largest group of contents first.

    Raises:
        ConfigError: no such dataset.
        ArtifactError: the stored suggestions are damaged.
    """
    data = find_data()
    load_settings(data, name)
    store = DuckDBStore(data / "warehouse")
    if not store.exists(name, ARTIFACT):
        click.echo(f"Nobody looked for emerging tags of {name} yet: tagflow run {name}")
        return
    click.echo("\n".join(list_emerging(name, store.read(name, ARTIFACT))))


def list_emerging(name: str, emerging: pl.DataFrame) -> list[str]:
    """Return the suggestions (``EMERGING`` columns) as lines."""
    if not len(emerging):
        return [f"{name}: no tag emerges; the contents that no tag fits have too little in common."]
    contents = int(emerging["size"].sum())
    lines = [f"{name}: {count(len(emerging), 'tag')} suggested by {count(contents, 'content')} that no tag fits well"]
    for row in emerging.iter_rows(named=True):
        near = ", ".join(
            f"{tag} ({cosine:.2f})" for tag, cosine in zip(row["nearest"], row["nearest_cosines"], strict=True)
        )
        facts = {
            "contents": f"{row['size']:,}, at a mean cosine of {row['cohesion']:.2f} to their middle",
            "definition": row["definition"],
            "examples": ", ".join(row["examples"]),
            "nearest tags": near or "none",
        }
        lines += [
            "",
            click.style(row["tag"], bold=True),
            *(fill(said, f"  {what}", 16) for what, said in facts.items()),
        ]
    take = shlex.join(["tagflow", "review", name, "--accept", emerging["tag"][0]])
    return [*lines, "", f"To take one: {take}", f"No tag comes by itself; tagflow vocabulary {name} merge makes one an "
            "alias of another tag."]  # fmt: skip


def run_accept(name: str, tag: str) -> None:
    """Write a suggested tag with its definition into vocabulary.yaml.

    Raises:
        ConfigError: no such dataset or suggestion, or the decisions contradict another one.
        ArtifactError: no suggestions were made yet.
    """
    data = find_data()
    load_settings(data, name)
    emerging = DuckDBStore(data / "warehouse").read(name, ARTIFACT)
    key = normalise_tags(pl.Series([tag]))[0]
    found = emerging.filter(pl.col("key") == key)
    if not len(found):
        near = suggest(tag, emerging["tag"].to_list())
        raise ConfigError(f'No group of contents suggests "{tag}"{near}; see tagflow review {name} --emerging.')
    row = found.row(0, named=True)

    def change(document: CommentedMap) -> None:
        added = open_block(document, "added")
        if all(normalise_tags(pl.Series([str(one)]))[0] != key for one in added):
            set_entry(added, row["tag"], row["definition"])

    edit = edit_decisions(data, name, shlex.join(["add", row["tag"]]), change)
    if edit.before == edit.after:
        click.echo(f'Nothing to change: {FILE} adds "{row["tag"]}" already.')
        return
    click.echo(f'"{row["tag"]}" joins the tag set, defined as: {row["definition"]}')
    click.echo(f"Written to {data / name / FILE}, where the definition can be put better.")
    click.echo(f"It takes effect with: tagflow run {name} --select 'fused_tagset*'")
    click.echo(f"Take it back: tagflow vocabulary {name} undo")
