"""What fits into a prompt, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.prompts.packing import JOINT, Cut, estimate_messages, estimate_tokens, fit_clues, sample_text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abcdef", 2),  # 6 letters / 3
        ("a b c d e f g", 5),  # 13 / 3 = 4.33
        ("12345", 5),  # a token a digit
        ("a,b", 2),  # 2/3 + 1
        ("привет", 5),  # 6 * 0.75 = 4.5
        ("红烧肉", 5),  # 3 * 1.5 = 4.5
        ("🍲", 3),
    ],
)
def test_tokens_are_estimated_by_script(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_a_message_has_a_frame_of_its_own() -> None:
    assert estimate_messages((("system", "abc"), ("user", "abcdef"))) == 1 + 8 + 2 + 8


def test_what_fits_is_kept_as_it_is() -> None:
    clues = [("title", "soup"), ("asr", "boil it")]
    packed = fit_clues(clues, 100)
    assert packed.clues == tuple(clues)
    assert packed.cuts == ()


def test_fields_share_the_budget_by_weight_and_short_ones_leave_the_rest() -> None:
    """Budget 100: the title (3 tokens) is kept whole, caption and asr (weights 2 and 1) share 97 as 64.7 and 32.3."""
    packed = fit_clues([("title", "abcdefghi"), ("caption", "c" * 3000), ("asr", "a" * 3000)], 100)
    said = dict(packed.clues)
    assert said["title"] == "abcdefghi"
    assert 56 <= estimate_tokens(said["caption"]) <= 64
    assert 24 <= estimate_tokens(said["asr"]) <= 32
    assert [(cut.field, cut.total) for cut in packed.cuts] == [("caption", 3000), ("asr", 3000)]


def test_a_long_field_shows_head_middle_and_tail() -> None:
    text = " ".join(f"w{number:04}" for number in range(1000))
    sampled = sample_text(text, 400)
    head, middle, tail = sampled.split(JOINT)
    assert head.startswith("w0000 w0001")
    assert tail.endswith("w0998 w0999")
    assert "w0500" in middle
    assert len(head) > len(middle)
    assert all(word in text.split() for part in (head, middle, tail) for word in part.split())
    assert estimate_tokens(sampled) <= 400


def test_a_field_that_is_cut_short_keeps_its_head_at_a_word() -> None:
    assert sample_text("alpha beta gamma delta " * 50, 10) == "alpha beta gamma delta alpha"  # 30 letters at most


def test_a_field_that_has_no_room_is_dropped_and_told() -> None:
    packed = fit_clues([("title", "soup"), ("asr", "long " * 100)], 0)
    assert packed.clues == ()
    assert packed.cuts == (Cut("title", 0, 4), Cut("asr", 0, 500))


def test_nothing_is_nothing() -> None:
    assert fit_clues([], 10).clues == ()


@given(
    st.lists(st.tuples(st.sampled_from(["title", "asr", "ocr", "other"]), st.text(max_size=400)), max_size=5),
    st.integers(0, 200),
)
def test_the_budget_holds_and_every_cut_is_told(clues: list[tuple[str, str]], budget: int) -> None:
    packed = fit_clues(clues, budget)
    assert sum(estimate_tokens(text) for _, text in packed.clues) <= budget + len(clues)
    whole = [clue for clue in clues if clue in packed.clues or not clue[1]]
    assert len(whole) + len(packed.cuts) >= len(clues)
    assert all(0 <= cut.kept < cut.total for cut in packed.cuts)
