"""The language model of one stage of a run: endpoint, journal, budget and manifest, opened at the first question."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tagflow.adapters.deployment import BASE_URL, Deployment, is_loopback, read_deployment
from tagflow.adapters.egress_manifest import EgressManifest
from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.adapters.parent_watch import watch_parent
from tagflow.adapters.prompt_folder import read_prompts
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.run_register import register_run
from tagflow.adapters.spending import SpendingMeter
from tagflow.confidence.rungs import RungCalibration
from tagflow.errors import ConfigError
from tagflow.knowledge.injection import Knowledge
from tagflow.ports import Engine, LanguageModel, Progress
from tagflow.prompts.redaction import redact
from tagflow.settings import CLUE_FIELDS, DatasetSettings
from tagflow.tagmodels.interview import Interview
from tagflow.tagmodels.llm import LLMTagModel
from tagflow.tagmodels.writing import Limits, Writer

ORPHANED = "the process that started this run is gone, so nothing further is asked: start the run again"
"""What a step says that nobody waits for."""


class Spent(NamedTuple):
    """What a stage of a run asked and paid.

    Attributes:
        requests: sent.
        answers_reused: that were kept from before and cost nothing.
        prompt_tokens: paid.
        completion_tokens: paid.
        money: in the currency of the deployment's price; None without one.
    """

    requests: int
    answers_reused: int
    prompt_tokens: int
    completion_tokens: int
    money: float | None


class LanguageDesk:
    """Asks the deployment's language model, and keeps its books, for one stage of a run."""

    def __init__(
        self,
        deployment: Deployment,
        data: Path,
        run: str,
        stage: str,
        say: Callable[[str], object],
        dataset: str = "",
    ) -> None:
        """Keep whom to ask and for what; nothing is opened or sent yet.

        Args:
            deployment: the endpoint, its price and the budget.
            data: the data folder; the journal lies in its warehouse.
            run: id of the run; the budget holds for it.
            stage: the asset that asks.
            say: takes lines for people.
            dataset: whom it asks for.
        """
        self.deployment, self._data, self._run, self._stage, self._say = deployment, data, run, stage, say
        self._dataset = dataset
        self._others: dict[str, OpenAIEndpoint] = {}

    @cached_property
    def file(self) -> JournalFile:
        """The file of all paid answers and accounts."""
        path = self._data / "warehouse" / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalFile(path)

    @cached_property
    def journal(self) -> ResponseJournal:
        """Paid answers."""
        return ResponseJournal(self.file, run=self._run, stage=self._stage)

    @cached_property
    def endpoint(self) -> OpenAIEndpoint:
        """The language model."""
        asked = self.deployment
        register_run(self.file, self._run, self._dataset, asked.price.currency if asked.price else "")
        return self._open(asked.model)

    def open_model(self, name: str) -> LanguageModel:
        """Return another model of the same endpoint, with the same books; opened once."""
        if name == self.deployment.model:
            return self.endpoint
        _ = self.endpoint  # the run is registered
        if name not in self._others:
            self._others[name] = self._open(name)
        return self._others[name]

    def _open(self, model: str) -> OpenAIEndpoint:
        asked = self.deployment
        limits = EndpointLimits(
            concurrency=asked.concurrency,
            requests_per_minute=asked.rpm,
            tokens_per_minute=asked.tpm,
            deadline=asked.deadline,
            context_tokens=asked.context,
        )
        key = asked.api_key.reveal() if asked.api_key else ""
        meter = SpendingMeter(self.file, asked.budget, asked.price, run=self._run, stage=self._stage)
        manifest = EgressManifest(self.file, run=self._run)
        place = (asked.base_url, model, key)
        endpoint = OpenAIEndpoint(*place, limits, self.journal, meter, manifest, self._say)
        watch_parent(lambda: endpoint.give_up(ORPHANED))
        return endpoint

    def read_books(self) -> Spent | None:
        """Return what this stage asked and paid in this run; None if it asked nothing."""
        if "endpoint" not in self.__dict__:
            return None
        costs = self.journal.costs(self._run).filter(pl.col("stage") == self._stage)
        sums = costs.select(
            pl.sum("requests", "prompt_tokens", "completion_tokens", "money"), answers_reused=pl.sum("stored")
        )
        return Spent(**sums.row(0, named=True) | ({} if self.deployment.price else {"money": None}))

    def count(self) -> dict[str, int | float | str]:
        """Return the same for people, by name; nothing if it asked nothing."""
        spent, price = self.read_books(), self.deployment.price
        if spent is None:
            return {}
        counts: dict[str, int | float | str] = {name: said for name, said in spent._asdict().items() if name != "money"}
        return counts | ({"money": f"{spent.money:.4f} {price.currency}"} if price else {})

    def close(self) -> None:
        """End the connections and close the file, if they were opened."""
        if "endpoint" in self.__dict__:
            self.endpoint.close()
        for endpoint in self._others.values():
            endpoint.close()
        if "file" in self.__dict__:
            self.file.close()


