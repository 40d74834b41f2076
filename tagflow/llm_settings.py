"""How a dataset asks a language model; which one is the deployment's business, in the environment."""

from typing import Literal

from pydantic import Field

from tagflow.dataset_files import Strict

ClueField = Literal["title", "caption", "category", "ocr", "asr"]


class LanguageModelSettings(Strict):
    """What is put to the language model where ``brain`` is llm, and what of a content may leave for it."""

    samples: int = Field(5, ge=1)  # TagGPT's released code: answers drawn when proposing
    temperature: float = Field(1.5, ge=0, le=2)  # TagGPT's released code: when proposing
    candidates: int = Field(20, ge=1)  # LLM4Tag §4.3
    choices: int = Field(1, ge=1)  # ours: answers drawn when selecting
    shown: int = Field(3, ge=0)  # LLM4Tag §3.3.2 as recalled: ours; samples shown with a content
    calibration: int = Field(
        200, ge=0
    )  # ours: labelled contents whose answers show how right it is; 0: it is not asked
    confirmations: int = Field(0, ge=0)  # ours: asking about pairs of tags is a person's choice, it costs
    thinking: int = Field(0, ge=0)  # ours: most models answer at once
    fields: tuple[ClueField, ...] | None = None  # every clue field
    redact: bool = False
    local_only: bool = False
