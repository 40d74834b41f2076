"""The form in which spellings, inflections and word orders of one tag are equal (ours; lemmas by simplemma)."""

from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, pairwise

import polars as pl
import simplemma

from tagflow.tagset.pair_texts import mark_words
from tagflow.tagset.word_groups import Groups, GuardWords

ARTICLES = {"en": frozenset(["a", "an", "the"])}
FUNCTION_WORDS = {"en": frozenset("a an the of in for to and & on at by how is are my your our their its it's".split())}
"""Words that do not count where two others are left without them."""

VERBAL = r"(?:ing|ed|est)$|^(?:better|best|worse|worst|more|most|less|least)$"
"""Forms that are words of their own: networking is no network, a meeting not to meet, the largest more than large."""

RULES = (  # British endings to American ones; both spellings pass through them, so a wrong step hurts nobody
    (r"^(\w\w.*)our", "${1}or"),
    (r"^(\w{3,})is(e|ed|es|er|ers|ing|ation|ations)$", "${1}iz$2"),
    (r"lys(e|ed|es|er|ing)$", "lyz$1"),
    (r"^(\w+)(?:ae|oe)(\w\w)", "${1}e$2"),
    (r"^(?:ae|oe)(\w{3})", "e$1"),
    (r"logue$", "log"),
    (r"^(\w{3,})ence$", "${1}ense"),
    (r"^(\w\w+[bt])re$", "${1}er"),
    (r"^(\w\w+)ll(ed|er|ers|ing|ist|or|ous)$", "${1}l$2"),
    (r"geing$", "ging"),
)


def is_known(words: pl.Series, language: str) -> pl.Series:
    """Return whether each word stands in the language's dictionary; true for a language without one."""
    if language not in _list_dictionaries():
        return pl.Series(words.name, [True] * len(words), dtype=pl.Boolean)
    distinct = words.unique()
    known = distinct.to_frame("word").with_columns(
        known=pl.Series([simplemma.is_known(word, language) for word in distinct], dtype=pl.Boolean)
    )
    return words.to_frame("word").join(known, on="word", how="left", maintain_order="left")["known"]


def lemmatise(texts: pl.Series, language: str) -> pl.Series:
    """Return folded texts with each word replaced by its lemma in American spelling, but for forms like ``VERBAL``."""
    lists = texts.str.split(" ")
    words = lists.explode().drop_nulls().unique()
    kept = words.to_list()
    if language in _list_dictionaries():
        inflected = words.str.contains(r"^\p{L}+$") & ~(words.str.contains(VERBAL) & (language == "en"))
        kept = [
            simplemma.lemmatize(word, language).lower() if asked else word
            for word, asked in zip(kept, inflected, strict=True)
        ]
    lemmas = pl.Series("lemma", kept, dtype=pl.String)
    folded = _fold_spelling(lemmas) if language == "en" else lemmas
    forms = dict(zip(words, folded, strict=True))
    return lists.list.eval(pl.element().replace_strict(forms, default=None, return_dtype=pl.String)).list.join(" ")


def join_equals(texts: pl.Series, groups: Groups, *, spaced: bool) -> pl.Series:
    """Return texts with phrases of one meaning replaced by the first of their group, its words joined by ``_``."""
    heads = {form: group[0] for group in groups for form in group}
    forms = sorted(heads, key=lambda form: (-len(form), form))
    if not forms:
        return texts
    if not spaced:
        replaced = pl.col("text").str.replace_many(forms, [heads[form] for form in forms], leftmost=True)
        return texts.to_frame("text").select(replaced).to_series()
    patterns = [f" {form.replace(' ', '  ')} " for form in forms]
    names = [f" {heads[form].replace(' ', '_')} " for form in forms]
    marked = mark_words(texts).to_frame("text")
    replaced = pl.col("text").str.replace_many(patterns, names, leftmost=True)
    return marked.select(replaced.str.replace_all(r"\s+", " ").str.strip_chars()).to_series()


def join_synonyms(texts: pl.Series, synonyms: pl.DataFrame) -> pl.Series:
    """Return lemmatised texts with the dictionary's phrases replaced by the first of their group, as one word."""
    return join_equals(texts, [[head, form] for form, head in synonyms.select("form", "head").iter_rows()], spaced=True)


