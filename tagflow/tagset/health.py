"""Whether a tag set is fit for use: figures with limits, each a check on its page (TagGPT §3.1; limits: ours)."""

import numpy as np
import polars as pl

from tagflow.health_settings import HealthSettings
from tagflow.ports import Vectors
from tagflow.tagset.decisions import find_ambiguous_aliases
from tagflow.tagset.pair_scan import scan_pairs

HEALTH = pl.Schema(
    {"metric": pl.String(), "value": pl.Float64(), "limit": pl.Float64(), "passed": pl.Boolean(), "detail": pl.String()}
)

EXAMPLES = 5  # ours: names told as examples
LONGEST = 60  # ours: characters of a name
WORDIEST = 8  # ours: words of a name

LEAKS = (
    r"(?i)^\W*(?:tags?|keywords?|labels?|topics?|categor(?:y|ies)|output|answer|response|json|标签|关键词|标签词)\s*[:：=]",
    r"(?i)\bhere (?:are|is)\b|\bas an? (?:ai|language model)\b|\bi (?:cannot|can't|am unable)\b|\bsure[,!]",
    r"(?i)\bthe (?:following|above) (?:tags?|keywords?|text|content)\b|\bno tags?\b|作为一个?(?:ai|人工智能)|以下是",
)
"""What a language model says around tags rather than as one."""

SIMILAR = 0.8  # TagGPT §3.2: two tags are redundant from 0.8

FAULTS = {
    "prompt leak": "|".join(LEAKS),
    "numbering": r"^\s*(?:\d{1,3}[.)]\s+\D|\d{1,3}[、）]\s*\D|[-*•·]\s)",
    "trailing punctuation": r"[,;:，、；：。]\s*$|\p{L}{4}\.\s*$",
    "markup": r"</?\w+[^>]*>|\*\*|`|\]\(|[{}]|\\n",
}
"""Kind of a malformed name, and the pattern it is known by."""

SCRIPTS = {
    "Latin": r"\p{Latin}",
    "Han": r"\p{Han}",
    "Kana": r"[\p{Hiragana}\p{Katakana}]",
    "Hangul": r"\p{Hangul}",
    "Cyrillic": r"\p{Cyrillic}",
    "Greek": r"\p{Greek}",
    "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}",
    "Devanagari": r"\p{Devanagari}",
    "Thai": r"\p{Thai}",
}
WRITTEN_IN = {
    **dict.fromkeys(("zh", "yue", "wuu"), ("Han",)),
    "ja": ("Han", "Kana"),
    "ko": ("Hangul", "Han"),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "ky", "mn"), ("Cyrillic",)),
    "sr": ("Cyrillic", "Latin"),
    "el": ("Greek",),
    **dict.fromkeys(("ar", "fa", "ur", "ps"), ("Arabic",)),
    **dict.fromkeys(("he", "yi"), ("Hebrew",)),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("Devanagari",)),
    "th": ("Thai",),
}
"""Scripts of a language; any other is taken to be written in Latin letters."""


def measure_health(
    fused: pl.DataFrame,
    tagged: pl.DataFrame,
    log: pl.DataFrame,
    vectors: Vectors,
    contents: int,
    language: str,
    settings: HealthSettings,
) -> pl.DataFrame:
    """Return the figures of the tag set's health, each against its limit.

    Args:
        fused: ``fused_tagset``.
        tagged: ``tagged_output``; without a row, what needs one has no value and passes.
        log: ``fusion_log``: pairs that it refuses or reports are similar on purpose.
        vectors: unit vectors of ``fused``, row for row.
        contents: contents that could have a tag.
        language: the dataset's.
        settings: the limits.

    Returns:
        metric, value (null: nothing to measure), limit, passed and detail (in words, with examples).
    """
    similar_from = SIMILAR if settings.similar is None else settings.similar
    uses = tagged.group_by("tag_id").len()["len"].to_numpy()
    malformed = find_malformed(fused)
    foreign = find_foreign(fused, language)
    ambiguous = find_ambiguous_aliases(fused)
    similar = find_redundant(fused, log, vectors, similar_from)
    twin = pl.concat([similar["tag"], similar["other"]]).n_unique()
    said = [f"{tag} / {other} {cosine:.2f}" for tag, other, cosine in similar.head(EXAMPLES).iter_rows()]
    once = float(np.mean(uses == 1)) if len(uses) else None
    covered = tagged["content_id"].n_unique() / contents if contents and len(uses) else None
    size = max(len(fused), 1)
    rows = [
        (
            "redundancy",
            twin / size,
            settings.max_redundancy,
            _tell(f"tags with one at {similar_from} or above", said),
        ),
        ("one-content share", once, settings.max_one_content, "of the assigned tags, those on one content only"),
        ("Gini of popularity", measure_gini(uses), settings.max_gini, "0: all assigned tags equally often"),
        ("coverage", covered, settings.min_coverage, "share of contents with a tag"),
        (
            "ambiguous aliases",
            float(len(ambiguous)),
            float(settings.max_ambiguous),
            _tell("names that several tags have", [*ambiguous["key"].head(EXAMPLES)]),
        ),
        (
            "malformed names",
            malformed["tag"].n_unique() / size,
            settings.max_malformed,
            _tell("tags", [f"{name} ({fault})" for _, name, fault in malformed.head(EXAMPLES).iter_rows()]),
        ),
        (
            "names in another script",
            len(foreign) / size,
            settings.max_other_script,
            _tell(f"tags without a letter that {language} is written in", [*foreign.head(EXAMPLES)]),
        ),
    ]
    frame = pl.DataFrame(
        [(metric, value, limit, True, detail) for metric, value, limit, detail in rows], schema=HEALTH, orient="row"
    )
    least = pl.col("metric") == "coverage"
    holds = pl.when(least).then(pl.col("value") >= pl.col("limit")).otherwise(pl.col("value") <= pl.col("limit"))
    return frame.with_columns(passed=holds.fill_null(True))


