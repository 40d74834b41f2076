"""The word lists that guards and confirmations read: which words mean opposite, the same, or name a thing."""

import gzip
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import polars as pl

from tagflow.tagset.normalisation import tag_text

Groups = list[list[str]]

SYNONYMS: dict[str, pl.DataType] = {"form": pl.List(pl.String()), "head": pl.String(), "things": pl.Boolean()}


class GuardWords(NamedTuple):
    """The lists of one language; words and names as folded texts.

    Attributes:
        opposites: word, group; a word may stand in several groups.
        beginnings: groups of word beginnings that turn a word into another one.
        endings: groups of such word endings.
        negations: words that negate, those before a hyphen as beginnings, those after one as endings.
        names: name, thing; a name may stand for several things, a thing have several names.
        equals: phrases of the same meaning, the first of each group leading.
        beside: such phrases, which hold only beside another word that two tags share.
        synonyms: form, head, things, first: phrases of a dictionary with one meaning and no other, the first of their
            group, whether they name things, which are the same more surely than deeds and ideas, and the first word.
    """

    opposites: pl.DataFrame
    beginnings: Groups
    endings: Groups
    negations: tuple[list[str], list[str], list[str]]
    names: pl.DataFrame
    equals: Groups
    beside: Groups
    synonyms: pl.DataFrame


@lru_cache
def load_guard_words(language: str) -> GuardWords:
    """Return tagflow's own lists; a language without lists has none."""
    lines = [_split(line.removeprefix("!"), "|") for line in _read_lines(f"opposites_{language}.txt", "!")]
    denied = [word for group in lines for word in group]
    groups = [_split(line, "|") for line in _read_lines(f"opposites_{language}.txt", "")]
    beginnings, endings, words = _part_affixes(groups)
    equals = [_split(line, "=") for line in _read_lines(f"equals_{language}.txt", "")]
    beside = [_split(line.removeprefix("~"), "=") for line in _read_lines(f"equals_{language}.txt", "~")]
    names = [_split(line, "=") for line in _read_lines(f"names_{language}.txt", "")]
    equal_words = [_fold_all(group) for group in equals]
    return GuardWords(
        _say_in_one_way(_tabulate(words, "word", "group"), equal_words),
        beginnings,
        endings,
        _part_negations(denied),
        _tabulate(names, "name", "thing"),
        equal_words,
        [_fold_all(group) for group in beside],
        _read_synonyms(language),
    )


def fold_words(texts: pl.Series) -> pl.Series:
    """Return texts as guards compare them: keys without accents, hyphens and possessive endings."""
    plain = tag_text(pl.col("text")).str.normalize("NFD").str.replace_all(r"([a-z])\p{Mn}+", "$1").str.normalize("NFC")
    owned = plain.str.replace_all("[’`´]", "'").str.replace_all(r"'s\b|'(\s|$)", "$1")
    counted = owned.str.replace_all(r"(\d),(\d{3})\b", "$1$2")
    words = counted.str.replace_all(r"[,;:!?&()·“”\"]+|\.+(\s|$)", " ").str.replace_all(r"\s+", " ").str.strip_chars()
    return texts.to_frame("text").select(words).to_series()


def _read_lines(name: str, mark: str) -> list[str]:
    file = files("tagflow.tagset").joinpath("words", name)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    marks = (mark,) if mark else ("!", "~")
    return [line for line in lines if line and line[0] != "#" and (line[0] in marks) == bool(mark)]


def _read_synonyms(language: str) -> pl.DataFrame:
    """The dictionary's groups, as they are lemmatised."""
    file = files("tagflow.tagset").joinpath("words", f"synonyms_{language}.txt.gz")
    lines = gzip.decompress(file.read_bytes()).decode().splitlines() if file.is_file() else []
    lines = [line for line in lines if line and line[0] != "#"]
    groups = [_split(line.removeprefix("~"), "=") for line in lines]
    listed = {"form": groups, "head": [group[0] for group in groups], "things": [line[0] != "~" for line in lines]}
    forms = pl.DataFrame(listed, schema=SYNONYMS).explode("form")
    return forms.with_columns(first=pl.col("form").str.split(" ").list.first())


def _split(line: str, sign: str) -> list[str]:
    return [part.strip() for part in line.split(sign)]


def _say_in_one_way(listed: pl.DataFrame, equals: Groups) -> pl.DataFrame:
    """Words that are equal to another one are listed as that one too, since guards read tags after they became one."""
    heads = {form: group[0] for group in equals for form in group[1:]}
    said = listed.with_columns(pl.col("word").replace_strict(heads, default=None, return_dtype=pl.String))
    return pl.concat([listed, said.drop_nulls("word")]).unique(maintain_order=True)


def _fold_all(group: list[str]) -> list[str]:
    return fold_words(pl.Series(group)).to_list()


def _part_affixes(groups: Groups) -> tuple[Groups, Groups, Groups]:
    beginnings = [[word[:-1] for word in group] for group in groups if group[0].endswith("-")]
    endings = [[word[1:] for word in group] for group in groups if group[0].startswith("-")]
    return beginnings, endings, [group for group in groups if "-" not in (group[0][0], group[0][-1])]


def _part_negations(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    starts = [word[:-1] for word in words if word.endswith("-")]
    ends = [word[1:] for word in words if word.startswith("-")]
    return [word for word in words if "-" not in word], starts, ends


def _tabulate(groups: Groups, word: str, group: str) -> pl.DataFrame:
    listed = pl.DataFrame(
        {group: range(len(groups)), word: groups}, schema={group: pl.Int64, word: pl.List(pl.String)}
    ).explode(word)
    return listed.with_columns(fold_words(listed[word]).alias(word)).select(word, group).unique(maintain_order=True)
