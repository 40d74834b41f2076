"""Yes against No, by hand: p = e^yes / (e^yes + e^no), over every spelling of both (LLM4Tag eq. 10)."""

import math

import pytest

from tagflow.calls import Sample
from tagflow.prompts.verdicts import (
    fold_token,
    read_agreement,
    read_log_probabilities,
    read_percent,
    read_verdict,
)

LN = math.log


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([("Yes", LN(0.6)), ("No", LN(0.3))], 2 / 3),
        ([("No", LN(0.6)), ("Yes", LN(0.3))], 1 / 3),
        ([(" Yes", LN(0.5)), (" No", LN(0.5))], 0.5),
        ([("YES", LN(0.2)), ("NO", LN(0.6))], 0.25),
        ([("yes", LN(0.9)), ("no", LN(0.1))], 0.9),
        ([("Yes", LN(0.3)), (" yes", LN(0.2)), ("YES", LN(0.1)), ("No", LN(0.4))], 0.6),
        ([("Yes", LN(0.4)), ("No", LN(0.3)), (" no", LN(0.2)), ("no.", LN(0.1))], 0.4),
        ([("是", LN(0.8)), ("否", LN(0.2))], 0.8),
        ([("是的", LN(0.1)), ("不是", LN(0.3))], 0.25),
        ([("是", LN(0.5)), ("不", LN(0.25)), ("否", LN(0.25))], 0.5),
        ([("Ġyes", LN(0.7)), ("ĠNo", LN(0.1))], 0.875),
        ([("▁Yes", LN(0.05)), ("▁No", LN(0.15))], 0.25),
        ([("Y", LN(0.3)), ("N", LN(0.1))], 0.75),
        ([("Yes.", LN(0.3)), ("No,", LN(0.2))], 0.6),
        ([('"Yes', LN(0.1)), ('"No', LN(0.1))], 0.5),
        ([("**Yes", LN(0.4)), ("*no*", LN(0.1))], 0.8),
        ([("\nYes", LN(0.2)), ("\tNo", LN(0.2))], 0.5),
        ([("Ｙｅｓ", LN(0.3)), ("ｎｏ", LN(0.1))], 0.75),
        ([("是。", LN(0.9)), ("「否", LN(0.1))], 0.9),
        ([("æĺ¯", LN(0.6)), ("åĲ¦", LN(0.2))], 0.75),  # the bytes of 是 and 否 in GPT-2's letters
        ([("<0xE6><0x98><0xAF>", LN(0.1)), ("<0xE5><0x90><0xA6>", LN(0.3))], 0.25),
        ([("\\xe6\\x98\\xaf", LN(0.4)), ("\\xe5\\x90\\xa6", LN(0.4))], 0.5),
        ([("Maybe", LN(0.7)), ("Yes", LN(0.2)), ("No", LN(0.1))], 2 / 3),
        ([("{", LN(0.99)), ("Yes", -30.0), ("No", -30.0 + LN(3))], 0.25),  # the far ends still compare
        ([("No", LN(0.5)), ("No", LN(0.5)), ("Yes", LN(0.5))], 0.5),  # listed twice, as k + 1 entries, counts once
        ([("Yes", 0.0), ("No", -9999.0)], 1.0),
        ([("N/A", LN(0.5)), ("N/", LN(0.2)), ("Yes", LN(0.2)), ("No", LN(0.1))], 2 / 3),  # N/A is no No
        ([("Yes", LN(0.2)), ("No", float("nan")), ("no", LN(0.2))], 0.5),
    ],
)
def test_the_probability_is_renormalised_over_the_spellings(first: list[tuple[str, float]], expected: float) -> None:
    assert read_log_probabilities(first).probability == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "first",
    [
        None,
        [],
        [("Yes", LN(0.99)), ("Maybe", LN(0.01))],
        [("No", LN(0.99))],
        [("Maybe", -0.1), ("Perhaps", -3.0)],
        [("<0xE6>", LN(0.5)), ("<0xE5>", LN(0.5))],  # first bytes, which other signs share
        [("Yes", LN(0.5)), ("No", float("-inf"))],
        [("Yes", LN(0.5)), ("No", float("inf"))],
        [("Yes", LN(0.5)), ("Not", LN(0.5)), ("None", -2.0), ("Nope", -2.0)],
        [("Yeah", LN(0.5)), ("No", LN(0.5))],
    ],
)
def test_where_one_side_is_missing_there_is_no_number_rather_than_0_or_1(first: list[tuple[str, float]] | None) -> None:
    assert read_log_probabilities(first).probability is None


