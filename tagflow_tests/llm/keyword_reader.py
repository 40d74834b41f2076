"""What a well-behaved model would answer if it read word by word: a reply for the fault server."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from tagflow.calls import Call
from tagflow_tests.language_models import asked_tag, listed, shown
from tagflow_tests.llm.completions import Completion

SURE = math.log(0.9)
DOUBT = math.log(0.1)
WORD = re.compile(r"[a-z]{5,}")


def read_words(body: Mapping[str, Any]) -> str | Completion:
    """Return proposals, chosen numbers or a verdict: a tag fits if its name stands in the content."""
    said = tuple((message["role"], message["content"]) for message in body["messages"])
    call = Call("", "", said, 1)
    system, user = said[0][1], said[-1][1]
    if '{"tags":' in system:
        text = " ".join(shown(call).values()).casefold()
        return json.dumps({"tags": list(dict.fromkeys(WORD.findall(text)))[:8]})
    if '{"numbers":' in system:
        text = " ".join(shown(call).values()).casefold()
        return json.dumps({"numbers": [number for number, name in listed(call).items() if name.casefold() in text]})
    if "The tag: " in user:
        fits = asked_tag(call).casefold() in " ".join(shown(call).values()).casefold()
        odds = (("Yes", SURE), ("No", DOUBT)) if fits else (("No", SURE), ("Yes", DOUBT))
        return Completion((odds[0][0],), first=odds)
    return "Yes"  # the probe, and pairs of tags
