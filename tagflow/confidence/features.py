"""Recall features: what the embedded judge sees of a (content, tag) pair."""

import numpy as np
import polars as pl

from tagflow.confidence.closeness import compare_centroids, compare_term_centroids, dot_terms, dot_vectors
from tagflow.graph.classifier import score_contents
from tagflow.graph.edges import GROWN, PEOPLE
from tagflow.graph.space import Space
from tagflow.tagset.normalisation import lexical_text, needle_text

HISTORY_FEATURES = (
    "human",
    "human_log",
    "lexical",
    "lexical_log",
    "centroid",
    "term_centroid",
    "prior",
    "keyness",
    "named_prior",
    "learned",
    "learned_log",
    "learned_lead",
    "learned_rank",
    "named_learned",
)
"""Features that only people's annotations of the tag can give."""

FEATURES = (
    *HISTORY_FEATURES,
    "cosine",
    "overlap",
    "machine",
    "machine_prior",
    "named",
    "headlined",
    "mentions",
)
"""Features of the judge; all are computed without the pair's own edge (leave-one-out)."""

LEAST_SHARE = 0.01  # ours: what stands for no vote at all in a logarithm
LEAST_SCORE = 0.003  # ours: the same for the classifier
NAME_RIGHT = 0.25  # ours: how often a name in the text is right before a tag's own cases are counted
NAME_CASES = 2.0  # ours: cases that belief is worth


