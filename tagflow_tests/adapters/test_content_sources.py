"""Contents that come from elsewhere than files beside the dataset: the same records, the same rules."""

import datetime
import gzip
import sqlite3
import uuid
from decimal import Decimal
from pathlib import Path

import duckdb
import fsspec
import polars as pl
import pyarrow
import pytest

from tagflow.adapters.content_sources import read_source
from tagflow.adapters.content_table import ContentTable
from tagflow.errors import ConfigError
from tagflow.settings import DatasetSettings
from tagflow_tests.conftest import call_tagflow
from tagflow_tests.pipeline.runs import make_dataset

VARIABLE, BODY = "SHOP_DATABASE", {"caption": "body"}


def read(folder: Path, load: object = None, columns: dict[str, str] | None = None, **source: str) -> ContentTable:
    """Read a dataset with this source."""
    settings = DatasetSettings.model_validate({"source": source, "columns": columns or {}})
    return read_source(folder, settings, load)  # type: ignore[arg-type]


def ids_of(table: ContentTable) -> list[str]:
    return table.contents["content_id"].to_list()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A DuckDB file with ids of every kind, a row without one, one twice, and one that is no text."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute('CREATE TABLE s."odd ""name" (id HUGEINT, title VARCHAR, body BLOB, tags VARCHAR[])')
        connection.execute(
            """INSERT INTO s."odd ""name" VALUES (7, 'seven', NULL, ['a', 'b']), (1180591620717411303424, 'big', NULL,
            []), (NULL, 'none', NULL, NULL), (9, 'bytes', 'ab'::BLOB, NULL), (7, 'again', NULL, ['c'])"""
        )
        connection.execute(
            "CREATE TABLE plain AS SELECT '00' || range AS id, 'title ' || range AS title FROM range(2000)"
        )
    return tmp_path


def test_a_table_of_a_duckdb_file_keeps_ids_and_quarantines_what_is_no_text(shop: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"source\.duckdb shop\.duckdb cannot be read: Catalog Error: Table with name"
    ):
        read(shop, duckdb="shop.duckdb", table="s.nothing")
    table = read(shop, duckdb="shop.duckdb", query='SELECT * FROM s."odd ""name"')
    assert table.contents.select("content_id", "title", "labels", "line").rows() == [
        ("1180591620717411303424", "big", [], 2),
        ("7", "again", ["c"], 5),
    ]
    assert table.quarantine.select("source_file", "line", "reason").rows() == [
        ("shop.duckdb", 1, "superseded by shop.duckdb line 5"),
        ("shop.duckdb", 3, "no id"),
        ("shop.duckdb", 4, "bytes where text is expected"),
    ]
    assert table.records == 5


