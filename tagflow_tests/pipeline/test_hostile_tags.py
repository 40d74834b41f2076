"""Tags, ids and names that would rather act than be read: through all assets, out on pages, in exports and logs."""

import csv
import json
import pickle
import pickletools
import re
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.exports import flatten_frame, write_frame
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.pages import draw_page
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import ARTIFACTS
from tagflow_tests.conftest import CHECKOUT, call_tagflow
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "&lt;b&gt;",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "a | b | c",
    "`code` *bold* _it_ ~no~",
    "# heading",
    "http://evil.example/?q=1",
    "'; DROP TABLE tagged_output; --",
    "x') or 1=1 --",
    "\"; ATTACH 'x' AS y; --",
    "$$ || read_text('/etc/passwd') || $$",
    "{{7*7}} ${7*7} {0.__class__} %s",
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "＝1+1",
    "\x1b[31mred\x1b[0m",
    "bell\x07 \x9b31m",
    "../../etc/passwd",
    "\u202edesrever",
    "NULL",
    "constructor __proto__",
]
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
PLANTED_NAMES = ["index.bin", "graph.hnsw", "model.pkl", "tag_cache", "cache.pickle", "confidence_model.joblib"]
FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        """Name the file."""
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        """Call what no reader should call."""
        return Path.touch, (self.mark,)


