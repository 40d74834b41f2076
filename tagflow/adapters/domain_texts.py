"""Reads what people wrote about a dataset's domain: Markdown, plain text and JSON Lines in its folder ``knowledge``."""

import json
from pathlib import Path

import polars as pl

from tagflow.errors import ConfigError

SCHEMA = {"source_file": pl.String(), "place": pl.Int64(), "title": pl.String(), "text": pl.String()}
ENDINGS = (".md", ".txt", ".jsonl")
LARGEST = 16 * 1024 * 1024  # ours: bytes of one file

Row = tuple[str, int, str | None, str]


def read_domain_texts(folder: Path) -> pl.DataFrame:
    """Return the texts of ``knowledge/`` in the dataset's folder, by file name; none where there is no such folder.

    A .md or .txt file is one text. A line of a .jsonl file is an object with ``text`` and, if you like, ``title``: what
    it is about. Hidden files and other endings are left alone.

    Returns:
        source_file (below ``knowledge/``), place (line of the file, from 1), title (null without one), text.

    Raises:
        ConfigError: a file is no UTF-8 text, is too large, or a line is no such object.
    """
    home = folder / "knowledge"
    rows: list[Row] = []
    for path in sorted(home.glob("*")) if home.is_dir() else ():
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file():
            text = _read(path)
            rows += _read_lines(path, text) if path.suffix.lower() == ".jsonl" else [(path.name, 1, None, text)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _read(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST // 2**20} MB: split it.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start + 1}): save it as UTF-8.") from error


def _read_lines(path: Path, text: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        title = said.get("title") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(said.get("text"), str) or not isinstance(title, str | None):
            raise ConfigError(f'{path}, line {number}: a line must be an object such as {{"title": "…", "text": "…"}}.')
        rows.append((path.name, number, title, said["text"]))
    return rows