class Redaction:
    """Masks formatted personal data in a text before it is shown."""

    fingerprint = "formatted personal data 1"
    """Enters what identifies a proposer."""

    def __call__(self, text: str) -> str:
        """Return the text with placeholders."""
        return redact(text)[0]


def open_desk(
    settings: DatasetSettings, where: str, data: Path, run: str, stage: str, say: Callable[[str], object], name: str
) -> LanguageDesk | None:
    """Return the desk of a dataset; None where nothing may be asked and its brain needs nothing asked.

    Args:
        settings: of the dataset.
        where: the dataset's file, for the error.
        data: the data folder.
        run: id of the run.
        stage: what asks.
        say: takes lines for people.
        name: of the dataset.

    Raises:
        ConfigError: the brain is llm, and the environment names no endpoint that the dataset allows.
    """
    try:
        deployment = find_deployment(settings, where)
    except ConfigError:
        if settings.brain == "llm":
            raise
        return None  # a method that would ask says what is missing
    return LanguageDesk(deployment, data, run, stage, say, name)


def find_deployment(settings: DatasetSettings, where: str) -> Deployment:
    """Return the deployment that a dataset with the brain llm asks.

    Args:
        settings: of the dataset.
        where: the dataset's file, for the error.

    Raises:
        ConfigError: the environment names no endpoint, says what it may not, or names one that the dataset forbids.
    """
    deployment = read_deployment(os.environ)
    if deployment is None:
        raise ConfigError(f"{where}: brain is llm, and {BASE_URL} is not set: set it, or brain to embedded.")
    if settings.llm.local_only and not is_loopback(deployment.host):
        raise ConfigError(
            f"{where}: llm.local_only allows an endpoint on this machine only, and {BASE_URL} names {deployment.host}."
        )
    return deployment


def make_brain(
    model: LanguageModel,
    settings: DatasetSettings,
    folder: Path,
    knowledge: Knowledge,
    context: int,
    tools: tuple[Engine, Progress],
    find_model: Callable[[str], LanguageModel] | None = None,
    rungs: pl.DataFrame | None = None,
) -> LLMTagModel:
    """Return the tag model that asks a language model.

    Args:
        model: whom it asks.
        settings: how.
        folder: the dataset's folder, which may hold prompts of its own.
        knowledge: what is put into the questions.
        context: tokens that prompt and answer may have together.
        tools: run the batches and tell how far they are.
        find_model: opens another model of the endpoint by its name.
        rungs: of ``confidence_model``: what its numbers are worth.
    """
    writer = make_writer(settings, folder, context)
    single = settings.task == "single"
    return LLMTagModel(
        model,
        knowledge,
        writer.prompts,
        *tools,
        limits=writer.limits,
        fields=writer.fields,
        redact=writer.redact,
        single=single,
        find_model=find_model,
        calibrate=None if rungs is None else RungCalibration(rungs),
    )


def make_interview(
    desk: LanguageDesk,
    settings: DatasetSettings,
    folder: Path,
    gather: Callable[[], Knowledge],
    tools: tuple[Engine, Progress],
    find_model: Callable[[str], LanguageModel] | None = None,
) -> Interview:
    """Return what puts a method's own questions to a language model; nothing is opened before the first one.

    Args:
        desk: whose model it asks, and who keeps the books.
        settings: how.
        folder: the dataset's folder, which may hold prompts of its own.
        gather: gives what is put into the questions.
        tools: run the batches and tell how far they are.
        find_model: opens a model by its name in the place of the desk.
    """
    writer, single = make_writer(settings, folder, desk.deployment.context), settings.task == "single"
    return Interview(desk.deployment.model, find_model or desk.open_model, gather, writer, tools, single=single)


def make_writer(settings: DatasetSettings, folder: Path, context: int) -> Writer:
    """Return what writes a dataset's questions: its templates, limits, the fields that may be shown, redaction."""
    asked = settings.llm
    limits = Limits(
        context=context,
        proposals=settings.vocabulary.proposals,
        samples=asked.samples,
        temperature=asked.temperature,
        candidates=asked.candidates,
        choices=asked.choices,
        shown=asked.shown,
        confirmations=asked.confirmations,
        thinking=asked.thinking,
    )
    prompts = read_prompts(folder, settings.language, settings.domain)
    fields = CLUE_FIELDS if asked.fields is None else asked.fields
    return Writer(prompts, limits, tuple(fields), Redaction() if asked.redact else None)
