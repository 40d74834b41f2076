"""Prompts: tagflow's own templates or a dataset's, filled strictly; the same question always gives the same words.

A template is Jinja with two blocks, ``system`` and ``user``. Its slots are listed in ``SLOTS``; a slot that is
misspelt, or data that the template forgets, is refused when the template is loaded, not when it is paid for. Texts of
contents and tags come in as encoded JSON (see ``framing``) and are put in as they are: nothing in them is a template.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tagflow.errors import ConfigError
from tagflow.prompts.answers import PARSER
from tagflow.prompts.framing import encode_fields, encode_text

Messages = tuple[tuple[str, str], ...]
"""(role, text) in order."""

LANGUAGES = ("en", "zh")
"""Languages of the packaged templates; contents in any other language are asked about in English."""

NAMES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "zh": "Chinese",
}

COMMON = ("domain", "language", "complaint")
"""Slots of every template: words for the domain, language of the tags, what was wrong with the last answer."""

OWN_SLOTS = ("propose", "select", "rerank", "judge", "confirm", "describe")
"""Templates of the tag model, which have slots of their own."""


def _list_method_templates() -> list[str]:
    """Every other packaged template asks a question of a tagging method: adding one is adding its file."""
    names = sorted(file.name for file in files("tagflow.prompts").joinpath("en").iterdir())
    templates = [name.removesuffix(".jinja") for name in names if name.endswith(".jinja")]
    return [name for name in templates if name not in OWN_SLOTS]


METHOD_SLOTS = ("content", "candidates", "samples", "single", "most", "reason", "style")
"""Slots of the template of a tagging method's own question."""

METHOD_UNSAID: Mapping[str, object] = {
    "candidates": [],
    "samples": [],
    "single": False,
    "most": 0,
    "reason": False,
    "style": "",
}
"""What a method's template is told of the slots that the method leaves out."""

SLOTS: Mapping[str, tuple[str, ...]] = {
    "propose": ("content", "most", "examples"),
    "select": ("content", "candidates", "rules", "samples", "single"),
    "rerank": ("content", "candidates", "rules", "samples", "single"),
    "judge": ("content", "tag", "definition", "form"),
    "confirm": ("left", "right", "form"),
    "describe": ("tag", "aliases", "content"),
    **dict.fromkeys(_list_method_templates(), METHOD_SLOTS),
}
"""Slots of each task's template beside the common ones."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "propose": ("content", "most"),
    "select": ("content", "candidates"),
    "rerank": ("content", "candidates"),
    "judge": ("content", "tag", "form"),
    "confirm": ("left", "right", "form"),
    "describe": ("tag", "content"),
    **dict.fromkeys(_list_method_templates(), ("content",)),
}
"""Slots without which a template does not ask its question."""

EXAMPLES = "examples.jsonl"
"""File of worked examples beside the templates, packaged and in ``data/<dataset>/prompts/``."""

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
)


@dataclass(frozen=True)
class Example:
    """A worked example: what a content says by field, and its tags."""

    clues: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Prompts:
    """The templates of a dataset by task, its worked examples and the words for its domain."""

    language: str
    domain: str
    templates: Mapping[str, str]
    examples: tuple[Example, ...] = ()
    borrowed: bool = False
    """Whether the examples are the packaged ones, which have nothing to do with the dataset."""

    def fingerprint(self, task: str) -> str:
        """Return the identity of a task's template, its examples, and the way its answers are read."""
        return self._fingerprints[task]

    def render(self, task: str, **slots: object) -> Messages:
        """Return the system and the user message of a task; slots are those of ``SLOTS``, encoded already."""
        template = _compile(self.templates[task])
        common = {"domain": self.domain, "language": name_language(self.language), "complaint": ""}
        unsaid = METHOD_UNSAID if SLOTS.get(task) == METHOD_SLOTS else {}
        said = template.new_context({**unsaid, **common, **slots})
        parts = {name: "".join(template.blocks[name](said)).strip() for name in ("system", "user")}
        return (("system", parts["system"]), ("user", parts["user"]))

    def pick_example(self, content_hash: str) -> list[dict[str, str]]:
        """Return the worked example shown with a content, encoded; always the same one for the same content.

        TagGPT's released code shows one of five drawn at random.
        """
        return [
            {
                "content": encode_fields(example.clues),
                "tags": "[" + ", ".join(encode_text(tag) for tag in example.tags) + "]",
            }
            for example in self._draw(content_hash)
        ]

    def borrow_tags(self, content_hash: str) -> str:
        """Return the tags, a line each, of the packaged example that is shown with a content; empty if none is."""
        return "\n".join(tag for example in self._draw(content_hash) if self.borrowed for tag in example.tags)

    def _draw(self, content_hash: str) -> tuple[Example, ...]:
        if not self.examples:
            return ()
        drawn = int.from_bytes(hashlib.blake2b(content_hash.encode(), digest_size=8).digest(), "big")
        place = drawn % len(self.examples)
        return self.examples[place : place + 1]

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        shown = [(example.clues, example.tags) for example in self.examples]
        hashes = {}
        for task, template in self.templates.items():
            said = [PARSER, task, self.language, self.domain, template, shown if task == "propose" else []]
            text = json.dumps(said, ensure_ascii=False)
            hashes[task] = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return hashes


