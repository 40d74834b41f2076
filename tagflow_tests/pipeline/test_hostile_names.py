"""Names of datasets that are paths, SQL or nothing: refused wherever one comes in, before any file is touched."""

import re
import shutil
from pathlib import Path

import dagster as dg
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ConfigError, TagflowError
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import ARTIFACTS
from tagflow.settings import check_dataset_name, load_settings
from tagflow_tests.conftest import CHECKOUT, call_tagflow

ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e]")

NAMES = [
    *("", ".", "..", "../x", "../../x", "/abs", "/etc/passwd", "a/b", "a\\b", "..\\x", "~", "~root", "a/../b", "./a"),
    *("a\n", "\na", "a\0b", "a b", " a", "a.", ".a", "a..b", "a...b", "%2e%2e%2fx", "a%00", "$HOME", "${x}", "`id`"),
    *("CON.txt", "A", "Ünï", "e\u0301", "é", "a:b", "a*", "a?", "-rf", "_x", "a" * 64, "a" * 300, "x'; DROP TABLE y"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_name_that_is_a_path_makes_no_file_outside_the_data_folder(tmp_path: Path, name: str) -> None:
    """Refused wherever a name comes in: settings, store, and a partition that Dagster itself would take."""
    data = tmp_path / "root" / "data"
    data.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    store = DuckDBStore(data / "warehouse")
    for use in (
        lambda: check_dataset_name(name),
        lambda: load_settings(data, name),
        lambda: store.write(name, "raw_clues", {t: d.empty() for t, d in ARTIFACTS["raw_clues"].tables.items()}),
        lambda: store.read(name, "raw_clues"),
        lambda: Workbench(data=str(data)).open(name, print),
    ):
        with pytest.raises((TagflowError, ValueError)) as caught:
            use()
        assert not ACTING.search(str(caught.value))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_partition_with_the_name_of_a_path_fails_before_anything_is_written(tmp_path: Path) -> None:
    """Dagster takes such a key; the first asset refuses it."""
    assert len(NAMES) >= 40
    definitions = build_definitions(Workbench(data=str(tmp_path / "data")))
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["../../x"])
        job = definitions.resolve_implicit_global_asset_job_def()
        with pytest.raises(ConfigError, match="cannot name a dataset"):
            job.execute_in_process(instance=instance, partition_key="../../x")
    assert list(tmp_path.rglob("*")) == []


def test_init_refuses_the_name_of_a_path(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "data" / "recipes" / "contents" / "recipes.jsonl", tmp_path / "r.jsonl")
    said = call_tagflow("init", "../x", "r.jsonl", data=tmp_path / "data", cwd=tmp_path)
    assert (said.code, "cannot name a dataset" in said.err) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.jsonl"]
