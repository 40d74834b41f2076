"""Prices and budgets as people write them, and money in whole numbers, so that no sum is rounded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tagflow.errors import ConfigError

PICO = 10**12
"""Money is counted in millionths of a millionth of the currency: the price of one token is a whole number of them."""

MILLION = 10**6

AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)")
PRICE = re.compile(rf"{AMOUNT.pattern}\s*/\s*{AMOUNT.pattern}\s+([A-Z]{{3}})")
LIMIT = re.compile(rf"{AMOUNT.pattern}\s*([kM]?)\s+([A-Za-z]+)")
FACTORS: Mapping[str, int] = {"": 1, "k": 1_000, "M": MILLION}
COUNTED: Mapping[str, str] = {"request": "requests", "requests": "requests", "token": "tokens", "tokens": "tokens"}


@dataclass(frozen=True)
class Price:
    """What a token costs.

    Attributes:
        prompt: picos of the currency for one token of a prompt.
        completion: the same for one token of an answer.
        currency: three capital letters.
    """

    prompt: int
    completion: int
    currency: str

    def count_picos(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Return what the tokens cost, in picos of the currency."""
        return self.prompt * prompt_tokens + self.completion * completion_tokens

    def count_money(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what the tokens cost, in the currency."""
        return self.count_picos(prompt_tokens, completion_tokens) / PICO


@dataclass(frozen=True)
class Budget:
    """What one run may take at most; None is no limit.

    Attributes:
        requests: requests sent, failed ones included.
        tokens: tokens of prompts and answers together.
        picos: money, in picos of the currency.
        currency: three capital letters; empty without a limit on money.
    """

    requests: int | None = None
    tokens: int | None = None
    picos: int | None = None
    currency: str = ""


def parse_price(said: str) -> Price:
    """Read '0.15/0.60 EUR': the price of a million tokens of prompts, and of answers.

    Raises:
        ConfigError: it does not say that; the sentence is about "a price" and does not repeat it.
    """
    found = PRICE.fullmatch(said.strip())
    if found is None:
        raise ConfigError(
            "a price is that of a million prompt tokens, a slash, that of a million answer tokens, and the currency's "
            "three capital letters, such as 0.15/0.60 EUR."
        )
    prompt, completion, currency = found.groups()
    return Price(int(Decimal(prompt) * MILLION), int(Decimal(completion) * MILLION), currency)


def parse_budget(said: str) -> Budget:
    """Read '5 EUR', '1000 requests', '2M tokens', or several of them with commas between.

    Raises:
        ConfigError: it does not say that; the sentence is about "a budget" and does not repeat it.
    """
    limits: dict[str, int] = {}
    currency = ""
    for part in said.split(","):
        found = LIMIT.fullmatch(part.strip())
        amount, factor, unit = found.groups() if found else ("0", "", "")
        exact = Decimal(amount) * FACTORS[factor]
        kind = COUNTED.get(unit, "picos" if re.fullmatch("[A-Z]{3}", unit) else "")
        if not kind or (kind != "picos" and exact != int(exact)):
            raise ConfigError(
                "a budget is one or more of money, requests and tokens with commas between and none within a number, "
                "such as 5 EUR, 1000 requests, 2M tokens."
            )
        if kind in limits:
            raise ConfigError(
                f"a budget says each limit once, and {'money' if kind == 'picos' else kind} stands twice."
            )
        currency = unit if kind == "picos" else currency
        limits[kind] = int(exact * PICO) if kind == "picos" else int(exact)
    return Budget(limits.get("requests"), limits.get("tokens"), limits.get("picos"), currency)
