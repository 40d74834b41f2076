"""What can go wrong, said in one sentence each; no other module defines an exception."""

from tagflow.control_characters import escape_controls


class TagflowError(Exception):
    """A problem that a person can act on; ``str(error)`` is one sentence naming what, where and what to do.

    What it quotes of files cannot act on a terminal or a log.
    """

    def __str__(self) -> str:
        """Return the sentence with control characters spelled out."""
        return escape_controls(super().__str__())


class ConfigError(TagflowError):
    """A person must edit a file, a column mapping or an environment variable."""


class ArtifactError(TagflowError):
    """A stored artifact is missing, damaged or does not have its declared schema."""


class ModelError(TagflowError):
    """An encoder or tag model cannot answer.

    Attributes:
        retryable: whether the same request may succeed later.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        """Keep the sentence and whether a retry may help."""
        super().__init__(message)
        self.retryable = retryable
