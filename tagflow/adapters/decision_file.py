"""Writes people's decisions: ``vocabulary.yaml`` edited in place, its comments kept, and the way back.

Git is the history for people. For ``undo``, the text before each of the last edits lies in a hidden file beside it; an
edit can be undone as long as the file still says what the edit left, so nothing written by hand is ever lost.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from filelock import FileLock
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from tagflow.dataset_files import check_dataset_name, parse_strictly
from tagflow.decisions import FILE, VocabularyDecisions, load_decisions
from tagflow.errors import ConfigError
from tagflow.tagset.contradictions import check_decisions

HISTORY = ".vocabulary-history.jsonl"
REMEMBERED = 50  # ours: edits that can be undone
HEAD = "# What people decided about tags; it wins over the machine. Edit by hand, or with tagflow vocabulary.\n"


class Edit(NamedTuple):
    """One edit of the file: what was asked, and the texts before and after (None: no file)."""

    command: str
    before: str | None
    after: str | None


def read_decisions(data: Path, name: str) -> VocabularyDecisions:
    """Return what people decided about the dataset's tags, free of contradictions.

    Raises:
        ConfigError: the file does not say what a vocabulary.yaml can say, or contradicts itself.
    """
    decisions = load_decisions(data, name)
    check_decisions(decisions, str(data / name / FILE))
    return decisions


def edit_decisions(data: Path, name: str, command: str, change: Callable[[CommentedMap], None]) -> Edit:
    """Change the file, whole or not at all, and remember the text before; an edit that changes nothing writes nothing.

    Args:
        data: the data folder.
        name: the dataset.
        command: what was asked, for ``undo``.
        change: edits the document in place (see ``add_to_list``, ``add_pair``, ``set_entry``).

    Raises:
        ConfigError: the file is broken as it stands, or would contradict itself.
    """
    path = data / check_dataset_name(name) / FILE
    with FileLock(path.with_name(f".{FILE}.lock")):
        before = _read(path)
        parse_strictly(before or "", VocabularyDecisions, str(path))
        document, writer = _open(before or HEAD, path)
        change(document)
        stream = StringIO()
        writer.dump(document, stream)
        text = stream.getvalue()
        after = text if before is not None else HEAD + text.removeprefix(HEAD)
        check_decisions(parse_strictly(after, VocabularyDecisions, str(path)), str(path))
        edit = Edit(command, before, after)
        if _say(before) != _say(after):
            _remember(path, [*_recall(path), edit])
            _write(path, after)
        return edit


def undo_decision(data: Path, name: str) -> Edit:
    """Put the text before the last edit back.

    Raises:
        ConfigError: there is no edit to undo, or the file was changed by hand since.
    """
    path = data / check_dataset_name(name) / FILE
    with FileLock(path.with_name(f".{FILE}.lock")):
        edits = _recall(path)
        if not edits:
            raise ConfigError(f"{path}: no decision made by tagflow vocabulary is left to undo.")
        last = edits[-1]
        if _read(path) != last.after:
            raise ConfigError(
                f"{path} was changed by hand after {last.command!r}; take the decision out there, or use git."
            )
        _write(path, last.before)
        _remember(path, edits[:-1])
        return last


def add_to_list(block: CommentedMap, key: str, tags: list[str]) -> None:
    """Add tags to the list under a key, without those that it has."""
    listed = block.setdefault(key, CommentedSeq())
    if isinstance(listed, str):
        block[key] = listed = CommentedSeq([listed])
    elif listed is None:
        block[key] = listed = CommentedSeq()
    listed.extend(_quote(tag) for tag in tags if tag not in listed)


def add_pair(document: CommentedMap, key: str, pair: tuple[str, str]) -> None:
    """Add a pair of tags to the list under a key, on a line of its own."""
    listed = open_block(document, key, CommentedSeq)
    one = CommentedSeq([_quote(tag) for tag in pair])
    one.fa.set_flow_style()
    listed.append(one)


def set_entry(block: CommentedMap, tag: str, text: str) -> None:
    """Say something about a tag."""
    block[_quote(tag)] = _quote(text)


def open_block(document: CommentedMap, key: str, kind: type[Any] = CommentedMap) -> Any:  # noqa: ANN401 - YAML
    """Return what stands under a key, made empty if nothing does."""
    if document.get(key) is None:
        document[key] = kind()
    return document[key]


def _quote(text: str) -> str:
    """A plain text, or one in quotes where YAML would not read it back as it is: no, 1984, 12:30, a: b."""
    with suppress(yaml.YAMLError):
        if yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"{text}: 1") == {text: 1}:
            return text
    quoted: str = DoubleQuotedScalarString(text)
    return quoted


def _open(text: str, path: Path) -> tuple[CommentedMap, YAML]:
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 4096  # lines stay as people broke them
    writer.allow_unicode = True
    try:
        _, indent, offset = load_yaml_guess_indent(text)
        document = writer.load(text)
    except YAMLError as error:
        raise ConfigError(f"{path} is not readable YAML: {' '.join(str(error).split())}.") from error
    writer.indent(mapping=2, sequence=indent or 4, offset=(offset if indent else 2) or 0)
    if document is None:
        document = CommentedMap()
        if text != HEAD:
            document.yaml_set_start_comment(_bare(text))
    return document, writer


def _bare(comment: str) -> str:
    lines = [line.strip() for line in comment.splitlines() if line.strip().startswith("#")]
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


def _say(text: str | None) -> Any:  # noqa: ANN401 - any YAML
    return yaml.safe_load(text or "") or {}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}.") from error


def _write(path: Path, text: str | None) -> None:
    """Write beside the file, then over it; a link is followed, so that it stays one."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if text is None:
            target.unlink(missing_ok=True)
            return
        temporary.write_text(text, encoding="utf-8")
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _recall(path: Path) -> list[Edit]:
    text = _read(path.with_name(HISTORY)) or ""
    try:
        return [Edit(**json.loads(line)) for line in text.splitlines()]
    except (ValueError, TypeError):
        return []  # a history that cannot be read undoes nothing, and is begun anew


def _remember(path: Path, edits: list[Edit]) -> None:
    lines = [json.dumps(edit._asdict(), ensure_ascii=False) for edit in edits[-REMEMBERED:]]
    _write(path.with_name(HISTORY), "".join(f"{line}\n" for line in lines) or None)
