"""What a well-behaved OpenAI-compatible server says: completions, schemas kept to, log-probabilities."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Completion:
    """An answer in full; a text per choice, the last one repeated for further choices."""

    texts: tuple[str, ...]
    finish: str = "stop"
    first: tuple[tuple[str, float], ...] = (("Yes", -0.1), (" yes", -3.0), ("No", -4.0))
    usage: tuple[int, int] | None = None


@dataclass(frozen=True)
class Abilities:
    """What the server can do; what it cannot, it passes over in silence unless said otherwise."""

    logprobs: bool = True
    schema: tuple[str, ...] = ("json_schema", "json_object")
    schema_status: int = 200  # what it answers to a response_format that it does not know
    many: int = 8  # most choices
    seed: bool = True
    usage: bool = True
    served: str = ""  # the model it says it used; empty: the one asked for
    models: tuple[str, ...] = ()  # the models it has; none: any
    keys: tuple[str, ...] = ()  # the keys it takes; none: any
    max_tokens: bool = True  # it takes max_tokens; else it wants max_completion_tokens
    temperature: bool = True  # it takes a temperature other than 1


def fill_schema(schema: Mapping[str, Any]) -> Any:
    """Return the smallest value that a JSON schema of objects, arrays, enums and plain types allows."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", list(schema.get("properties", {})))
        return {name: fill_schema(schema["properties"][name]) for name in wanted}
    if kind == "array":
        return [fill_schema(schema["items"])] * int(schema.get("minItems", 0))
    return {"string": "", "integer": 0, "number": 0.0, "boolean": False}.get(str(kind))


def find_schema(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Return the dialect of a request's response format, empty if it has none, and its schema."""
    said = body.get("response_format") or {}
    if said.get("type") == "json_schema":
        return "json_schema", said["json_schema"]["schema"]
    return said.get("type", ""), said.get("schema")


class Composer:
    """Turns the text of an answer into the JSON that a server sends."""

    def __init__(self, abilities: Abilities) -> None:
        self._can = abilities
        self._count = itertools.count()

    def compose(self, body: Mapping[str, Any], said: str | Sequence[str] | Completion) -> dict[str, Any]:
        """Return a chat completion for a request."""
        if isinstance(said, str):
            said = Completion((said,))
        elif not isinstance(said, Completion):
            said = Completion(tuple(said))
        texts = self._take_texts(body, said)
        first = list(said.first) if self._can.logprobs and body.get("logprobs") else None
        payload: dict[str, Any] = {
            "id": f"chatcmpl-{next(self._count)}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": self._can.served or body.get("model", ""),
            "choices": [self._choose(index, text, said.finish, first) for index, text in enumerate(texts)],
        }
        if self._can.usage:
            words = sum(len(message["content"].split()) for message in body["messages"])
            prompt, completion = said.usage or (words, sum(len(text.split()) or 1 for text in texts))
            payload["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }
        return payload

    def _take_texts(self, body: Mapping[str, Any], said: Completion) -> list[str]:
        count = min(int(body.get("n") or 1), self._can.many)
        texts = [said.texts[min(at, len(said.texts) - 1)] for at in range(count)]
        dialect, schema = find_schema(body)
        if dialect in self._can.schema and schema is not None:
            texts = [text if _is_json(text) else json.dumps(fill_schema(schema)) for text in texts]
        elif not self._can.seed and body.get("temperature"):
            texts = [f"{text} {next(self._count)}" for text in texts]
        return texts

    def _choose(self, index: int, text: str, finish: str, first: list[tuple[str, float]] | None) -> dict[str, Any]:
        logprobs = None
        if first:
            top = [{"token": token, "logprob": value, "bytes": list(token.encode())} for token, value in first]
            logprobs = {"content": [{**top[0], "top_logprobs": top}]}
        return {
            "index": index,
            "finish_reason": finish,
            "message": {"role": "assistant", "content": text},
            "logprobs": logprobs,
        }


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def refuse(abilities: Abilities, headers: Mapping[str, str], body: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """Return status, code and parameter if a server of these abilities turns the request down."""
    key = headers.get("authorization", "").removeprefix("Bearer ")
    if abilities.keys and key not in abilities.keys:
        return 401, "invalid_api_key", ""
    if abilities.models and body.get("model") not in abilities.models:
        return 404, "model_not_found", "model"
    if not abilities.max_tokens and "max_tokens" in body:
        return 400, "unsupported_parameter", "max_tokens"
    if not abilities.temperature and body.get("temperature", 1) != 1:
        return 400, "unsupported_value", "temperature"
    if find_schema(body)[0] not in ("", *abilities.schema) and abilities.schema_status != 200:
        return abilities.schema_status, "literal_error", "response_format"
    return None
