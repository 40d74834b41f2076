"""A tag model that remembers what it proposed for a content, so that nothing is proposed twice, for no content."""

import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.ports import TagModel
from tagflow.schemas import CANDIDATE_TAGS
from tagflow.tagmodels.wrapping import WrappedTagModel

CACHE = "proposal_cache"
"""Name of the file in the dataset's warehouse folder; it can be deleted at any time, and nothing is fitted on it."""

SCHEMA = pl.Schema(
    {
        "content_hash": pl.String(),
        "proposer": pl.String(),
        "tag": pl.String(),
        "votes": pl.Int64(),
        "score": pl.Float64(),
    }
)


class RememberingTagModel(WrappedTagModel):
    """Wraps a tag model; proposals are kept by content hash, for one proposer at a time.

    A content for which nothing was proposed is kept with a null tag.

    Attributes:
        proposed: contents the wrapped model was asked to propose for since this object was made.
    """

    def __init__(self, model: TagModel, store: DuckDBStore, dataset: str, *, keep: bool = True) -> None:
        """Wrap the model; what is stored is read when it is first needed, and added to if ``keep``."""
        super().__init__(model)
        self._store, self._dataset, self._keep = store, dataset, keep
        self.proposed = 0
        self._copies = pl.DataFrame(schema={"content_id": pl.String, "first": pl.String})

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the proposals of the contents in their order, asking the wrapped model for the unknown ones only."""
        known = self._read()
        new = contents.join(known, on="content_hash", how="anti", maintain_order="left")
        self.proposed += len(new)
        if len(new):
            distinct = new.unique("content_hash", keep="first", maintain_order=True)
            known = pl.concat([known, self._ask(distinct)])
            first = distinct.select("content_hash", first="content_id")
            copies = new.select("content_id", "content_hash").join(first, on="content_hash")
            self._copies = pl.concat(
                [self._copies, copies.filter(pl.col("content_id") != pl.col("first")).select("content_id", "first")]
            ).unique("content_id", keep="last", maintain_order=True)
            if self._keep:
                self._store.write(self._dataset, CACHE, {CACHE: known})
        found = contents.select("content_id", "content_hash").join(
            known, on="content_hash", maintain_order="left_right"
        )
        return found.drop_nulls("tag").select(list(CANDIDATE_TAGS.tables["candidate_tags"].columns))

    @property
    def failures(self) -> pl.DataFrame:
        """The wrapped model's failures, and the same for every content that says the same and so was not asked."""
        failed = self._model.failures
        proposing = failed.filter(pl.col("task") == "propose").rename({"content_id": "first"})
        copied = self._copies.join(proposing, on="first", maintain_order="left").with_columns(requests=pl.lit(0))
        return pl.concat([failed, copied.select(failed.columns).cast(failed.schema)])

    def _ask(self, contents: pl.DataFrame) -> pl.DataFrame:
        asked = contents.select("content_id", "content_hash", proposer=pl.lit(self.proposer))
        proposed = self._model.propose(contents)
        failed = self._model.failures.filter(
            pl.col("task") == "propose"
        )  # not remembered, so that they are asked again
        answered = asked.join(failed, on="content_id", how="anti", maintain_order="left")
        said = answered.join(proposed, on="content_id", how="left", maintain_order="left_right")
        return said.select(SCHEMA.names()).cast(SCHEMA)

    def _read(self) -> pl.DataFrame:
        if not self._store.exists(self._dataset, CACHE):
            return pl.DataFrame(schema=SCHEMA)
        return self._store.read(self._dataset, CACHE).filter(pl.col("proposer") == self.proposer)
