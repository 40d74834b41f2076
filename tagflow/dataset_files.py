"""The YAML files of a dataset's folder: what a dataset can be called, and how a file is read strictly.

A misspelt key is named with the key that was meant, a key that stands twice is refused, and a value that cannot be is
named with its key: always one sentence that starts with the file.
"""

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tagflow.errors import ConfigError

DATASET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Strict(BaseModel):
    """A block of the YAML: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Strict)


def check_dataset_name(name: str) -> str:
    """Return the name, or say which names are possible.

    Raises:
        ConfigError: the name is not 1-63 of a-z, 0-9, _ and -, starting with a letter or digit.
    """
    if not DATASET_NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot name a dataset: use 1-63 of a-z, 0-9, _ and -, starting with a letter or digit."
        )
    return name


def list_datasets(data: Path) -> list[str]:
    """Return the names of the folders of ``data`` that hold a dataset.yaml, sorted."""
    return sorted(path.parent.name for path in data.glob("*/dataset.yaml") if DATASET_NAME.fullmatch(path.parent.name))


def read_strictly(path: Path, model: type[S]) -> S:
    """Return what the YAML file says; a top-level key without a value is as if it were not there.

    Raises:
        ConfigError: the file is not YAML, or does not say what the model can say.
    """
    try:
        return parse_strictly(path.read_text(encoding="utf-8"), model, str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not readable YAML: {' '.join(str(error).split())}.") from error


def parse_strictly(text: str, model: type[S], where: str) -> S:
    """Return what the YAML text says; ``where`` is the file that the sentence about a mistake starts with.

    Raises:
        ConfigError: the text is not YAML, or does not say what the model can say.
    """
    try:
        said = yaml.load(text, _UniqueKeys)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not readable YAML: {' '.join(str(error).split())}.") from error
    said = {} if said is None else said
    if not isinstance(said, dict):
        raise ConfigError(f"{where} must hold keys and values, and holds a {type(said).__name__}.")
    return check_strictly({key: value for key, value in said.items() if value is not None}, model, where)


def check_strictly(said: Mapping[str, Any], model: type[S], where: str, inside: str = "") -> S:
    """Return what these keys and values say.

    Args:
        said: keys and values.
        model: what they can say.
        where: the file that the sentence about a mistake starts with.
        inside: key of the file under which they stand; empty for the whole file.

    Raises:
        ConfigError: they do not say what the model can say.
    """
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_problem(error, model, inside)}") from error


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ', did you mean …' for the known word nearest to this one, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}" if near else ""


class _UniqueKeys(yaml.SafeLoader):
    """Plain YAML would keep the last of two equal keys and lose the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.MarkedYAMLError(problem=f"the key {key[1]!r} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _first_problem(error: ValidationError, model: type[BaseModel], inside: str) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in ((inside, *problem["loc"]) if inside else problem["loc"]))
    if problem["type"] == "extra_forbidden":
        keys = _keys_beside(problem["loc"], model)
        known = ", ".join(keys) or "none"
        return f"unknown key {where!r}{suggest(str(problem['loc'][-1]), keys)} (keys here: {known})."
    if problem["type"] in ("model_type", "dict_type", "model_attributes_type"):
        return f"{where} must hold keys and values (it says {problem['input']!r})."
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where or 'the file'}: {message[:1].lower()}{message[1:]} (it says {problem['input']!r})."


def _keys_beside(location: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    for part in location[:-1]:
        said = model.model_fields[part].annotation if part in model.model_fields else None
        inner = [one for one in (said, *get_args(said)) if isinstance(one, type) and issubclass(one, BaseModel)]
        if not inner:
            break
        model = inner[0]
    return list(model.model_fields)
