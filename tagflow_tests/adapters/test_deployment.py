"""The environment is read strictly; the key shows nowhere; local means this machine."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import asdict, replace

import pytest

from tagflow.adapters.deployment import Deployment, Secret, is_loopback, read_deployment
from tagflow.adapters.money import PICO, Budget, Price
from tagflow.errors import ConfigError

LOCAL = {"TAGFLOW_LLM_BASE_URL": "http://127.0.0.1:8080/v1", "TAGFLOW_LLM_MODEL": "small"}
CANARY = "sk-" + "canary-Zq81" * 3


def refuse(**said: str) -> str:
    environment = {**LOCAL, **{f"TAGFLOW_LLM_{name}": value for name, value in said.items()}}
    with pytest.raises(ConfigError) as caught:
        read_deployment(environment)
    return str(caught.value)


def read(**said: str) -> Deployment:
    found = read_deployment({**LOCAL, **{f"TAGFLOW_LLM_{name}": value for name, value in said.items()}})
    assert found is not None
    return found


@pytest.mark.parametrize("environment", [{}, {"TAGFLOW_LLM_BASE_URL": " "}, {"TAGFLOW_LLM_MODEL": "x", "HOME": "y"}])
def test_without_an_endpoint_there_is_no_deployment(environment: dict[str, str]) -> None:
    assert read_deployment(environment) is None


def test_an_endpoint_and_a_model_are_enough() -> None:
    assert read() == Deployment("http://127.0.0.1:8080/v1", "small")
    assert (read().concurrency, read().context, read().deadline, read().local_only) == (8, 8192, 60.0, False)
    assert read(PRICE="", BUDGET=" ") == read(), "an empty variable is not there"


def test_everything_that_can_be_said_is_read() -> None:
    found = read(
        BASE_URL="https://llm.example.com:8443/openai/v1/",
        MODEL="org/model-7b@2",
        API_KEY=f" {CANARY}\n",
        PRICE="0.15/0.60 EUR",
        BUDGET="5 EUR, 1000 requests, 2M tokens",
        CONCURRENCY="64",
        RPM="500",
        TPM="200000",
        CONTEXT="131072",
        DEADLINE="2.5",
        LOCAL_ONLY="no",
    )
    assert found == Deployment(
        "https://llm.example.com:8443/openai/v1",
        "org/model-7b@2",
        Secret(CANARY),
        Price(150_000, 600_000, "EUR"),
        Budget(1000, 2_000_000, 5 * PICO, "EUR"),
        64,
        500,
        200_000,
        131_072,
        2.5,
        False,
    )
    assert found.host == "llm.example.com"
    assert found.api_key is not None
    assert found.api_key.reveal() == CANARY


def test_the_model_has_no_default() -> None:
    with pytest.raises(ConfigError, match="TAGFLOW_LLM_MODEL is not"):
        read_deployment({"TAGFLOW_LLM_BASE_URL": "http://127.0.0.1/v1"})


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant() -> None:
    assert "TAGFLOW_LLM_BUGDET is not a variable of tagflow, did you mean 'TAGFLOW_LLM_BUDGET'" in refuse(
        BUGDET="5 EUR"
    )
    with pytest.raises(ConfigError, match="did you mean 'TAGFLOW_LLM_BASE_URL'"):
        read_deployment({"TAGFLOW_LLM_BASEURL": "http://127.0.0.1/v1"})


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("CONCURRENCY", "0", "use 1 to 1024"),
        ("CONCURRENCY", "1025", "use 1 to 1024"),
        ("CONCURRENCY", "eight", "use 1 to 1024"),
        ("RPM", "-1", "such as 500"),
        ("TPM", "2.5", "such as 200000"),
        ("CONTEXT", "8k", "such as 8192"),
        ("CONTEXT", "٨", "such as 8192"),
        ("DEADLINE", "0", "such as 60"),
        ("DEADLINE", "nan", "such as 60"),
        ("DEADLINE", "60s", "such as 60"),
        ("DEADLINE", "3601", "such as 60"),
        ("LOCAL_ONLY", "maybe", "use true or false"),
        ("PRICE", "0.15 EUR", "such as 0.15/0.60 EUR"),
        ("BUDGET", "5", "such as 5 EUR, 1000 requests, 2M tokens"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_advice(name: str, value: str, advice: str) -> None:
    said = refuse(**{name: value})
    assert said.startswith(f"TAGFLOW_LLM_{name} cannot be ")
    assert advice in said
    assert said.count(". ") == 0, "one sentence"


def test_a_budget_of_money_needs_a_price_in_its_currency() -> None:
    assert "TAGFLOW_LLM_PRICE must give" in refuse(BUDGET="5 EUR")
    assert "TAGFLOW_LLM_PRICE must give" in refuse(BUDGET="5 EUR", PRICE="1/2 USD")
    assert read(BUDGET="10 requests").budget == Budget(requests=10)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080/v1",
        "ftp://127.0.0.1/v1",
        "http:///v1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1/v1?x=1",
        "http://127.0.0.1/v1#x",
        "http://127.0.0.1\\evil.example/v1",
        "http://127.0.0.1/v1\nX: y",
        "http://１２７.0.0.1/v1",
        "http://[::1/v1",
        "http://[::1%25eth0]/v1",
        "http://ex%61mple.com/v1",
    ],
)
def test_what_is_no_address_of_an_endpoint_is_refused(url: str) -> None:
    assert refuse(BASE_URL=url).startswith("TAGFLOW_LLM_BASE_URL is no address of an endpoint")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/v1",
        "http://LOCALHOST/v1",
        "http://127.0.0.1/v1",
        "http://127.8.9.1/v1",
        "http://[::1]:80/v1",
    ],
)
def test_local_only_lets_this_machine_be_asked(url: str) -> None:
    assert read(BASE_URL=url, LOCAL_ONLY="true").local_only


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "127.1",
        "127.0.0.1.",
        "localhost.",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.000.000.001",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[fe80::1]",
        "[2001:db8::1]",
        "app.localhost",
        "ip6-localhost",
    ],
)
def test_local_only_refuses_every_other_host(host: str) -> None:
    said = refuse(BASE_URL=f"http://{host}:8080/v1", LOCAL_ONLY="1")
    assert "TAGFLOW_LLM_LOCAL_ONLY lets nothing leave this machine" in said
    assert not is_loopback(host.strip("[]"))


@pytest.mark.parametrize("url", ["http://127.0.0.1@evil.example/v1", "http://evil.example%40127.0.0.1/v1"])
def test_local_only_is_not_fooled_by_a_user_before_the_host(url: str) -> None:
    assert "holds a user or a password" in refuse(BASE_URL=url, LOCAL_ONLY="1")


@pytest.mark.parametrize(
    "said",
    [
        {"BASE_URL": f"https://{CANARY}@example.com/v1"},
        {"BASE_URL": f"https://user:{CANARY}@example.com/v1"},
        {"BASE_URL": f"https://example.com/v1?key={CANARY}"},
        {"BASE_URL": f"https://example.com/{CANARY}/v1"},
        {"BASE_URL": f"https://example.com/{CANARY.replace('-', '%2D')}/v1"},
        {"BASE_URL": "https://example.com/plain-canary-Zq81/v1", "API_KEY": "plain-canary-Zq81"},
        {"MODEL": CANARY},
        {"PRICE": CANARY},
        {"BUDGET": CANARY},
        {"DEADLINE": CANARY},
        {"LOCAL_ONLY": CANARY},
        {"CONTEXT": "plain-canary-Zq81", "API_KEY": "plain-canary-Zq81"},
        {"API_KEY": f"{CANARY}\r\nX-Evil: 1"},
        {"API_KEY": f"“{CANARY}”"},
        {"APIKEY": CANARY},
    ],
)
def test_a_key_in_the_wrong_place_is_refused_and_not_repeated(said: dict[str, str]) -> None:
    environment = {**LOCAL, **{f"TAGFLOW_LLM_{name}": value for name, value in said.items()}}
    with pytest.raises(ConfigError) as caught:
        read_deployment(environment)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("key", "url"), [("ollama", "http://ollama:11434/v1"), ("EMPTY", "http://127.0.0.1/EMPTY")])
def test_a_placeholder_for_a_key_may_be_in_the_address(key: str, url: str) -> None:
    assert read(API_KEY=key, BASE_URL=url).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/ai/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://name.openai.azure.com/openai/v1",
        "http://vllm_server:8000/v1",
    ],
)
def test_addresses_in_use_are_taken(url: str) -> None:
    assert read(BASE_URL=url).base_url == url


def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    found = read(API_KEY=CANARY)
    shown = [repr(found), str(found), f"{found}", f"{found.api_key}", f"{found.api_key:>60}", "%r" % found.api_key]  # noqa: UP031
    shown += [repr(asdict(found)), repr(vars(found)), pprint.pformat(found), json.dumps(asdict(found), default=str)]
    shown += [repr(copy.deepcopy(found)), repr(copy.copy(found.api_key)), repr(replace(found, model="other"))]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("canary").warning("deployment %s key %r", found, found.api_key, extra={"it": found})
    print(found, found.api_key)  # noqa: T201
    shown += [caplog.text, capsys.readouterr().out]
    try:
        raise RuntimeError(found, found.api_key)
    except RuntimeError as error:
        shown += traceback.TracebackException.from_exception(error, capture_locals=False).format()
        shown += [repr(error), str(error)]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(found, protocol)
        shown.append(str(caught.value))
    assert [text for text in shown if "canary-Zq81" in text] == []
    assert found.api_key is not None
    assert found.api_key.reveal() == CANARY


def test_keys_are_compared_without_being_shown() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
