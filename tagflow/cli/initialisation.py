"""Makes a dataset of a content file: copies it, writes its dataset.yaml, says what to check."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import click
import polars as pl
import yaml

from tagflow.adapters.content_reader import ContentTable, Record, read_contents, read_records
from tagflow.adapters.data_folder import find_data
from tagflow.errors import ConfigError
from tagflow.settings import (
    CLUE_FIELDS,
    CONTENT_FIELDS,
    DatasetSettings,
    Labels,
    check_dataset_name,
    suggest,
)

LOOKED_AT = 1000  # records read to guess by: ours
DELIMITERS = ("|", ";", ",")
AS_YAML = r"in --column, for example as columns: \{(\w+): ([^}]+)\}"
LABELLED = 0.5  # share of labelled contents from which the labels are the vocabulary: ours
CHINESE = 0.3  # share of Han, kana and hangul letters from which a content is taken as Chinese: ours
CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"


def run_init(name: str, file: Path, language: str | None, columns: tuple[str, ...]) -> None:
    """Make the dataset and say what was understood.

    Raises:
        ConfigError: the name is taken or impossible, the file is missing or unreadable, or no column fits.
    """
    data, said = find_data(), check_dataset_name(name)
    folder = data / said
    if folder.exists():
        raise ConfigError(
            f"There is a dataset {name!r} already, in {folder}; choose another name or remove that folder."
        )
    if not file.is_file():
        raise ConfigError(f"There is no file {file}.")
    data.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".init-{name}-", dir=data))
    try:
        contents = staged / "contents"
        contents.mkdir()
        shutil.copyfile(file, contents / file.name)
        settings = _guess_settings(contents / file.name, language, _parse_columns(columns))
        (staged / "dataset.yaml").write_text(_write_yaml(settings, name, file), encoding="utf-8")
        read = _try_reading(contents, settings, file)
        staged.chmod(0o755)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _say(name, folder, settings, read)


def _try_reading(contents: Path, settings: dict[str, object], file: Path) -> ContentTable:
    whole = DatasetSettings.model_validate(settings)
    try:
        return read_contents(contents, whole.columns, whole.labels, Path("--column"))
    except ConfigError as error:  # the staged folder is nothing a person should hear of
        said = str(error).replace(str(contents), str(file))
        raise ConfigError(re.sub(AS_YAML, r"with --column \1=\2", said)) from error


def _parse_columns(given: Iterable[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in given:
        field, separator, column = pair.partition("=")
        if not separator or not column or field not in CONTENT_FIELDS:
            hint = suggest(field, CONTENT_FIELDS)
            raise ConfigError(
                f"--column {pair!r} is not FIELD=COLUMN with a field of {', '.join(CONTENT_FIELDS)}{hint}."
            )
        columns[field] = column
    return columns


def _guess_settings(file: Path, language: str | None, columns: dict[str, str]) -> dict[str, object]:
    records = list(islice((record for record in read_records(file) if isinstance(record, Record)), LOOKED_AT))
    found = {column for record in records for column in record.fields}
    mapped = {field: columns.get(field, field) for field in CONTENT_FIELDS if field in columns or field in found}
    settings: dict[str, object] = {"language": language or _guess_language(records, mapped)}
    tags = [record.fields.get(mapped["tags"]) for record in records] if "tags" in mapped else []
    delimiter = _guess_delimiter(tags)
    lists = [_split(value, delimiter) for value in tags]
    labelled = [labels for labels in lists if labels]
    settings["task"] = "single" if labelled and all(len(labels) == 1 for labels in labelled) else "multi"
    settings["columns"] = mapped
    if delimiter != Labels().delimiter:
        settings["labels"] = {"delimiter": delimiter}
    share = len(labelled) / len(records) if records else 0
    settings["vocabulary"] = {"source": "labels" if share >= LABELLED else "proposed"}
    return settings


def _guess_language(records: list[Record], mapped: dict[str, str]) -> str:
    said = [
        str(record.fields.get(mapped[field]) or "") for record in records for field in CLUE_FIELDS if field in mapped
    ]
    texts = pl.Series(said, dtype=pl.String)
    letters = int(texts.str.count_matches(r"\p{L}").sum())
    cjk = int(texts.str.count_matches(CJK).sum())
    return "zh" if cjk > CHINESE * letters else "en"


def _guess_delimiter(values: list[str | list[str] | None]) -> str:
    texts = [value for value in values if isinstance(value, str)]
    uses = {mark: sum(mark in text for text in texts) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: uses[mark]) if any(uses.values()) else Labels().delimiter


def _split(value: str | list[str] | None, delimiter: str) -> list[str]:
    parts = value if isinstance(value, list) else (value or "").split(delimiter)
    return [part for part in parts if part.strip()]


def _write_yaml(settings: dict[str, object], name: str, file: Path) -> str:
    notes = (
        f"# The dataset {name}, made of {file.name}. Every key and its default: README, Datasets.\n"
        "# vocabulary.source: proposed (from the contents), labels (the annotated tags), file (your own list), union.\n"
    )
    return notes + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)


def _say(name: str, folder: Path, settings: dict[str, object], read: ContentTable) -> None:
    mapped = settings["columns"]
    assert isinstance(mapped, dict)
    labelled = read.contents.filter(pl.col("labels").list.len() > 0).height
    unused = sorted(set(read.columns) - set(mapped.values()))
    click.echo(
        f"Made {os.path.relpath(folder)}: {len(read.contents):,} contents, {labelled:,} with tags, "
        f"{len(read.quarantine):,} records refused."
    )
    click.echo("Understood: " + ", ".join(f"{field} = {column}" for field, column in mapped.items()))
    if unused:
        click.echo(f"Not used: {', '.join(unused)} (map one with columns: in dataset.yaml)")
    for file, line, reason in read.quarantine.select("source_file", "line", "reason").head(3).iter_rows():
        click.echo(f"Refused: {file}, line {line}: {reason}")
    vocabulary = settings["vocabulary"]
    assert isinstance(vocabulary, dict)
    click.echo(
        f"Check in {folder / 'dataset.yaml'}: language {settings['language']}, task {settings['task']}, "
        f"vocabulary from {vocabulary['source']}."
    )
    click.echo(f"Next: tagflow run {name}")
