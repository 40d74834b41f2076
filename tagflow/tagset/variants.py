"""Forms of one tag that no dictionary lists: initials, variants of spelling, derived words, turned blocks (ours)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tagflow.tagset.pair_texts import PairTexts, find_middles, list_difference, split_words
from tagflow.tagset.spellings import is_known

LONG_WORD, LONGER_WORD = 6, 8  # ours: letters from which one edit, and from which two, are a variant of spelling
BLOCK = 2  # ours: characters of the shortest block that may change places in a Chinese tag; one alone is half a word

SOUNDS = {"2": "to", "4": "for"}
SKIPPED = frozenset("of the and for in to a an on at by".split())

Mask = NDArray[np.bool_]


def are_initials(pairs: PairTexts) -> tuple[Mask, Mask]:
    """Return where the initials of one side's words are a word of the other, beside words that both share.

    A plural s is left out, function words may count or not, k8s is k, eight letters, s, and b2b is b to b.

    Returns:
        masks of initials of three letters and more, and of two.
    """
    lists = split_words(pairs.texts)
    alone = list_difference(lists, pairs).with_row_index("pair")
    long, two = np.zeros(len(pairs.left), bool), np.zeros(len(pairs.left), bool)
    for short, full in (("left", "right"), ("right", "left")):
        word = pl.col(short).list.first()
        asked = alone.filter(
            (pl.col(short).list.len() == 1)
            & (pl.col(full).list.len() > 0)
            & word.str.contains(r"^[a-z][a-z0-9]{1,6}$")
            & (word.str.len_chars() < pl.col(full).list.join("").str.len_chars())
        )
        ours, theirs = getattr(pairs, short), getattr(pairs, full)
        for pair, said in asked.select("pair", word).iter_rows():
            rest = set(lists[int(ours[pair])]) - {said}
            if _spells(said, [part for part in lists[int(theirs[pair])] if part not in rest]):
                (two if len(said) == 2 else long)[pair] = True
    return long, two


def _spells(said: str, words: list[str]) -> bool:
    if len(words) == 1:
        word = words[0]
        return len(word) > 4 and said == f"{word[0]}{len(word) - 2}{word[-1]}"
    every = "".join(word[0] for word in words)
    main = "".join(word[0] for word in words if word not in SKIPPED)
    sounded = "".join({sound: digit for digit, sound in SOUNDS.items()}.get(word, word[0]) for word in words)
    forms = {said, said.removesuffix("s")} if len(said) > 2 else {said}
    return not forms.isdisjoint({every, main, sounded})


def are_spelled_alike(pairs: PairTexts) -> Mask:
    """Return where one word on each side differs, by an edit or two, and at most one of them is in the dictionary.

    Two unknown words are names: only the longer ones count, and only with a single edit. A word that goes on where the
    other ends is another one, unless with a plural s (falcon, falcone).
    """
    alone = list_difference(split_words(pairs.texts), pairs)
    one = (alone["left"].list.len() == 1) & (alone["right"].list.len() == 1)
    words = alone.select(pl.col(side).list.first().fill_null("") for side in ("left", "right")).with_row_index("pair")
    spelled = r"^\p{L}{5,}$"
    words = words.filter(one & words["left"].str.contains(spelled) & words["right"].str.contains(spelled))
    known = is_known(words["left"], pairs.language), is_known(words["right"], pairs.language)
    edits = pl.Series(
        process.cpdist(words["left"].to_list(), words["right"].to_list(), scorer=OSA.distance), dtype=pl.Int64
    )
    size = words.select(pl.min_horizontal(pl.col("left", "right").str.len_chars())).to_series()
    first = words["left"].str.slice(0, 1) == words["right"].str.slice(0, 1)
    near = ((edits == 1) & (size >= LONG_WORD)) | ((edits == 2) & (size >= LONGER_WORD))
    strange = (~known[0] & ~known[1]) & (edits == 1) & (size >= LONGER_WORD)
    left, right = pl.col("left"), pl.col("right")
    longer = (left.str.starts_with(right) | right.str.starts_with(left)) & (left + "s" != right) & (right + "s" != left)
    first &= ~words.select(longer).to_series()
    alike = first & ((near & (known[0] ^ known[1])) | strange)
    mask = np.zeros(len(pairs.left), bool)
    mask[words.filter(alike)["pair"].to_numpy()] = True
    return mask


NOUNS = r"(?:ification|isation|ization|ation|ition|tion|ion)$"
VERBS = r"(?:ifying|ising|izing|ating|iting|ting|ying|ing)$"
PLURAL = r"(\p{L}{2}[^s\W])s$"


def are_derived(pairs: PairTexts) -> Mask:
    """Return where a noun stands for a verb in -ing of one stem (salary negotiation, negotiating a salary).

    The noun ends in -ion, in -graphy, or, beside another word, is the stem itself in the plural (advice for parents).
    """
    lists = split_words(pairs.texts).list.eval(pl.element().str.replace(PLURAL, "$1"))
    kept = lists.list.eval(pl.element().filter(~pl.element().is_in(list(SKIPPED))))
    alone = list_difference(kept, pairs)
    several = (kept.list.len().gather(pairs.left) > 1) & (kept.list.len().gather(pairs.right) > 1)
    one = (alone["left"].list.len() == 1) & (alone["right"].list.len() == 1)
    words = alone.select(pl.col(side).list.first().fill_null("") for side in ("left", "right")).with_columns(
        left_text=pairs.texts.gather(pairs.left), right_text=pairs.texts.gather(pairs.right)
    )
    left, right = pl.col("left"), pl.col("right")
    beside, alone_too = pl.lit(False), pl.lit(False)
    for noun, verb, text in ((left, right, pl.col("left_text")), (right, left, pl.col("right_text"))):
        stem = noun.str.replace(NOUNS, "")
        same = verb.str.contains(VERBS) & (stem == verb.str.replace(VERBS, "")) & (stem.str.len_chars() > 3)
        beside |= same & noun.str.contains(NOUNS)
        many = text.str.contains(noun + "s", literal=True)  # of one fish a fishing lake says nothing
        beside |= many & (verb == noun + "ing") & (noun.str.len_chars() > 3)
        alone_too |= noun.str.ends_with("graphy") & (verb == noun.str.replace("y$", "ing"))
    found = words.select((beside & several) | alone_too).to_series()
    return np.asarray((one & found).to_numpy(), dtype=np.bool_)


def are_turned(pairs: PairTexts) -> Mask:
    """Return where two neighbouring blocks change places in a text without spaces, each of two characters at least."""
    plain = pairs._replace(texts=pairs.texts.str.replace_all(r"[^\p{L}\p{N}]+", ""))
    middles = find_middles(plain).with_row_index("pair")
    size = pl.col("left").str.len_chars()
    same = size == pl.col("right").str.len_chars()
    asked = middles.filter(same & (size >= 2 * BLOCK))
    doubled = asked.filter((pl.col("left") + pl.col("left")).str.contains(pl.col("right"), literal=True))
    mask = np.zeros(len(pairs.left), bool)
    for pair, left, right in doubled.select("pair", "left", "right").iter_rows():
        cut = (left + left).index(right)
        mask[pair] = BLOCK <= cut <= len(left) - BLOCK
    return mask


def are_shortened(pairs: PairTexts) -> Mask:
    """Return where one side is characters of the other in their order, from the first on (环保, 环境保护)."""
    left, right = pairs.texts.gather(pairs.left), pairs.texts.gather(pairs.right)
    frame = pl.DataFrame({"left": left, "right": right}).with_row_index("pair")
    first = pl.col("left").str.slice(0, 1) == pl.col("right").str.slice(0, 1)
    sizes = [pl.col(side).str.len_chars() for side in ("left", "right")]
    asked = frame.filter(first & (sizes[0] != sizes[1]) & (pl.min_horizontal(*sizes) >= BLOCK))
    asked = asked.filter(
        pl.col("left").str.split("").list.set_difference(pl.col("right").str.split("")).list.len().eq(0)
        | pl.col("right").str.split("").list.set_difference(pl.col("left").str.split("")).list.len().eq(0)
    )
    mask = np.zeros(len(pairs.left), bool)
    for pair, one, other in asked.iter_rows():
        short, full = sorted((one, other), key=len)
        signs = iter(full)
        mask[pair] = all(sign in signs for sign in short)
    return mask
