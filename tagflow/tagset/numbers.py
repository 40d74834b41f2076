"""The numbers of a tag, in whatever notation: digits, units, versions, words, Roman and Chinese numerals (ours)."""

import re
from functools import lru_cache
from importlib.resources import files

import polars as pl

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
ONES += ["seventeen", "eighteen", "nineteen"]
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth".split()
ORDINALS += ["fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"]
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}
ROMAN_NUMERAL = re.compile(r"(?:x{0,3}|xl|lx{0,3})(?:ix|iv|v?i{0,3})")
NO_NUMERAL = {"", "li", "xl", "l", "x", "xi", "vi"}
"""Letters that would be Roman numerals but are names, sizes or programs more often."""

LEADING_NUMERAL = frozenset(["vi", "xi", "x"])
"""Numerals all the same after one of ``COUNTED``."""

COUNTED = frozenset(
    "war part type chapter book volume vol act class phase stage level title article henry louis pope king queen edward"
    " john paul charles george james philip elizabeth benedict pius bowl rocky final fantasy grand theft auto".split()
)
FILLERS = frozenset(
    "top best part no number vol volume version v ver edition gen generation series chapter the".split()
)

DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
NUMERALS = "".join([*DIGITS, *POWERS])
COUNTERS = (
    "年级|个月|分钟|小时|公里|厘米|年|月|日|号|季|集|期|章|节|课|级|线|胎|岁|周|天|楼|层|室|厅|班|届|代|次|个|人|位|款|种|招|步|秒|元|块|斤|米|寸|战"
    "|手|本|类|星|环|维|轮|驱|倍|折|套|道|件|条|只|台|辆|部|座|孩|角|边|段|度|点|强|大"
)
CHINESE = re.compile(
    rf"第(?P<rank>[{NUMERALS}]+)|(?<=[初高大])(?P<grade>[一二三四](?![{NUMERALS}]))"
    rf"|(?:(?<=科目)|(?<=星期)|(?<=礼拜)|(?<=必修)|(?<=选修)|(?<=单元)|(?<=阶段))(?P<part>[{NUMERALS}]+)"
    rf"|(?P<count>[{NUMERALS}]+)(?={COUNTERS})"
)


def read_numbers(texts: pl.Series, language: str) -> pl.DataFrame:
    """Return the numbers of folded texts.

    Returns:
        said (the numbers as they stand), values (in smallest units, as text: 3.9 and 3.10 are versions), dimensions
        (of those with a known unit) and rest (the text without them and without fillers such as top or part).
    """
    written = _write_chinese(texts) if language == "zh" else _write_english(texts)
    number = rf"\d+(?:\.\d+)*(?:(?:st|nd|rd|th|s|k)\b)?(?:\s?(?:{_list_units()}))?"
    frame = written.to_frame("text").select(
        said=pl.col("text").str.extract_all(number).list.eval(pl.element().str.strip_chars()),
        rest=pl.col("text").str.replace_all(number, " ").str.replace_all(r"\s+", " ").str.strip_chars(),
    )
    distinct = frame["said"].explode().drop_nulls().unique().to_list()
    read = [_read_number(said) for said in distinct]
    values, dimensions = (
        dict(zip(distinct, (v for v, _ in read), strict=True)),
        {s: d for s, (_, d) in zip(distinct, read, strict=True)},
    )
    element = pl.element()
    return frame.with_columns(
        values=pl.col("said").list.eval(element.replace_strict(values, default=None, return_dtype=pl.String)),
        dimensions=pl.col("said")
        .list.eval(element.replace_strict(dimensions, default=None, return_dtype=pl.String))
        .list.drop_nulls(),
        rest=_drop_fillers(frame["rest"]),
    )


def is_numeral(text: pl.Expr) -> pl.Expr:
    """Return whether a text is nothing but Chinese numerals or digits."""
    return text.str.contains(rf"^[\d{NUMERALS}]+$")


def _write_english(texts: pl.Series) -> pl.Series:
    """Spelled, Roman and decade numbers in digits."""
    lists = texts.str.split(" ")
    distinct = lists.explode().drop_nulls().unique()
    known = {word: digits for word in distinct if (digits := _spell().get(word) or _read_decade(word))}
    with_words = [word for word in distinct if word in known or ROMAN_NUMERAL.fullmatch(word) or word in SCALES]
    concerned = lists.list.eval(pl.element().is_in(with_words)).list.any().fill_null(False)
    rewritten = [_rewrite(words, known) for words in lists.filter(concerned)]
    out = texts.to_list()
    for place, text in zip(concerned.arg_true(), rewritten, strict=True):
        out[place] = text
    return pl.Series(texts.name, out, dtype=pl.String)