def load_prompts(
    language: str, domain: str, overrides: Mapping[str, str] | None = None, examples: str | None = None
) -> Prompts:
    """Return the prompts of a dataset.

    Args:
        language: code of the dataset's language; Chinese is asked in Chinese, every other one in English.
        domain: what the dataset's contents are, in words.
        overrides: text of the dataset's own templates, by task.
        examples: text of the dataset's own ``examples.jsonl``; None for the packaged ones, empty for none.

    Raises:
        ConfigError: names the template or the line and what is wrong with it.
    """
    spoken = language if language in LANGUAGES else "en"
    templates = {task: read_packaged(spoken, f"{task}.jinja") for task in SLOTS}
    for task, text in (overrides or {}).items():
        check_template(task, text)
        templates[task] = text
    said = read_packaged(spoken, EXAMPLES) if examples is None else examples
    return Prompts(language, domain, templates, parse_examples(said), borrowed=examples is None)


def read_packaged(language: str, name: str) -> str:
    """Return the text of a packaged template or pool of examples."""
    return files("tagflow.prompts").joinpath(language, name).read_text(encoding="utf-8")


def check_template(task: str, text: str) -> None:
    """Refuse a dataset's template that could not be filled, or that leaves out what it is about.

    Raises:
        ConfigError: one sentence that starts with the template's name.
    """
    where = f"prompts/{task}.jinja"
    if task not in SLOTS:
        raise ConfigError(f"{where} is the template of no task (tasks: {', '.join(SLOTS)}).")
    try:
        slots = meta.find_undeclared_variables(_ENVIRONMENT.parse(text))
        blocks = _compile(text).blocks
    except TemplateError as error:
        raise ConfigError(f"{where} is no readable template: {error}.") from error
    known = {*COMMON, *SLOTS[task]}
    if set(blocks) != {"system", "user"}:
        raise ConfigError(f"{where} must have the blocks system and user, and has {sorted(blocks)}.")
    if unknown := sorted(slots - known):
        raise ConfigError(f"{where} has the unknown slot {unknown[0]!r} (slots: {', '.join(sorted(known))}).")
    if missing := sorted(set(NEEDED[task]) - slots):
        raise ConfigError(f"{where} leaves out the slot {missing[0]!r}, without which nothing is asked.")


def parse_examples(text: str) -> tuple[Example, ...]:
    """Return the worked examples: a line of JSON each, with an object ``clues`` (field to text) and a list ``tags``.

    Raises:
        ConfigError: names the line.
    """
    examples = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            examples.append(_parse_example(line, f"prompts/{EXAMPLES}, line {number}"))
    return tuple(examples)


def name_language(code: str) -> str:
    """Return a language's English name, or its code in words."""
    return NAMES.get(code, f"the language with the code {code}")


def list_candidates(names: Sequence[str], definitions: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """Return the slot ``candidates``: number from 1, name and definition encoded; no definition is empty."""
    known = definitions or {}
    return [
        {
            "number": place + 1,
            "name": encode_text(name),
            "definition": encode_text(known[place]) if place in known else "",
        }
        for place, name in enumerate(names)
    ]


@cache
def _compile(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def _parse_example(line: str, where: str) -> Example:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where} is no JSON: {error}.") from error
    if not (isinstance(said, dict) and set(said) == {"clues", "tags"}):
        raise ConfigError(f"{where} must hold the keys clues and tags.")
    clues, tags = said["clues"], said["tags"]
    texts = [*clues.values()] if isinstance(clues, dict) else [None]
    names = tags if isinstance(tags, list) else [None]
    if not (texts and names and all(isinstance(one, str) and one.strip() for one in (*texts, *names))):
        raise ConfigError(f"{where}: clues must map fields to texts, and tags must be a list of texts.")
    return Example(tuple(clues.items()), tuple(tags))
