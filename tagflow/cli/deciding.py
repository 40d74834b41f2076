"""Writes a person's decision about tags, and says what it will change and when."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import polars as pl
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.decision_file import (
    Edit,
    add_pair,
    add_to_list,
    edit_decisions,
    open_block,
    read_decisions,
    set_entry,
    undo_decision,
)
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import count
from tagflow.dataset_files import suggest
from tagflow.decisions import FILE, VocabularyDecisions
from tagflow.errors import ConfigError
from tagflow.settings import load_settings
from tagflow.tagset.contradictions import check_renames
from tagflow.tagset.normalisation import normalise_tags
from tagflow.tagset.vocabulary import resolve_tags

# the star takes everything behind an asset; Dagster's plus would stop after one step and leave the samples old
MAKES_TAGS = "'fused_tagset*'"
CUTS_TAGS = "'filtered_tagset*'"
CARRIED = ("merge", "rename")


class Desk:
    """A dataset's decisions and its tag set as they are, and what is told of a tag."""

    def __init__(self, name: str) -> None:
        """Read both; a dataset that was not run yet has no tags.

        Raises:
            ConfigError: no such dataset, or its decisions are broken.
        """
        self.name, self.data = name, find_data()
        load_settings(self.data, name)
        self.file = self.data / name / FILE
        self.decisions: VocabularyDecisions = read_decisions(self.data, name)
        store = DuckDBStore(self.data / "warehouse")
        stored = store.exists(name, "fused_tagset")
        self.tagset = store.read(name, "fused_tagset") if stored else None
        self._owner = {} if self.tagset is None else dict(resolve_tags(self.tagset).iter_rows())

    def find(self, tag: str) -> dict[str, object] | None:
        """Return the tag's row of the tag set, by name, spelling or alias."""
        tag_id = self._owner.get(find_key(tag))
        if tag_id is None or self.tagset is None:
            return None
        return self.tagset.filter(pl.col("tag_id") == tag_id).row(0, named=True)

    def tell(self, tag: str) -> str:
        """Return the tag in quotes with what it is now."""
        row = self.find(tag)
        if self.tagset is None:
            return f'"{tag}"'
        if row is None:
            near = self.guess(tag)
            return f'"{tag}" (not in the tag set{near}{"?" if near else ""})'
        if find_key(str(row["tag"])) != find_key(tag):
            return f'"{tag}" (now an alias of "{row["tag"]}")'
        return f'"{row["tag"]}" ({count(row["frequency"], "content")})'

    def guess(self, tag: str) -> str:
        """Return ', did you mean …', or nothing."""
        if self.tagset is None:
            return ""
        return suggest(find_key(tag), self.tagset.select(pl.concat_list("tag", "aliases").explode()).to_series())

    def require(self, tag: str) -> None:
        """Refuse a tag that the tag set does not have, where there is a tag set.

        Raises:
            ConfigError: says so, with the tag that may be meant.
        """
        if self.tagset is not None and self.find(tag) is None:
            raise ConfigError(f'"{tag}" is not in the tag set of {self.name}{self.guess(tag)}.')

    def edit(self, words: Sequence[str], change: Callable[[CommentedMap], None], told: str, select: str) -> None:
        """Write the decision, and say it."""
        edit = edit_decisions(self.data, self.name, shlex.join(words), change)
        if edit.before == edit.after:
            click.echo(f"Nothing to change: {_shorten(self.file)} says so already.")
            return
        click.echo(told)
        _close(self.file, edit, self.name, select)
        if words[0] in CARRIED and self.tagset is not None:
            click.echo(f"Or at once, without a rebuild or a model: tagflow vocabulary {self.name} apply")
        click.echo(f"Take it back: tagflow vocabulary {self.name} undo")


def run_merge(name: str, leader: str, aliases: Sequence[str]) -> None:
    """Make aliases of the leader; a split of them, and a merge under one of them, give way.

    Raises:
        ConfigError: no such dataset, or the decisions contradict another one.
    """
    desk = Desk(name)
    own, keys = find_key(leader), [find_key(alias) for alias in aliases]

    def change(document: CommentedMap) -> None:
        _drop_pairs(document, lambda a, b: a != b and {a, b} <= {own, *keys})
        merges = open_block(document, "merge")
        moved = [alias for alias in aliases if find_key(alias) != own]
        for other in [one for one in merges if find_key(str(one)) in keys and find_key(str(one)) != own]:
            moved += _list(merges.pop(other))
        under = next((one for one in merges if find_key(str(one)) == own), None)
        known = [find_key(one) for one in _list(merges[under])] if under is not None else []
        add_to_list(merges, leader if under is None else under, [one for one in moved if find_key(one) not in known])

    told = [f"{desk.tell(alias)} becomes an alias of {desk.tell(leader)}." for alias in aliases]
    told += [
        f'The split of "{a}" and "{b}" is taken back.'
        for a, b in desk.decisions.split
        if find_key(a) != find_key(b) and {find_key(a), find_key(b)} <= {own, *keys}
    ]
    desk.edit(["merge", leader, *aliases], change, "\n".join(told), MAKES_TAGS)


