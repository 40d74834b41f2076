"""The verbs, called as a person calls them: what they say when all is well, and one sentence when it is not."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tagflow_tests.conftest import TAGFLOW, Demo, Said, call_tagflow
from tagflow_tests.pipeline.runs import make_dataset, read_recipes


@pytest.fixture
def call(tmp_path: Path):
    def run(*words: str, data: Path | None = None) -> Said:
        return call_tagflow(*words, data=data or tmp_path / "data", cwd=tmp_path)

    return run


def test_help_imports_nothing_slow() -> None:
    program = (
        "import sys; from tagflow.cli.main import cli; cli(['--help'], standalone_mode=False);"
        "slow = {'dagster', 'polars', 'duckdb', 'torch', 'sklearn', 'numpy'} & set(sys.modules);"
        "sys.exit(str(slow) if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in ("demo", "init", "run", "tag", "export", "ui"))


def test_the_demo_shows_ten_contents_with_confidence_and_reason_and_the_next_command(demo: Demo) -> None:
    out = demo.said.out
    assert out.count("(rv-") == 10
    assert "closeness of meaning 0." in out
    assert "of the most similar contents have this tag from people" in out
    assert "apply" in out
    assert "Next: tagflow browse recipes" in out
    for asset in ("raw_clues", "candidate_tags", "fused_tagset", "tagged_output", "evaluation_report"):
        assert asset in out


def test_the_demo_runs_are_in_the_dagster_instance_of_the_data_folder(demo: Demo) -> None:
    assert (demo.data / ".dagster" / "history" / "runs.db").is_file()


def test_tag_prints_json_with_reasons(demo: Demo, call) -> None:
    said = call("tag", "recipes", "Roast chicken with garlic, lemon and potatoes from one sheet pan", data=demo.data)
    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert answer["status"] == "tagged"
    names = [tag["tag"] for tag in answer["tags"]]
    assert {"chicken", "garlic", "potatoes"} & set(names)
    assert all(0 <= tag["confidence"] <= 1 and tag["evidence"] for tag in answer["tags"])
    assert answer["model"] == "llm4tag/embedded"
    assert answer["tags"] == sorted(answer["tags"], key=lambda tag: tag["rank"])


def test_tag_refuses_a_text_of_nothing(demo: Demo, call) -> None:
    said = call("tag", "recipes", " ... ", data=demo.data)
    assert (said.code, said.out) == (1, "")
    assert "nothing to tag" in said.err


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_export_writes_every_row(demo: Demo, call, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"tags.{ending}"
    said = call("export", "recipes", "tagged_output", str(file), data=demo.data)
    assert said.code == 0, said.err
    readers = {"jsonl": pl.read_ndjson, "csv": pl.read_csv, "parquet": pl.read_parquet}
    stored = demo.store.read("recipes", "tagged_output")
    assert readers[ending](file)["tag"].to_list() == stored["tag"].to_list()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tags")] == []


def test_export_of_a_side_table(demo: Demo, call, tmp_path: Path) -> None:
    said = call("export", "recipes", "tagged_output.content_status", str(tmp_path / "s.csv"), data=demo.data)
    assert said.code == 0, said.err
    assert pl.read_csv(tmp_path / "s.csv")["status"].value_counts().height >= 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "recipes", "taged_output", "x.csv"), "did you mean 'tagged_output'"),
        (("export", "recipes", "tagged_output", "x.xlsx"), "must end in one of .jsonl, .csv, .parquet"),
        (("export", "recipes", "tagged_output", "nowhere/x.csv"), "cannot be written"),
        (("run", "recipe"), "There is no dataset 'recipe'"),
        (("run", "recipes", "--select", "nonsense"), "names no asset (assets: candidate_tags"),
        (("run", "../recipes"), "cannot name a dataset"),
        (("tag", "recipe", "text"), "There is no dataset 'recipe'"),
        (("init", "recipes", "x.jsonl"), "There is a dataset 'recipes' already"),
        (("init", "other", "x.jsonl"), "There is no file x.jsonl"),
    ],
)
def test_a_mistake_is_one_clear_sentence(demo: Demo, call, words: tuple[str, ...], sentence: str) -> None:
    said = call(*words, data=demo.data)
    assert said.code == 1
    assert sentence in said.err
    assert said.err.startswith("tagflow: ")
    assert said.err.count("\n") == 1


def test_tagging_before_the_first_run_says_what_to_run(call, tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "fresh", read_recipes(3))
    said = call("tag", "fresh", "soup")
    assert said.code == 1
    assert "tagflow run fresh" in said.err


def test_a_misspelt_key_names_file_key_and_suggestion(call, tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "typo", read_recipes(3), vocabulary={"min_content": 2})
    said = call("run", "typo")
    assert said.code == 1
    assert "typo/dataset.yaml" in said.err
    assert "unknown key 'vocabulary.min_content', did you mean 'min_contents'" in said.err
    assert not (tmp_path / "data" / "warehouse" / "dataset=wrong").exists()


def test_an_unmappable_column_is_one_sentence_and_writes_nothing(call, tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "wrong", read_recipes(3), columns={"title": "titel"})
    said = call("run", "wrong")
    assert said.code == 1
    assert "columns.title" in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "data" / "warehouse" / "dataset=wrong").exists()


def test_without_a_data_folder_tagflow_says_what_to_set(tmp_path: Path) -> None:
    program = (
        "import tagflow.adapters.data_folder as d, pathlib, sys; d.__file__ = '/nowhere/a/b/c.py';"
        "from tagflow.cli.main import main; sys.argv = ['tagflow', 'run', 'recipes']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "set TAGFLOW_DATA to a folder" in done.stderr


def _write_csv(path: Path) -> Path:
    rows = [
        "id,title,caption,tags,price",
        *(f"{n:03},Dish {n},A soup of leek number {n},soup|leek,{n}.50" for n in range(6)),
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_init_understands_a_csv_and_says_what_to_check(call, tmp_path: Path) -> None:
    said = call("init", "dishes", str(_write_csv(tmp_path / "dishes.csv")))
    assert said.code == 0, said.err
    assert "6 contents, 6 with tags, 0 records refused" in said.out
    assert "Not used: price" in said.out
    assert "Next: tagflow run dishes" in said.out
    folder = tmp_path / "data" / "dishes"
    assert (folder / "contents" / "dishes.csv").read_bytes() == (tmp_path / "dishes.csv").read_bytes()
    written = (folder / "dataset.yaml").read_text(encoding="utf-8")
    assert "delimiter: '|'" in written
    assert "source: labels" in written


def test_init_understands_gzip_and_single_labels(call, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps({"id": n, "title": f"a title {n}", "tags": ["one" if n % 2 else "two"]}) + "\n" for n in range(8)
    )
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    said = call("init", "few", str(tmp_path / "c.jsonl.gz"))
    assert said.code == 0, said.err
    assert "task single" in said.out


def test_init_of_a_file_without_a_text_column_leaves_nothing_behind(call, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("number,headline\n1,Soup\n", encoding="utf-8")
    said = call("init", "odd", str(tmp_path / "odd.csv"))
    assert said.code == 1
    assert "number" in said.err
    assert "name the one that holds text with --column caption=" in said.err
    assert list((tmp_path / "data").iterdir()) == []
    mapped = call("init", "odd", str(tmp_path / "odd.csv"), "--column", "title=headline", "--column", "id=number")
    assert mapped.code == 0, mapped.err
    assert "title = headline" in mapped.out


def test_init_of_chinese_contents_is_noticed(call, tmp_path: Path) -> None:
    (tmp_path / "zh.jsonl").write_text('{"id": "1", "title": "今天做红烧肉"}\n', encoding="utf-8")
    said = call("init", "zh", str(tmp_path / "zh.jsonl"))
    assert "language zh" in said.out


def test_init_refuses_a_bad_column_option(call, tmp_path: Path) -> None:
    said = call("init", "x", str(_write_csv(tmp_path / "d.csv")), "--column", "titel=headline")
    assert said.code == 1
    assert "did you mean 'title'" in said.err


def test_version() -> None:
    done = subprocess.run([TAGFLOW, "--version"], capture_output=True, text=True)
    assert done.stdout.strip().endswith("0.1.0")


def test_an_interrupted_run_says_so_in_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    make_dataset(data, "many", [{**record, "id": f"{n}"} for n, record in enumerate(read_recipes(176) * 3)])
    environment = {**os.environ, "TAGFLOW_DATA": str(data)}
    process = subprocess.Popen(
        [TAGFLOW, "run", "many"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "raw_clues " in line:  # the first asset is done, the next one embeds
            break
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert err.rstrip().endswith("tagflow: stopped; every artifact is as it was before or whole.")
    assert "Traceback" not in err


def test_an_empty_list_of_methods_compares_none(call, tmp_path: Path) -> None:
    make_dataset(
        tmp_path / "data", "few", read_recipes(30), vocabulary={"source": "labels"}, evaluation={"methods": []}
    )
    assert call("run", "few").code == 0
    exported = call("export", "few", "evaluation_report", str(tmp_path / "r.csv"))
    assert exported.code == 0, exported.err
    assert set(pl.read_csv(tmp_path / "r.csv")["method"]) == {"llm4tag", "tag set: people", "tag set: tagflow"}
