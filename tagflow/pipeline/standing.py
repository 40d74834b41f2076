"""What was answered before and still stands when a dataset is tagged again, and what is kept for the next time."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from tagflow.confidence.staleness import BASIS, digest, digest_frame, read_answers
from tagflow.knowledge.corrections import Cases, find_decided
from tagflow.knowledge.injection import Knowledge
from tagflow.pipeline.resources import Dataset
from tagflow.ports import TagModel
from tagflow.report.sketches import sketch_table
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tables import Artifact, Tables
from tagflow.tagmodels.reuse import ReusingTagModel, Standing


def read_declared(dataset: Dataset, artifact: Artifact) -> Tables | None:
    """Return an artifact as it stands; None where it was not made, or one of its tables had other columns then.

    Parts of it alone would look as if the rest had been taken away.
    """
    if not dataset.store.exists(dataset.name, artifact.name):
        return None
    stored = dataset.store.read_all(dataset.name, artifact.name)
    declared = {name: table.empty() for name, table in artifact.tables.items()}
    if any(name in stored and stored[name].columns != frame.columns for name, frame in declared.items()):
        return None
    return {name: stored.get(name, frame) for name, frame in declared.items()}


def read_stored(dataset: Dataset, *, whole: bool) -> Tables:
    """Return ``tagged_output`` as it stands; of an embedded tag model's only what it rested on, unless it is added to.

    What such a model judged costs nothing to judge again, and its candidates are many.

    Args:
        dataset: opened.
        whole: whether the run adds to what is stored.
    """
    if whole or dataset.asks:
        return read_declared(dataset, TAGGED_OUTPUT) or {
            name: one.empty() for name, one in TAGGED_OUTPUT.tables.items()
        }
    stored, store = {name: table.empty() for name, table in TAGGED_OUTPUT.tables.items()}, dataset.store
    known = store.exists(dataset.name, "tagged_output") and "rows.basis" in store.describe(
        dataset.name, "tagged_output"
    )
    return stored | ({"basis": store.read(dataset.name, "tagged_output", "basis")} if known else {})


def reuse_answers(
    dataset: Dataset, brain: TagModel, stored: Tables, cases: Cases, version: str, *, only_note: bool = False
) -> ReusingTagModel:
    """Return the brain with the stored answers before it.

    A language model's answers are kept as it gave them; of an embedded one what was stored has the corrections in it.

    Args:
        dataset: opened.
        brain: its tag model.
        stored: ``tagged_output`` as it stands.
        cases: people's corrections.
        version: of the tag set.
        only_note: whether everything is asked about all the same.
    """
    nobody = pl.Series([], dtype=pl.String)
    corrected = nobody if dataset.asks or only_note else find_decided(stored, cases)
    tagging = dataset.settings.tagging
    method = digest(tagging.method, tagging.settings)
    told = (dataset.encoder.fingerprint, version, method, dataset.asks)
    return ReusingTagModel(
        brain, Standing(stored["basis"], read_answers(stored), corrected, *told), only_note=only_note
    )


def describe_rest(
    dataset: Dataset, brain: TagModel, graph: Tables, judge: Tables, knowledge: Knowledge | None
) -> dict[str, str]:
    """Return digests of all that the tags of a content depend on besides the content, its own edges and the tag set.

    Where they are what they were, the tags of unchanged contents are what they were, and nobody has to look at them one
    by one. ``samples`` stands by itself, as it changes with the ids of tags.

    Args:
        dataset: opened.
        brain: its tag model.
        graph: ``content_tag_graph``.
        judge: ``confidence_model``.
        knowledge: what a language model is told.
    """
    settings = dataset.settings
    chosen = settings.model_dump(include={"language", "domain", "task", "graph", "brain", "llm"})
    chosen["method"] = (settings.tagging.method, settings.tagging.settings)  # what is shown is cut anew every time
    fitted = [graph["classifier"].select("content_id", "own") if "classifier" in graph else pl.DataFrame()]
    fitted += [judge[name] for name in ("confidence_model", "rungs") if name in judge]
    told = [dataset.read_passages().rows(), dataset.decisions.rules.model_dump()] if knowledge else []
    wide = (chosen, dict(dataset.thresholds), brain.manner, dataset.encoder.fingerprint, told)
    samples = digest_frame(knowledge.samples) if knowledge else ""
    return {"state": digest(*wide, *map(digest_frame, fitted)), "samples": samples}


def keep_answers(
    brain: ReusingTagModel,
    asked: pl.DataFrame,
    letters: pl.DataFrame,
    rest: Mapping[str, str],
    cuts: tuple[pl.DataFrame, pl.DataFrame],
) -> Tables:
    """Return ``dead_letters``, ``cuts``, and ``basis`` and ``answers`` of contents that were asked about and answered.

    Args:
        brain: has been asked.
        asked: the contents; a method that asks no brain has an answer for each.
        letters: those without an answer.
        rest: see ``describe_rest``.
        cuts: what was left out of the questions now, and as stored, which holds for contents whose answer stood.
    """
    answered = asked.join(letters, on="content_id", how="anti", maintain_order="left")
    hashed = answered.select("content_id", "content_hash")
    rows = hashed.join(brain.basis.drop("content_hash"), on="content_id", how="left", maintain_order="left")
    blanks = [pl.col(name).fill_null("") for name, dtype in BASIS.dtypes.items() if dtype == pl.String and name in rows]
    full = rows.with_columns(*blanks, pl.col("candidates").fill_null(pl.lit([], pl.List(pl.String))))
    answers = brain.answers.join(answered, on="content_id", how="semi", maintain_order="left")
    new, stood = cuts[0], brain.stale.filter(pl.col("reason").is_null())
    old = cuts[1].join(stood, on="content_id", how="semi").join(new, on="content_id", how="anti")
    both = pl.concat([new, old.select(new.columns)]).join(asked, on="content_id", how="semi")
    return {
        "dead_letters": letters,
        "cuts": both.sort("content_id", "task", "field", "total"),
        "basis": BASIS.shape(full.with_columns(pl.lit(said).alias(name) for name, said in rest.items())),
        "answers": answers,
    }


def tell_reasons(brain: ReusingTagModel) -> dict[str, dg.MetadataValue]:
    """Return why contents were tagged anew, for the page."""
    rows = [*brain.reasons.items()]
    table = pl.DataFrame(rows, schema={"why": pl.String, "contents": pl.Int64}, orient="row")
    return {"tagged anew, and why": dg.MetadataValue.md(sketch_table(table, len(table)) if rows else "none")}
