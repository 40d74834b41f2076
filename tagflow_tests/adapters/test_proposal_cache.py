"""What was proposed for a content is not asked for again, by whatever id it comes."""

from pathlib import Path

import numpy as np
import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.proposal_cache import RememberingTagModel
from tagflow.schemas import CANDIDATE_TAGS
from tagflow_tests.worlds import raw_clues, said


class TitleModel:
    """Proposes the words of the text; ``asked`` keeps the ids it was asked for."""

    name, calibrated = "title", False

    def __init__(self, proposer: str = "one", refuses: tuple[str, ...] = ()) -> None:
        self.proposer, self.refuses = proposer, refuses
        self.asked: list[str] = []

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        self.asked += contents["content_id"].to_list()
        rows = contents.select("content_id", tag=pl.col("text").str.split(" ")).explode("tag")
        rows = rows.filter((pl.col("tag") != "") & ~pl.col("content_id").is_in(self.refuses)).with_columns(
            votes=1, score=0.5
        )
        return CANDIDATE_TAGS.tables["candidate_tags"].shape(rows)

    @property
    def failures(self) -> pl.DataFrame:
        failed = [(content_id, "propose", "refused", "", 1) for content_id in self.refuses]
        return pl.DataFrame(failed, schema=["content_id", "task", "outcome", "reason", "requests"], orient="row").cast(
            {"content_id": pl.String, "task": pl.String}
        )

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        return pairs

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> np.ndarray:
        return np.zeros(len(pairs))


A, B, MUTE = said("a", title="red soup"), said("b", title="bread"), said("mute", title="")


def remember(tmp_path: Path, model: TitleModel, **how: bool) -> RememberingTagModel:
    return RememberingTagModel(model, DuckDBStore(tmp_path), "kitchen", **how)


def pairs(proposals: pl.DataFrame) -> list[tuple[str, str]]:
    return proposals.select("content_id", "tag").rows()


def test_only_unknown_contents_are_asked_for_and_nothing_proposed_is_remembered_too(tmp_path: Path) -> None:
    model = TitleModel()
    assert pairs(remember(tmp_path, model).propose(raw_clues(A, MUTE))) == [("a", "red"), ("a", "soup")]
    again = remember(tmp_path, model)
    assert pairs(again.propose(raw_clues(B, A, MUTE))) == [("b", "bread"), ("a", "red"), ("a", "soup")]
    assert (model.asked, again.proposed) == (["a", "mute", "b"], 1)


def test_a_copy_under_another_id_gets_the_same_proposals(tmp_path: Path) -> None:
    model = TitleModel()
    copies = raw_clues(A, {**A, "content_id": "copy"})
    assert pairs(remember(tmp_path, model).propose(copies)) == [(i, t) for i in ("a", "copy") for t in ("red", "soup")]
    assert model.asked == ["a"]


def test_another_proposer_is_asked_anew(tmp_path: Path) -> None:
    remember(tmp_path, TitleModel()).propose(raw_clues(A))
    other = TitleModel("two")
    remember(tmp_path, other).propose(raw_clues(A))
    assert other.asked == ["a"]


def test_what_is_not_to_be_kept_is_not_stored(tmp_path: Path) -> None:
    remember(tmp_path, TitleModel(), keep=False).propose(raw_clues(A))
    assert not list(tmp_path.rglob("*.duckdb"))


def test_no_content_is_no_proposal(tmp_path: Path) -> None:
    assert remember(tmp_path, TitleModel()).propose(raw_clues(A).clear()).is_empty()


def test_a_content_that_could_not_be_answered_is_asked_again(tmp_path: Path) -> None:
    assert pairs(remember(tmp_path, TitleModel(refuses=("b",))).propose(raw_clues(A, B))) == [
        ("a", "red"),
        ("a", "soup"),
    ]
    healed = TitleModel()
    assert ("b", "bread") in pairs(remember(tmp_path, healed).propose(raw_clues(A, B)))
    assert healed.asked == ["b"]


def test_a_copy_of_a_content_that_could_not_be_answered_failed_too(tmp_path: Path) -> None:
    """Only one of the two was asked about, and neither has proposals: both are to be accounted for."""
    model = remember(tmp_path, TitleModel(refuses=("b",)))
    model.propose(raw_clues(A, B, {**B, "content_id": "copy"}))
    assert model.failures.select("content_id", "outcome", "requests").rows() == [
        ("b", "refused", 1),
        ("copy", "refused", 0),
    ]
