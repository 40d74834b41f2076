"""A language model of a few hundred kilobytes, made on the spot: a Llama of random weights in one GGUF file.

It knows nothing. What it can be is tame: a table of which kind of token follows which is laid over its random weights,
so that it ends its words, lists and objects and answers Yes or No where an answer begins; what it then says still hangs
on everything it was shown, by way of its attention. Left wild it says anything and rarely comes to an end.

Making one needs the package gguf.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START, BEGIN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
ANSWERS = ("Yes", "No")
WORDS = tuple("bread butter cheese dough garlic oil onion oven pasta rice salad sauce soup".split())

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

CONTEXT, WIDTH, LAYERS, HEADS, INNER = 16_384, 64, 2, 2, 128

KINDS = ("word", "quote", "line", "list", "digit", "brace", "other")
FOLLOWS = {
    "word": {"quote": 12.0},
    "quote": {"word": 9.0, ":": 8.0, ",": 8.0, "]": 8.0},
    "line": {"answer": 10.0},
    "list": {"quote": 12.0, "digit": 10.0},
    "digit": {",": 9.0, "]": 9.0},
    "brace": {END: 12.0},
    "other": {"quote": 8.0, "[": 8.0, "}": 8.0},
}
"""Kind of a token to what likely follows it: logits where all others have about 0; ours."""

SCATTER = 0.1  # ours: of embeddings; a token's kind still stands out
FOCUS = 0.2  # ours: of queries and keys; some tokens are attended to far more than others
WHISPER = 0.03  # ours: of what layers add; what was said before is heard, and the kind still stands out
VOICE = 0.3  # ours: of the output's random part; it moves logits by one or two


def write_tiny_llama(path: Path, seed: int = 0, *, tame: bool = True) -> Path:
    """Write the model and return its path; the same seed gives the same file.

    Args:
        path: of the GGUF file.
        seed: of the weights.
        tame: whether kinds of tokens follow each other as in ``FOLLOWS``.
    """
    from gguf import GGUFWriter, TokenType

    tokens, merges = list_tokens()
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if place < 3 else TokenType.NORMAL for place in range(len(tokens))])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(START))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, weights in draw_weights(tokens, seed, tame=tame).items():
        writer.add_tensor(f"{name}.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def list_tokens() -> tuple[list[str], list[str]]:
    """Return the tokens, control tokens first, then every byte, then what becomes one token, and the merges."""
    tokens = [START, BEGIN, END, *spell_bytes()]
    merges = []
    for word in (*ANSWERS, *WORDS):
        for length in range(2, len(word) + 1):
            if word[:length] not in tokens:
                tokens.append(word[:length])
                merges.append(f"{word[: length - 1]} {word[length - 1]}")
    return tokens, merges


def spell_bytes() -> list[str]:
    """Return the letter of each byte in byte-level tokenizers: itself if it prints, else one from 256 on."""
    prints = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in prints]
    letters = {byte: chr(byte) for byte in prints} | {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)]


def draw_weights(tokens: list[str], seed: int, *, tame: bool) -> dict[str, NDArray[np.float32]]:
    """Return every tensor by name. A token's kind is one of the first dimensions of its embedding."""
    random = np.random.default_rng(seed)

    def draw(*shape: int, scale: float) -> NDArray[np.float32]:
        return random.normal(0, scale, shape).astype(np.float32)

    seen, said = draw(len(tokens), WIDTH, scale=SCATTER), draw(len(tokens), WIDTH, scale=VOICE)
    if tame:
        seen[:, : len(KINDS)] = said[:, : len(KINDS)] = 0
        for place, token in enumerate(tokens):
            seen[place, KINDS.index(_find_kind(token))] = 1
            for column, kind in enumerate(KINDS):
                said[place, column] = FOLLOWS[kind].get(_find_role(token), 0) / np.sqrt(WIDTH / 2)
    weights = {"token_embd": seen, "output": said, "output_norm": np.ones(WIDTH, np.float32)}
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            weights[f"blk.{layer}.{norm}"] = np.ones(WIDTH, np.float32)
        for part, scale in {"q": FOCUS, "k": FOCUS, "v": WHISPER, "output": WHISPER}.items():
            weights[f"blk.{layer}.attn_{part}"] = draw(WIDTH, WIDTH, scale=scale)
        for part, shape in {"gate": (INNER, WIDTH), "up": (INNER, WIDTH), "down": (WIDTH, INNER)}.items():
            weights[f"blk.{layer}.ffn_{part}"] = draw(*shape, scale=WHISPER)
    return weights


def _find_kind(token: str) -> str:
    if token in WORDS:
        return "word"
    kinds = {'"': "quote", spell_bytes()[10]: "line", "[": "list", ",": "list", "}": "brace"}
    return kinds.get(token, "digit" if token in "0123456789" else "other")


def _find_role(token: str) -> str:
    if token in ANSWERS:
        return "answer"
    kind = _find_kind(token)
    return kind if kind in ("word", "quote", "digit") else token
