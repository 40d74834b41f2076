"""How good the tags and the tag set are (TagGPT §3, LLM4Tag §4)."""

from tagflow.schemas.costs import SPENT
from tagflow.schemas.dtypes import COUNT, SHARE, TEXT, TEXTS
from tagflow.tables import Artifact, Column, Table

EVALUATION_REPORT = Artifact(
    "evaluation_report",
    {
        "evaluation_report": Table(
            {
                "method": Column(TEXT, "tagging method, or the tag set that is measured"),
                "metric": Column(TEXT, "name of the metric"),
                "value": Column(SHARE, "its value", nullable=True),
                "low": Column(
                    SHARE, "lower end of the 95 % interval, by bootstrap unless the note says otherwise", nullable=True
                ),
                "high": Column(SHARE, "upper end of the 95 % interval", nullable=True),
                "n": Column(COUNT, "contents, tags or pairs it is taken over"),
                "note": Column(TEXT, "what to know when reading it", nullable=True),
            },
            key=("method", "metric"),
        ),
        "differences": Table(
            {
                "method": Column(TEXT, "tagging method, other than the dataset's own"),
                "metric": Column(TEXT, "name of the metric"),
                "difference": Column(SHARE, "its value less the own method's"),
                "low": Column(SHARE, "lower end of the paired 95 % bootstrap interval"),
                "high": Column(SHARE, "upper end of it"),
                "verdict": Column(TEXT, "better, worse, or tied where the interval contains 0"),
                "n": Column(COUNT, "contents both are measured on"),
            },
            key=("method", "metric"),
        ),
        "popularity": Table(
            {
                "tag_set": Column(TEXT, "people, or tagflow"),
                "times": Column(COUNT, "number of contents a tag is assigned to"),
                "tags": Column(COUNT, "tags assigned that often"),
            },
            key=("tag_set", "times"),
        ),
        "least_effort": Table(
            {
                "tag_set": Column(TEXT, "people, or tagflow"),
                "tags": Column(COUNT, "tags on a content"),
                "contents": Column(COUNT, "contents with that many tags"),
            },
            key=("tag_set", "tags"),
        ),
        "test_reliability": Table(
            {
                "method": Column(TEXT, "tagging method"),
                "bin": Column(COUNT, "equal-mass bin of the judged candidates of the held-out contents, from 1"),
                "confidence": Column(SHARE, "mean confidence in the bin"),
                "precision": Column(SHARE, "share of right candidates in the bin"),
                "pairs": Column(COUNT, "candidates in the bin"),
            },
            key=("method", "bin"),
        ),
        "accuracy_coverage": Table(
            {
                "method": Column(TEXT, "the dataset's own tagging method"),
                "cut": Column(SHARE, "least confidence of a tag"),
                "k": Column(COUNT, "first tags of a content that are looked at"),
                "accuracy": Column(SHARE, "Acc@k: share of right ones; null if nothing is left", nullable=True),
                "coverage": Column(SHARE, "Coverage@k: share of held-out contents with at least k tags"),
                "tags": Column(COUNT, "tags among the first k of a content, over all contents"),
            },
            key=("method", "cut", "k"),
        ),
        "candidate_recall": Table(
            {
                "method": Column(TEXT, "tagging method"),
                "k": Column(COUNT, "number of candidates looked at"),
                "recall": Column(SHARE, "mean share of a held-out content's gold tags among its first k candidates"),
                "contents": Column(COUNT, "held-out contents with gold"),
            },
            key=("method", "k"),
        ),
        "method_costs": Table(
            {
                "method": Column(TEXT, "tagging method; the row of the dataset's own one comes from tagged_output"),
                "contents": Column(
                    COUNT, "held-out contents that it was run on; of the own method, all that were asked"
                ),
                **SPENT,
                "not_run": Column(TEXT, "why it was not run; null if it was", nullable=True),
            },
            key=("method",),
        ),
        "clue_results": Table(
            {
                "field": Column(TEXT, "field of a content: title, caption, category, OCR, ASR, ..."),
                "contents": Column(COUNT, "held-out contents with gold that have it and others"),
                "with_it": Column(SHARE, "nDCG@10 of the own method on them"),
                "without_it": Column(SHARE, "nDCG@10 on them without the field"),
                "low": Column(SHARE, "lower end of the paired 95 % interval of what it earns, with less without"),
                "high": Column(SHARE, "upper end of it"),
            },
            key=("field",),
        ),
        "tag_results": Table(
            {
                "tag_id": Column(TEXT, "a tag in the gold of the held-out contents, or assigned to them"),
                "tag": Column(TEXT, "its name"),
                "gold": Column(COUNT, "held-out contents that people gave it to"),
                "given": Column(COUNT, "held-out contents it is assigned to"),
                "right": Column(COUNT, "held-out contents where both agree"),
                "precision": Column(SHARE, "right of given; null if never given", nullable=True),
                "recall": Column(SHARE, "right of gold; null if nobody gave it", nullable=True),
                "f1": Column(SHARE, "2 right / (given + gold)"),
                "confused_with": Column(TEXT, "tag that most often stands wrongly where it is missing", nullable=True),
                "confused": Column(COUNT, "contents where that is so", nullable=True),
            },
            key=("tag_id",),
        ),
        "cases": Table(
            {
                "case": Column(COUNT, "number of the case, from 1"),
                "content_id": Column(TEXT, "a held-out content"),
                "content": Column(TEXT, "its first line"),
                "method": Column(TEXT, "tagging method, or people"),
                "tags": Column(TEXTS, "its first tags, best first"),
                "right": Column(TEXTS, "those of them that people gave"),
            },
            key=("case", "method"),
        ),
        "words": Table(
            {
                "tag_set": Column(TEXT, "people, or tagflow"),
                "word": Column(TEXT, "a word of its tags"),
                "contents": Column(COUNT, "contents with a tag that has the word"),
            },
            key=("tag_set", "word"),
        ),
        "tag_map": Table(
            {
                "tag_id": Column(TEXT, "one of the most assigned tags"),
                "tag": Column(TEXT, "its name"),
                "x": Column(SHARE, "place on the map, left to right, in [0, 1]"),
                "y": Column(SHARE, "place on the map, bottom to top, in [0, 1]"),
                "contents": Column(COUNT, "contents it is assigned to"),
            },
            key=("tag_id",),
        ),
    },
    "TagGPT §3, LLM4Tag §4",
    "Every method on the held-out contents, and the quality of the tag set.",
)