def run_split(name: str, tag: str, other: str) -> None:
    """Keep two tags apart; a merge of the two gives way.

    Raises:
        ConfigError: no such dataset, or the decisions contradict another one.
    """
    desk = Desk(name)
    pair = {find_key(tag), find_key(other)}

    def change(document: CommentedMap) -> None:
        merges = document.get("merge") or {}
        for leader in list(merges):
            kept = _list(merges[leader])
            inside = [alias for alias in kept if find_key(alias) in pair]
            if inside and len(pair & {find_key(str(leader)), *map(find_key, kept)}) == 2:
                if len(kept) > 1:
                    merges[leader].remove(inside[-1])
                else:
                    del merges[leader]
        if not merges and "merge" in document:
            del document["merge"]
        if not any({find_key(str(a)), find_key(str(b))} == pair for a, b in document.get("split") or []):
            add_pair(document, "split", (tag, other))

    told = f"{desk.tell(tag)} and {desk.tell(other)} stay two tags, however near they lie."
    desk.edit(["split", tag, other], change, told, MAKES_TAGS)


def run_rename(name: str, old: str, new: str) -> None:
    """Give a tag another name; one that is renamed already gets the newer name.

    Raises:
        ConfigError: no such dataset or tag, an alias instead of a tag, or a name that another tag has.
    """
    desk = Desk(name)
    first = next((one for one, said in desk.decisions.rename.items() if find_key(said) == find_key(old)), old)
    if first == old:
        desk.require(old)
    row = desk.find(old)
    if row and find_key(str(row["tag"])) != find_key(old) and first not in desk.decisions.rename:
        raise ConfigError(f'"{old}" is an alias of "{row["tag"]}": rename that, or split the two first.')
    if desk.tagset is not None:
        wanted = desk.decisions.model_copy(update={"rename": {first: new}})
        check_renames(wanted, desk.tagset, str(desk.file))

    def change(document: CommentedMap) -> None:
        renames = open_block(document, "rename")
        for one in [one for one in renames if find_key(str(one)) == find_key(first)]:
            del renames[one]
        if new != first:
            set_entry(renames, first, new)
        elif not renames:
            del document["rename"]

    told = f'{desk.tell(first)} will be called "{new}"; "{first}" stays known as its alias, and its id stays.'
    desk.edit(["rename", old, new], change, told, MAKES_TAGS)


def run_ban(name: str, tags: Sequence[str]) -> None:
    """Ban tags.

    Raises:
        ConfigError: no such dataset, or the decisions contradict another one.
    """
    desk = Desk(name)
    banned = {find_key(tag) for tag in desk.decisions.banned}
    new = [tag for tag in tags if find_key(tag) not in banned]
    told = [f"{desk.tell(tag)} will not be used any more." for tag in tags]
    desk.edit(["ban", *tags], lambda document: _ban(document, new), "\n".join(told), CUTS_TAGS)


def run_describe(name: str, tag: str, text: str) -> None:
    """Give a tag a definition, in the place of one it has.

    Raises:
        ConfigError: no such dataset or tag, or an empty text.
    """
    desk = Desk(name)
    desk.require(tag)

    def change(document: CommentedMap) -> None:
        said = open_block(document, "describe")
        known = next((one for one in said if find_key(str(one)) == find_key(tag)), tag)
        set_entry(said, str(known), text)

    desk.edit(["describe", tag, text], change, f'{desk.tell(tag)} will be described as "{text}".', MAKES_TAGS)


def run_undo(name: str) -> None:
    """Take the last decision back.

    Raises:
        ConfigError: no such dataset, nothing to undo, or the file was changed by hand since.
    """
    data = find_data()
    load_settings(data, name)
    last = undo_decision(data, name)
    click.echo(f"Taken back: {last.command}")
    select = CUTS_TAGS if last.command.startswith("ban ") else MAKES_TAGS
    _close(data / name / FILE, Edit(last.command, last.after, last.before), name, select)


def find_key(tag: str) -> str:
    """Return the key that makes spellings of one tag equal."""
    return str(normalise_tags(pl.Series([tag]))[0])


def _close(file: Path, edit: Edit, name: str, select: str) -> None:
    shown = _shorten(file)
    click.echo(f"{shown} is removed: it said nothing else." if edit.after is None else f"Written to {shown}.")
    click.echo(f"It takes effect with: tagflow run {name} --select {select}")


def _shorten(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _ban(document: CommentedMap, tags: list[str]) -> None:
    if tags:
        add_to_list(document, "banned", tags)


def _list(said: object) -> list[str]:
    return [said] if isinstance(said, str) else [str(one) for one in said] if isinstance(said, CommentedSeq) else []


def _drop_pairs(document: CommentedMap, meant: Callable[[str, str], bool]) -> None:
    pairs = document.get("split") or []
    for place in reversed(list(_find_places(pairs, meant))):
        del pairs[place]
    if "split" in document and not pairs:
        del document["split"]


def _find_places(pairs: Sequence[Sequence[object]], meant: Callable[[str, str], bool]) -> Iterator[int]:
    for place, (a, b) in enumerate(pairs):
        if meant(find_key(str(a)), find_key(str(b))):
            yield place
