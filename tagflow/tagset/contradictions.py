"""Decisions that cannot all be kept, and decisions about tags that nobody knows."""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import polars as pl

from tagflow.decisions import VocabularyDecisions
from tagflow.errors import ConfigError
from tagflow.tagset.normalisation import normalise_tags
from tagflow.tagset.vocabulary import resolve_tags

Named = Iterator[tuple[str, str]]


def check_decisions(decisions: VocabularyDecisions, where: str) -> None:
    """Refuse decisions that contradict each other; two spellings of one tag are one tag.

    Args:
        decisions: what people decided.
        where: the file, for the sentence.

    Raises:
        ConfigError: names the file, the keys and the tags of the first contradiction.
    """
    keys = _find_keys(decisions)
    problem = next(_find_problems(decisions, keys), None)
    if problem:
        raise ConfigError(f"{where}: {problem}.")


def check_renames(decisions: VocabularyDecisions, tagset: pl.DataFrame, where: str) -> None:
    """Refuse to give a tag the name of another tag of the tag set.

    Args:
        decisions: what people decided.
        tagset: ``fused_tagset`` as it was last made; names that arise later are joined to the renamed tag.
        where: the file, for the sentence.

    Raises:
        ConfigError: names the file, the key and the two tags.
    """
    keys = _find_keys(decisions)
    owner = dict(resolve_tags(tagset).iter_rows())
    names = dict(tagset.select("tag_id", "tag").iter_rows())
    together = {keys[tag]: keys[leader] for leader, tags in decisions.merge.items() for tag in tags}
    for old, new in decisions.rename.items():
        holder, own = owner.get(keys[new]), owner.get(keys[old])
        if holder not in (None, own) and together.get(keys[new]) != keys[old]:
            raise ConfigError(
                f"{where}: rename.{old} says {new!r}, which belongs to the tag {names[holder]!r}; "
                f"to make the two one tag, put {old!r} and {new!r} under merge."
            )


def list_strangers(decisions: VocabularyDecisions, tagset: pl.DataFrame) -> list[str]:
    """Return a sentence for each decision about a tag that the tag set does not have: a warning, no mistake.

    A tag of ``added``, ``merge`` or ``split`` may come at any time, so those are not named.
    """
    keys = _find_keys(decisions)
    known = set(resolve_tags(tagset)["key"])
    strangers = dict.fromkeys(
        (place, tag)
        for place, tag in _list_names(decisions)
        if place not in ("added", "banned", "merge", "split") and keys[tag] not in known
    )
    return [f"{place} names {tag!r}, which is not in the tag set" for place, tag in strangers]


def _list_names(decisions: VocabularyDecisions) -> Named:
    """Every tag that a decision is about, with the key it stands under."""
    rules = decisions.rules
    yield from (("added", tag) for tag in decisions.added)
    yield from (("banned", tag) for tag in decisions.banned)
    for leader, aliases in decisions.merge.items():
        yield from (("merge", tag) for tag in (leader, *aliases))
    yield from (("split", tag) for pair in decisions.split for tag in pair)
    yield from (("rename", old) for old in decisions.rename)
    yield from (("describe", tag) for tag in decisions.describe)
    yield from (("rules.manual_only", tag) for tag in rules.manual_only)
    for tag, implied in rules.implies.items():
        yield from (("rules.implies", one) for one in (tag, *implied))
    yield from (("rules.excludes", tag) for pair in rules.excludes for tag in pair)
    for name, group in rules.groups.items():
        yield from ((f"rules.groups.{name}", tag) for tag in group.tags)
    yield from (("rules.languages", tag) for tag in rules.languages)


def _find_keys(decisions: VocabularyDecisions) -> dict[str, str]:
    names = [*dict.fromkeys([*(tag for _, tag in _list_names(decisions)), *decisions.rename.values()])]
    return dict(zip(names, normalise_tags(pl.Series(names, dtype=pl.String)), strict=True))


def _find_problems(decisions: VocabularyDecisions, keys: dict[str, str]) -> Iterator[str]:
    for place, tag in [*_list_names(decisions), *(("rename", new) for new in decisions.rename.values())]:
        if not keys[tag]:
            yield f"{place} names {tag!r}, which is no tag"
    key = keys.__getitem__
    rules = decisions.rules
    for place, names in (
        ("added", decisions.added),
        ("merge", decisions.merge),
        ("rename", decisions.rename),
        ("describe", decisions.describe),
        ("rules.implies", rules.implies),
        ("rules.languages", rules.languages),
    ):
        yield from (f"{place} has both {a!r} and {b!r}, which are one tag" for a, b in _find_twins(names, key))
    banned = {key(tag) for tag in decisions.banned}
    yield from (
        f"describe.{tag} is about a tag that banned forbids" for tag in decisions.describe if key(tag) in banned
    )
    yield from (f"added.{tag} is a tag that banned forbids" for tag in decisions.added if key(tag) in banned)
    yield from _check_merges(decisions, key)
    yield from _check_pairs("split", decisions.split, key)
    yield from _check_pairs("rules.excludes", rules.excludes, key)
    yield from _check_pairs("rules.implies", [(tag, one) for tag, to in rules.implies.items() for one in to], key)
    yield from _check_renames(decisions, key)
    yield from _check_apart(decisions, key)


