"""The tagging methods, one a file; the file's name is the method's name and its ``tag`` is the method.

Adding a method is adding a file here: nothing else lists them. What the file says:

* ``tag(contents, materials, *, …)`` returns ``scored_candidates``; its keywords are the method's settings.
* ``NEEDS`` (optional): what must be there before it can run, of ``tagflow.materials.NEEDS``.
* ``JUDGES`` (optional): its confidence is the tag model's judgement; as a text, while the keyword of that name is true.
* ``VARIANTS`` (optional): the method with parts switched off or on, by name, for the evaluation's ablations.
* ``ALIASES`` (optional): other names that it answers to.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache, partial
from types import ModuleType
from typing import Any, get_type_hints

import polars as pl
from pydantic import create_model

from tagflow.dataset_files import Strict, check_strictly
from tagflow.errors import ConfigError
from tagflow.materials import NEEDS, Materials, Tagger
from tagflow.ports import TagModel
from tagflow.settings import DatasetSettings, suggest

NOTHING: Mapping[str, Any] = {}


def list_methods() -> list[str]:
    """Return the names of the methods, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def resolve_method(name: str) -> str:
    """Return the method of this name or alias.

    Raises:
        ConfigError: there is no such method.
    """
    known = list_methods()
    if name in known:
        return name
    for method in known:
        if name in getattr(_import(method), "ALIASES", ()):
            return method
    raise ConfigError(f"There is no tagging method {name!r}{suggest(name, known)} (methods: {', '.join(known)}).")


def load_tagger(
    method: str, settings: Mapping[str, Any] = NOTHING, where: str = "settings", inside: str = ""
) -> Tagger:
    """Return the method of this name, with these settings.

    Args:
        method: its name or an alias.
        settings: values of its keywords; those left out have the file's defaults.
        where: the file that the sentence about a mistake starts with.
        inside: key of that file under which the settings stand.

    Raises:
        ConfigError: there is no such method, or it has no such setting.
    """
    name = resolve_method(method)
    said = check_strictly(settings, describe_settings(name), where, inside)
    chosen = {key: getattr(said, key) for key in settings}
    return partial(_find_tag(name), **chosen)


def describe_settings(method: str) -> type[Strict]:
    """Return the model of a method's settings: a field for each keyword of its ``tag``, with type and default.

    Raises:
        ConfigError: the file does not say what a method's file says.
    """
    name = resolve_method(method)
    return _describe(_find_tag(name), name)


def list_variants(method: str) -> dict[str, dict[str, Any]]:
    """Return the settings of the method's named variants (``VARIANTS``), in the file's order."""
    return {name: dict(settings) for name, settings in getattr(_import(method), "VARIANTS", {}).items()}


def list_needs(method: str) -> tuple[str, ...]:
    """Return what must be there before the method can run (keys of ``tagflow.materials.NEEDS``)."""
    return tuple(getattr(_import(method), "NEEDS", ()))


def asks_by_itself(method: str) -> bool:
    """Whether the method asks a language model whatever the dataset's brain is, so that it runs only where named."""
    return "language model" in list_needs(method)


def find_obstacle(method: str, contents: pl.DataFrame, materials: Materials) -> str | None:
    """Return why the method cannot tag these contents, for people; None if it can."""
    said = choose_settings(materials.settings, method)
    reasons = (NEEDS[need](contents, materials, said) for need in list_needs(method))
    return next((reason for reason in reasons if reason), None)


def choose_settings(settings: DatasetSettings, method: str) -> Mapping[str, Any]:
    """Return the settings that a dataset gives a method, its own one or another."""
    if resolve_method(method) == resolve_method(settings.tagging.method):
        return settings.tagging.settings
    given = settings.evaluation.settings
    return next((said for name, said in given.items() if resolve_method(name) == resolve_method(method)), NOTHING)


def list_compared(settings: DatasetSettings) -> list[str]:
    """Return the methods that the dataset's evaluation compares with its own one.

    Those that it names, or every one; but a method that asks a language model by itself costs, and must be named.
    """
    asked = settings.evaluation.methods
    chosen = asked if asked is not None else [one for one in list_methods() if not asks_by_itself(one)]
    own = resolve_method(settings.tagging.method)
    return [one for one in chosen if resolve_method(one) != own]


def name_model(
    method: str, tag_model: TagModel, settings: Mapping[str, Any] = NOTHING, language_model: str = ""
) -> str:
    """Return what tagged, for people: method, its settings if any, and brain.

    Says uncalibrated where the confidence was not learned: a method that judges (``JUDGES`` in its file) gives the tag
    model's confidence, every other one its own score. One that asks ``language_model`` by itself has it as its brain.
    """
    name = resolve_method(method)
    brain = f"llm:{language_model}" if asks_by_itself(name) else tag_model.name
    told = ", ".join(f"{key}={value}" for key, value in sorted(settings.items()))
    learned = is_judged(name, settings) and tag_model.calibrated
    return f"{method}{f'({told})' if told else ''}/{brain}{'' if learned else ', uncalibrated'}"


def is_judged(method: str, settings: Mapping[str, Any] = NOTHING) -> bool:
    """Return whether a method's confidence is the tag model's judgement, as it is set."""
    judges = getattr(_import(resolve_method(method)), "JUDGES", False)
    return bool(settings.get(judges, True) if isinstance(judges, str) else judges)


def check_methods(settings: DatasetSettings, where: str) -> None:
    """Say so if the dataset names a method or a setting of one that does not exist.

    Raises:
        ConfigError: names the file, the method or key and what exists.
    """
    tagging, evaluation = settings.tagging, settings.evaluation
    try:
        for method in (tagging.method, *(evaluation.methods or ()), *evaluation.settings):
            describe_settings(method)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    load_tagger(tagging.method, tagging.settings, where, "tagging.settings")
    for method, said in evaluation.settings.items():
        if resolve_method(method) == resolve_method(tagging.method):
            raise ConfigError(
                f"{where}: evaluation.settings.{method}: it tags this dataset, so its settings are tagging.settings."
            )
        load_tagger(method, said, where, f"evaluation.settings.{method}")


def _import(method: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{method}")


def _find_tag(name: str) -> Tagger:
    tagger: Tagger | None = getattr(_import(name), "tag", None)
    if tagger is None:
        raise ConfigError(f"The tagging method {name!r} has no function 'tag' in its file.")
    return tagger


@cache
def _describe(tag: Tagger, name: str) -> type[Strict]:
    """Keywords become fields; the two positional parameters are the contents and the materials."""
    hints = get_type_hints(tag, include_extras=True)
    fields: dict[str, Any] = {}
    for key, parameter in inspect.signature(tag).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        if parameter.default is inspect.Parameter.empty or key not in hints:
            raise ConfigError(f"The tagging method {name!r}: its setting {key!r} needs a type and a default.")
        fields[key] = (hints[key], parameter.default)
    model: type[Strict] = create_model(f"settings of {name}", __base__=Strict, **fields)
    return model