def find_redundant(fused: pl.DataFrame, log: pl.DataFrame, vectors: Vectors, similar: float) -> pl.DataFrame:
    """Return tag, other and cosine of each pair of tags at or above the cosine that nothing keeps apart, nearest first.

    Args:
        fused: ``fused_tagset``.
        log: ``fusion_log``.
        vectors: unit vectors of ``fused``, row for row.
        similar: cosine.
    """
    i, j, cosine = scan_pairs(vectors, similar)
    pairs = pl.DataFrame(
        {"tag": fused["tag"].gather(i), "other": fused["tag"].gather(j), "cosine": cosine.astype(np.float64)}
    )
    apart = log.filter(pl.col("decision") != "merged").select("tag", other="leader")
    both = pl.concat([apart, apart.select(tag="other", other="tag")])
    left = pairs.join(both, on=["tag", "other"], how="anti")
    return left.sort(-pl.col("cosine"), "tag", "other")


def find_malformed(fused: pl.DataFrame) -> pl.DataFrame:
    """Return tag, name and fault of each name or alias that a person would not write; the first fault of each."""
    names = fused.select("tag", name=pl.concat_list("tag", "aliases")).explode("name")
    name = pl.col("name")
    fault = pl.lit(None, pl.String)
    tests = {kind: name.str.contains(pattern) for kind, pattern in FAULTS.items()}
    tests["over-long"] = (name.str.len_chars() > LONGEST) | (name.str.count_matches(r"\S+") > WORDIEST)
    tests["unpaired quotes"] = _unpaired(name)
    for kind, failed in reversed(tests.items()):
        fault = pl.when(failed).then(pl.lit(kind)).otherwise(fault)
    return names.with_columns(fault=fault).drop_nulls("fault").unique(maintain_order=True)


def find_foreign(fused: pl.DataFrame, language: str) -> pl.Series:
    """Return the tags that have letters, and none of a script that the language is written in."""
    own = "|".join(SCRIPTS[script] for script in WRITTEN_IN.get(language, ("Latin",)))
    tag = pl.col("tag")
    return fused.filter(tag.str.contains(r"\p{L}") & ~tag.str.contains(own))["tag"]


def measure_gini(uses: np.ndarray) -> float | None:
    """Return the Gini coefficient of how often tags are used, in [0, 1); None without a tag."""
    if not len(uses):
        return None
    ascending = np.sort(uses).astype(np.float64)
    places = np.arange(1, len(ascending) + 1)
    return float(((2 * places - len(ascending) - 1) @ ascending) / (len(ascending) * ascending.sum()))


def _unpaired(name: pl.Expr) -> pl.Expr:
    """An odd number of straight quotes, or more of one side of a pair than of the other."""
    odd = name.str.count_matches('"') % 2 == 1
    for opening, closing in (
        ("“", "”"),
        ("«", "»"),
        ("「", "」"),
        ("『", "』"),
        ("《", "》"),
        (r"\(", r"\)"),
        ("（", "）"),
    ):
        odd = odd | (name.str.count_matches(opening) != name.str.count_matches(closing))
    return odd


def _tell(what: str, examples: list[str]) -> str:
    return f"{what}: {', '.join(examples)}" if examples else what
