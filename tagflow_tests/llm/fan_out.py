"""A process that asks many calls of an endpoint, to be killed from outside.

``python -m tagflow_tests.llm.fan_out URL JOURNAL CALLS`` prints ``asking`` and then how it ended.
"""

import signal
import sys
import time
from collections import Counter
from pathlib import Path

import click

from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.calls import Answer, Call
from tagflow_tests.llm.desk import KEY, MODEL, SHORT, ask
from tagflow_tests.llm.ledgers import SmallJournal, SmallManifest, SmallMeter


class SlowJournal(SmallJournal):
    """Takes its time, so that a kill is likely to hit it."""

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        time.sleep(0.002)
        super().keep(key, call, answer)


def end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    url, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGTERM, end)
    parts = (SHORT, SlowJournal(path), SmallMeter(), SmallManifest(), click.echo)
    with OpenAIEndpoint(url, MODEL, KEY, *parts) as endpoint:
        assert endpoint.capabilities is not None
        click.echo("asking")
        try:
            answers = endpoint.answer([ask(number) for number in range(count)])
        except KeyboardInterrupt:
            click.echo("interrupted")
            return
        click.echo(dict(Counter(answer.outcome for answer in answers)))


if __name__ == "__main__":
    main()