def test_a_name_of_a_table_is_a_name_and_no_sql(shop: Path) -> None:
    whole = read(shop, duckdb="shop.duckdb", table="plain")
    assert (len(whole.contents), ids_of(whole)[:2]) == (2000, ["000", "001"])
    for name in ("plain; DROP TABLE plain", 'plain" WHERE 1=0 --', "plain WHERE id = '000'"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read(shop, duckdb="shop.duckdb", table=name)
    assert len(read(shop, duckdb="shop.duckdb", table="plain").contents) == 2000


@pytest.mark.parametrize(
    "query",
    [
        "SELECT content AS title, 1 AS id FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('{folder}/beside.csv')",
        "SELECT * FROM '{folder}/beside.csv'",
        "ATTACH '{folder}/other.duckdb'",
        "COPY plain TO '{folder}/out.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "DELETE FROM plain",
        "SELECT * FROM shop",
    ],
)
def test_a_query_reads_its_own_database_and_nothing_else(shop: Path, query: str) -> None:
    (shop / "beside.csv").write_text("id,title\n1,beside\n")
    before = sorted(path.name for path in shop.iterdir())
    with pytest.raises(ConfigError, match=r"source\.duckdb shop\.duckdb cannot be read"):
        read(shop, duckdb="shop.duckdb", query=query.format(folder=shop))
    assert sorted(path.name for path in shop.iterdir()) == before


def test_a_query_over_parquet_files_sees_them_as_contents(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    pl.DataFrame({"id": ["1", "2"], "title": ["a", "b"]}).write_parquet(tmp_path / "exports" / "1.parquet")
    pl.DataFrame({"id": ["3"], "title": ["c"], "body": ["more"]}).write_parquet(tmp_path / "exports" / "2.parquet")
    table = read(
        tmp_path, duckdb="exports/*.parquet", columns=BODY, query="SELECT * FROM contents WHERE id <> '2' ORDER BY id"
    )
    assert table.contents.select("content_id", "caption").rows() == [("1", None), ("3", "more")]
    with pytest.raises(ConfigError, match="cannot be read: Permission Error"):
        read(tmp_path, duckdb="exports/*.parquet", query="SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(ConfigError, match=r"source\.duckdb exports/x\*.parquet names no file"):
        read(tmp_path, duckdb="exports/x*.parquet", table="contents")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An SQLite database behind a variable of the environment."""
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE products (id, title TEXT, body TEXT)")
        rows = [("007", "a", None), (7, "b", "x"), (2.5, "c", None), (None, "d", None), ("007", "e", "last")]
        connection.executemany("INSERT INTO products VALUES (?, ?, ?)", rows)
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    return path


@pytest.mark.parametrize("asked", [{"table": "products"}, {"query": "SELECT * FROM products"}])
def test_a_database_is_read_by_the_address_in_the_environment(database: Path, asked: dict[str, str]) -> None:
    table = read(database.parent, columns=BODY, database=VARIABLE, **asked)
    assert table.contents.select("content_id", "title", "caption").rows() == [
        ("7", "b", "x"),
        ("2.5", "c", None),
        ("007", "e", "last"),
    ]
    assert table.quarantine["reason"].to_list()[1] == "no id"


def test_a_query_changes_nothing_in_the_database(database: Path) -> None:
    with pytest.raises(ConfigError):
        read(database.parent, database=VARIABLE, query="DELETE FROM products")
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (5,)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "environment variable SHOP_DATABASE, which is not set"),
        ("nonsense", "Could not parse SQLAlchemy URL"),
        ("nodb://u:pass-word-1@host/x", "Can't load plugin"),
        ("sqlite:////no/such/folder/x.sqlite", "unable to open database file"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, reason: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if address:
        monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(ConfigError, match=reason) as caught:
        read(tmp_path, database=VARIABLE, table="products")
    assert "pass-word-1" not in str(caught.value)


def test_files_elsewhere_are_read_as_those_of_the_folder(tmp_path: Path) -> None:
    """Relative to the dataset, by an address, packed or not; a bad line costs itself, a file that is none itself."""
    (tmp_path / "in" / "b").mkdir(parents=True)
    (tmp_path / "in" / "1.jsonl").write_text('{"id": "007", "title": "a"}\n{"id"\n')
    (tmp_path / "in" / "2.csv.gz").write_bytes(gzip.compress(b"id,title\n007,b\n8,c\n"))
    (tmp_path / "in" / "3.xlsx").write_bytes(b"PK\x03\x04")
    for pattern in ("in/*", f"file://{tmp_path}/in/*"):
        table = read(tmp_path, files=pattern)
        assert table.contents.select("content_id", "title").rows() == [("007", "b"), ("8", "c")]
        assert table.quarantine.select("source_file", "line").rows() == [("1.jsonl", 1), ("1.jsonl", 2), ("3.xlsx", 0)]
    with pytest.raises(ConfigError, match=r"source\.files in/\*.parquet names no file"):
        read(tmp_path, files="in/*.parquet")


def test_an_object_store_is_a_place_of_files(tmp_path: Path) -> None:
    """Any that fsspec knows; here the one in memory. One whose package is missing is named."""
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/day=1/a.jsonl", b'{"id": "1", "title": "a"}\n')
    pl.DataFrame({"id": [2], "title": ["b"]}).write_parquet(tmp_path / "p")
    store.pipe("/bucket/day=2/a.parquet", (tmp_path / "p").read_bytes())
    assert ids_of(read(tmp_path, files="memory://bucket/day=*/a.*")) == ["1", "2"]
    with pytest.raises(ConfigError, match=r"source\.files nowhere://x/y cannot be read: Protocol not known: nowhere"):
        read(tmp_path, files="nowhere://x/y")


class Frame:
    """A frame of a library of its own: all that is known of it is that it can be read as an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the stream."""
        table = pyarrow.table({"id": ["007", "8", None], "title": ["a", None, "x"]})
        return table.__arrow_c_stream__(requested_schema)


ROWS = [{"id": "007", "title": "a"}, {"id": 8, "title": None}, {"id": None, "title": "x"}]


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        pl.DataFrame({"id": ["007", "8", None], "title": ["a", None, "x"]}),
        Frame(),
        pyarrow.table({"id": ["007", "8", None], "title": ["a", None, "x"]}),
    ],
)
def test_an_upstream_asset_may_be_any_kind_of_frame(tmp_path: Path, value: object) -> None:
    asked: list[str] = []

    def load(key: str) -> object:
        asked.append(key)
        return value

    table = read(tmp_path, load, asset="shop/products")
    assert asked == ["shop/products"]
    assert table.contents.select("content_id", "title").rows() == [("007", "a"), ("8", None)]
    assert table.quarantine.select("source_file", "line", "reason").rows() == [("shop/products", 3, "no id")]


def test_values_of_a_row_take_the_forms_that_files_give_them(tmp_path: Path) -> None:
    said = uuid.UUID(int=7)
    rows = [{"id": said, "title": Decimal("1.50"), "body": datetime.date(2024, 1, 2), "ocr": {"k": [1, True]}}]
    row = read(tmp_path, lambda key: rows, BODY, asset="a").contents.row(0, named=True)
    assert [row[name] for name in ("content_id", "title", "caption", "ocr")] == [
        str(said),
        "1.50",
        "2024-01-02",
        '{"k": [1, true]}',
    ]


def test_an_asset_of_another_kind_or_without_a_deployment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source\.asset a is a int; it must be a Polars or pandas frame"):
        read(tmp_path, lambda key: 7, asset="a")
    with pytest.raises(ConfigError, match=r"source\.asset a can be read only in the Dagster deployment that has it"):
        read(tmp_path, asset="a")


def test_files_beside_a_source_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "contents").mkdir()
    (tmp_path / "contents" / "a.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match=r"contents come from source \(asset a\), but there are files in"):
        read(tmp_path, lambda key: ROWS, asset="a")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({}, "it must name one of files, duckdb, database, asset, and names none"),
        ({"files": "x", "asset": "y"}, "names files and asset"),
        ({"duckdb": "x"}, "beside duckdb it must name a table or a query"),
        ({"database": "X", "table": "t", "query": "q"}, "beside database it must name a table or a query"),
        ({"files": "x", "query": "q"}, "beside files there can be no query"),
        ({"flies": "x"}, "unknown key 'source.flies', did you mean 'files'"),
    ],
)
def test_a_source_that_says_too_little_or_too_much_is_refused_by_name(
    tmp_path: Path, source: dict[str, str], said: str
) -> None:
    make_dataset(tmp_path, "some", [], source=source)
    done = call_tagflow("run", "some", data=tmp_path, cwd=tmp_path)
    assert done.code == 1
    assert said in done.err
