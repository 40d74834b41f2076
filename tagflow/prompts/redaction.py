"""Formatted personal data is masked before a text leaves the machine: what has a form or a checksum, never names.

Ours. Telephone numbers are told by Google's libphonenumber (``phonenumberslite``); the other kinds have a form of their
own, and a checksum where there is one. Full-width digits, exotic spaces and hyphens count as the plain ones.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date

import polars as pl
from phonenumbers import Leniency, PhoneNumberMatcher

KINDS = ("email", "iban", "resident_id", "card", "ssn", "ip", "phone")
"""What is masked, in the order it is looked for: a thing with a checksum before one that is merely digits."""

PLACEHOLDER = "[redacted:{}]"
"""Stands in place of what was masked."""

REGIONS = ("CN", "US", "GB", "FR", "DE", "IN", "JP", "KR", "BR")
"""Regions whose national forms of telephone numbers are known; with a leading + every region's is."""

WORTH_A_LOOK = r"[@＠]|\d(?:[^\d]{0,3}\d){6,}|\d[.．]\d{1,3}[.．]\d{1,3}[.．]\d|:[0-9a-fA-F]*:"
"""A text without this has nothing to mask: most texts are let through by one pass of Polars."""

MARK = PLACEHOLDER.split("{")[0]

IBAN_LENGTHS: Mapping[str, int] = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip  # the registry of ISO 13616

EDGE, END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
LETTERS = "A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿ"  # of scripts that put spaces between words: Latin, Greek, Cyrillic
EMAIL = re.compile(
    rf"[{LETTERS}0-9][{LETTERS}0-9.!#$%&'*+/=?^_`{{|}}~-]{{0,63}}@(?:[{LETTERS}0-9][{LETTERS}0-9-]{{0,62}}\.)+"
    rf"(?:xn--[A-Za-z0-9-]{{2,59}}|[{LETTERS}]{{2,63}})"
)
IBAN = re.compile(rf"{EDGE}(?=[A-Za-z]{{2}}[0-9]{{2}}(?:[ -]?[0-9A-Za-z]){{11,30}})")
RESIDENT_ID = re.compile(rf"{EDGE}[1-9][0-9]{{16}}[0-9Xx]{END}")
CARD = re.compile(
    rf"{EDGE}(?=([2-6][0-9]{{13,18}}{END}|[2-6][0-9]{{3}}([ -])[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{4}}(?:\2[0-9]{{3}})?{END}"
    rf"|3[0-9]{{3}}([ -])[0-9]{{6}}\3[0-9]{{4,5}}{END}))"
)
SSN = re.compile(
    rf"{EDGE}((?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}){END}"
    r"|(?i:ssn|social security(?: (?:number|no\.?))?)(?: is)?[ :#]{1,3}"
    rf"((?!000|666|9)[0-9]{{3}} ?(?!00)[0-9]{{2}} ?(?!0000)[0-9]{{4}}){END}"
)
IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])")
IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{3,39}(?:\.[0-9]{1,3}){0,3}(?![0-9A-Za-z:])")
RELEASE = re.compile(r"(?i:version|ver|release|firmware|build|版本号?)[ .:]*$")
PHONE = re.compile(r"(?<![0-9A-Za-z+])(?<![0-9][.,])(?:\+ ?|\()?[0-9](?:[ ()./-]{0,3}[0-9]){6,19}(?![0-9A-Za-z])")
ALNUM = re.compile("[0-9A-Za-z]")
SPELT_OUT = 1.5  # ours: digits a group; 1 2 3 4 5 is counting, and looked at closely it would take long
DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
FRACTION = re.compile(r"(?<![0-9A-Za-z.+])0\.[0-9]+")
BOOK = re.compile(r"(?i:isbn|issn|ean|doi)[-0-9 :.]{0,8}$")

Spans = Iterator[tuple[int, int]]


def redact(text: str) -> tuple[str, dict[str, int]]:
    """Return the text with placeholders for formatted personal data, and how many there are of each kind found."""
    plain = text if text.isascii() else text.translate(_PLAIN)
    cuts: list[tuple[int, int, str]] = []
    for kind in KINDS:
        for start, end in sorted(set(FINDERS[kind](plain))):
            if GONE not in plain[start:end]:
                cuts.append((start, end, kind))
                plain = f"{plain[:start]}{GONE * (end - start)}{plain[end:]}"
    counts: dict[str, int] = {}
    for start, end, kind in sorted(cuts, reverse=True):
        text = f"{text[:start]}{PLACEHOLDER.format(kind)}{text[end:]}"
        counts[kind] = counts.get(kind, 0) + 1
    return text, {kind: counts[kind] for kind in KINDS if kind in counts}


