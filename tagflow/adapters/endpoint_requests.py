"""What is sent for a call: the request's JSON in the dialect of the endpoint, and how many tokens it will take."""

import json
from dataclasses import dataclass
from typing import Any

from tagflow.calls import Call, Capabilities
from tagflow.prompts.packing import estimate_messages, estimate_tokens

TOP = 20  # likeliest first tokens asked for: the most that OpenAI takes


@dataclass
class Quirks:
    """What was learned of the endpoint's parameters from its refusals."""

    tokens_name: str = "max_tokens"
    temperature: bool = True

    def learn(self, parameter: str) -> bool:
        """Take note of a parameter that was refused; return whether the request would now be another one."""
        if parameter == "max_tokens" and self.tokens_name == "max_tokens":
            self.tokens_name = "max_completion_tokens"
            return True
        if parameter == "temperature" and self.temperature:
            self.temperature = False
            return True
        return False


def build_body(model: str, call: Call, can: Capabilities, quirks: Quirks, seed: int | None = None) -> bytes:
    """Return the JSON of a request for all samples of a call."""
    messages = [{"role": role, "content": text} for role, text in call.messages]
    body: dict[str, Any] = {"model": model, "messages": messages, quirks.tokens_name: find_length(call, can)}
    if quirks.temperature:
        body["temperature"] = call.temperature
    if call.samples > 1:
        body["n"] = call.samples
    if seed is not None:
        body["seed"] = seed
    if call.yes_no and can.logprobs:
        body |= {"logprobs": True, "top_logprobs": TOP}
    elif call.schema is not None:
        _ask_for_schema(body, call, can)
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _ask_for_schema(body: dict[str, Any], call: Call, can: Capabilities) -> None:
    schema = json.loads(call.schema or "{}")
    if can.schema == "json_schema":
        described = {"name": call.task or "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    elif can.schema == "json_object":
        body["response_format"] = {"type": "json_object", "schema": schema}
    else:
        last = body["messages"][-1]
        said = json.dumps(schema, ensure_ascii=False)
        last["content"] += f"\n\nAnswer with one JSON value and nothing else. It must follow this JSON schema:\n{said}"


def find_length(call: Call, can: Capabilities) -> int:
    """Return the most tokens of one answer."""
    return 1 if call.yes_no and can.logprobs else call.max_tokens


def estimate_prompt(call: Call) -> int:
    """Return about how many tokens the messages of a call have, by the estimate that they were packed by.

    It counts where the endpoint does not say.
    """
    schema = estimate_tokens(call.schema) if call.schema and not call.yes_no else 0
    return schema + estimate_messages(call.messages)


def bound_prompt(body: bytes) -> int:
    """Return the most tokens a request's prompt can have: no tokenizer makes more tokens than there are bytes."""
    return len(body)
