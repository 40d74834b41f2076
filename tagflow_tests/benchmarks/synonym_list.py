"""Make ``tagflow/tagset/words/synonyms_en.txt.gz`` from the database files of Princeton WordNet.

Run ``python -m tagflow_tests.benchmarks.synonym_list FOLDER`` with the folder of ``data.noun``, ``index.noun`` and so
on (WordNet 3.1; its licence is in NOTICE). A group of nouns is taken with those of its members that have no other
sense in any part of speech, before and after they are lemmatised, so that a word of two meanings never stands for one
of them. Groups of things (animals, plants, diseases, substances, places) are mostly of one meaning indeed; those of
works, deeds and ideas are often merely near to it, and begin with ``~``: read by eye on two public tag lists, every
fourth pair of the latter was of two meanings. Long groups are loose as well and left out.
"""

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl

from tagflow.tagset.spellings import lemmatise
from tagflow.tagset.word_groups import fold_words

TARGET = Path(__file__).parents[2] / "tagflow" / "tagset" / "words" / "synonyms_en.txt.gz"
PARTS = ("noun", "verb", "adj", "adv")
WRITTEN = r"^[\p{L}\p{N}' -]+$"
SHORTEST = 4  # letters of a single word; capitals are left out, initials mean more than a dictionary knows
LONGEST = 5  # members of a group, those with other senses counted
THINGS = frozenset("05 08 13 15 17 19 20 22 26 27 28".split())
"""WordNet's files of animals, body, food, places, natural objects, phenomena, plants, processes, states, substances and
times."""
RANKS = r"^(?:(?:sub|super)?(?:genus|family|order|class|phylum|division|kingdom|tribe)) "
HEADER = (
    "# Nouns of one meaning and no other, a group a line, made from WordNet 3.1 by "
    "tagflow_tests/benchmarks/synonym_list.py.\n"
    "# WordNet 3.1 Copyright 2011 by Princeton University. All rights reserved. Its licence is in NOTICE.\n"
)


Group = tuple[bool, list[str]]
"""Whether it is of things, and its forms."""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--target", type=click.Path(dir_okay=False, path_type=Path), default=TARGET, show_default=True)
def main(folder: Path, target: Path) -> None:
    """Write the list and say how long it is."""
    groups = list_groups(folder)
    lines = "".join(f"{'' if things else '~ '}{' = '.join(forms)}\n" for things, forms in groups)
    target.write_bytes(gzip.compress((HEADER + lines).encode(), mtime=0))  # the same bytes for the same database
    nouns = sum(len(forms) for _, forms in groups)
    click.echo(f"{len(groups):,} groups of {nouns:,} nouns, {target.stat().st_size:,} bytes")


def list_groups(folder: Path) -> list[Group]:
    """Return the groups, sorted by their forms; forms as they are lemmatised, sorted by length, then by letters."""
    senses = _read_senses(folder)
    every = pl.DataFrame(list(_read_members(folder)), schema=["sense", "things", "members", "said"], orient="row")
    listed = every.with_columns(key=pl.col("said").str.to_lowercase())
    listed = listed.with_columns(form=lemmatise(fold_words(listed["key"]), "en"))
    meanings = listed.group_by("form").agg(pl.col("sense").n_unique().alias("meanings"))
    form, capitals = pl.col("form"), pl.col("said") == pl.col("said").str.to_uppercase()
    single = listed.join(meanings, on="form").filter(
        (pl.col("members") <= LONGEST) & (pl.col("meanings") == 1),
        pl.col("key").replace_strict(senses, default=0, return_dtype=pl.Int64) == 1,
        form.replace_strict(senses, default=1, return_dtype=pl.Int64) == 1,
        form.str.contains(WRITTEN) & ~form.str.contains(RANKS),
        form.str.contains(" ") | ((form.str.len_chars() >= SHORTEST) & ~capitals),
    )
    grouped = single.group_by("sense", "things").agg(form.unique()).filter(form.list.len() > 1)
    groups = [(things, sorted(forms, key=lambda one: (len(one), one))) for _, things, forms in grouped.iter_rows()]
    return sorted(groups, key=lambda group: group[1])


def _read_lines(path: Path) -> Iterator[list[str]]:
    """Split lines but for those of the licence, which begin with spaces."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith(" "):
                yield line.partition(" | ")[0].split()


def _read_members(folder: Path) -> Iterator[tuple[str, bool, int, str]]:
    """Offset, whether it is of things, number of members and member, of each group of nouns."""
    for fields in _read_lines(folder / "data.noun"):
        count = int(fields[3], 16)
        for word in fields[4 : 4 + 2 * count : 2]:
            yield fields[0], fields[1] in THINGS, count, _unfold(word)


def _read_senses(folder: Path) -> dict[str, int]:
    """How many senses each form has, all parts of speech together."""
    senses: defaultdict[str, int] = defaultdict(int)
    for part in PARTS:
        for fields in _read_lines(folder / f"index.{part}"):
            senses[_unfold(fields[0]).lower()] += int(fields[2])
    return dict(senses)


def _unfold(word: str) -> str:
    return re.sub(r"\([a-z]+\)$", "", word).replace("_", " ")


if __name__ == "__main__":
    main()