def _find_twins(names: Iterable[str], key: Callable[[str], str]) -> Named:
    first: dict[str, str] = {}
    for name in names:
        if key(name) in first:
            yield first[key(name)], name
        first.setdefault(key(name), name)


def _check_merges(decisions: VocabularyDecisions, key: Callable[[str], str]) -> Iterator[str]:
    banned = {key(tag) for tag in decisions.banned}
    leaders = {key(leader): leader for leader in decisions.merge}
    added = {key(tag) for tag in decisions.added}
    taken: dict[str, str] = {}
    for leader, aliases in decisions.merge.items():
        if key(leader) in banned:
            yield f"merge.{leader} gives aliases to {leader!r}, which banned forbids; take it out of one of the two"
        for tag in aliases:
            if key(tag) == key(leader):
                yield f"merge.{leader} names {tag!r}, which is another spelling of {leader!r} and needs no merge"
            elif key(tag) in banned:
                yield f"merge.{leader} names {tag!r}, which banned forbids; take it out of one of the two"
            elif key(tag) in leaders:
                yield (
                    f"merge.{leader} names {tag!r}, which has aliases of its own under merge.{leaders[key(tag)]}; "
                    f"put them all under {leader!r}"
                )
            elif key(tag) in added:
                yield f"merge.{leader} names {tag!r}, which added makes a tag of its own; take it out of one of the two"
            elif taken.setdefault(key(tag), leader) != leader:
                yield f"merge.{taken[key(tag)]} and merge.{leader} both name {tag!r}; an alias belongs to one tag only"


def _check_pairs(place: str, pairs: Iterable[tuple[str, str]], key: Callable[[str], str]) -> Iterator[str]:
    yield from (f"{place} names {a!r} and {b!r}, which are one tag" for a, b in pairs if key(a) == key(b))


def _check_renames(decisions: VocabularyDecisions, key: Callable[[str], str]) -> Iterator[str]:
    banned = {key(tag) for tag in decisions.banned}
    leader_of = {key(tag): leader for leader, aliases in decisions.merge.items() for tag in aliases}
    leaders = {key(leader) for leader in decisions.merge}
    renamed = {key(old): old for old in decisions.rename}
    given: dict[str, str] = {}
    for old, new in decisions.rename.items():
        where = f"rename.{old}"
        if key(old) in banned or key(new) in banned:
            yield f"{where} says {new!r}, and banned forbids one of the two names"
        if key(old) in leader_of:
            yield f"{where} renames an alias; rename {leader_of[key(old)]!r}, which merge puts it under"
        if key(new) == key(old):
            continue
        if key(new) in renamed:
            yield f"{where} says {new!r}, which is itself renamed"
        if key(new) in leaders or key(leader_of.get(key(new), old)) != key(old):
            yield f"{where} says {new!r}, which is a tag under merge; to make the two one tag, use merge alone"
        if given.setdefault(key(new), old) != old:
            yield f"rename.{given[key(new)]} and {where} both say {new!r}; to make them one tag, use merge"


def _check_apart(decisions: VocabularyDecisions, key: Callable[[str], str]) -> Iterator[str]:
    """One tag by merge or rename, and two by split or a rule."""
    rules = decisions.rules
    together: dict[frozenset[str], str] = {}
    for leader, aliases in decisions.merge.items():
        for pair in combinations(map(key, (leader, *aliases)), 2):
            together[frozenset(pair)] = f"merge.{leader}"
    together |= {frozenset((key(old), key(new))): f"rename.{old}" for old, new in decisions.rename.items()}
    apart = [
        *(("split", *pair) for pair in decisions.split),
        *(("rules.excludes", *pair) for pair in rules.excludes),
        *(("rules.implies", tag, one) for tag, implied in rules.implies.items() for one in implied),
    ]
    for place, a, b in apart:
        one = together.get(frozenset((key(a), key(b))))
        if one:
            yield f"{one} makes {a!r} and {b!r} one tag, and {place} keeps them apart; take one of the two out"
    implied = {(key(tag), key(one)): tag for tag, to in rules.implies.items() for one in to}
    for a, b in rules.excludes:
        if (key(a), key(b)) in implied or (key(b), key(a)) in implied:
            yield f"rules.implies and rules.excludes both name {a!r} and {b!r}; take them out of one of the two"
