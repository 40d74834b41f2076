"""The folder knowledge of a dataset: what is read of it, and the sentence that each mistake gets."""

from pathlib import Path

import pytest

from tagflow.adapters.domain_texts import read_domain_texts
from tagflow.errors import ConfigError


def write(folder: Path, name: str, text: str | bytes) -> None:
    """Write a file of the folder knowledge."""
    path = folder / "knowledge" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_texts_are_read_by_file_name_and_other_files_are_left_alone(tmp_path):
    write(tmp_path, "b.txt", "\ufeffplain")
    write(tmp_path, "a.md", "# Title\n\ntext")
    write(tmp_path, "c.jsonl", '{"title": "soup", "text": "hot"}\n\n{"text": "cold"}\n')
    write(tmp_path, "picture.png", b"\x89PNG")
    write(tmp_path, ".hidden.md", "no")
    assert read_domain_texts(tmp_path).rows() == [
        ("a.md", 1, None, "# Title\n\ntext"),
        ("b.txt", 1, None, "plain"),
        ("c.jsonl", 1, "soup", "hot"),
        ("c.jsonl", 3, None, "cold"),
    ]


def test_without_the_folder_there_are_no_texts(tmp_path):
    assert read_domain_texts(tmp_path).is_empty()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"text": "x"}\n["text"]\n', "line 2"),
        ("a.jsonl", '{"title": 3, "text": "x"}', "line 1"),
        ("a.jsonl", "{", "line 1"),
        ("a.md", b"caf\xe9", "not UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path, name, text, said):
    write(tmp_path, name, text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_domain_texts(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "knowledge" / name))