def test_no_is_the_counterpart_of_yes_and_never_negative() -> None:
    """One of the anchors returned minus the probability of No where No won."""
    for share in (0.01, 0.4, 0.6, 0.99):
        yes = read_log_probabilities([("Yes", LN(share)), ("No", LN(1 - share))]).probability
        no = read_log_probabilities([("Yes", LN(1 - share)), ("No", LN(share))]).probability
        assert yes == pytest.approx(share)
        assert yes + no == pytest.approx(1)
        assert 0 <= no <= 1


def test_the_mass_of_both_is_told() -> None:
    assert read_log_probabilities([("Yes", LN(0.2)), ("No", LN(0.1)), ("x", LN(0.7))]).mass == pytest.approx(0.3)
    assert read_log_probabilities([("Yes", LN(0.2)), ("x", LN(0.7))]).mass == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("token", "folded"), [(" Yes", "yes"), ("“是”", "是"), ("...", ""), ("Nö", "nö"), ("NOT", "not")]
)
def test_tokens_are_folded(token: str, folded: str) -> None:
    assert fold_token(token) == folded


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes", True),
        ("no.", False),
        ("YES!", True),
        ("**No**", False),
        ("Yes, it is about soup", True),
        ("No - it only mentions it", False),
        ("是", True),
        ("是的。", True),
        ("否", False),
        ("不是，只是提到", False),
        ("<think>maybe no</think>\nYes", True),
        ('{"answer": "Yes"}', True),
        ('{"answer": false}', False),
        ("\ufeffNo", False),
        ("", None),
        ("Yes and no", None),
        ("Yes or No?", None),
        ("maybe", None),
        ("不确定", None),
        ("Not sure", None),
        ("The answer is Yes", None),
        ("yesterday", None),
        ('{"answer": 1}', None),
        ('{"yes": "no", "no": "yes"}', None),
        ("<think>Yes", None),
    ],
)
def test_a_verdict_in_words_is_read_and_never_guessed(text: str, verdict: bool | None) -> None:
    assert read_verdict(text) is verdict


def test_agreement_is_the_share_of_yes_among_the_readable() -> None:
    samples = [Sample(text) for text in ("Yes", "No", "yes", "is it?", "YES")]
    assert read_agreement(samples, 5) == pytest.approx(3 / 4)
    assert read_agreement(samples[:2], 5) is None  # two of five say too little
    assert read_agreement([Sample("hm")] * 5, 5) is None
    assert read_agreement([], 5) is None
    assert read_agreement([Sample("No")] * 3, 5) == 0.0


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("85", 0.85),
        (" 85 %", 0.85),
        ("７０％", 0.7),
        ("0", 0.0),
        ("100", 1.0),
        ("85/100", 0.85),
        ("85 out of 100.", 0.85),
        ('{"confidence": 40}', 0.4),
        ("<think>8/10</think>80", 0.8),
        ("it is 10, no, </think> 80", 0.8),
        ("8/10", None),  # an anchor read it as 810
        ("0.85", None),
        ("101", None),
        ("810", None),
        ("-5", None),
        ("80-90", None),
        ("80 or 90", None),
        ("high", None),
        ("", None),
        ('{"confidence": 0.4}', None),
        ('{"confidence": true}', None),
        ('{"confidence": "high"}', None),
    ],
)
def test_a_number_in_words_is_read_and_never_guessed(text: str, share: float | None) -> None:
    assert read_percent(text) == share
