"""The tagging methods, one a file; the file's name is the method's name and its ``tag`` is the method.

Adding a method is adding a file here: nothing else lists them.
"""

import importlib
import pkgutil

from tagflow.errors import ConfigError
from tagflow.materials import Tagger
from tagflow.ports import TagModel
from tagflow.settings import DatasetSettings, suggest


def list_methods() -> list[str]:
    """Return the names of the methods, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_tagger(method: str) -> Tagger:
    """Return the method of this name.

    Raises:
        ConfigError: there is no such method.
    """
    known = list_methods()
    if method not in known:
        raise ConfigError(
            f"There is no tagging method {method!r}{suggest(method, known)} (methods: {', '.join(known)})."
        )
    tagger: Tagger | None = getattr(importlib.import_module(f"{__name__}.{method}"), "tag", None)
    if tagger is None:
        raise ConfigError(f"The tagging method {method!r} has no function 'tag' in its file.")
    return tagger


def name_model(method: str, tag_model: TagModel) -> str:
    """Return what tagged, for people; says uncalibrated where the confidence was not learned.

    A method that judges (``JUDGES`` in its file) gives the tag model's confidence, every other one its own score.
    """
    judges = getattr(importlib.import_module(f"{__name__}.{method}"), "JUDGES", False)
    learned = judges and tag_model.calibrated
    return f"{method}/{tag_model.name}{'' if learned else ', uncalibrated'}"


def check_methods(settings: DatasetSettings, where: str) -> None:
    """Say so if the dataset names a method that does not exist.

    Raises:
        ConfigError: names the file, the method and what exists.
    """
    try:
        for method in (settings.tagging.method, *(settings.evaluation.methods or ())):
            load_tagger(method)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
