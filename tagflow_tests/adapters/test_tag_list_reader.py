"""The user's own tag list: what is read, and what is refused with the place of the fault."""

import gzip
from pathlib import Path

import pytest

from tagflow.adapters.tag_list_reader import SCHEMA, read_tag_list
from tagflow.cli.exports import write_frame
from tagflow.errors import ConfigError
from tagflow_tests.worlds import tag_set


def write(folder: Path, name: str, text: str) -> str:
    """Write a tag list and return its name."""
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_a_dataset_without_a_list_has_no_tags_of_its_own(tmp_path: Path) -> None:
    listed = read_tag_list(tmp_path, None)
    assert listed.is_empty()
    assert dict(listed.schema) == SCHEMA


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tags.csv", "description,tag,more\nwarm and wet,Soup,1\n,Vegan,2\n"),
        ("tags.tsv", "tag\tdescription\nSoup\twarm and wet\nVegan\t\n"),
        ("tags.jsonl", '{"tag": "Soup", "description": "warm and wet"}\n{"tag": "Vegan", "description": null}\n'),
    ],
)
def test_tags_are_read_as_written_in_file_order(tmp_path: Path, name: str, text: str) -> None:
    listed = read_tag_list(tmp_path, write(tmp_path, name, text))
    assert dict(listed.schema) == SCHEMA
    assert listed["tag"].to_list() == ["Soup", "Vegan"]
    assert [said or None for said in listed["description"]] == ["warm and wet", None]


def test_a_list_of_tags_needs_no_descriptions(tmp_path: Path) -> None:
    listed = read_tag_list(tmp_path, write(tmp_path, "tags.csv", "tag\nÄpfel\n1984\n"))
    assert listed.rows() == [("Äpfel", [], None, []), ("1984", [], None, [])]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tags.csv", 'tag,aliases,broader\nSoup,broth | potage,food\nVegan,"vegetal; plant, based",\nTea,,\n'),
        ("tags.tsv", "tag\taliases\tbroader\nSoup\tbroth,potage\tfood\nVegan\tvegetal;plant, based\t\nTea\t\t\n"),
        (
            "tags.jsonl",
            '{"tag": "Soup", "aliases": ["broth", " potage "], "broader": "food"}\n'
            '{"tag": "Vegan", "aliases": ["vegetal", "plant, based"]}\n{"tag": "Tea", "aliases": [" "]}\n',
        ),
    ],
)
def test_aliases_and_broader_tags_are_lists_or_parted_by_the_first_mark_that_occurs(tmp_path, name, text) -> None:
    listed = read_tag_list(tmp_path, write(tmp_path, name, text))
    assert listed["aliases"].to_list() == [["broth", "potage"], ["vegetal", "plant, based"], []]
    assert listed["broader"].to_list() == [["food"], [], []]


def test_a_gzipped_list_and_an_exported_tag_set_are_lists(tmp_path: Path) -> None:
    (tmp_path / "tags.csv.gz").write_bytes(gzip.compress(b"tag,aliases\nSoup,broth|potage\n"))
    assert read_tag_list(tmp_path, "tags.csv.gz")["aliases"].to_list() == [["broth", "potage"]]
    for name in ("tags.jsonl", "tags.parquet"):
        write_frame(tag_set({"soup": ["broth"], "tea": []}), tmp_path / name)
        assert read_tag_list(tmp_path, name).rows() == [("soup", ["broth"], None, []), ("tea", [], None, [])]


@pytest.mark.parametrize("name", ["missing.csv", "", "folder", "../outside.csv", "link.csv"])
def test_a_file_that_is_not_beside_the_dataset_is_refused(tmp_path: Path, name: str) -> None:
    dataset = tmp_path / "dataset"
    (dataset / "folder").mkdir(parents=True)
    write(tmp_path, "outside.csv", "tag\nsoup\n")
    (dataset / "link.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(ConfigError, match=r"dataset\.yaml: vocabulary\.file names") as refused:
        read_tag_list(dataset, name)
    assert repr(name) in str(refused.value)


def test_a_file_in_a_folder_of_the_dataset_is_read(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    write(tmp_path / "lists", "tags.csv", "tag\nsoup\n")
    assert read_tag_list(tmp_path, "lists/tags.csv")["tag"].to_list() == ["soup"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("tags.csv", "label\nsoup\n", 2),  # no column tag
        ("tags.csv", "tag,description\nsoup,warm\n ,cold\n", 3),  # a blank tag
        ("tags.jsonl", '{"tag": "soup"}\n{"name": "vegan"}\n', 2),
        ("tags.jsonl", '{"tag": "soup"}\n{"tag": ["vegan"]}\n', 2),
        ("tags.jsonl", '{"tag": "soup"}\n{"tag": null}\n', 2),
        ("tags.jsonl", '{"tag": "soup"}\n{"tag": \n', 2),  # broken JSON
    ],
)
def test_a_bad_record_is_refused_with_file_and_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    with pytest.raises(ConfigError) as refused:
        read_tag_list(tmp_path, write(tmp_path, name, text))
    assert str(refused.value).startswith(f"{tmp_path / name}, line {line}: ")


def test_a_file_of_another_kind_is_refused_by_name_and_not_by_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown kind of file") as refused:
        read_tag_list(tmp_path, write(tmp_path, "tags.txt", "soup\n"))
    assert str(tmp_path / "tags.txt") in str(refused.value)
    assert "line 0" not in str(refused.value)
