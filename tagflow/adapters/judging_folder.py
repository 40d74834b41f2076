"""What is judged and what judges said: ``data/<name>/judging/``, a pool a draw and one file of verdicts.

``<draw>.pool.jsonl`` holds every method's tags for the drawn contents; ``verdicts.jsonl`` looks like
``corrections.jsonl``, a line a decision, the later one of a case holds. Nothing is learned from either.
"""

import json
import re
from pathlib import Path

import polars as pl

from tagflow.adapters.correction_file import append_corrections, read_corrections, write_whole
from tagflow.errors import ConfigError
from tagflow.evaluation.judging import POOL

FOLDER, VERDICTS = "judging", "verdicts.jsonl"
DRAW = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


def check_draw(draw: str) -> str:
    """Return the name of a draw, which is also its seed.

    Raises:
        ConfigError: it cannot name a file.
    """
    if not DRAW.fullmatch(draw):
        raise ConfigError(f"{draw!r} cannot name a draw: use 1-31 of a-z, 0-9, _ and -, first a letter or digit.")
    return draw


def write_pool(folder: Path, draw: str, pool: pl.DataFrame) -> Path:
    """Write the pool of a draw, whole or not at all, in place of an earlier one of its name; return its path.

    Args:
        folder: the dataset's.
        draw: its name.
        pool: ``POOL`` columns.

    Raises:
        ConfigError: the name cannot be one, or the file cannot be written.
    """
    path = _find_pool(folder, draw)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path.parent} cannot be made: {error.strerror or error}.") from error
    write_whole(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in pool.to_dicts()))
    return path


def read_pool(folder: Path, draw: str) -> pl.DataFrame:
    """Return the pool of a draw (``POOL`` columns).

    Raises:
        ConfigError: there is no such draw, or its file is not what was written.
    """
    path = _find_pool(folder, draw)
    if not path.is_file():
        known = list_draws(folder)
        told = f"draws: {', '.join(known)}" if known else "nothing was drawn yet"
        raise ConfigError(f"There is no draw {draw!r} of dataset {folder.name!r} ({told}).")
    try:
        return pl.read_ndjson(path, schema=POOL)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"{path} cannot be read: draw again, or bring back the file that was written.") from error


def list_draws(folder: Path) -> list[str]:
    """Return the names of the dataset's draws, sorted."""
    return sorted(path.name.removesuffix(".pool.jsonl") for path in (folder / FOLDER).glob("*.pool.jsonl"))


def append_verdicts(folder: Path, new: pl.DataFrame) -> Path:
    """Put verdicts at the end of the dataset's file, all or none of them; return its path.

    Raises:
        ConfigError: as for corrections.
    """
    append_corrections(folder / FOLDER, new, VERDICTS)
    return folder / FOLDER / VERDICTS


def read_verdicts(folder: Path) -> pl.DataFrame:
    """Return the verdicts in the order of their file (``CORRECTION`` columns), none without a file.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no verdict; names the line.
    """
    return read_corrections(folder / FOLDER, VERDICTS)


def _find_pool(folder: Path, draw: str) -> Path:
    return folder / FOLDER / f"{check_draw(draw)}.pool.jsonl"
