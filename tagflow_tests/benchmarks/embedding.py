"""The sentence encoder beside sentence-transformers' default: CPU time, and how near the vectors lie to full precision.

Run ``python -m tagflow_tests.benchmarks.embedding CONTENTS.jsonl.gz --field tags``: the short texts are the values of
that field, the long ones title, caption, ocr and asr of a content. Without a file both are drawn from the shipped
recipes by the seed. Long texts are cut to one window, because the default reads no further. Both sides run in one
process with one thread, in turns; the least CPU time of a side counts. The default is float32 in batches of 32.
"""

import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from tagflow.adapters import sentence_encoder
from tagflow.adapters.bfloat16 import computes_bfloat16
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import PACKAGED, SentenceEncoder
from tagflow.ports import Vectors

RECIPES = Path(__file__).parents[2] / "data/recipes/contents/recipes.jsonl"
FIELDS = ("title", "caption", "ocr", "asr")
PHRASE = 3  # words of the longest short text drawn from the recipes


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--field", default="tags", show_default=True, help="Field of a JSON line with the short text or texts.")
@click.option("--short", default=1500, show_default=True, help="Short texts at most.")
@click.option("--long", default=60, show_default=True, help="Long texts at most.")
@click.option("--rounds", default=3, show_default=True, help="Turns of each side.")
@click.option("--seed", default=0, show_default=True)
def main(file: Path | None, field: str, short: int, long: int, rounds: int, seed: int) -> None:
    """Measure both sides on short and on long texts."""
    records = read_records(file or RECIPES)
    random = np.random.default_rng(seed)
    contents = list(filter(None, map(join_text, records)))
    phrases = list_values(records, field) if file else list_phrases(contents)
    model = _prepare()
    encoder = SentenceEncoder(PACKAGED, "auto", 32, LocalEngine(), LogProgress(lambda line: None))
    click.echo(f"precision {'bfloat16' if computes_bfloat16() else 'float32'}, one thread, least of {rounds} rounds")
    click.echo(f"{'':8}{'texts':>7}{'tokens':>8}{'default/s':>11}{'ours/s':>9}{'x':>7}{'min cosine':>12}{'mean':>10}")
    said: dict[str, float] = {}
    cosines = []
    for name, texts in (("short", draw(phrases, short, random)), ("long", draw(contents, long, random))):
        cut = _cut_to_window(model, texts)
        ratio, cosine = _compare(name, cut, model, encoder, rounds)
        said[f"{name}_x"] = round(ratio, 3)
        cosines.append(cosine)
    click.echo(json.dumps({**said, "min_cosine": round(min(cosines), 6)}))


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a .jsonl or .jsonl.gz file."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for line in filter(str.strip, lines)]


def join_text(record: dict[str, Any]) -> str:
    """Return the clues of a content, a line each."""
    return "\n".join(str(record[field]) for field in FIELDS if record.get(field))


def list_values(records: Sequence[dict[str, Any]], field: str) -> list[str]:
    """Return the distinct values of a field that holds a text or a list of texts."""
    values: dict[str, None] = {}
    for record in records:
        said = record.get(field) or []
        values.update(dict.fromkeys(said if isinstance(said, list) else [said]))
    return list(values)


def list_phrases(texts: Sequence[str]) -> list[str]:
    """Return the distinct runs of one to three words, which stand for tags."""
    words = [text.split() for text in texts]
    return list(
        dict.fromkeys(
            " ".join(run[at : at + length])
            for run in words
            for length in range(1, PHRASE + 1)
            for at in range(0, len(run) - length + 1, length)
        )
    )


def draw(texts: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Return texts in the order of the seed."""
    return [texts[at] for at in random.permutation(len(texts))[:count]]


def _prepare() -> Any:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch

    torch.set_num_threads(1)
    return sentence_encoder._load(PACKAGED, "float32")


def _cut_to_window(model: Any, texts: Sequence[str]) -> list[str]:
    room = model.get_max_seq_length() - 2
    spans = model.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [text[: at[:room][-1][1]] for text, at in zip(texts, spans["offset_mapping"], strict=True) if at]


def _compare(
    name: str,
    texts: list[str],
    model: Any,
    encoder: SentenceEncoder,
    rounds: int,
) -> tuple[float, float]:
    sides: list[Callable[[list[str]], Vectors]] = [
        lambda given: model.encode(given, batch_size=32, show_progress_bar=False),
        encoder.encode,
    ]
    for side in sides:
        side(texts[:64])  # what is made once a process
    best = [np.inf, np.inf]
    vectors: list[Vectors] = [np.zeros((0, 0), np.float32)] * 2
    for _ in range(rounds):
        for number, side in enumerate(sides):
            start = time.process_time()
            vectors[number] = side(texts)
            best[number] = min(best[number], time.process_time() - start)
    true, ours = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in vectors)
    cosine = np.einsum("ij,ij->i", true.astype(np.float64), ours.astype(np.float64))
    counted = model.tokenizer(texts, verbose=False)["input_ids"]
    click.echo(
        f"{name:8}{len(texts):7,}{np.mean([len(ids) for ids in counted]):8.1f}{len(texts) / best[0]:11.0f}"
        f"{len(texts) / best[1]:9.0f}{best[0] / best[1]:7.2f}{cosine.min():12.6f}{cosine.mean():10.6f}"
    )
    return float(best[0] / best[1]), float(cosine.min())


if __name__ == "__main__":
    main()