class World:
    """A data folder with a hostile dataset that was run beside a plain one, and what Dagster logged."""

    def __init__(self, data: Path) -> None:
        """Run it."""
        self.data, self.store = data, DuckDBStore(data / "warehouse")
        plain = {"vocabulary": {"source": "labels", "min_contents": 1}, "evaluation": {"methods": []}, "holdout": 0.2}
        quick = {**plain, "encoder": {"model": "character-ngrams"}}
        make_dataset(data, "plain", read_recipes(12), **quick)
        records = [
            {
                "id": f"{HOSTILE[number % len(HOSTILE)]} {number}",
                "title": f"{record['title']} {HOSTILE[number % len(HOSTILE)]}",
                "tags": ["soup", HOSTILE[number % len(HOSTILE)], HOSTILE[(number + 1) % len(HOSTILE)]],
            }
            for number, record in enumerate(read_recipes(2 * len(HOSTILE)))
        ]
        folder = make_dataset(data, "hostile", records, **quick, description=HOSTILE[0], domain=HOSTILE[14])
        self.written = (folder / "contents" / "contents.jsonl").read_bytes()
        (folder / "contents" / "=1+1\n\x1b[2J.csv").write_text("id,title\n1\n", encoding="utf-8")
        self.mark, warehouse = data / "executed", data / "warehouse" / "dataset=hostile"
        (data / "home").mkdir()
        warehouse.mkdir(parents=True)
        for place in (data, folder, folder / "contents", warehouse):
            for planted in PLANTED_NAMES:
                (place / planted).write_bytes(pickle.dumps(Planted(self.mark)))
        self.logged: list[str] = []
        definitions = build_definitions(Workbench(data=str(data)))
        with dg.instance_for_test(temp_dir=str(data / "home")) as instance:
            instance.add_dynamic_partitions("datasets", ["plain", "hostile"])
            for name in ("plain", "hostile"):
                self.before = self.count_rows("plain")
                job = definitions.resolve_implicit_global_asset_job_def()
                result = job.execute_in_process(instance=instance, partition_key=name)
                self.logged += [entry.user_message for entry in instance.all_logs(result.run_id)]
            checks = result.get_asset_check_evaluations()
            self.failed = {each.check_name for each in checks if not each.passed and each.blocking}

    def count_rows(self, name: str) -> dict[str, int]:
        """Return the rows of every artifact of a dataset that is there."""
        made = [artifact for artifact in ARTIFACTS if self.store.exists(name, artifact)]
        return {artifact: len(self.store.read(name, artifact)) for artifact in made}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Run once."""
    return World(tmp_path_factory.mktemp("hostile") / "data")


class Elements(HTMLParser):
    """Collects elements and their attributes."""

    def __init__(self, page: str) -> None:
        """Read it."""
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, dict(attrs)))


def test_sql_in_a_tag_is_stored_literally_and_touches_nothing_else(world: World) -> None:
    """Every hostile label is a tag as it was written, and the dataset beside it has the rows it had."""
    tags = set(world.store.read("hostile", "fused_tagset")["tag"])
    assert set(HOSTILE) | {"soup"} == tags
    assert set(world.store.read("hostile", "tagged_output")["tag"]) <= tags
    assert world.count_rows("plain") == world.before
    assert set(world.before) == set(ARTIFACTS)
    found = world.store.read("hostile", "raw_clues").filter(pl.col("content_id").str.starts_with("'; DROP TABLE"))
    assert len(found) == 2


def test_a_tag_with_markup_becomes_neither_element_nor_link_on_an_asset_page(world: World) -> None:
    """What Dagster renders has no raw HTML, no link, no image but our own, and every row as many cells as the head."""
    for name in ARTIFACTS:
        for title, value in draw_page(name, "hostile", world.store.read_all("hostile", name)).items():
            text = re.sub(r"!\[[\w\s,.:;%/+-]*\]\(data:image/svg\+xml;base64,[\w+/=]+\)", "", value.value)
            bare = re.sub(r"\\.", "", text)
            assert not re.search(r"[<>`*~]|\]\(|https?://(?!\u2060)", bare), (name, title)
            assert not ACTING.search(text), (name, title)
            lines = [line for line in bare.splitlines() if line.startswith("|")]
            assert len({line.count("|") for line in lines}) <= 1, (name, title)


def test_a_tag_with_markup_becomes_no_element_of_the_report(world: World) -> None:
    page = (world.data / "warehouse" / "dataset=hostile" / "report.html").read_text(encoding="utf-8")
    found = Elements(page).found
    assert {"script", "img", "iframe", "object", "form"}.isdisjoint(tag for tag, _ in found)
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    links = [attributes.get("href") or "" for _, attributes in found if "href" in attributes]
    assert not [link for link in links if "evil" in link or link.lower().startswith(("javascript", "data"))]
    assert not ACTING.search(page.replace("\r", ""))


@pytest.mark.parametrize(
    "table", ["tagged_output", "tagged_output.content_status", "fused_tagset", "raw_clues", "raw_clues.quarantine"]
)
def test_no_cell_of_a_csv_export_is_a_formula_and_the_other_formats_are_exact(world: World, table: str) -> None:
    artifact, _, side = table.partition(".")
    frame = world.store.read("hostile", artifact, side or artifact)
    path = world.data / f"{table}.csv"
    write_frame(frame, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    numbers = {name for name, dtype in frame.schema.items() if dtype.is_numeric()}
    texts = [cell for row in rows[1:] for name, cell in zip(rows[0], row, strict=True) if name not in numbers]
    assert len(rows) == len(frame) + 1
    assert not [cell for cell in texts if FORMULA.match(cell)]
    assert table == "raw_clues.quarantine" or any(cell.startswith(("'=", "'+", "'-", "'@")) for cell in texts)
    write_frame(frame, world.data / "exact.jsonl")
    lines = (world.data / "exact.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(frame.to_dicts()))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_formula_gets_a_quote_before_it_also_in_a_list(start: str) -> None:
    cells = flatten_frame(pl.DataFrame({"a": [f"{start}1", f"x{start}1", None], "b": [[f"{start}1", "z"], ["z"], []]}))
    assert cells["a"].to_list() == [f"'{start}1", f"x{start}1", None]
    assert cells["b"].to_list() == [f"'{start}1 | z", "z", ""]


def test_a_tag_forges_no_line_and_moves_no_cursor_in_the_log(world: World) -> None:
    """Nothing of 200 lines or more acts; a hostile file name is spelled out where its record is refused."""
    assert len(world.logged) > 100
    assert not [line for line in world.logged if ACTING.search(line)]
    refused = world.store.read("hostile", "raw_clues", "quarantine")
    assert set(refused["source_file"]) - set(PLANTED_NAMES) == {"=1+1\\x0a\\x1b[2J.csv"}


def test_a_tag_moves_no_cursor_of_a_terminal(world: World) -> None:
    """Every verb that shows tags and ids spells them out."""
    spelled, content = "bell\\x07 \\x9b31m", f"{HOSTILE[21]} 21"
    for words, shown in (
        (("browse", "hostile", HOSTILE[21]), spelled),
        (("explain", "hostile", content), spelled),
        (("explain", "hostile", "\x07none"), "\\x07none"),
        (("vocabulary", "hostile"), "soup"),
    ):
        said = call_tagflow(*words, data=world.data, cwd=world.data)
        assert shown in said.out + said.err, words
        assert not ACTING.search(said.out + said.err), words


def test_the_store_of_a_hostile_dataset_holds_no_pickle(world: World) -> None:
    """Neither artifacts nor Dagster's own home: no file starts as one, whatever its name."""
    files = [path for path in world.data.rglob("*") if path.is_file()]
    assert len(files) > 20
    planted = {path for path in files if path.name in PLANTED_NAMES}
    assert all(_is_pickle(path.read_bytes()) for path in planted)
    for path in set(files) - planted:
        assert path.suffix not in {".pkl", ".pickle", ".joblib", ".pt", ".npy", ".npz"}, path
        assert not _is_pickle(path.read_bytes()[:1_000_000]), path


