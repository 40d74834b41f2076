"""A sensor's look at a folder: names, sizes and times, nothing inside."""

import os
from pathlib import Path

from tagflow.adapters.content_folder import UNSEEN, look_at_dataset, look_at_folder


def test_names_sizes_and_times_are_seen_and_nothing_inside(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    os.utime(file, (1000, 1000))
    seen = look_at_folder(tmp_path)
    status = file.stat()
    assert seen.files.rows() == [("a.jsonl", 3, 1000 * 10**9, status.st_ctime_ns)]
    file.chmod(0o000)
    blind = look_at_folder(tmp_path)
    assert blind.files.drop("changed").equals(seen.files.drop("changed")), (
        "a file that nobody may read is seen the same"
    )


def test_every_change_of_a_file_changes_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    os.utime(file, (1000, 1000))
    digests = [look_at_folder(tmp_path).digest, look_at_folder(tmp_path).digest]
    assert digests[0] == digests[1]
    file.write_text("two")
    os.utime(file, (1000, 1000))
    digests.append(look_at_folder(tmp_path).digest)  # of the same name, size and time of writing
    os.utime(file, (1001, 1001))
    digests.append(look_at_folder(tmp_path).digest)
    file.rename(tmp_path / "b.jsonl")
    digests.append(look_at_folder(tmp_path).digest)
    (tmp_path / "b.jsonl").write_text("three")
    os.utime(tmp_path / "b.jsonl", (1001, 1001))
    digests.append(look_at_folder(tmp_path).digest)
    assert len(set(digests)) == 5


def test_hidden_and_unfinished_files_are_not_seen(tmp_path: Path) -> None:
    before = look_at_folder(tmp_path).digest
    for name in (".hidden.jsonl", "a.jsonl.part", "b.tmp"):
        (tmp_path / name).write_text("x")
    assert look_at_folder(tmp_path).digest == before


def test_a_copy_that_keeps_an_old_time_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    before = look_at_folder(tmp_path)
    os.utime(file, (1000, 1000))
    after = look_at_folder(tmp_path)
    assert after.files["modified"].item() == 1000 * 10**9 < before.files["modified"].item()
    assert after.digest != before.digest


def test_no_folder_and_a_link_to_nowhere_are_no_error(tmp_path: Path) -> None:
    missing = look_at_folder(tmp_path / "none")
    assert missing.files.is_empty()
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "nowhere")
    assert look_at_folder(tmp_path).files.rows() == [("a.jsonl", UNSEEN, 0, 0)]
    assert look_at_folder(tmp_path).digest != missing.digest


def test_corrections_beside_the_contents_are_seen(tmp_path: Path) -> None:
    (tmp_path / "contents").mkdir()
    (tmp_path / "contents" / "a.jsonl").write_text("one")
    before = look_at_dataset(tmp_path)
    (tmp_path / "corrections.jsonl").write_text("two")
    (tmp_path / "notes.txt").write_text("not seen")
    assert before.files["source_file"].to_list() == ["a.jsonl"]
    assert look_at_dataset(tmp_path).files["source_file"].to_list() == ["../corrections.jsonl", "a.jsonl"]
