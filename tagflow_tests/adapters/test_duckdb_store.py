"""The store gives back what was written, the old version or the new one, whatever happens in between."""

import contextlib
import errno
import os
import random
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tagflow.adapters import artifact_files, duckdb_store
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError, ConfigError
from tagflow.schemas import ARTIFACTS
from tagflow.tables import Artifact, Table, Tables
from tagflow_tests.stored_files import stored_file

ROOT = Path(duckdb_store.__file__).parents[2]
SECRET = "a private diary entry"
NUMBERS = {"numbers": pl.DataFrame({"id": ["a", "b", "c"], "value": [1, 2, 3]})}


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    """Return a store in a folder whose name is as awkward as names get."""
    return DuckDBStore(tmp_path / """it's "the"; warehouse %41 ü""")


def made_up(table: Table, rows: int = 7) -> pl.DataFrame:
    """Return rows of every kind the table's columns can hold."""
    frame = {}
    for name, column in table.columns.items():
        dtype = pl.Array(pl.Float32, 3) if isinstance(column.dtype, pl.Array) else column.dtype
        values = [made_up_value(dtype, name, row) for row in range(rows)]
        frame[name] = pl.Series([None, *values[1:]] if column.nullable else values, dtype=dtype)
    return pl.DataFrame(frame)


def made_up_value(dtype: pl.DataType, name: str, row: int) -> object:
    """Return a value of the dtype that differs from row to row."""
    if isinstance(dtype, pl.List | pl.Array):
        length = dtype.size if isinstance(dtype, pl.Array) else row % 3
        return [made_up_value(dtype.inner, f"{name}{part}", row) for part in range(length)]  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return {field.name: made_up_value(field.dtype, field.name, row) for field in dtype.fields}  # type: ignore[arg-type]
    dtype = dtype() if isinstance(dtype, type) else dtype
    if dtype == pl.String:
        return ["", "\x00", "'; DROP TABLE x; --", '"quoted"\n', "日本語 👩‍👩‍👧", "NULL"][row % 6] + f"{name}{row}"
    return {pl.Int64: 2**62 + row, pl.Boolean: row % 2 == 0}.get(type(dtype), -(row + 1) / 7)


def everything(artifact: Artifact, rows: int = 7) -> Tables:
    """Return made-up rows for every table of the artifact."""
    return {name: made_up(table, rows) for name, table in artifact.tables.items()}


def leftovers(store: DuckDBStore, dataset: str = "toy") -> list[str]:
    """Return what is unfinished of the dataset."""
    return sorted(path.name for path in store.versions(dataset).folder.rglob(".*-*"))


def assert_same(found: Tables, expected: Tables) -> None:
    """Assert that both hold the same tables, columns, dtypes and rows, each in the same order."""
    assert list(found) == list(expected)
    for name, frame in expected.items():
        assert_frame_equal(found[name], frame)


