"""Word segmenters of languages written without spaces, each behind its own extra."""

from collections.abc import Callable
from functools import lru_cache

from tagflow.errors import ConfigError
from tagflow.ports import Segment


@lru_cache
def find_segmenter(language: str) -> Segment | None:
    """Return the language's segmenter, or None for a language whose words are spaced or that has none.

    Raises:
        ConfigError: the language's extra is not installed.
    """
    load = SEGMENTERS.get(language)
    return load() if load else None


def _load_chinese() -> Segment:
    try:
        import rjieba
    except ImportError as error:
        raise ConfigError(
            "language: zh needs the Chinese segmenter, which is not installed: pip install 'tagflow[chinese]'."
        ) from error
    cut: Segment = rjieba.cut
    return cut


SEGMENTERS: dict[str, Callable[[], Segment]] = {"zh": _load_chinese}