def redact_texts(texts: pl.Series) -> pl.DataFrame:
    """Return column ``text`` as ``redact`` has it and a column of counts for each of ``KINDS``; a null stays null."""
    seen = texts.str.contains(WORTH_A_LOOK).fill_null(False)
    done = {row: redact(texts[row]) for row in seen.arg_true().to_list()}
    rows = pl.Series(list(done), dtype=pl.UInt32)
    masked = texts.cast(pl.String).clone().scatter(rows, [text for text, _ in done.values()]) if done else texts
    counts = {
        kind: pl.zeros(len(texts), pl.Int64, eager=True).scatter(
            rows, [found.get(kind, 0) for _, found in done.values()]
        )
        for kind in KINDS
    }
    return pl.DataFrame({"text": masked, **counts})


def count_placeholders(text: str) -> int:
    """Return how many placeholders stand in the text."""
    return text.count(MARK)


GONE = "\ufffc"


class _Plain(dict[int, int]):
    """Every code point to the plain digit, space, hyphen or ASCII character that it looks like, or to itself."""

    def __missing__(self, point: int) -> int:
        said = chr(point)
        digit = unicodedata.decimal(said, None)
        if digit is not None:
            found = ord("0") + digit
        elif 0xFF01 <= point <= 0xFF5E and said != "：":  # full-width forms; that colon never stands in an address
            found = point - 0xFEE0
        else:
            found = {"Zs": ord(" "), "Pd": ord("-")}.get(unicodedata.category(said), point)
        self[point] = found
        return found


_PLAIN = _Plain()


def _find_emails(text: str) -> Spans:
    yield from (match.span() for match in EMAIL.finditer(text))


def _find_ibans(text: str) -> Spans:
    for match in IBAN.finditer(text):
        start = end = match.start()
        length = IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
        said = ""
        while len(said) < length and end < len(text):
            said += text[end] if text[end] not in " -" else ""
            end += 1
        whole = len(said) == length and length > 0 and said.isascii() and said.isalnum()
        if whole and not ALNUM.match(text, end) and _rest_of_iban(said) == 1:
            yield start, end


def _find_resident_ids(text: str) -> Spans:
    for match in RESIDENT_ID.finditer(text):
        said = match.group().upper()
        weights = (pow(2, 17 - place, 11) for place in range(17))  # GB 11643-1999, that is ISO 7064 MOD 11-2
        rest = sum(int(digit) * weight for digit, weight in zip(said[:17], weights, strict=True)) % 11
        if said[17] == "10X98765432"[rest] and _is_date(said[6:14]):
            yield match.span()


def _find_cards(text: str) -> Spans:
    for match in CARD.finditer(text):
        digits = [int(digit) for digit in match.group(1) if digit.isdigit()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]  # ISO/IEC 7812-1, Luhn's formula
        if len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            yield match.span(1)


def _find_ssns(text: str) -> Spans:
    yield from (match.span(match.lastindex or 0) for match in SSN.finditer(text))


def _find_addresses(text: str) -> Spans:
    for match in IPV4.finditer(text):
        if _is_address(match.group()) and not RELEASE.search(text, max(0, match.start() - 12), match.start()):
            yield match.span()
    for match in IPV6.finditer(text):
        groups = [group for group in match.group().split(":") if group]
        told = len(groups) > 2 or match.group().startswith(("::", "2", "3", "fc", "fd", "fe8", "FC", "FD", "FE8"))
        if told and any(map(str.isdigit, match.group())) and _is_address(match.group()):
            yield match.span()


def _find_phones(text: str) -> Spans:
    text = FRACTION.sub(lambda match: GONE * len(match.group()), text)
    for span in PHONE.finditer(text):
        start, said = span.start(), span.group()
        if said.startswith("(") and ")" not in said:
            start, said = start + 1, said[1:]
        groups = re.findall("[0-9]+", said)
        if len("".join(groups)) < SPELT_OUT * len(groups) or DECIMAL.fullmatch(said) or _is_book(said):
            continue
        if BOOK.search(text, max(0, start - 12), start):
            continue
        abroad = said.startswith("+")  # then only the length must be right: new ranges of numbers open everywhere
        leniency = Leniency.POSSIBLE if abroad else Leniency.STRICT_GROUPING
        for region in (None,) if abroad else REGIONS:
            for match in PhoneNumberMatcher(said, region, leniency=leniency):
                yield start + match.start, start + match.end


FINDERS: Mapping[str, Callable[[str], Spans]] = {
    "email": _find_emails,
    "iban": _find_ibans,
    "resident_id": _find_resident_ids,
    "card": _find_cards,
    "ssn": _find_ssns,
    "ip": _find_addresses,
    "phone": _find_phones,
}


def _rest_of_iban(said: str) -> int:
    return int("".join(str(int(character, 36)) for character in said[4:] + said[:4])) % 97  # ISO 7064 MOD 97-10


def _is_date(said: str) -> bool:
    try:
        return 1850 <= date(int(said[:4]), int(said[4:6]), int(said[6:])).year <= 2100  # ours: nobody alive is older
    except ValueError:
        return False


def _is_address(said: str) -> bool:
    try:
        ipaddress.ip_address(said)
    except ValueError:
        return False
    return True


def _is_book(said: str) -> bool:
    digits = [int(digit) for digit in said if digit.isdigit()]
    ean = len(digits) == 13 and digits[:3] in ([9, 7, 8], [9, 7, 9])
    return ean and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