LEADERBOARD = Artifact(
    "leaderboard",
    {
        "leaderboard": Table(
            {
                "dataset": Column(TEXT, "the dataset"),
                "method": Column(TEXT, "tagging method"),
                "ndcg10": Column(SHARE, "nDCG@10 on the held-out contents; null if it was not run", nullable=True),
                "low": Column(SHARE, "lower end of its 95 % bootstrap interval", nullable=True),
                "high": Column(SHARE, "upper end of it", nullable=True),
                "p1": Column(SHARE, "P@1", nullable=True),
                "r10": Column(SHARE, "R@10", nullable=True),
                "f1_5": Column(SHARE, "F1@5", nullable=True),
                "verdict": Column(
                    TEXT,
                    "better, worse or tied against the dataset's own method in nDCG@10 by the paired 95 % interval; "
                    "in use for that one",
                    nullable=True,
                ),
                "contents": Column(COUNT, "held-out contents with gold", nullable=True),
                "seconds": Column(SHARE, "processor seconds for 1,000 contents, fit included", nullable=True),
                "requests": Column(SHARE, "requests to a language model for 1,000 contents", nullable=True),
                "unanswered": Column(SHARE, "share of contents without a usable answer", nullable=True),
                "not_run": Column(TEXT, "why it was not run; null if it was", nullable=True),
            },
            key=("dataset", "method"),
        ),
    },
    "LLM4Tag Table 1",
    "Every method on every dataset that was evaluated, from the reports as they stand.",
)