@contextlib.contextmanager
def python(script: str, *arguments: object, stdout: int | IO[str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a script in a process of its own, which does not outlive the block."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True, stdout=stdout) as process:
        try:
            yield process
        finally:
            process.kill()


class TestRoundTrip:
    """What is read is what was written."""

    @pytest.mark.parametrize("uncompressed", [False, True])
    @pytest.mark.parametrize("artifact", ARTIFACTS.values(), ids=lambda artifact: artifact.name)
    def test_every_artifact_comes_back_with_its_dtypes(
        self, store: DuckDBStore, artifact: Artifact, uncompressed: bool
    ) -> None:
        """Nested, null, quoted and non-Latin values included."""
        store.write("toy", artifact.name, everything(artifact), uncompressed=uncompressed)
        assert_same(store.read_all("toy", artifact.name), everything(artifact))
        assert_frame_equal(store.read("toy", artifact.name), everything(artifact)[artifact.name])
        assert leftovers(store) == []

    @pytest.mark.parametrize("artifact", ARTIFACTS.values(), ids=lambda artifact: artifact.name)
    def test_empty_artifacts_keep_columns_and_dtypes(self, store: DuckDBStore, artifact: Artifact) -> None:
        """Only a vector column without a width gets one: 1."""
        empty = {name: table.empty() for name, table in artifact.tables.items()}
        store.write("toy", artifact.name, empty)
        for name, frame in store.read_all("toy", artifact.name).items():
            schema = pl.Schema(
                {n: pl.Array(pl.Float32, 1) if isinstance(d, pl.Array) else d for n, d in empty[name].schema.items()}
            )
            assert (frame.schema, frame.height) == (schema, 0)
        store.write("toy", artifact.name, store.read_all("toy", artifact.name))

    def test_columns_are_stored_by_name(self, store: DuckDBStore) -> None:
        """A frame with its columns in another order is the same artifact."""
        tables = everything(ARTIFACTS["fused_tagset"])
        store.write("toy", "fused_tagset", {name: frame[:, ::-1] for name, frame in reversed(tables.items())})
        assert_same(store.read_all("toy", "fused_tagset"), tables)

    def test_rows_keep_their_order_beyond_a_row_group(self, store: DuckDBStore) -> None:
        """A row group holds 122,880 rows."""
        frame = pl.DataFrame({"value": pl.int_range(400_000, eager=True).shuffle(seed=1)})
        store.write("toy", "shuffled", {"shuffled": frame})
        assert_frame_equal(store.read("toy", "shuffled"), frame)

    def test_vectors_are_written_in_small_groups_of_rows(self, store: DuckDBStore) -> None:
        """4,096 rows of 4 KB are 17 MB that are held together; with DuckDB's 122,880 they would be 500 MB."""
        frame = pl.DataFrame({"key": range(10_000), "vector": [[1.0]] * 10_000}, schema_overrides={"key": pl.Int64})
        frame = frame.cast({"vector": pl.Array(pl.Float32, 1)})
        for uncompressed, groups in ((True, 3), (False, 1)):  # 4,096 + 4,096 + 1,808
            store.write("toy", "cache", {"cache": frame}, uncompressed=uncompressed)
            assert_frame_equal(store.read("toy", "cache"), frame)
            with contextlib.closing(duckdb.connect(":memory:")) as connection:
                path = str(store.path("toy", "cache")).replace("'", "''")
                connection.execute(f"ATTACH '{path}' AS x (READ_ONLY)")
                said = "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('x.main.cache')"
                assert connection.execute(said).fetchone() == (groups,)

    def test_awkward_table_and_column_names(self, store: DuckDBStore) -> None:
        """Names of the store's own SQL and of SQL itself are names like others."""
        frame = pl.DataFrame({'a"b': [1], "select": [2], "old": [3], "'; --": [4], "frame": [5], " ": [6]})
        store.write("toy", "frame", {"frame": frame, "x": frame, "old": frame, "table": frame})
        store.upsert("toy", "frame", "old", frame + 1, ['a"b', "old"])
        assert_same(
            store.read_all("toy", "frame"),
            {"frame": frame, "x": frame, "old": pl.concat([frame, frame + 1]), "table": frame},
        )

    def test_describe_names_versions_time_and_rows(self, store: DuckDBStore) -> None:
        """The stamp is the file's own table _artifact."""
        store.write("toy", "numbers", NUMBERS | {"side": NUMBERS["numbers"][:1]}, uncompressed=True)
        stamp = store.describe("toy", "numbers")
        assert list(stamp) == ["format", "tagflow", "written_at", "uncompressed", "rows.numbers", "rows.side"]
        assert (stamp["format"], stamp["uncompressed"], stamp["rows.numbers"], stamp["rows.side"]) == (
            "1",
            "true",
            "3",
            "1",
        )
        assert stamp["written_at"].endswith("+00:00")

    def test_files_are_small_and_older_duckdbs_read_them(self, store: DuckDBStore) -> None:
        """The header's version number 68 is what DuckDB 1.5 says it reads; 2.0's own files say 999."""
        store.write("toy", "numbers", NUMBERS)
        for _ in range(2):
            content = store.path("toy", "numbers").read_bytes()
            assert (content[8:12], int.from_bytes(content[12:20], "little")) == (b"DUCK", 68)
            assert len(content) < 100_000
            store.upsert("toy", "numbers", "numbers", NUMBERS["numbers"], ["id"])

    def test_nothing_is_created_before_the_first_write(self, store: DuckDBStore, tmp_path: Path) -> None:
        """Neither a question nor a refused upsert leaves a folder."""
        assert (store.exists("toy", "numbers"), store.artifacts("toy")) == (False, [])
        with pytest.raises(ArtifactError):
            store.upsert("toy", "numbers", "numbers", NUMBERS["numbers"], ["id"])
        assert list(tmp_path.iterdir()) == []
        store.write("toy", "numbers", NUMBERS)
        store.write("toy", "few_numbers", NUMBERS)
        assert (store.exists("toy", "numbers"), store.artifacts("toy")) == (True, ["few_numbers", "numbers"])


class TestRefusal:
    """What is refused changes nothing."""

    def test_tables_that_do_not_fit_leave_the_old_version(self, store: DuckDBStore) -> None:
        """A wrong dtype, a null, a repeated key, a missing table, an unknown column."""
        good = everything(ARTIFACTS["fused_tagset"])
        main, log, changes = good.values()
        store.write("toy", "fused_tagset", good)
        before = store.path("toy", "fused_tagset").read_bytes()
        for bad in (
            {"fused_tagset": main},
            {"fused_tagset": main.with_columns(frequency="tag"), "fusion_log": log, "vocabulary_changes": changes},
            {"fused_tagset": main.with_columns(tag=None), "fusion_log": log, "vocabulary_changes": changes},
            {"fused_tagset": pl.concat([main, main]), "fusion_log": log, "vocabulary_changes": changes},
            {"fused_tagset": main.with_columns(more=1), "fusion_log": log, "vocabulary_changes": changes},
        ):
            with pytest.raises(ArtifactError):
                store.write("toy", "fused_tagset", bad)
        assert store.path("toy", "fused_tagset").read_bytes() == before

    @pytest.mark.parametrize(
        "frame",
        [
            pl.DataFrame(),
            pl.DataFrame({"a": [1], "A": [2]}),
            pl.DataFrame({"": [1]}),
            pl.DataFrame({"a": [object()]}),
            pl.DataFrame({"v": [[]]}, schema={"v": pl.Array(pl.Float32, 0)}),
        ],
        ids=["no columns", "case", "no name", "objects", "vectors of width 0"],
    )
    def test_frames_that_duckdb_cannot_hold_are_refused(self, store: DuckDBStore, frame: pl.DataFrame) -> None:
        """Instead of columns renamed or values turned into others."""
        store.write("toy", "numbers", NUMBERS)
        with pytest.raises(ArtifactError):
            store.write("toy", "numbers", {"numbers": frame})
        assert_same(store.read_all("toy", "numbers"), NUMBERS)
        assert leftovers(store) == []

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../x", "a/b", "Toy", "a b", 'x"; DROP', "-a", "a" * 64, "ü", "a\n"]
    )
    def test_names_that_could_be_paths_or_sql_are_refused(self, store: DuckDBStore, tmp_path: Path, name: str) -> None:
        """For datasets, artifacts and tables alike."""
        with pytest.raises(ConfigError):
            store.write(name, "numbers", NUMBERS)
        with pytest.raises(ArtifactError):
            store.write("toy", name, NUMBERS)
        with pytest.raises(ArtifactError):
            store.write("toy", "numbers", {name: NUMBERS["numbers"]})
        with pytest.raises(ArtifactError):
            store.upsert("toy", "numbers", name, NUMBERS["numbers"], ["id"])
        assert list(tmp_path.iterdir()) == []
        store.write("toy", "numbers", NUMBERS)
        if name:  # an empty one means the default
            with pytest.raises(ArtifactError, match="has no table"):
                store.read("toy", "numbers", name)

    def test_a_missing_artifact_says_what_to_run(self, store: DuckDBStore) -> None:
        """One sentence, the same for every question."""
        for ask in (store.read, store.read_all, store.describe):
            with pytest.raises(ArtifactError) as caught:
                ask("x", "fused_tagset")
            assert str(caught.value) == "fused_tagset of dataset 'x' has not been made yet: run tagflow run x."

    def test_a_file_of_another_program_is_refused(self, store: DuckDBStore) -> None:
        """By the missing stamp, or by a stamp that is not ours."""
        for statement in ("CREATE TABLE numbers AS SELECT 1 AS id", "CREATE TABLE _artifact AS SELECT 1 AS id"):
            with stored_file(store, "toy", "numbers") as path:
                path.unlink(missing_ok=True)
                with contextlib.closing(duckdb.connect(str(path))) as connection:
                    connection.execute(statement)
            with pytest.raises(ArtifactError, match=r"has no _artifact table.*: remove|is damaged \(.*, or remove"):
                store.read("toy", "numbers")

    def test_a_later_format_is_refused_with_both_versions(
        self, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An older tagflow must not guess."""
        with monkeypatch.context() as later:
            later.setattr(artifact_files, "FORMAT", 23)
            store.write("toy", "numbers", NUMBERS)
        with pytest.raises(ArtifactError, match="has format 23, later than 1: update tagflow"):
            store.read("toy", "numbers")
        with pytest.raises(ArtifactError, match="has format 23"):
            store.upsert("toy", "numbers", "numbers", NUMBERS["numbers"], ["id"])

    def test_a_later_duckdbs_file_is_not_called_damaged(self, store: DuckDBStore) -> None:
        """With a valid checksum, as DuckDB computes it, over a version number that is yet to come."""
        store.write("toy", "numbers", NUMBERS)
        with stored_file(store, "toy", "numbers") as path:
            content = bytearray(path.read_bytes())
            content[12:20] = (10**6).to_bytes(8, "little")
            checksum = 5381
            for (word,) in struct.iter_unpack("<Q", content[8:4096]):
                checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
            content[:8] = checksum.to_bytes(8, "little")
            path.write_bytes(content)
        with pytest.raises(ArtifactError, match="was written by a later DuckDB: update tagflow"):
            store.read("toy", "numbers")


class TestFailure:
    """A failure in the middle leaves the old version and nothing else."""

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, duckdb.IOException])
    def test_an_exception_while_the_file_is_built(
        self, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ) -> None:
        """After the tables, before the stamp; DuckDB's own errors become one sentence."""
        store.write("toy", "numbers", NUMBERS)
        before = store.path("toy", "numbers").read_bytes()

        def fail(*_: object) -> None:
            raise error(SECRET)

        def write() -> None:
            store.write("toy", "numbers", {"numbers": NUMBERS["numbers"][:1]})

        def upsert() -> None:
            store.upsert("toy", "numbers", "numbers", NUMBERS["numbers"][:1], ["id"])

        monkeypatch.setattr(duckdb_store, "write_stamp", fail)
        expected = ArtifactError if error is duckdb.IOException else error
        for change in (write, upsert):
            with pytest.raises(expected) as caught:
                change()
            assert expected is not ArtifactError or SECRET not in str(caught.value)
            assert store.path("toy", "numbers").read_bytes() == before
            assert leftovers(store) == []

    @pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace"), (Path, "mkdir")])
    def test_a_full_disk_changes_nothing(
        self, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
    ) -> None:
        """Wherever it is noticed."""
        store.write("toy", "numbers", NUMBERS)
        with monkeypatch.context() as full:

            def fail(*_: object, **__: object) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            full.setattr(owner, name, fail)
            with pytest.raises(ArtifactError, match=r"could not be written \(No space left .*nothing was changed"):
                store.write("toy", "numbers", {"numbers": NUMBERS["numbers"][:1]})
        assert_same(store.read_all("toy", "numbers"), NUMBERS)
        assert leftovers(store) == []

    def test_a_real_limit_in_duckdbs_own_writes_changes_nothing(self, store: DuckDBStore) -> None:
        """A process that may write 200 kB a file, of 4 MB."""
        store.write("toy", "numbers", NUMBERS)
        with python(LIMITED, store._root, stdout=subprocess.PIPE) as process:
            said, _ = process.communicate(timeout=60)
        assert "numbers of dataset 'toy' could not be written (" in said
        assert "nothing was changed" in said
        assert_same(store.read_all("toy", "numbers"), NUMBERS)
        assert leftovers(store) == []

    def test_what_killed_writers_left_is_swept(self, store: DuckDBStore) -> None:
        """Built files, versions and links that are half done: whoever writes now holds the dataset."""
        store.write("toy", "numbers", NUMBERS)
        folder = store.versions("toy").folder
        (folder / "stage").mkdir()
        for name in ("stage/.numbers-1-ab.tmp", "stage/.numbers-1-ab.tmp.wal", "stage/numbers.duckdb", ".link-ab"):
            (folder / name).write_bytes(b"half")
        (folder / ".new-ab").mkdir()
        store.write("toy", "numbers", NUMBERS)
        assert (leftovers(store), (folder / "stage").exists()) == ([], False)
        assert_same(store.read_all("toy", "numbers"), NUMBERS)

    def test_what_killed_writers_of_a_cache_left_is_swept(self, store: DuckDBStore) -> None:
        """Only this cache's: another one's writer may be alive."""
        tables = {"vector_cache": NUMBERS["numbers"]}
        store.write("toy", "vector_cache", tables)
        folder = store.path("toy", "vector_cache").parent
        for name in (".vector_cache-1-ab.tmp", ".vector_cache-1-ab.tmp.wal", ".proposal_cache-1-ab.tmp"):
            (folder / name).write_bytes(b"half")
        store.write("toy", "vector_cache", tables)
        assert sorted(path.name for path in folder.glob(".*-*")) == [".proposal_cache-1-ab.tmp"]

    def test_another_programs_log_does_not_spoil_the_next_version(self, store: DuckDBStore) -> None:
        """A killed DuckDB shell leaves a .wal, which does not fit the file that replaces its own."""
        store.write("toy", "numbers", NUMBERS)
        wal = store.path("toy", "numbers").with_suffix(".duckdb.wal")
        with python(SHELL, store.path("toy", "numbers"), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == "open\n"
            with pytest.raises(ArtifactError, match="is open for writing in another program"):
                store.read("toy", "numbers")
        assert wal.exists()
        store.write("toy", "numbers", NUMBERS)
        assert not wal.exists()
        assert_same(store.read_all("toy", "numbers"), NUMBERS)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_without_read_permission_is_not_called_damaged(self, store: DuckDBStore) -> None:
        """To remove it would be the wrong advice."""
        store.write("toy", "numbers", NUMBERS)
        store.path("toy", "numbers").chmod(0)
        with pytest.raises(ArtifactError, match="cannot be read"):
            store.read("toy", "numbers")


LIMITED = """
import resource, sys
from pathlib import Path
import polars as pl
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
frame = pl.DataFrame({"value": [i * 7919 ** 3 % 1_000_003 * 1e-3 for i in range(500_000)]})
try:
    DuckDBStore(Path(sys.argv[1])).write("toy", "numbers", {"numbers": frame}, uncompressed=True)
except ArtifactError as error:
    sys.stdout.write(str(error))
"""

SHELL = """
import sys, time
import duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE mine AS SELECT 1 AS one")
sys.stdout.write("open\\n")
sys.stdout.flush()
time.sleep(60)
"""


class TestDamage:
    """A damaged file is refused.

    DuckDB's checksum of a block is the exclusive or of a hash of each 8-byte word: it sees every flipped bit, but not
    words that change places within a block, nor equal words that vanish in pairs.
    """

    @pytest.fixture
    def damaged(self, store: DuckDBStore) -> tuple[DuckDBStore, Path, Tables, bytes]:
        """Return a store with one artifact, its file, its tables and the file's content."""
        tables = everything(ARTIFACTS["content_tag_graph"], rows=2_000)
        store.write("toy", "content_tag_graph", tables)
        path = store.path("toy", "content_tag_graph")
        return store, path, tables, path.read_bytes()

    def assert_refused_or_same(self, store: DuckDBStore, tables: Tables) -> bool:
        """Return whether the artifact was refused; assert that it is whole if it was not."""
        try:
            assert_same(store.read_all("toy", "content_tag_graph"), tables)
        except ArtifactError as error:
            assert "content_tag_graph of dataset 'toy' is damaged (" in str(error)
            assert str(error).endswith(" and run tagflow run toy.")
            assert "target" not in str(error)
            return True
        return False

    def test_truncated_anywhere(self, damaged: tuple[DuckDBStore, Path, Tables, bytes]) -> None:
        """Also to nothing, and by one byte."""
        store, path, tables, content = damaged
        for size in {0, 1, 4096, 12_288, len(content) // 2, len(content) - 16_384, len(content) - 1}:
            path.write_bytes(content[:size])
            assert self.assert_refused_or_same(store, tables)

    def test_flipped_bytes_anywhere(self, damaged: tuple[DuckDBStore, Path, Tables, bytes]) -> None:
        """One bit or one byte, 60 places in the headers and 240 in the blocks."""
        store, path, tables, content = damaged
        choice, refused = random.Random(1), 0
        for trial in range(300):
            broken = bytearray(content)
            broken[choice.randrange(12_288 if trial % 5 == 0 else len(content))] ^= choice.choice([1, 8, 128, 255])
            path.write_bytes(broken)
            refused += self.assert_refused_or_same(store, tables)
        assert refused > 250

    def test_a_file_of_another_kind(self, damaged: tuple[DuckDBStore, Path, Tables, bytes]) -> None:
        """Text, zeros, and SQLite, which DuckDB would otherwise want to download an extension for."""
        store, path, tables, content = damaged
        for other in (b"hello" * 9_999, bytes(len(content)), b"SQLite format 3\x00" + bytes(8_192)):
            path.write_bytes(other)
            assert self.assert_refused_or_same(store, tables)

    def test_an_upsert_into_a_damaged_file_is_refused_or_whole(
        self, damaged: tuple[DuckDBStore, Path, Tables, bytes]
    ) -> None:
        """The damage is not carried into a new version, and a write heals it."""
        store, path, tables, content = damaged
        for at in range(12_288, len(content), 5_000):
            broken = bytearray(content)
            broken[at] ^= 255
            path.write_bytes(broken)
            row = tables["content_tag_graph"][-1:]
            try:
                store.upsert("toy", "content_tag_graph", "content_tag_graph", row, ["content_id", "target"])
            except ArtifactError as error:
                assert "is damaged (" in str(error)
                assert path.read_bytes() == broken
            else:
                assert not self.assert_refused_or_same(store, tables)
            assert leftovers(store) == []
        store.write("toy", "content_tag_graph", tables)
        assert not self.assert_refused_or_same(store, tables)


class TestUpsert:
    """An upsert is a rewrite of the rows with those keys."""

    @pytest.mark.parametrize("seed", range(5))
    def test_upserts_equal_a_rewrite(self, store: DuckDBStore, seed: int) -> None:
        """Compared with a dict of rows, which keeps the order too: what is replaced goes to the end."""
        choice = random.Random(seed)
        rows: dict[tuple[str | None, int], dict[str, Any]] = {}
        schema = pl.Schema({"id": pl.String(), "part": pl.Int64(), "tags": pl.List(pl.String())})
        store.write("toy", "parts", {"parts": pl.DataFrame(schema=schema), "side": NUMBERS["numbers"]})
        for turn in range(10):
            some: dict[tuple[str | None, int], dict[str, Any]] = {}
            for _ in range(choice.choice([0, 1, 60])):
                key = (choice.choice(["it's", '"', "", "b", None]), choice.randrange(20))
                some[key] = {"id": key[0], "part": key[1], "tags": [f"{turn}"] * choice.randrange(3)}
            frame = pl.DataFrame(list(some.values()), schema=schema)
            rows = {key: row for key, row in rows.items() if key not in some} | some
            store.upsert("toy", "parts", "parts", frame.select(choice.sample(frame.columns, 3)), ["id", "part"])
            assert_frame_equal(store.read("toy", "parts"), pl.DataFrame(list(rows.values()), schema=schema))
            assert store.describe("toy", "parts")["rows.parts"] == str(len(rows))
        assert_frame_equal(store.read("toy", "parts", "side"), NUMBERS["numbers"])

    def test_the_first_rows_decide_the_width_of_vectors(self, store: DuckDBStore) -> None:
        """Later rows must have the same."""
        empty = pl.DataFrame(schema={"id": pl.String, "vector": pl.Array(pl.Float32, 0)})
        store.write("toy", "cache", {"cache": empty}, uncompressed=True)
        first, other = (
            pl.DataFrame(
                {"vector": [[0.5] * width], "id": [str(width)]},
                schema_overrides={"vector": pl.Array(pl.Float32, width)},
            )
            for width in (3, 4)
        )
        store.upsert("toy", "cache", "cache", first, ["id"])
        store.upsert("toy", "cache", "cache", empty, ["id"])
        with pytest.raises(ArtifactError, match=r"FLOAT\[3\].*FLOAT\[4\]"):
            store.upsert("toy", "cache", "cache", other, ["id"])
        assert_frame_equal(store.read("toy", "cache"), first.select("id", "vector"))
        assert store.describe("toy", "cache")["uncompressed"] == "true"

    def test_rows_that_do_not_fit_are_refused_without_quoting_them(self, store: DuckDBStore) -> None:
        """A repeated key, a missing key, another column, another type, an unknown table, and a broken schema."""
        tables = everything(ARTIFACTS["raw_clues"])
        store.write("toy", "raw_clues", tables)
        before = store.path("toy", "raw_clues").read_bytes()
        row = tables["raw_clues"][:1].with_columns(text=pl.lit(SECRET))
        for table, rows, key in (
            ("raw_clues", pl.concat([row, row]), ["content_id"]),
            ("raw_clues", row, []),
            ("raw_clues", row, ["no_such_column"]),
            ("raw_clues", row.drop("text"), ["content_id"]),
            ("raw_clues", row.with_columns(more=1), ["content_id"]),
            ("raw_clues", row.with_columns(cuts="text"), ["content_id"]),
            ("raw_clues", row.with_columns(language=pl.lit(None, pl.String)), ["content_id"]),
            ("raw_clues", row, ["text"]),
            ("no_such_table", row, ["content_id"]),
        ):
            with pytest.raises(ArtifactError) as caught:
                store.upsert("toy", "raw_clues", table, rows, key)
            assert SECRET not in str(caught.value)
            assert store.path("toy", "raw_clues").read_bytes() == before
            assert leftovers(store) == []

    def test_concurrent_upserts_lose_nothing(self, store: DuckDBStore) -> None:
        """4 processes with 10 upserts each."""
        store.write("toy", "counts", {"counts": pl.DataFrame({"id": ["first"], "by": [-1]})})
        with contextlib.ExitStack() as stack:
            writers = [stack.enter_context(python(UPSERTER, store._root, by)) for by in range(4)]
            assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
        expected = {"first", *(f"{by}.{turn}" for by in range(4) for turn in range(10))}
        found = store.read("toy", "counts")
        assert (set(found["id"]), found.height) == (expected, 41)
        assert leftovers(store) == []


UPSERTER = """
import sys
from pathlib import Path
import polars as pl
from tagflow.adapters.duckdb_store import DuckDBStore
store, by = DuckDBStore(Path(sys.argv[1])), int(sys.argv[2])
for turn in range(10):
    store.upsert("toy", "counts", "counts", pl.DataFrame({"id": [f"{by}.{turn}"], "by": [by]}), ["id"])
"""


class TestReplacement:
    """Readers get the old version or the new one, and are never held up."""

    def test_threads_read_while_a_writer_replaces(self, store: DuckDBStore) -> None:
        """All in one process, where DuckDB could share an open file."""
        store.write("toy", "ledger", versioned(0))
        seen: list[list[int]] = [[], [], []]
        done = threading.Event()

        def read(versions: list[int]) -> None:
            while not done.is_set():
                versions.append(version_of(store.read_all("toy", "ledger")))

        readers = [threading.Thread(target=read, args=(versions,)) for versions in seen]
        for reader in readers:
            reader.start()
        for version in range(1, 31):
            store.write("toy", "ledger", versioned(version))
        done.set()
        for reader in readers:
            reader.join()
        assert all(versions == sorted(versions) and len(set(versions)) > 2 for versions in seen)
        assert version_of(store.read_all("toy", "ledger")) == 30

    def test_a_writer_killed_at_any_moment_changes_nothing(
        self, store: DuckDBStore, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
    ) -> None:
        """40 kills: no read fails, mixes versions, lacks rows, goes back or waits, and no version told of is lost."""
        store.write("toy", "ledger", versioned(0))
        times: list[float] = []
        delays, version, torn = random.Random(40), 0, 0
        for kill in range(40):
            log = tmp_path / f"{kill}.log"
            with log.open("w") as told, python(WRITER, store._root, stdout=told) as writer:
                timer = threading.Timer(delays.uniform(0.02, 0.6), writer.kill)
                started = time.monotonic()
                while writer.poll() is None:
                    if timer.ident is None and log.stat().st_size:
                        timer.start()
                    version = read_later(store, version, times)
                    assert time.monotonic() - started < 30
                timer.join()
            torn += bool(leftovers(store))
            version = read_later(store, version, times)
            assert version >= int(log.read_text().rpartition("\n")[0].rpartition("\n")[2])
        record_testsuite_property(
            "kills, reads, leftovers, slowest", f"{kill + 1}, {len(times)}, {torn}, {max(times):.3f} s"
        )
        assert torn >= 5
        assert max(times) < 5  # on a machine that does other things too; a wait for the writer would never end
        store.write("toy", "ledger", versioned(version + 1))
        assert leftovers(store) == []


def versioned(version: int) -> Tables:
    """Return tables that bear the version in each row and have a size of its own for each version."""
    rows = 2_000 + version * 7_919 % 5_000
    main = pl.DataFrame({"id": [f"row {row} of {version}" for row in range(rows)], "version": [version] * rows})
    return {"ledger": main, "side": main[: rows // 3]}


def version_of(tables: Tables) -> int:
    """Return the version; assert that every row is of it and none is missing."""
    version = int(tables["ledger"]["version"][0])
    assert_same(tables, versioned(version))
    return version


def read_later(store: DuckDBStore, version: int, times: list[float]) -> int:
    """Return the version that is read now, and note how long it took; assert that it is no older than the last."""
    started = time.perf_counter()
    tables = store.read_all("toy", "ledger")
    times.append(time.perf_counter() - started)
    assert version_of(tables) >= version
    return version_of(tables)


WRITER = """
import sys
from pathlib import Path
import polars as pl
from tagflow.adapters.duckdb_store import DuckDBStore
store = DuckDBStore(Path(sys.argv[1]))
version = store.read("toy", "ledger")["version"][0]
while True:
    version += 1
    rows = 2_000 + version * 7_919 % 5_000
    main = pl.DataFrame({"id": [f"row {row} of {version}" for row in range(rows)], "version": [version] * rows})
    store.write("toy", "ledger", {"ledger": main, "side": main[: rows // 3]})
    sys.stdout.write(f"{version}\\n")
    sys.stdout.flush()
"""
