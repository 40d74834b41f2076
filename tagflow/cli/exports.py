"""Writes a stored table to a file people and programs read."""

import os
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ConfigError
from tagflow.knowledge.origins import combine_origins
from tagflow.schemas import ARTIFACTS
from tagflow.settings import check_dataset_name, load_settings, suggest
from tagflow.tagset.vocabulary import resolve_tags

FORMATS = (".jsonl", ".csv", ".parquet")
RISKY = r"^[=+\-@\t\r\n＝＋－＠]"
"""A cell that starts so is a formula to a spreadsheet; CSV gets a quote before it, JSONL and Parquet stay exact."""


def run_export(name: str, artifact: str, file: Path, origin: str | None = None) -> None:
    """Write ``ARTIFACT`` or ``ARTIFACT.TABLE`` of a dataset, all or nothing.

    Args:
        name: the dataset.
        artifact: what to write.
        file: where to.
        origin: whose tags of ``tagged_output`` (see ``combine_origins``); None: the artifact as it is.

    Raises:
        ConfigError: no such dataset, artifact, table or format, or an origin of something without one.
        ArtifactError: the artifact was not made yet.
    """
    data = find_data()
    load_settings(data, check_dataset_name(name))
    main, _, table = artifact.partition(".")
    known = [f"{known}.{side}" if side != known else known for known, one in ARTIFACTS.items() for side in one.tables]
    if (artifact if table != main else main) not in known:
        raise ConfigError(
            f"There is no artifact {artifact!r}{suggest(artifact, known)} (artifacts: {', '.join(known)})."
        )
    if file.suffix not in FORMATS:
        raise ConfigError(f"{file} must end in one of {', '.join(FORMATS)}.")
    store = DuckDBStore(data / "warehouse")
    if origin is None:
        frame = store.read(name, main, table or main)
    elif artifact == "tagged_output":
        names = resolve_tags(store.read(name, "fused_tagset"))
        frame = combine_origins(store.read(name, "raw_clues"), store.read(name, artifact), names, origin)
    else:
        raise ConfigError(f"{artifact} has no tags of people and of the machine: --origin goes with tagged_output.")
    write_frame(frame, file)
    click.echo(f"{len(frame):,} rows of {artifact} written to {file}")


def write_frame(frame: pl.DataFrame, file: Path) -> None:
    """Write a frame by the file's ending, beside it first and then renamed over it.

    Raises:
        ConfigError: the folder does not exist or cannot be written.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        if file.suffix == ".jsonl":
            frame.write_ndjson(temporary)
        elif file.suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            flatten_frame(frame).write_csv(temporary)
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def flatten_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with lists joined by " | ", nested values as JSON, and no cell that a spreadsheet runs."""
    cells = []
    for name, dtype in frame.schema.items():
        if dtype == pl.List(pl.String):
            cells.append(pl.col(name).list.join(" | "))
        elif isinstance(dtype, pl.List | pl.Array | pl.Struct):
            cells.append(pl.struct(name).struct.json_encode().alias(name))
        else:
            cells.append(pl.col(name))
    flat = frame.select(cells)
    risky = [pl.col(name) for name, dtype in flat.schema.items() if dtype == pl.String]
    return flat.with_columns(
        pl.when(cell.str.contains(RISKY)).then(pl.lit("'") + cell).otherwise(cell).name.keep() for cell in risky
    )