def find_synonyms(texts: pl.Series, synonyms: pl.DataFrame) -> pl.DataFrame:
    """Return the dictionary's rows whose words all stand in some text: it is long, and asked panel by panel."""
    words = texts.str.split(" ").explode().drop_nulls().unique().implode()
    begun = synonyms.filter(pl.col("first").is_in(words))
    parts = begun.select("form", part=pl.col("form").str.split(" ")).explode("part")
    strange = parts.filter(~pl.col("part").is_in(words))["form"]
    return begun.filter(~pl.col("form").is_in(strange.unique().implode()))


def make_forms(texts: pl.Series, language: str, words: GuardWords) -> pl.DataFrame:
    """Return the forms of folded texts that are compared.

    Returns:
        joined (without spaces and marks), order (words in their order, in which spellings and inflections are equal),
        words (the same sorted, without function words), equal (words after phrases of one meaning became one),
        beside (equal, after those that hold only beside another word became one as well), thing and synonym (words
        after the dictionary's names of one thing, and all its phrases of one meaning, became one).
    """
    if language == "zh":
        return _make_chinese_forms(texts, words)
    lemmas = lemmatise(texts, language)
    equal = join_equals(lemmas, _lemmatise_groups(words.equals, language), spaced=True)
    beside = join_equals(equal, _lemmatise_groups(words.beside, language), spaced=True)
    synonyms = find_synonyms(lemmas, words.synonyms)
    plain = texts.str.replace_all(r"[^\p{L}\p{M}\p{N}+#]+", "")
    return pl.DataFrame(
        {
            "joined": _fold_spelling(plain) if language == "en" else plain,
            "order": lemmas,
            "words": _sort_words(lemmas, language),
            "equal": _sort_words(equal, language),
            "beside": _sort_words(beside, language),
            "thing": _sort_words(join_synonyms(lemmas, synonyms.filter("things")), language),
            "synonym": _sort_words(join_synonyms(lemmas, synonyms), language),
        }
    )


def _make_chinese_forms(texts: pl.Series, words: GuardWords) -> pl.DataFrame:
    plain = texts.str.replace_all(r"[^\p{L}\p{M}\p{N}+#]+", "")
    joined = plain.str.replace_all("(.)的(.)", "$1$2")
    equal = join_equals(joined, [[form.replace(" ", "") for form in group] for group in words.equals], spaced=False)
    beside = join_equals(equal, words.beside, spaced=False)
    forms = {"joined": plain, "order": joined, "words": joined, "equal": equal, "beside": beside}
    return pl.DataFrame(forms | {"thing": equal, "synonym": equal})


def _sort_words(texts: pl.Series, language: str) -> pl.Series:
    lists = texts.str.split(" ")
    named, short = (
        lists.list.eval(pl.element().filter(~pl.element().is_in(list(dropped.get(language, ())))))
        for dropped in (ARTICLES, FUNCTION_WORDS)
    )
    both = pl.DataFrame({"named": named, "short": short})
    kept = pl.when(pl.col("short").list.len() > 1).then("short").otherwise("named")
    return both.select(kept.list.sort().list.join(" ")).to_series()


def _lemmatise_groups(groups: Groups, language: str) -> Groups:
    return _lemmatise_once(tuple(map(tuple, groups)), language)


@lru_cache(maxsize=8)
def _lemmatise_once(groups: tuple[tuple[str, ...], ...], language: str) -> Groups:
    """The lists are the same in every panel of pairs."""
    every = lemmatise(pl.Series([form for group in groups for form in group], dtype=pl.String), language).to_list()
    bounds = [0, *accumulate(map(len, groups))]
    return [every[begin:end] for begin, end in pairwise(bounds)]


def _fold_spelling(words: pl.Series) -> pl.Series:
    american = _load_spellings()
    word = pl.col("word").replace(list(american), list(american.values()))
    for pattern, replacement in RULES:
        word = word.str.replace(pattern, replacement)
    return words.to_frame("word").select(word).to_series()


@lru_cache
def _load_spellings() -> dict[str, str]:
    lines = files("tagflow.tagset").joinpath("words", "spellings_en.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and line[0] != "#"]
    return {british: american for british, american in pairs}


@lru_cache
def _list_dictionaries() -> frozenset[str]:
    from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

    return frozenset(SUPPORTED_LANGUAGES)
