"""Windows and batches of token ids: worked out by hand, and which models they may be used for."""

from types import SimpleNamespace
from typing import Any

import pytest

from tagflow.adapters.token_batches import Frame, cut_windows, find_frame, group_batches

MARKS = Frame([1], [2], ["attention_mask"])
WORDS = {"soup": [7], "the sea, a ship and the 2 of us": [8, 9, 10]}


def test_a_text_longer_than_the_room_is_cut_into_windows_that_touch() -> None:
    windows = cut_windows([[10, 11, 12, 13, 14], [], [20, 21]], 2, MARKS)
    assert windows.ids == [[1, 10, 11, 2], [1, 12, 13, 2], [1, 14, 2], [1, 2], [1, 20, 21, 2]]
    assert windows.owner.tolist() == [0, 0, 0, 1, 2]
    assert windows.size.tolist() == [2, 2, 1, 1, 2]


def test_no_texts_are_no_windows_and_no_batches() -> None:
    windows = cut_windows([], 2, MARKS)
    assert (windows.ids, len(windows.owner), len(windows.size)) == ([], 0, 0)
    assert group_batches([], 10) == []


def test_a_batch_holds_one_length_within_the_budget_the_longest_first() -> None:
    """Ten tokens are three windows of 3, two of 4 or 5, and not even one of 12."""
    batches = group_batches([3, 5, 3, 12, 5, 3, 5, 3], 10)
    assert [batch.tolist() for batch in batches] == [[3], [1, 4], [6], [0, 2, 5], [7]]


class Transformer:
    """What the library calls the module that runs the network."""


class Pooling:
    """What the library calls the module that makes one vector of many."""


class Dense:
    """A module that the batches do not know."""


for kind in (Transformer, Pooling, Dense):
    kind.__module__ = "sentence_transformers.models"


class FakeModel(list[object]):
    """A model of modules, with what the library's has around them."""

    def __init__(self, *modules: object, **changed: Any) -> None:
        """Make a model that puts 1 before a text and 2 behind it, unless changed."""
        super().__init__(modules)
        self.default_prompt_name = self.truncate_dim = None
        self.before, self.behind, self.beside = [1], [2], {}
        self.__dict__.update(changed)

    def tokenizer(self, texts: list[str], **asked: object) -> dict[str, list[list[int]]]:
        assert asked["add_special_tokens"] is False
        return {"input_ids": [WORDS[text] for text in texts]}

    def preprocess(self, texts: list[str]) -> dict[str, object]:
        whole = [*self.before, *WORDS[texts[0]], *self.behind]
        features = {"input_ids": whole, "attention_mask": [1] * len(whole)} | self.beside
        tensors = {name: SimpleNamespace(tolist=lambda value=value: [value]) for name, value in features.items()}
        return tensors | {"modality": "text"}


def test_the_frame_is_what_the_model_puts_around_a_text() -> None:
    assert find_frame(FakeModel(Transformer(), Pooling())) == MARKS
    assert find_frame(FakeModel(Transformer(), Pooling(), before=[], behind=[2, 3])) == Frame(
        [], [2, 3], ["attention_mask"]
    )


class Other:
    """A module from elsewhere."""


@pytest.mark.parametrize(
    "model",
    [
        FakeModel(Transformer(), Pooling(), Dense()),
        FakeModel(Transformer()),
        FakeModel(Dense(), Pooling()),
        FakeModel(Transformer(), Other()),
        FakeModel(Transformer(), Pooling(), default_prompt_name="query"),
        FakeModel(Transformer(), Pooling(), truncate_dim=64),
        FakeModel(Transformer(), Pooling(), before=[], behind=[]),
        FakeModel(Transformer(), Pooling(), beside={"token_type_ids": [1]}),
        FakeModel(Transformer(), Pooling(), beside={"pixels": [0]}),
    ],
    ids=["dense", "no pooling", "no network", "foreign", "prompt", "cut", "no marks", "other token types", "images"],
)
def test_a_model_that_does_anything_else_has_no_frame(model: FakeModel) -> None:
    assert find_frame(model) is None


def test_a_model_that_frames_two_texts_differently_has_no_frame() -> None:
    model = FakeModel(Transformer(), Pooling())
    framed = iter([[1], [5]])
    prepare = model.preprocess

    def change(texts: list[str]) -> dict[str, object]:
        model.before = next(framed)
        return prepare(texts)

    model.preprocess = change  # type: ignore[method-assign]
    assert find_frame(model) is None
