"""The tag set put together: people's decisions around the machine's fusion, ids kept, changes told (TagGPT §2.1.3)."""

from collections.abc import Callable

import polars as pl

from tagflow.decisions import VocabularyDecisions
from tagflow.ports import Encoder, FindProduct, Vectors
from tagflow.settings import DatasetSettings, Thresholds
from tagflow.tables import Tables
from tagflow.tagset.decisions import apply_names, attach_aliases, collapse_members, decide_pairs
from tagflow.tagset.fusion import Ask, fuse_tags, gather_evidence, needs_evidence
from tagflow.tagset.identity import keep_ids
from tagflow.tagset.normalisation import tag_text
from tagflow.tagset.vocabulary_diff import Difference, diff_vocabularies


def assemble_tagset(
    filtered: pl.DataFrame,
    uses: pl.DataFrame,
    listed: pl.DataFrame,
    previous: pl.DataFrame,
    decisions: VocabularyDecisions,
    contents: tuple[pl.Series, Callable[[], Vectors]],
    encoder: Encoder,
    thresholds: Thresholds,
    settings: DatasetSettings,
    ask: Ask | None = None,
    find_product: FindProduct | None = None,
) -> tuple[Tables, Difference]:
    """Return the ``fused_tagset`` artifact, and what it changes of the tag set before it.

    Args:
        filtered: ``filtered_tagset``.
        uses: content_id and tag of every use outside the test split.
        listed: tag, aliases, description, broader of the user's own file (empty if there is none).
        previous: ``fused_tagset`` as it was (empty for the first).
        decisions: what people decided; it wins over the machine.
        contents: ids of the contents outside the test split, and what gives their vectors if they are asked.
        encoder: spans the space of tags.
        thresholds: cosines from which two tags are redundant, and from which they are one.
        settings: how tags are fused.
        ask: says of pairs that only their cosine speaks for whether they are one (see ``fuse_tags``).
        find_product: finds fast products for the fusion; they change its speed only.
    """
    forced = decide_pairs(decisions, listed)
    kept, uses = collapse_members(filtered, uses, forced)
    asked = needs_evidence(kept, settings.vocabulary)
    evidence = gather_evidence(kept, uses, contents[0], contents[1]()) if asked else None
    vectors = encoder.encode(kept.select(tag_text(pl.col("tag"))).to_series().to_list())
    fusing = (
        thresholds.fuse,
        settings.vocabulary,
        settings.language,
        forced,
        evidence,
        thresholds.sure,
        thresholds.apart,
    )
    fused = fuse_tags(kept, uses, vectors, *fusing, ask=ask, find_product=find_product)
    log = pl.concat([forced.log, fused["fusion_log"]])
    tables = {"fused_tagset": attach_aliases(fused["fused_tagset"], forced), "fusion_log": log}
    tables = apply_names(tables, decisions)
    tables["fused_tagset"] = keep_ids(tables["fused_tagset"], previous, filtered)
    difference = diff_vocabularies(previous, tables["fused_tagset"])
    tables["vocabulary_changes"] = difference.changes if len(previous) else difference.changes.clear()
    return tables, difference
