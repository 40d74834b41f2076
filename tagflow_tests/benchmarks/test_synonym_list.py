"""The list of synonyms: which nouns of a dictionary stand for one thing and no other."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner

from tagflow_tests.benchmarks.synonym_list import list_groups, main

LICENCE = "  1 a line of the licence begins with spaces  \n"
GROUPS = {  # offset: file, members; 05 holds animals, 06 what people make, 04 deeds
    "00000101": ("05", ["okapi", "Okapia_johnstoni"]),
    "00000102": ("06", ["skillet", "frying_pan", "frypan"]),
    "00000103": ("05", ["bat", "chiropteran"]),
    "00000104": ("06", ["bat", "cricket_bat"]),
    "00000105": ("04", ["hop", "skip", "jump", "leapage", "bound", "spring"]),
    "00000106": ("06", ["spectacles", "specs", "eyeglasses"]),
    "00000107": ("04", ["spectacle"]),
    "00000108": ("26", ["GERD", "reflux_disease", "acid_reflux"]),
    "00000109": ("05", ["Okapia", "genus_Okapia"]),
    "00000110": ("06", ["hue_wheel", "colour_wheel", "color_wheel"]),
}
VERBS = ["frypan"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A small database of nouns, one of which is a verb as well."""
    lines, senses = [LICENCE], {}
    for offset, (file, members) in GROUPS.items():
        listed = " ".join(f"{word} 0" for word in members)
        lines.append(f"{offset} {file} n {len(members):02x} {listed} 000 | what it is\n")
        for word in members:
            senses.setdefault(word.lower(), []).append(offset)
    (tmp_path / "data.noun").write_text("".join(lines), encoding="utf-8")
    index = "".join(f"{word} n {len(at)} 0 {len(at)} 0 {' '.join(at)}\n" for word, at in senses.items())
    (tmp_path / "index.noun").write_text(LICENCE + index, encoding="utf-8")
    (tmp_path / "index.verb").write_text(LICENCE + "".join(f"{word} v 1 0 1 0 1\n" for word in VERBS), encoding="utf-8")
    for part in ("adj", "adv"):
        (tmp_path / f"index.{part}").write_text(LICENCE, encoding="utf-8")
    return tmp_path


def test_only_nouns_of_one_meaning_are_listed(database: Path) -> None:
    assert list_groups(database) == [
        (True, ["acid reflux", "reflux disease"]),  # initials are left out
        (False, ["hue wheel", "color wheel"]),  # both spellings are one form
        (True, ["okapi", "okapia johnstoni"]),
        (False, ["skillet", "frying pan"]),  # the third is a verb as well
        (False, ["spec", "eyeglass"]),  # spectacles in the singular are another thing
    ]


def test_the_list_is_written_the_same_each_time_with_the_owner_named(database: Path, tmp_path: Path) -> None:
    files = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for file in files:
        told = CliRunner().invoke(main, [str(database), "--target", str(file)])
        assert told.exit_code == 0, told.output
    assert files[0].read_bytes() == files[1].read_bytes()
    lines = gzip.decompress(files[0].read_bytes()).decode().splitlines()
    assert "Princeton University" in lines[1]
    assert "okapi = okapia johnstoni" in lines and "~ skillet = frying pan" in lines
