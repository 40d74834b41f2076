"""Domain texts: cut into passages, looked up for a content and its candidates, and read for definitions of tags.

LLM4Tag §3.3.2 retrieves at most three segments of a domain base for a content and its candidates (recalled: ours). How
texts are cut and what counts as a definition is ours.
"""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.graph.lexical import Lexicon, compare_terms, open_terms, weigh_texts
from tagflow.ports import Encoder
from tagflow.schemas import KNOWLEDGE_BASE
from tagflow.tagset.normalisation import lexical_text, needle_text, normalise

LONGEST = 800  # ours: characters of a passage; the default encoder reads about 1,000
MOST = 3  # LLM4Tag's segments a content as recalled: ours
LONGEST_TERM = 60  # ours: characters before a colon that can be a name
LEAST = 0.1  # ours: a passage that is no nearer than this has nothing to say
NAMED = 0.25  # ours: what a candidate's name in a passage adds, as much as a clear difference in cosine

HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.+?)\s*#*\s*$")
BOLD = r"(?:\*\*|__)?"
DEFINED = re.compile(rf"^\s*(?:[-*]\s+)?{BOLD}([^:：*_\n]{{1,60}}?){BOLD}\s*(?::{BOLD}\s+|：{BOLD}\s*)(\S.*)$", re.S)
SENTENCE = re.compile(r"(?<=[.!?]\s)|(?<=[。！？])")

PASSAGE = KNOWLEDGE_BASE.tables["passages"]


