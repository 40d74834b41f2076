"""tagflow's code location with a witness: every content put to the tagging method is noted before it is tagged.

A content that is tagged in the published version already, and did not change, is noted as asked for again.
"""

import json
import os
from pathlib import Path

import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.confidence.reconciliation import DONE
from tagflow.materials import Materials, Tagger
from tagflow.pipeline.resources import Dataset

WITNESS = "TAGFLOW_CHAOS_WITNESS"
NAME = "drops"
_load = Dataset.load_tagger


def load_watched(self: Dataset, method: str | None = None) -> Tagger:
    """Return the dataset's method, watched."""
    tagger = _load(self, method)

    def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
        store = DuckDBStore(find_data() / "warehouse")
        again = contents.clear()
        if store.exists(NAME, "tagged_output"):
            status = store.read(NAME, "tagged_output", "content_status").filter(pl.col("status").is_in(DONE))
            again = contents.join(status, on=["content_id", "content_hash"], how="semi")
        line = json.dumps({"asked": contents["content_id"].to_list(), "again": again["content_id"].to_list()}) + "\n"
        with Path(os.environ[WITNESS]).open("ab", buffering=0) as file:
            file.write(line.encode())
        return tagger(contents, materials)

    return tag


if os.environ.get(WITNESS):
    Dataset.load_tagger = load_watched  # type: ignore[method-assign]

from tagflow.pipeline.definitions import defs  # noqa: E402, F401 - after the witness is in place
