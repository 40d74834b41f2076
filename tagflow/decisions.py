"""What people decided about tags: ``data/<name>/vocabulary.yaml``, as they write it.

A tag is meant in any spelling. What contradicts what, and how the decisions overrule the machine, stands in
``tagset/contradictions.py`` and ``tagset/decisions.py``.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from tagflow.dataset_files import Strict, check_dataset_name, read_strictly

FILE = "vocabulary.yaml"


def _refuse_bare(value: object) -> object:
    if isinstance(value, bool | int | float):
        raise ValueError("put it in quotes, or YAML does not read it as text")
    return value


def _list_one(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Tag = Annotated[str, BeforeValidator(_refuse_bare)]
Tags = Annotated[tuple[Tag, ...], BeforeValidator(_list_one)]
Definition = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Language = Annotated[str, BeforeValidator(_refuse_bare), StringConstraints(pattern=r"^[a-z]{2,3}$")]
Languages = Annotated[tuple[Language, ...], BeforeValidator(_list_one)]


class TagGroup(Strict):
    """Tags of which a content has at most so many."""

    tags: Tags
    at_most: int = Field(1, ge=1)  # ours: alternatives


class TagRules(Strict):
    """What holds of a content's tags, whatever a model says."""

    manual_only: Tags = ()
    implies: dict[Tag, Tags] = Field({})
    excludes: tuple[tuple[Tag, Tag], ...] = ()
    groups: dict[str, TagGroup] = Field({})
    languages: dict[Tag, Languages] = Field({})


class VocabularyDecisions(Strict):
    """What people decided: it always wins over the machine.

    ``added`` holds tags that people put into the tag set with their definitions, whether or not anything proposed them.
    """

    banned: Tags = ()
    merge: dict[Tag, Tags] = Field({})
    split: tuple[tuple[Tag, Tag], ...] = ()
    rename: dict[Tag, Tag] = Field({})
    describe: dict[Tag, Definition] = Field({})
    added: dict[Tag, Definition] = Field({})
    rules: TagRules = TagRules()


def load_decisions(data: Path, name: str) -> VocabularyDecisions:
    """Read ``data/<name>/vocabulary.yaml``; a dataset without one has made no decisions.

    Contradictions are not looked for here: see ``adapters/decision_file.py``.

    Raises:
        ConfigError: the file does not say what a vocabulary.yaml can say.
    """
    path = data / check_dataset_name(name) / FILE
    return read_strictly(path, VocabularyDecisions) if path.is_file() else VocabularyDecisions()