def split_passages(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the ``passages`` of domain texts: paragraphs, each under its nearest heading.

    A line of its own that begins with a list mark, or that says ``name: what it is``, is a passage. A paragraph longer
    than ``LONGEST`` is cut at the ends of sentences. ``defines`` is what a passage explains: the name before its colon,
    else its heading if it is the first below it, else nothing. Equal passages are kept once.

    Args:
        texts: source_file, place (of the text in its file, from 1), title (null without one), text; in order.
    """
    rows: list[tuple[str, str | None, str, str | None]] = []
    for file, title, text in texts.select("source_file", "title", "text").iter_rows():
        heading, fresh = title, title is not None
        for block in _list_blocks(text):
            found = HEADING.match(block)
            if found:
                heading, fresh = found[1], True
                continue
            term, said = _find_term(block)
            for part in _cut(said):
                rows.append((file, heading, part, term or (heading if fresh else None)))
                term, fresh = None, False
    frame = pl.DataFrame(rows, schema=["source_file", "heading", "text", "defines"], orient="row")
    named = frame.cast(pl.String).unique(["heading", "text", "defines"], keep="first", maintain_order=True)
    return PASSAGE.shape(named.with_row_index("passage", offset=1))


def define_tags(tagset: pl.DataFrame, passages: pl.DataFrame) -> pl.DataFrame:
    """Return the tag set with a passage's text as the description of each tag that people did not describe.

    The passage must define the tag's name or one of its aliases; the first one counts, by name before aliases.

    Args:
        tagset: ``fused_tagset``.
        passages: see ``split_passages``.
    """
    defined = passages.filter(pl.col("defines").is_not_null()).select(
        "passage", "text", key=normalise(pl.col("defines"))
    )
    names = tagset.select("tag_id", name=pl.concat_list("tag", "aliases")).explode("name")
    names = names.with_columns(order=pl.int_range(pl.len()).over("tag_id"), key=normalise(pl.col("name")))
    first = (
        names.join(defined, on="key")
        .sort("tag_id", "order", "passage")
        .unique("tag_id", keep="first", maintain_order=True)
        .select("tag_id", definition="text")
    )
    joined = tagset.join(first, on="tag_id", how="left", maintain_order="left")
    return joined.with_columns(description=pl.coalesce("description", "definition")).select(tagset.columns)


def retrieve_passages(
    contents: pl.DataFrame,
    candidates: pl.DataFrame,
    passages: pl.DataFrame,
    encoder: Encoder,
    lexicon: Lexicon | None,
    most: int = MOST,
) -> pl.DataFrame:
    """Return the passages that help to decide about contents and their candidates, best first, ties by passage.

    The score is the mean of both cosines of content and passage, in meaning and by words, plus ``NAMED`` if the passage
    defines one of the content's candidates, or half of it if it only names one.

    Args:
        contents: content_id and text.
        candidates: content_id and tag (the name).
        passages: see ``split_passages``.
        encoder: of contents and passages.
        lexicon: what weighs words; None looks at meaning alone.
        most: passages a content gets at most.

    Returns:
        content_id, passage, heading, text, score.
    """
    empty = {"content_id": pl.String, "passage": pl.Int64, "heading": pl.String, "text": pl.String, "score": pl.Float64}
    if passages.is_empty() or contents.is_empty():
        return pl.DataFrame(schema=empty)
    said = passages.select(pl.concat_str("heading", "text", separator=". ", ignore_nulls=True)).to_series().to_list()
    asked = contents["text"].to_list()
    score = (encoder.encode(asked) @ encoder.encode(said).T).astype(np.float64)
    if lexicon is not None:
        score = (
            score + compare_terms(open_terms(weigh_texts(asked, lexicon)), open_terms(weigh_texts(said, lexicon)))
        ) / 2
    score += _weigh_names(contents, candidates, passages)
    best = np.argsort(-score, axis=1, kind="stable")[:, :most]
    width = best.shape[1]
    found = pl.DataFrame(
        {
            "content_id": contents["content_id"].gather(np.repeat(np.arange(len(contents)), width)),
            "passage": passages["passage"].gather(best.ravel()),
            "score": np.take_along_axis(score, best, axis=1).ravel(),
        }
    )
    shown = found.filter(pl.col("score") >= LEAST).join(passages, on="passage", maintain_order="left")
    return shown.select(*empty)


def _weigh_names(contents: pl.DataFrame, candidates: pl.DataFrame, passages: pl.DataFrame) -> NDArray[np.float64]:
    """What each passage gains for each content by the candidates it defines or names."""
    rows = contents.select("content_id").with_row_index("row")
    asked = candidates.join(rows, on="content_id").select("row", "tag")
    tags = asked.select("tag").unique().with_columns(needle=needle_text(pl.col("tag")), key=normalise(pl.col("tag")))
    texts = passages.select(
        text=lexical_text(pl.concat_str("heading", "text", separator=" ", ignore_nulls=True)),
        key=normalise(pl.col("defines")),
    ).with_row_index("column")
    named = texts.join(tags.filter(pl.col("needle").str.strip_chars() != ""), how="cross").with_columns(
        gain=pl.when(pl.col("key") == pl.col("key_right"))
        .then(NAMED)
        .when(pl.col("text").str.contains(pl.col("needle"), literal=True))
        .then(NAMED / 2)
        .otherwise(0.0)
    )
    gains = named.filter(pl.col("gain") > 0).join(asked, on="tag").group_by("row", "column").agg(pl.col("gain").max())
    out = np.zeros((len(contents), len(passages)))
    out[gains["row"].to_numpy(), gains["column"].to_numpy()] = gains["gain"].to_numpy()
    return out


def _list_blocks(text: str) -> list[str]:
    """Paragraphs, headings, and lines of lists and definitions, each by itself."""
    blocks: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        going = False
        for line in filter(str.strip, paragraph.split("\n")):
            own = HEADING.match(line) or re.match(r"\s*[-*]\s+\S", line) or _find_term(line)[0]
            if own or not going:
                blocks.append(line.strip())
            else:
                blocks[-1] = f"{blocks[-1]} {line.strip()}"
            going = not HEADING.match(line)
    return blocks


def _find_term(block: str) -> tuple[str | None, str]:
    """The name that a block defines, and its text without the list mark."""
    found = DEFINED.match(block)
    said = re.sub(r"^[-*]\s+", "", block).strip()
    if not found or len(found[1]) > LONGEST_TERM or found[1].count(" ") > 5:
        return None, said
    return found[1].strip(), found[2].strip()


def _cut(text: str) -> list[str]:
    parts: list[str] = [""]
    for sentence in SENTENCE.split(text):
        for start in range(0, len(sentence), LONGEST):
            piece = sentence[start : start + LONGEST]
            if parts[-1] and len(parts[-1]) + len(piece.rstrip()) > LONGEST:
                parts.append(piece)
            else:
                parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]
