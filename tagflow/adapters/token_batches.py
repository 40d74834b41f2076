"""Texts as windows of token ids, and the batches they are computed in."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PROBES = ("soup", "the sea, a ship and the 2 of us")  # texts of which a tokenizer shows how it frames any text
FRAMED = {"Pooling", "Normalize"}  # what may follow the Transformer in a model whose batches are made here


class Frame(NamedTuple):
    """What a model puts around the tokens of a text, and the inputs it wants beside the ids."""

    before: list[int]
    behind: list[int]
    inputs: list[str]
    """Other inputs than ``input_ids``: the attention mask, all one for want of padding; token types, all zero."""


class Windows(NamedTuple):
    """The texts cut into windows."""

    owner: NDArray[np.int64]
    """Number of the text that a window is of, ascending."""
    ids: list[list[int]]
    size: NDArray[np.int64]
    """Tokens of a window without its frame, at least 1."""


def find_frame(model: Any) -> Frame | None:  # noqa: ANN401 - a SentenceTransformer; this module does without torch
    """Return the frame, or None if the model does anything else to a text than tokenise, frame, pool and normalise.

    Tried on two texts rather than read from the tokenizer's classes, which differ between versions.
    """
    first, *others = list(model)
    library = all(type(module).__module__.startswith("sentence_transformers.") for module in (first, *others))
    plain = type(first).__name__ == "Transformer" and {type(module).__name__ for module in others} <= FRAMED
    if not (library and plain and others) or model.default_prompt_name is not None or model.truncate_dim is not None:
        return None
    frames = [_frame_probe(model, probe) for probe in PROBES]
    return frames[0] if frames[0] == frames[1] else None


def _frame_probe(model: Any, text: str) -> Frame | None:  # noqa: ANN401
    prepare = getattr(model, "preprocess", None) or model.tokenize  # its name before sentence-transformers 5.2
    features = {name: value.tolist()[0] for name, value in prepare([text]).items() if hasattr(value, "tolist")}
    whole, inner = features.pop("input_ids"), tokenize(model.tokenizer, [text])[0]
    usual = {"attention_mask": [1] * len(whole), "token_type_ids": [0] * len(whole)}
    starts = [at for at in range(len(whole) - len(inner) + 1) if whole[at : at + len(inner)] == inner]
    if not starts or len(whole) == len(inner) or any(usual.get(name) != value for name, value in features.items()):
        return None
    return Frame(whole[: starts[0]], whole[starts[0] + len(inner) :], sorted(features))


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:  # noqa: ANN401
    """Return the ids of each whole text, without a frame."""
    asked = {"return_attention_mask": False, "return_token_type_ids": False, "truncation": False, "verbose": False}
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, **asked)["input_ids"]
    return ids


def cut_windows(ids: Sequence[list[int]], room: int, frame: Frame) -> Windows:
    """Cut texts of more than ``room`` tokens into framed windows that touch; a text without tokens has one."""
    starts = [range(0, max(len(text), 1), room) for text in ids]
    parts = [text[start : start + room] for text, begins in zip(ids, starts, strict=True) for start in begins]
    owner = np.repeat(np.arange(len(ids)), [len(begins) for begins in starts])
    size = np.maximum([len(part) for part in parts], 1)
    return Windows(owner, [[*frame.before, *part, *frame.behind] for part in parts], size)


def group_batches(lengths: Sequence[int], budget: int) -> list[NDArray[np.int64]]:
    """Return the numbers of the windows of each batch, the longest first: windows of one length, so nothing is padded.

    Args:
        lengths: tokens of each window, frame included.
        budget: tokens of a batch; a longer window is a batch of its own.
    """
    length = np.asarray(lengths, np.int64)
    order = np.argsort(-length, kind="stable")
    batches = []
    for run in np.split(order, np.flatnonzero(np.diff(length[order])) + 1):
        step = max(1, budget // int(length[run[0]])) if len(run) else 1
        batches += [run[start : start + step] for start in range(0, len(run), step)]
    return batches
