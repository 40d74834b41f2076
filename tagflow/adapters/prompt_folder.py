"""A dataset's own prompts: ``data/<name>/prompts/`` with a template a task and ``examples.jsonl``."""

from pathlib import Path

from tagflow.errors import ConfigError
from tagflow.prompts.rendering import EXAMPLES, SLOTS, Prompts, load_prompts

FOLDER = "prompts"


def read_prompts(folder: Path, language: str, domain: str) -> Prompts:
    """Return the prompts of a dataset: its own where it has some, the packaged ones otherwise.

    Args:
        folder: the dataset's folder.
        language: code of its language.
        domain: what its contents are, in words.

    Raises:
        ConfigError: a file is no template of a task, or does not say what one must say; names the file.
    """
    own = folder / FOLDER
    files = sorted(path for path in own.glob("*") if path.is_file()) if own.is_dir() else []
    known = {f"{task}.jinja" for task in SLOTS} | {EXAMPLES}
    for path in files:
        if path.name not in known:
            raise ConfigError(f"{path} is no prompt; it may be one of {', '.join(sorted(known))}.")
    texts = {path.name: _read(path) for path in files}
    examples = texts.pop(EXAMPLES, None)
    try:
        return load_prompts(
            language, domain, {name.removesuffix(".jinja"): said for name, said in texts.items()}, examples
        )
    except ConfigError as error:
        raise ConfigError(f"{own}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
