"""A dataset's artifacts are published together, as numbered versions that never change."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import Stage
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError
from tagflow.tables import Tables


def rows(*values: int) -> Tables:
    return {"numbers": pl.DataFrame({"value": list(values)})}


def letters(*values: str) -> Tables:
    return {"letters": pl.DataFrame({"value": list(values)})}


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path)


def values(store: DuckDBStore, artifact: str) -> list[object]:
    return store.read("toy", artifact)["value"].to_list()


class Run:
    """A run of the dataset toy, which holds its lease."""

    def __init__(self, store: DuckDBStore, root: Path, run: str, of: str | None = None, resumed: bool = False) -> None:
        versions = store.versions("toy")
        self.lease = Lease(versions.folder, "toy", run).acquire(0)
        try:
            self.stage = Stage(versions, self.lease, run, of or run, resumed=resumed)
        except ArtifactError:
            self.lease.release()
            raise
        self.store = DuckDBStore(root, self.stage)

    def end(self) -> None:
        self.lease.release()


def test_a_run_sees_what_it_made_and_readers_see_nothing_of_it_until_all_is_published(
    store: DuckDBStore, tmp_path: Path
) -> None:
    store.write("toy", "numbers", rows(1))
    store.write("toy", "letters", letters("a"))
    run = Run(store, tmp_path, "run-1")
    run.store.write("toy", "numbers", rows(1, 2))
    assert values(run.store, "numbers") == [1, 2]
    assert values(run.store, "letters") == ["a"]
    assert (values(store, "numbers"), values(store, "letters")) == ([1], ["a"])
    run.store.write("toy", "letters", letters("b"))
    assert (values(store, "numbers"), values(store, "letters")) == ([1], ["a"])
    assert run.stage.publish(5).number == 3
    run.end()
    assert (values(store, "numbers"), values(store, "letters")) == ([1, 2], ["b"])
    assert not run.stage.folder.exists()


def test_a_reader_of_one_version_is_not_given_parts_of_the_next(store: DuckDBStore) -> None:
    store.write("toy", "numbers", rows(1))
    store.write("toy", "letters", letters("a"))
    reader = store.snapshot("toy")
    store.write("toy", "numbers", rows(2))
    store.write("toy", "letters", letters("b"))
    assert (values(reader, "numbers"), values(reader, "letters")) == ([1], ["a"])
    assert (values(store, "numbers"), values(store, "letters")) == ([2], ["b"])


def test_the_path_of_readers_is_a_link_that_globs_of_duckdb_follow(store: DuckDBStore, tmp_path: Path) -> None:
    store.write("toy", "numbers", rows(1, 2))
    store.write("other", "numbers", rows(3))
    assert (tmp_path / "dataset=toy").is_symlink()
    query = f"SELECT dataset, value FROM read_duckdb('{tmp_path}/dataset=*/numbers.duckdb', table_name='numbers', "
    found = duckdb.connect().execute(query + "hive_partitioning=true) ORDER BY ALL").fetchall()
    assert found == [("other", 3), ("toy", 1), ("toy", 2)]


def test_a_plain_folder_of_an_earlier_tagflow_becomes_the_first_version(store: DuckDBStore, tmp_path: Path) -> None:
    store.write("toy", "numbers", rows(1))
    store.write("toy", "letters", letters("a"))
    store.write("toy", "vector_cache", {"vector_cache": pl.DataFrame({"value": [7]})})
    plain = tmp_path / "old" / "dataset=toy"
    plain.mkdir(parents=True)
    for name in ("numbers", "letters", "vector_cache"):
        store.path("toy", name).rename(plain / f"{name}.duckdb")
    (plain / "report.html").write_text("a report", encoding="utf-8")
    (plain / ".numbers.lock").touch()
    old = DuckDBStore(tmp_path / "old")
    assert (values(old, "numbers"), values(old, "letters"), values(old, "vector_cache")) == ([1], ["a"], [7])
    assert old.artifacts("toy") == ["letters", "numbers", "vector_cache"]
    old.write("toy", "numbers", rows(1, 2))
    assert (values(old, "numbers"), values(old, "letters"), values(old, "vector_cache")) == ([1, 2], ["a"], [7])
    assert [path.name for path in sorted((tmp_path / "old" / "dataset=toy").iterdir())] == [
        "letters.duckdb",
        "manifest.json",
        "numbers.duckdb",
        "report.html",
    ]
    versions = old.versions("toy")
    assert versions.list_numbers() == [1, 2]
    assert versions.read(1).files["numbers.duckdb"].rows == {"numbers": 1}
    assert versions.read(2).files["numbers.duckdb"].rows == {"numbers": 2}


def test_a_version_of_a_later_layout_is_refused_with_both_numbers(store: DuckDBStore, monkeypatch) -> None:
    from tagflow.adapters import dataset_versions

    with monkeypatch.context() as later:
        later.setattr(dataset_versions, "LAYOUT", 9)
        store.write("toy", "numbers", rows(1))
    for ask in (lambda: store.read("toy", "numbers"), lambda: store.write("toy", "numbers", rows(2))):
        with pytest.raises(ArtifactError, match=r"Version 1 of dataset 'toy' has layout 9, later than 1: update"):
            ask()


def test_a_retry_goes_on_with_what_its_root_staged(store: DuckDBStore, tmp_path: Path) -> None:
    first = Run(store, tmp_path, "run-1")
    first.store.write("toy", "numbers", rows(1))
    first.end()
    again = Run(store, tmp_path, "run-2", of="run-1", resumed=True)
    assert values(again.store, "numbers") == [1]
    again.store.write("toy", "letters", letters("a"))
    again.stage.publish(5)
    again.end()
    assert (values(store, "numbers"), values(store, "letters")) == ([1], ["a"])


def test_a_retry_whose_stage_another_run_took_is_refused(store: DuckDBStore, tmp_path: Path) -> None:
    first = Run(store, tmp_path, "run-1")
    first.store.write("toy", "numbers", rows(1))
    first.end()
    Run(store, tmp_path, "run-2").end()
    with pytest.raises(ArtifactError, match=r"What run run-1 staged of dataset 'toy' is gone"):
        Run(store, tmp_path, "run-3", of="run-1", resumed=True)
    fresh = Run(store, tmp_path, "run-4", of="run-1")
    assert not fresh.store.exists("toy", "numbers")
    fresh.end()


def test_a_run_that_was_killed_after_publishing_can_be_retried(store: DuckDBStore, tmp_path: Path) -> None:
    first = Run(store, tmp_path, "run-1")
    first.store.write("toy", "numbers", rows(1))
    first.store.write("toy", "letters", letters("a"))
    first.stage.publish(5)
    first.end()
    again = Run(store, tmp_path, "run-2", of="run-1", resumed=True)
    again.store.write("toy", "letters", letters("a"))
    again.stage.publish(5)
    again.end()
    assert (values(store, "numbers"), values(store, "letters")) == ([1], ["a"])


def test_older_versions_are_removed_but_the_newest_and_the_last_of_the_tag_set_before(store: DuckDBStore) -> None:
    for number in range(1, 5):
        store.write("toy", "numbers", rows(number))
    assert store.versions("toy").list_numbers() == [1, 2, 3, 4]
    for number in range(5, 12):
        store.write("toy", "numbers", rows(number))
    assert store.versions("toy").list_numbers() == [7, 8, 9, 10, 11]


def test_a_version_that_was_never_made_current_is_not_listed_and_gives_its_place_back(store: DuckDBStore) -> None:
    store.write("toy", "numbers", rows(1))
    store.write("toy", "numbers", rows(2))
    versions = store.versions("toy")
    fresh = versions.folder / ".link-test"
    fresh.symlink_to(Path(".versions") / "toy" / "000001")
    fresh.rename(versions.link)
    assert (values(store, "numbers"), versions.list_numbers()) == ([1], [1])
    store.write("toy", "numbers", rows(3))
    assert (values(store, "numbers"), versions.list_numbers()) == ([3], [1, 2])