def _is_pickle(data: bytes) -> bool:
    if not data.startswith(b"\x80"):
        return False
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in pickletools.genops(data))
    except ValueError:
        return False


def test_a_planted_pickle_is_never_executed(world: World) -> None:
    """Under every name that a store, a cache or a model might look for, in every folder that is looked into."""
    refused = world.store.read("hostile", "raw_clues", "quarantine")["source_file"]
    assert set(PLANTED_NAMES) < set(refused)
    assert not world.mark.exists()
    pickle.loads((world.data / PLANTED_NAMES[0]).read_bytes())  # the plant works
    assert world.mark.exists()


def test_no_module_unpickles_or_runs_code_that_came_as_data() -> None:
    """Neither pickle nor its relatives, nor code of a model's own, nor an index file, nor eval."""
    banned = re.compile(
        r"\b(pickle|cloudpickle|joblib|dill|shelve|marshal)\b|\btorch\.load\b|trust_remote_code\s*=\s*True"
        r"|allow_pickle\s*=\s*True|\.load_index\(|\.save_index\(|(?<![\w.])(eval|exec)\(|yaml\.(unsafe_)?load\([^)]*Unsafe"
    )
    for path in sorted((CHECKOUT / "tagflow").rglob("*.py")):
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.S)
        assert not banned.search(code), path


def test_people_s_own_tags_are_written_over_by_nothing(world: World) -> None:
    """Their file, the labels as stored and the export of what is theirs are what they wrote."""
    records = [json.loads(line) for line in world.written.decode().splitlines()]
    path = world.data / "hostile" / "contents" / "contents.jsonl"
    assert path.read_bytes() == world.written
    said = {record["id"]: record["tags"] for record in records}
    stored = dict(world.store.read("hostile", "raw_clues").select("content_id", "labels").iter_rows())
    assert {identity: [tag.strip() for tag in tags] for identity, tags in said.items()} == stored
    done = call_tagflow(
        "export", "hostile", "tagged_output", "human.jsonl", "--origin", "human", data=world.data, cwd=world.data
    )
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (world.data / "human.jsonl").read_text(encoding="utf-8").splitlines()]
    exported: dict[str, list[str]] = {}
    for row in rows:
        exported.setdefault(row["content_id"], []).append(row["tag"])
    assert exported == stored
    refused = call_tagflow(
        "export", "hostile", "raw_clues", "x.csv", "--origin", "both", data=world.data, cwd=world.data
    )
    assert "--origin goes with tagged_output" in refused.err