def add_features(
    pairs: pl.DataFrame,
    texts: pl.DataFrame,
    tagset: pl.DataFrame,
    deterministic: pl.DataFrame,
    space: Space,
    said: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the pairs with every feature of ``FEATURES``, ``annotated`` and ``found``.

    ``annotated``: whether people used the tag elsewhere. ``found``: the name or alias that stands in the text, or null.

    Grown edges are not looked at: what tagflow once answered is no evidence to its judge.

    A content's own edges never speak for its own pairs: they are taken out of centroids, prior, keyness and classifier,
    and recall has no edge from a content to itself. The features are:

    - human, machine, lexical: shares of the neighbours, in meaning and by words; their ``_log`` after adding a little;
    - centroid, term_centroid: cosine to the sum of the contents that people gave the tag, in meaning and by words;
    - prior, machine_prior: logarithm of how often people or the machine give the tag;
    - cosine, overlap: closeness of tag and text, in meaning and by words;
    - named, headlined, mentions: whether and how often the text says the tag's name; keyness: log-odds that the tag is
      right where its name is said (0 where it is not);
    - learned: the classifier's score, or for a tag it does not know the mean of human and lexical; its logarithm, its
      gap to the content's best candidate (lead) and the logarithm of its rank among the candidates; all of them 0 where
      there is no classifier (on 13,000 job titles, votes in its place cost a point of P@1 by cross-fitting);
    - named_prior, named_learned: prior and learned_log where the name is said.

    Args:
        pairs: content_id, tag_id, human, machine, and lexical and mentions if they are known (see
            ``recall_candidates``); lead and rank are among the pairs of a content that are given here.
        texts: content_id, text (packed) of the contents in ``pairs``.
        tagset: ``fused_tagset``.
        deterministic: deterministic edges.
        space: vectors of every content and tag in ``pairs`` and of every content with a deterministic edge.
        said: the edges from contents to the tags they name; without them no keyness is known.
    """
    absent = [pl.lit(0.0).alias(name) for name in ("lexical", "mentions") if name not in pairs.columns]
    rows = pairs.with_columns(absent).select("content_id", "tag_id", "human", "lexical", "mentions")
    for side, node in ((space.contents, "content"), (space.tags, "tag")):
        placed = side.rename({"node": f"{node}_id", "row": f"{node}_row"})
        rows = rows.join(placed, on=f"{node}_id", how="left", maintain_order="left")
    content, tag = rows["content_row"].to_numpy(), rows["tag_row"].to_numpy()
    deterministic = deterministic.filter(pl.col("origin") != GROWN)
    own = _own_edges(rows, deterministic)
    human, machine = (
        deterministic.filter(pl.col("origin").is_in(PEOPLE) == human).select("content_id", "target")
        for human in (True, False)
    )
    own_human = own["own_human"].to_numpy()
    linked = _place_edges(human, space)
    centroid = compare_centroids(content, tag, own_human, linked, space.content_vectors, len(space.tags))
    term_centroid = compare_term_centroids(content, tag, own_human, linked, space.content_terms, len(space.tags))
    count = np.bincount(linked[0], minlength=len(space.tags))[tag] - own_human
    machine_places = _place_edges(machine, space)[0]
    machine_count = np.bincount(machine_places, minlength=len(space.tags))[tag] - own["own_machine"].to_numpy()
    contents = max(deterministic["content_id"].n_unique(), 1)
    featured = pairs.with_columns(
        *absent,
        cosine=pl.Series(dot_vectors(space.content_vectors, content, space.tag_vectors, tag)),
        overlap=pl.Series(dot_terms(space.content_terms, content, space.tag_terms, tag)),
        centroid=pl.Series(centroid),
        term_centroid=pl.Series(term_centroid),
        prior=pl.Series(np.log((count + 0.5) / (contents + 1.0))),  # ours: add-half smoothing
        machine_prior=pl.Series(np.log((machine_count + 0.5) / (contents + 1.0))),
        keyness=_find_keyness(rows, human, said),
        learned=pl.Series(_score_pairs(rows, space)),
        annotated=pl.Series(count > 0),
        **{name: column for name, column in _find_names(pairs, texts, tagset).to_dict().items()},
    )
    return _combine(featured, known=space.classifier is not None)


def _combine(featured: pl.DataFrame, *, known: bool) -> pl.DataFrame:
    """The features that are made of others; without a classifier those that are made of its score are 0."""
    whether = float(known)
    learned = pl.col("learned").clip(LEAST_SCORE).log() * whether
    grown = pl.col("path").is_in([GROWN]) if "path" in featured.columns else pl.lit(False)
    rank: pl.Expr = pl.lit(1.0)
    if known:  # what only growth recalled must not move the others
        among_all, among_own = (
            pl.col("learned").rank("min", descending=True).over("content_id", *more) for more in ((), (grown,))
        )
        rank = pl.when(grown).then(among_all).otherwise(among_own)
    most = pl.col("learned").max()
    best = pl.when(grown).then(most.over("content_id")).otherwise(most.over("content_id", grown))
    return featured.with_columns(
        human_log=(pl.col("human") + LEAST_SHARE).log(),
        lexical_log=(pl.col("lexical") + LEAST_SHARE).log(),
        learned_log=learned,
        learned_lead=pl.col("learned") - best,
        learned_rank=rank.cast(pl.Float64).log() * whether,
        named_prior=pl.col("named") * pl.col("prior"),
        named_learned=pl.col("named") * learned,
    )


def _score_pairs(rows: pl.DataFrame, space: Space) -> np.ndarray:
    """The classifier's score of each pair, and the mean of both votes where it does not know the tag."""
    if space.classifier is None or not len(rows):
        return np.zeros(len(rows))
    votes = np.asarray(rows["human"].to_numpy() + rows["lexical"].to_numpy()) / 2
    content, tag = rows["content_row"].to_numpy(), rows["tag_row"].to_numpy()
    asked, place = np.unique(content, return_inverse=True)
    scores = score_contents(asked, space.classifier, space.content_vectors, space.content_terms)
    column = space.classifier.tags[tag]
    return np.asarray(np.where(column >= 0, scores[place, column], votes))


def _find_keyness(rows: pl.DataFrame, human: pl.DataFrame, said: pl.DataFrame | None) -> pl.Series:
    """Log-odds that people give a tag to a content that says its name, without the content itself; 0 if unsaid."""
    if said is None:
        return pl.zeros(len(rows), eager=True)
    taught = human.unique().with_columns(right=pl.lit(1))
    cases = (
        said.select("content_id", "target")
        .join(human.select("content_id").unique(), on="content_id", how="semi")
        .join(taught, on=["content_id", "target"], how="left")
        .select("content_id", tag_id="target", right=pl.col("right").fill_null(0))
    )
    counts = cases.group_by("tag_id").agg(cases=pl.len(), rights=pl.col("right").sum())
    joined = (
        rows.join(counts, on="tag_id", how="left", maintain_order="left")
        .join(cases.with_columns(own=pl.lit(1)), on=["content_id", "tag_id"], how="left", maintain_order="left")
        .with_columns(pl.col("cases", "rights", "right", "own").fill_null(0).cast(pl.Float64))
    )
    right = pl.col("rights") - pl.col("right") + NAME_CASES * NAME_RIGHT
    wrong = pl.col("cases") - pl.col("own") + NAME_CASES - right
    odds = pl.when(pl.col("mentions") > 0).then((right / wrong).log()).otherwise(0.0)
    return joined.select(keyness=odds).to_series()


def _own_edges(rows: pl.DataFrame, deterministic: pl.DataFrame) -> pl.DataFrame:
    own = deterministic.group_by("content_id", tag_id="target").agg(
        own_human=pl.col("origin").is_in(PEOPLE).any(), own_machine=(~pl.col("origin").is_in(PEOPLE)).any()
    )
    joined = rows.select("content_id", "tag_id").join(
        own, on=["content_id", "tag_id"], how="left", maintain_order="left"
    )
    return joined.select(pl.col("own_human", "own_machine").fill_null(False).cast(pl.Int64))


def _place_edges(edges: pl.DataFrame, space: Space) -> tuple[np.ndarray, np.ndarray]:
    """Tag row and content row of each edge."""
    placed = edges.join(space.contents, left_on="content_id", right_on="node", maintain_order="left").join(
        space.tags, left_on="target", right_on="node", suffix="_tag", maintain_order="left"
    )
    return placed["row_tag"].to_numpy(), placed["row"].to_numpy()


def _find_names(pairs: pl.DataFrame, texts: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Whether the tag's name or an alias stands in the text, and in its first line, as 0 or 1, and which one."""
    names = tagset.select("tag_id", name=pl.concat_list("tag", "aliases")).explode("name")
    names = names.with_columns(needle=needle_text(pl.col("name"))).unique(["tag_id", "needle"])
    whole = texts.select(
        "content_id",
        text=lexical_text(pl.col("text")),
        first=lexical_text(pl.col("text").str.split("\n").list.first()),
    )
    rows = pairs.select("content_id", "tag_id").with_row_index("pair")
    found = (
        rows.join(names, on="tag_id")
        .join(whole, on="content_id")
        .select(
            "pair",
            "name",
            named=pl.col("text").str.contains(pl.col("needle"), literal=True),
            headlined=pl.col("first").str.contains(pl.col("needle"), literal=True),
        )
        .filter(pl.col("named"))
        .sort("pair", ~pl.col("headlined"), "name")
        .group_by("pair", maintain_order=True)
        .agg(pl.col("named").any(), pl.col("headlined").any(), found=pl.col("name").first())
    )
    joined = rows.join(found, on="pair", how="left", maintain_order="left")
    return joined.select(pl.col("named", "headlined").fill_null(False).cast(pl.Float64), "found")
