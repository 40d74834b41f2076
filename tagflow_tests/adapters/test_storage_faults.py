"""Small rounds of ``tagflow_tests.chaos.storage``: killed writers, many at once, full disks, damaged files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tagflow_tests.chaos.storage import (
    Total,
    damage_files,
    fill_disk,
    kill_at_points,
    kill_at_random,
    write_in_parallel,
)


@pytest.fixture
def total() -> Total:
    return Total()


def test_a_writer_killed_at_any_named_point_leaves_the_old_version_or_the_new_one(total: Total, tmp_path: Path) -> None:
    kill_at_points(total, tmp_path)
    assert total.wrong == []
    assert (total.kills, total.half_written, total.torn_reads) == (11, 0, 0)
    assert total.reads >= 22


@pytest.mark.parametrize(
    ("round_", "given"), [(kill_at_random, 3), (damage_files, 200)], ids=["random kills", "damaged files"]
)
def test_nothing_is_torn_half_written_or_silently_shorter(
    total: Total, tmp_path: Path, round_: Callable[[Total, Path, int], None], given: int
) -> None:
    round_(total, tmp_path, given)
    assert total.wrong == []
    assert (total.half_written, total.torn_reads) == (0, 0)


def test_datasets_written_at_once_lock_no_reader_out_and_tear_no_read(total: Total, tmp_path: Path) -> None:
    write_in_parallel(total, tmp_path, 8, 2)
    assert total.wrong == []
    assert (total.lock_failures, total.torn_reads) == (0, 0)
    assert total.reads >= 16


def test_a_full_disk_costs_nothing_and_the_error_says_how_much_is_needed(total: Total, tmp_path: Path) -> None:
    if not fill_disk(total, tmp_path, (0, 60, 240)):
        pytest.skip("only root may mount a small disk")
    assert total.wrong == []
    assert total.half_written == 0
