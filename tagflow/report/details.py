"""What the report page shows of single tags, single contents and single words, made ready for reading."""

from typing import Any

import polars as pl

SHOWN_TAGS = 8  # ours: best and worst tags
SEEN = 3  # ours: held-out contents with a tag, below which its figures say nothing
BARS = 20  # ours: words that also stand as bars
SMALLEST, LARGEST = 0.8, 2.6  # ours: sizes of words in the cloud, in rem


def list_verdicts(differences: pl.DataFrame, metric: str) -> dict[str, tuple[str, str]]:
    """Return verdict and difference with its interval, by method, of one metric."""
    rows = differences.filter(pl.col("metric") == metric)
    return {
        row["method"]: (
            row["verdict"],
            f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})",
        )
        for row in rows.to_dicts()
    }


def list_tags(tag_results: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the best and the worst tags of those seen often enough; a tag is never in both lists."""
    seen = tag_results.filter(pl.col("gold") >= SEEN)
    half = min(SHOWN_TAGS, len(seen) // 2)
    order = seen.sort(-pl.col("f1"), -pl.col("gold"), "tag")
    parts = {"best": order.head(half), "worst": order.reverse().head(half)}
    return {
        name: [
            {
                "tag": row["tag"],
                "f1": f"{row['f1']:.2f}",
                "precision": "–" if row["precision"] is None else f"{row['precision']:.2f}",
                "recall": f"{row['recall']:.2f}",
                "gold": f"{row['gold']:,}",
                "confused": f"{row['confused_with']} ({row['confused']:,})" if row["confused_with"] else "–",
            }
            for row in part.to_dicts()
        ]
        for name, part in parts.items()
    }


def list_cases(cases: pl.DataFrame) -> list[dict[str, Any]]:
    """Return every case with its lists of tags, people's first; each tag with whether people gave it too."""
    shown: list[dict[str, Any]] = []
    for row in cases.sort("case", maintain_order=True).to_dicts():
        if not shown or shown[-1]["case"] != row["case"]:
            shown.append({"case": row["case"], "content": row["content"], "id": row["content_id"], "lists": []})
        right = set(row["right"])
        shown[-1]["lists"].append((row["method"], [(tag, tag in right) for tag in row["tags"]]))
    return shown


def list_words(words: pl.DataFrame, tag_set: str) -> dict[str, list[dict[str, Any]]]:
    """Return the words of a tag set as a cloud, by alphabet with a size in rem, and the first as bars of 0 to 100."""
    rows = words.filter(pl.col("tag_set") == tag_set).sort(-pl.col("contents"), "word").to_dicts()
    most = rows[0]["contents"] if rows else 1
    cloud = [
        {"word": row["word"], "size": f"{SMALLEST + (LARGEST - SMALLEST) * (row['contents'] / most) ** 0.5:.2f}"}
        for row in sorted(rows, key=lambda row: row["word"])
    ]
    bars = [
        {"word": row["word"], "contents": f"{row['contents']:,}", "share": f"{100 * row['contents'] / most:.0f}"}
        for row in rows[:BARS]
    ]
    return {"cloud": cloud, "bars": bars}


def list_clues(clue_results: pl.DataFrame) -> list[dict[str, str]]:
    """Return what every field earns, with its interval, in the table's order."""
    return [
        {
            "field": row["field"],
            "earns": f"{row['with_it'] - row['without_it']:+.3f}",
            "interval": f"{row['low']:+.3f} to {row['high']:+.3f}",
            "without": f"{row['without_it']:.3f}",
            "contents": f"{row['contents']:,}",
        }
        for row in clue_results.to_dicts()
    ]


def list_costs(method_costs: pl.DataFrame) -> list[dict[str, str]]:
    """Return what every method took for a thousand contents, and why others were not run."""
    rows = []
    for row in method_costs.to_dicts():
        scale = 1000 / row["contents"] if row["contents"] else None
        told = {"method": row["method"], "not_run": row["not_run"] or ""}
        if scale is None or row["seconds"] is None:
            rows.append(told | dict.fromkeys(("seconds", "requests", "tokens", "money", "unanswered"), "–"))
            continue
        rows.append(
            told
            | {
                "seconds": f"{row['seconds'] * scale:,.1f}",
                "requests": f"{row['requests'] * scale:,.0f}",
                "tokens": f"{row['tokens'] * scale:,.0f}",
                "money": "–" if row["money"] is None else f"{row['money'] * scale:,.4f}",
                "unanswered": f"{row['unanswered'] / row['contents']:.1%}",
            }
        )
    return rows
