"""Which language model this machine may ask, and how much of it: read from the environment, and nowhere else.

What is wrong is said by the variable's name; its value is repeated only where it cannot be a key.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from tagflow.adapters.money import Budget, Price, parse_budget, parse_price
from tagflow.dataset_files import suggest
from tagflow.errors import ConfigError

PREFIX = "TAGFLOW_LLM_"
BASE_URL = "TAGFLOW_LLM_BASE_URL"
MODEL = "TAGFLOW_LLM_MODEL"
API_KEY = "TAGFLOW_LLM_API_KEY"
PRICE = "TAGFLOW_LLM_PRICE"
BUDGET = "TAGFLOW_LLM_BUDGET"
CONCURRENCY = "TAGFLOW_LLM_CONCURRENCY"
RPM = "TAGFLOW_LLM_RPM"
TPM = "TAGFLOW_LLM_TPM"
CONTEXT = "TAGFLOW_LLM_CONTEXT"
DEADLINE = "TAGFLOW_LLM_DEADLINE"
LOCAL_ONLY = "TAGFLOW_LLM_LOCAL_ONLY"
KNOWN = (BASE_URL, MODEL, API_KEY, PRICE, BUDGET, CONCURRENCY, RPM, TPM, CONTEXT, DEADLINE, LOCAL_ONLY)
"""Every variable there is; another one that starts like them is refused."""

MOST_CONCURRENT = 1024  # ours: more connections than an endpoint takes from one address
LONGEST = 3600.0  # ours: seconds; a request that may take longer is a mistake

URL = re.compile(r"https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%+/-]*)?")
LIKE_A_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}|\b(?:hf_|gsk_|xai-)[A-Za-z0-9]{16,}|[A-Za-z0-9]{36,}")
KEY_LENGTH = 12  # ours: a shorter one (EMPTY, ollama, lm-studio) guards nothing and may be part of a host's name
HARMLESS = re.compile(r"[A-Za-z0-9 ./:,+-]{1,24}")

T = TypeVar("T")
D = TypeVar("D")


class Secret:
    """A text that shows itself to ``reveal`` only: not in repr, str, format, vars, copies or pickles."""

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        """Hide the text."""
        self._reveal: Callable[[], str] = lambda: text

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._reveal()

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.reveal()

    def __hash__(self) -> int:
        return hash(Secret)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is never pickled: read the deployment from the environment where it is needed")


@dataclass(frozen=True)
class Deployment:
    """The endpoint and model that this machine may ask.

    Attributes:
        base_url: without a slash at its end, without a key in it.
        model: as the endpoint calls it.
        api_key: None for an endpoint that asks for none.
        price: None if not known: then nothing is counted in money.
        budget: what one run may take.
        concurrency: most requests at a time.
        rpm: most requests a minute; None is no limit.
        tpm: most tokens a minute; None is no limit.
        context: tokens that prompt and answer may have together.
        deadline: seconds that one request may take, from its first byte to its last; a retry has as many again.
        local_only: whether nothing may leave this machine; ``base_url`` is then on it.
    """

    base_url: str
    model: str
    api_key: Secret | None = None
    price: Price | None = None
    budget: Budget = field(default_factory=Budget)
    concurrency: int = 8  # ours
    rpm: int | None = None
    tpm: int | None = None
    context: int = 8192  # ours: the least that servers in use give
    deadline: float = 60.0  # ours
    local_only: bool = False

    @property
    def host(self) -> str:
        """The host that contents are sent to, as the manifest has it."""
        return urlsplit(self.base_url).hostname or ""


def read_deployment(environment: Mapping[str, str]) -> Deployment | None:
    """Return what the environment says, or None where it names no endpoint; an empty variable is not there.

    Raises:
        ConfigError: a variable that is not known, is missing or cannot be read, a key within another variable, a budget
            of money without a price, or an endpoint elsewhere although ``TAGFLOW_LLM_LOCAL_ONLY`` is set.
    """
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in KNOWN:
            raise ConfigError(
                f"{name} is not a variable of tagflow{suggest(name, KNOWN)}; it knows {', '.join(KNOWN)}."
            )
    said = {name: environment[name].strip() for name in KNOWN if environment.get(name, "").strip()}
    if BASE_URL not in said:
        return None
    key = said.pop(API_KEY, None)
    _check_key(key, said)
    if MODEL not in said:
        raise ConfigError(
            f"{BASE_URL} is set and {MODEL} is not: set it to the model's name as the endpoint lists it at "
            "<base URL>/models."
        )
    price = _read_amount(said, PRICE, parse_price, None)
    budget = _read_amount(said, BUDGET, parse_budget, Budget())
    if budget.picos is not None and (price is None or price.currency != budget.currency):
        raise ConfigError(
            f"{BUDGET} limits {budget.currency}, so {PRICE} must give the price of a million tokens in it, such as "
            f"0.15/0.60 {budget.currency} for prompts and answers."
        )
    local_only = _read(said, LOCAL_ONLY, _parse_switch, "use true or false", False)
    return Deployment(
        base_url=_check_url(said[BASE_URL], local_only=local_only),
        model=said[MODEL],
        api_key=None if key is None else Secret(key),
        price=price,
        budget=budget,
        concurrency=_read(said, CONCURRENCY, _parse_count(MOST_CONCURRENT), f"use 1 to {MOST_CONCURRENT}", 8),
        rpm=_read(said, RPM, _parse_count(10**9), "use a whole number of requests a minute, such as 500", None),
        tpm=_read(said, TPM, _parse_count(10**12), "use a whole number of tokens a minute, such as 200000", None),
        context=_read(said, CONTEXT, _parse_count(10**8), "use a whole number of tokens, such as 8192", 8192),
        deadline=_read(
            said, DEADLINE, _parse_seconds, f"use seconds above 0 and up to {LONGEST:.0f}, such as 60", 60.0
        ),
        local_only=local_only,
    )


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine by its plain name: localhost, or a whole loopback address.

    Every other spelling (127.1, 0x7f.1, 2130706433, a dot at the end, a name that may resolve to it) is not: what
    follows it to another machine cannot be told by looking.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and "%" not in host and getattr(address, "ipv4_mapped", None) is None


def _check_key(key: str | None, said: Mapping[str, str]) -> None:
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"{API_KEY} holds characters that no key has: copy the key again, without quotes and spaces.")
    for name, value in said.items():
        plain = unquote(value)
        own = key is not None and (value == key or (len(key) >= KEY_LENGTH and key in plain))
        if own or LIKE_A_KEY.search(plain):
            raise ConfigError(f"{name} holds what looks like a key: a key belongs in {API_KEY} alone.")


def _check_url(said: str, *, local_only: bool) -> str:
    if "@" in unquote(said):
        raise ConfigError(f"{BASE_URL} holds a user or a password: put the key in {API_KEY} and leave the rest out.")
    try:
        parts = urlsplit(said)
        sound = bool(URL.fullmatch(said)) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(
            f"{BASE_URL} is no address of an endpoint: write http:// or https://, a host, a port if need be and a "
            "path, without a query, such as http://127.0.0.1:8080/v1."
        )
    host = parts.hostname or ""
    if local_only and not is_loopback(host):
        raise ConfigError(
            f"{BASE_URL} leads to {host!r}, and {LOCAL_ONLY} lets nothing leave this machine: use localhost, 127.0.0.1 "
            f"or [::1] spelt out, or unset {LOCAL_ONLY}."
        )
    return said.rstrip("/")


def _parse_switch(said: str) -> bool:
    return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}[
        said.lower()
    ]


def _parse_count(most: int) -> Callable[[str], int]:
    def parse(said: str) -> int:
        if not re.fullmatch("[0-9]{1,13}", said) or not 1 <= int(said) <= most:
            raise ValueError
        return int(said)

    return parse


def _parse_seconds(said: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(?:\.[0-9]{1,3})?", said) or not 0 < float(said) <= LONGEST:
        raise ValueError
    return float(said)


def _read(said: Mapping[str, str], name: str, parse: Callable[[str], T], advice: str, default: D) -> T | D:
    if name not in said:
        return default
    try:
        return parse(said[name])
    except (ValueError, KeyError):
        raise ConfigError(f"{name} cannot be {_show(said[name])}: {advice}.") from None


def _read_amount(said: Mapping[str, str], name: str, parse: Callable[[str], T], default: D) -> T | D:
    if name not in said:
        return default
    try:
        return parse(said[name])
    except ConfigError as error:
        raise ConfigError(f"{name} cannot be {_show(said[name])}: {error}") from None


def _show(value: str) -> str:
    return repr(value) if HARMLESS.fullmatch(value) else "what it is"
