"""What became of a tag that a person asks for: in the tag set by name, spelling or alias, or why it is not."""

from typing import Literal, NamedTuple

import polars as pl

from tagflow.settings import VocabularySettings, suggest
from tagflow.tagset.normalisation import normalise, normalise_tags
from tagflow.tagset.vocabulary import explode_labels, resolve_tags

Fate = Literal["in_tag_set", "too_rare", "too_common", "banned", "malformed", "not_taken", "outdated", "unknown"]


class Answer(NamedTuple):
    """What became of the tag, and the same in a sentence."""

    fate: Fate
    tag_id: str | None
    tag: str
    sentence: str


def look_up(
    asked: str,
    tagset: pl.DataFrame,
    fusion_log: pl.DataFrame,
    filtered: pl.DataFrame,
    uses: tuple[pl.DataFrame, pl.DataFrame],
    settings: VocabularySettings,
) -> Answer:
    """Return the tag of this name, spelling or alias, or why the tag set has none.

    Args:
        asked: as a person writes it.
        tagset: ``fused_tagset``.
        fusion_log: the log beside it.
        filtered: ``filtered_tagset``.
        uses: ``raw_clues`` and ``candidate_tags``: who used it at all.
        settings: source and cuts of the tag set.
    """
    key = normalise_tags(pl.Series([asked]))[0]
    found = resolve_tags(tagset).filter(pl.col("key") == key)
    if len(found):
        tag_id = found["tag_id"][0]
        tag = tagset.filter(pl.col("tag_id") == tag_id)["tag"][0]
        return Answer("in_tag_set", tag_id, tag, _tell_name(asked, key, tag, fusion_log))
    judged = filtered.filter(pl.col("key") == key)
    if len(judged):
        row = judged.row(0, named=True)
        return Answer(_FATES[row["verdict"]], None, row["tag"], _tell_verdict(row, settings))
    return _tell_stranger(asked, key, tagset, uses, settings)


_FATES: dict[str, Fate] = {
    "too_rare": "too_rare",
    "too_common": "too_common",
    "banned": "banned",
    "malformed": "malformed",
    "kept": "outdated",
}


def _tell_name(asked: str, key: str, tag: str, fusion_log: pl.DataFrame) -> str:
    if asked == tag:
        return f'"{tag}" is a tag of the tag set'
    if normalise_tags(pl.Series([tag]))[0] == key:
        return f'"{asked}" is another spelling of the tag "{tag}"'
    merged = fusion_log.filter(
        (pl.col("decision") == "merged") & (normalise(pl.col("tag")) == key) & (pl.col("leader") == tag)
    )
    if not len(merged):
        return f'"{asked}" is an alias of the tag "{tag}"'
    cosine, reason = merged.select("similarity", "reason").row(0)
    return f'"{asked}" was merged into the tag "{tag}" ({reason if cosine is None else f"cosine {cosine:.2f}"})'


def _tell_verdict(row: dict[str, object], settings: VocabularySettings) -> str:
    tag, contents = row["tag"], row["contents"]
    has = f"{contents} content{'' if contents == 1 else 's'}"
    said = {
        "too_rare": f"too rare: {has}, at least {settings.min_contents} needed (vocabulary.min_contents)",
        "too_common": f"too common: {has}, more than {settings.max_share:.0%} of them all (vocabulary.max_share)",
        "banned": "banned in vocabulary.yaml",
        "malformed": f"malformed: no letter in it, or longer than {settings.max_characters} characters",
        "kept": "kept by the filter, but the tag set is older: run the dataset",
    }
    return f'"{tag}" is not in the tag set, it is {said[str(row["verdict"])]}'


def _tell_stranger(
    asked: str,
    key: str,
    tagset: pl.DataFrame,
    uses: tuple[pl.DataFrame, pl.DataFrame],
    settings: VocabularySettings,
) -> Answer:
    raw_clues, candidate_tags = uses
    labels = raw_clues.select("content_id", tag="labels").explode("tag").drop_nulls()
    everywhere = _count_uses(labels, key)
    outside = _count_uses(explode_labels(raw_clues), key)
    proposed = _count_uses(candidate_tags, key)
    if outside or proposed:
        who = " and ".join(
            said for count, said in ((outside, "people gave it"), (proposed, "it was proposed")) if count
        )
        sentence = f"{who}, but the tag set is made from another source (vocabulary.source: {settings.source})"
        return Answer("not_taken", None, asked, f'"{asked}" is not in the tag set: {sentence}')
    if everywhere:
        sentence = "people gave it to held-out contents only, from which nothing is learned"
        return Answer("not_taken", None, asked, f'"{asked}" is not in the tag set: {sentence}')
    names = tagset.select(pl.concat_list("tag", "aliases")).to_series().explode().drop_nulls()
    near = suggest(key, names)
    return Answer("unknown", None, asked, f'"{asked}" was never proposed nor given by people{near}')


def _count_uses(uses: pl.DataFrame, key: str) -> int:
    return uses.filter(normalise(pl.col("tag")) == key)["content_id"].n_unique()
