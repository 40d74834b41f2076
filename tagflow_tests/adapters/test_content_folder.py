"""A sensor's look at a folder: names, sizes and times, nothing inside."""

import os
from pathlib import Path

from tagflow.adapters.content_folder import look_at_folder


def test_the_digest_changes_with_names_sizes_and_times_only(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    os.utime(file, (1000, 1000))
    first = look_at_folder(tmp_path).digest
    file.write_text("two")
    os.utime(file, (1000, 1000))
    assert look_at_folder(tmp_path).digest == first, "same name, size and time"
    os.utime(file, (1001, 1001))
    later = look_at_folder(tmp_path).digest
    file.rename(tmp_path / "b.jsonl")
    renamed = look_at_folder(tmp_path).digest
    (tmp_path / "b.jsonl").write_text("three")
    os.utime(tmp_path / "b.jsonl", (1001, 1001))
    assert len({first, later, renamed, look_at_folder(tmp_path).digest}) == 4


def test_hidden_and_unfinished_files_are_not_seen(tmp_path: Path) -> None:
    before = look_at_folder(tmp_path).digest
    for name in (".hidden.jsonl", "a.jsonl.part", "b.tmp"):
        (tmp_path / name).write_text("x")
    assert look_at_folder(tmp_path).digest == before


def test_a_copy_that_keeps_an_old_time_was_touched_now(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    os.utime(file, (1000, 1000))
    assert look_at_folder(tmp_path).touched >= file.stat().st_ctime > 1_000_000


def test_no_folder_and_a_link_to_nowhere_are_no_error(tmp_path: Path) -> None:
    assert look_at_folder(tmp_path / "none") == ("", 0.0)
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "nowhere")
    assert look_at_folder(tmp_path).digest
