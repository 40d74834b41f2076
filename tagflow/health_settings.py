"""The limits that a healthy tag set keeps: a block of dataset.yaml."""

from pydantic import Field

from tagflow.dataset_files import Strict


class HealthSettings(Strict):
    """Limits of the tag set's health; a limit that nothing can break (1, or 0 for the coverage) turns a test off."""

    similar: float | None = Field(None, ge=-1, le=1)  # default of the encoder: cosine from which tags are redundant
    max_redundancy: float = Field(0.01, ge=0, le=1)  # ours: share of tags with a similar one that nobody refused
    max_one_content: float = Field(0.6, ge=0, le=1)  # ours: share of assigned tags that are on one content only
    max_gini: float = Field(0.9, ge=0, le=1)  # ours: 1 is one tag on everything
    min_coverage: float = Field(0.8, ge=0, le=1)  # ours: share of contents with a tag
    max_ambiguous: int = Field(0, ge=0)  # ours: aliases of two tags resolve to one of them by chance
    max_malformed: float = Field(0.01, ge=0, le=1)  # ours: share of names that a person would not write
    max_other_script: float = Field(0.1, ge=0, le=1)  # ours: share of names in a script that the language does not use