def _rewrite(words: list[str], known: dict[str, str]) -> str:
    out: list[str] = []
    for place, word in enumerate(words):
        before = out[-1] if out else ""
        number = before.replace(".", "", 1).isdigit()
        if word in ("second", "seconds") and number:
            out.append("sec")
        elif word in known and word in ONES + ORDINALS and before in _spelled_tens() and words[place - 1] in TENS:
            out[-1] = str(int(before) + int(known[word]))
        elif word in SCALES:
            out[-1:] = [f"{float(before) * SCALES[word]:.15g}"] if number else [*out[-1:], str(SCALES[word])]
        elif place and (roman := _read_roman(word, words[place - 1])):
            out.append(str(roman))
        else:
            out.append(known.get(word, word))
    return " ".join(out)


@lru_cache
def _spell() -> dict[str, str]:
    spelled = {word: str(number) for words in (ONES, ORDINALS) for number, word in enumerate(words)}
    for number, word in enumerate(TENS, 2):
        spelled |= {word: f"{number}0", word[:-1] + "ieth": f"{number}0"}
    return spelled


@lru_cache
def _spelled_tens() -> frozenset[str]:
    return frozenset(f"{number}0" for number in range(2, 10))


def _read_decade(word: str) -> str | None:
    decade = re.fullmatch(r"'?([3-9]0)s", word)
    return f"19{decade[1]}" if decade else None


def _read_roman(word: str, before: str) -> int:
    if not ROMAN_NUMERAL.fullmatch(word) or before.isdigit():
        return 0
    if word in NO_NUMERAL and not (word in LEADING_NUMERAL and before in COUNTED):
        return 0
    digits = [ROMAN[letter] for letter in word]
    return sum(-one if one < after else one for one, after in zip(digits, [*digits[1:], 0], strict=True))


def _write_chinese(texts: pl.Series) -> pl.Series:
    concerned = texts.str.contains(rf"[{NUMERALS}]")
    out = texts.to_list()
    for place in concerned.arg_true():
        out[place] = CHINESE.sub(lambda found: _write_numeral(found), out[place])
    return pl.Series(texts.name, out, dtype=pl.String).str.replace_all(r"第(\d)", "$1")


def _write_numeral(found: re.Match[str]) -> str:
    numeral = next(filter(None, found.groups()))
    said = found.group().removesuffix(numeral)
    return f"{said}{read_chinese(numeral)}"


def read_chinese(numeral: str) -> int:
    """Return the value of a Chinese numeral; digits without powers are read one by one (二〇一九)."""
    if all(sign in DIGITS for sign in numeral):
        return int("".join(str(DIGITS[sign]) for sign in numeral))
    total = section = digit = 0
    for sign in numeral:
        if sign in DIGITS:
            digit = DIGITS[sign]
        elif POWERS[sign] < 10**4:
            section += (digit or 1) * POWERS[sign]
            digit = 0
        else:
            total += (section + digit or 1) * POWERS[sign]
            section = digit = 0
    return total + section + digit


@lru_cache
def _load_units() -> dict[str, tuple[str, float]]:
    lines = files("tagflow.tagset").joinpath("words", "units.txt").read_text(encoding="utf-8").splitlines()
    fields = [line.split() for line in lines if line and line[0] != "#"]
    return {name: (dimension, float(size)) for dimension, size, *names in fields for name in names}


@lru_cache
def _list_units() -> str:
    names = sorted(_load_units(), key=lambda name: (-len(name), name))
    latin = "|".join(name for name in names if name.isascii() and name.isalpha())
    return rf"(?:{latin})\b|{'|'.join(name for name in names if not (name.isascii() and name.isalpha()))}"


def _read_number(said: str) -> tuple[str, str | None]:
    """The value in the smallest unit, and the dimension."""
    figures = re.match(r"[\d.]+", said)
    digits = figures[0] if figures else ""
    after = said[len(digits) :].strip()
    if digits.count(".") > 1:
        return digits, None
    if after == "k":
        return f"{float(digits) * 1000:.15g}", None
    if after in _load_units():
        dimension, size = _load_units()[after]
        return f"{float(digits) * size:.15g}", dimension
    whole, _, part = digits.partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part}" if part.strip("0") else whole, None


def _drop_fillers(rest: pl.Series) -> pl.Series:
    words = rest.str.split(" ").list.eval(pl.element().filter(~pl.element().is_in(list(FILLERS))))
    return words.list.join(" ")
