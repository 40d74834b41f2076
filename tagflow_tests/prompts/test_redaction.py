"""Formatted personal data is masked, and ordinary numbers are left alone."""

import random
from collections.abc import Callable

import polars as pl
import pytest

from tagflow.prompts.redaction import KINDS, count_placeholders, redact, redact_texts

EACH = 150
"""Made-up things of each kind."""

AROUND = (
    "Write to {} today.",
    "{}",
    "Contact: {}, or come by at 12:30 on 2024-05-06.",
    "我的是{}谢谢",
    "联系方式：{}。价格 35 元",
    "Stir 250 g flour ({}) for 20-25 min",
    "call\t{}\nthen add 2 1/2 cups",
)


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def make_email(chance: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    word = "".join(chance.choice(letters) for _ in range(chance.randint(2, 9)))
    middle = chance.choice(["", ".", "_", "-", "+"])
    local = f"{word}{middle}{word[::-1]}{chance.randint(0, 99)}"
    host = chance.choice(["example.com", "mail.example.co.uk", "qq.com", "uni-köln.example.de", "EXAMPLE.ORG"])
    return f"{local}@{host}"


def make_card(chance: random.Random) -> str:
    start, length = chance.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("62", 16)])
    said = start + digits(chance, length - len(start) - 1)
    for last in "0123456789":  # Luhn: from the right, every second digit doubled and its digits added
        total = 0
        for place, digit in enumerate(reversed(said + last)):
            value = int(digit) * (2 if place % 2 else 1)
            total += value - 9 if value > 9 else value
        if total % 10 == 0:
            said += last
            break
    gap = chance.choice(["", " ", "-"])
    cuts = (4, 10) if length == 15 else (4, 8, 12)
    return gap.join(said[a:b] for a, b in zip((0, *cuts), (*cuts, length), strict=True))


def make_iban(chance: random.Random) -> str:
    country, count, letters = chance.choice(
        [("DE", 18, ""), ("GB", 14, "WEST"), ("FR", 23, ""), ("NL", 10, "ABNA"), ("ES", 20, ""), ("IT", 22, "X")]
    )
    account = letters + digits(chance, count)
    number = "".join(str(int(character, 36)) for character in account + country + "00")
    said = f"{country}{98 - int(number) % 97:02d}{account}"
    return said if chance.random() < 0.5 else " ".join(said[at : at + 4] for at in range(0, len(said), 4))


def make_resident_id(chance: random.Random) -> str:
    born = f"{chance.randint(1940, 2015)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    said = f"{chance.choice(['110101', '310115', '440305'])}{born}{digits(chance, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # as the standard lists them
    return said + "10X98765432"[sum(int(d) * w for d, w in zip(said, weights, strict=True)) % 11]


def make_ssn(chance: random.Random) -> str:
    return f"{chance.randint(1, 665):03d}-{chance.randint(1, 99):02d}-{chance.randint(1, 9999):04d}"


def make_ip(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return ".".join(str(chance.randint(0, 255)) for _ in range(4))
    return (
        chance.choice(["2001:db8:", "fe80:", "fd12:3456:"])
        + f":{chance.randint(1, 9999):x}:8a2e:370:7{digits(chance, 2)}"
    )


def make_phone(chance: random.Random) -> str:
    mobile = chance.choice(["130", "135", "139", "150", "159", "176", "186", "189"]) + digits(chance, 8)
    area, middle, last = (
        chance.choice(["212", "415", "617", "312", "206"]),
        f"{chance.randint(220, 899)}",
        digits(chance, 4),
    )
    middle = middle if not middle.endswith("11") else "555"
    forms = [
        mobile,
        f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}",
        f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}",
        f"+86 {mobile}",
        f"+86 {mobile[:3]} {mobile[3:7]} {mobile[7:]}",
        f"010-6{digits(chance, 7)}",
        f"({area}) {middle}-{last}",
        f"{area}-{middle}-{last}",
        f"{area}.{middle}.{last}",
        f"+1 {area} {middle} {last}",
        f"+1{area}{middle}{last}",
        f"1-{area}-{middle}-{last}",
        f"+44 7712 {digits(chance, 6)}",
        f"07712 {digits(chance, 6)}",
        f"020 7946 {digits(chance, 4)}",
        f"+49 30 9{digits(chance, 6)}",
        f"0171 {chance.randint(1, 9)}{digits(chance, 6)}",
        f"06 {chance.randint(10, 89)} {' '.join(digits(chance, 2) for _ in range(3))}",
        f"+33 6 {' '.join(digits(chance, 2) for _ in range(4))}",
        f"090-{chance.randint(1, 9)}{digits(chance, 3)}-{digits(chance, 4)}",
        f"+81 90-{chance.randint(1, 9)}{digits(chance, 3)}-{digits(chance, 4)}",
        f"(11) 9{chance.randint(6, 9)}{digits(chance, 3)}-{digits(chance, 4)}",
        f"+34 612 {digits(chance, 3)} {digits(chance, 3)}",
        f"+39 347 {digits(chance, 7)}",
    ]
    return chance.choice(forms)


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "email": make_email,
    "iban": make_iban,
    "resident_id": make_resident_id,
    "card": make_card,
    "ssn": make_ssn,
    "ip": make_ip,
    "phone": make_phone,
}


def make_corpus(seed: int) -> pl.DataFrame:
    chance = random.Random(seed)
    rows = []
    for kind, make in MAKERS.items():
        for _ in range(EACH):
            secret = make(chance)
            rows.append((kind, secret, chance.choice(AROUND).format(secret)))
    return pl.DataFrame(rows, schema=["kind", "secret", "text"], orient="row")


@pytest.mark.parametrize("seed", [1, 2])
def test_formatted_personal_data_is_masked(seed: int) -> None:
    corpus = make_corpus(seed)
    masked = redact_texts(corpus["text"])
    found = corpus.with_columns(
        right=masked["text"]
        == pl.Series([text.replace(secret, f"[redacted:{kind}]") for kind, secret, text in corpus.iter_rows()]),
        leaked=masked.select(pl.sum_horizontal(KINDS) == 0).to_series(),
    )
    recall = found.group_by("kind").agg(pl.col("right").mean(), pl.col("leaked").sum()).sort("kind")
    leaks = found.filter(~pl.col("right")).with_columns(masked=masked["text"].filter(~found["right"]))
    assert recall["right"].min() >= 0.99, leaks.rows()  # type: ignore[operator]


ORDINARY = (
    "Mix 250 g flour, 2 1/2 cups water and 1-2 tsp salt; bake 25-30 min at 180 °C (350 °F), serves 4-6.",
    "It costs 12.50 EUR, down from $1,299.00; last year 10.000.000 were sold, 1 000 000 000 in all.",
    "Published 2024-05-06 12:30:45, 06/12/2024, 01.02.2024, 2024.01.02, 2024年5月6日, 20240506, 20240506123045.",
    "ISBN 978-3-16-148410-0, ISBN-10: 0-306-40615-2, ISBN 0306406152, 9783161484100, ISSN 0317-8471.",
    "Pi is 3.14159265358979, e is 2,718281828459, and 0.12345678901 is not.",
    "Versions v1.2.3.4, version 10.0.19045.3803, Python 3.11.7, IPv6 since 1998, 版本 1.2.3.4.",
    "The seasons 2019-2020, 2020/2021 and 2022 2023 2024 2025 were won 3:2, 4:1 and 10:9.",
    "At 00:01:02:03 cut; ratio 16:9; std::vector<int> and a::b; 12:30:45.",
    "Sizes 10 x 20 x 30 cm, 1920x1080, 3840×2160, 5000 mAh, 128 GB, 2.4-5.0 GHz.",
    "1 2 3 4 5 6 7 8 9 10 and 5 10 15 20 25 30 35 40 then 1000 2000 3000 4000 5000",
    "iPhone 15 Pro Max, RTX 4090, Boeing 737-800, WD-40, 7-11, 24/7, 911, 110, 12306 and 10086",
    "Follow @chef_anna, mail me @ home, 5@2.50 each, a@b, foo@bar and #tag2024.",
    "配料：面粉250克，鸡蛋2个，糖30-50克，180度烤25-30分钟，播放量1234567，点赞12.3万。",
    "Order 4111111111111112, EAN 4006381333931, 400 000 views, lap 1:23.456, 48.8584, 2.2945",
    "Luke 10:25-37, Psalm 119:105, §§ 1.2.3, chapter 4.5.6, 60-90-60, 100-200-300, 50/50, 1,2,3,4,5,6,7,8",
    "Blz. 12-34, No. 123456, 000000000000, 1111 1111 1111 1111, 5555555555555555",
)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_numbers_are_left_alone(text: str) -> None:
    assert redact(text) == (text, {})


def test_seeded_amounts_dates_and_quantities_are_left_alone() -> None:
    chance = random.Random(4)
    made = []
    for _ in range(1500):
        number, part, year = chance.randint(1, 9999), chance.randint(0, 99), chance.randint(1950, 2030)
        month, day, hour = chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
        made.append(
            chance.choice(
                [
                    f"{number}.{part:02d} EUR and {number + 5},{part:02d} $ for {part} pieces",
                    f"{year}-{month:02d}-{day:02d} {hour:02d}:{part % 60:02d}",
                    f"{day:02d}/{month:02d}/{year}, {day}.{month}.{year}, {year}年{month}月{day}日",
                    f"{number} g, {part}-{part + 10} min, {year} kcal, {day} {month}/{hour + 1} cups",
                    f"{number:,}.{part:02d} of {number * 977:,}",
                    f"{number},{part} 0.{number}{part} {year}-{year + 1} {hour}:{part % 60:02d}:{day:02d}",
                ]
            )
        )
    masked = redact_texts(pl.Series(made))
    wrong = [(text, said) for text, said in zip(made, masked["text"], strict=True) if text != said]
    assert len(wrong) <= 3, wrong  # two in a thousand: some amounts look like anything


def test_neighbours_of_what_is_masked_stay_as_they_are() -> None:
    text = "Anna <anna.b+x@example.co.uk>, IBAN: DE89 3704 0044 0532 0130 00 and 4111 1111 1111 1111."
    masked, counts = redact(text)
    assert masked == "Anna <[redacted:email]>, IBAN: [redacted:iban] and [redacted:card]."
    assert counts == {"email": 1, "iban": 1, "card": 1}
    assert list(counts) == ["email", "iban", "card"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话１３８１２３４５６７８", "电话[redacted:phone]"),
        ("пишите: анна@пример.рф.", "пишите: [redacted:email]."),
        ("or a@b.xn--p1ai!", "or [redacted:email]!"),
        ("ａｎｎａ＠example.com", "[redacted:email]"),
        ("+49\u00a030\u2011901820", "[redacted:phone]"),
        ("no12 DE89370400440532013000", "no12 [redacted:iban]"),
        ("2024 4111 1111 1111 1111", "2024 [redacted:card]"),
        ("my SSN is 219 09 9999", "my SSN is [redacted:ssn]"),
        ("11010519491231002x", "[redacted:resident_id]"),
        ("from ::1 or 2001:db8::ff00:42:8329, 192.168.0.1", "from [redacted:ip] or [redacted:ip], [redacted:ip]"),
        ("13812345678或13912345678", "[redacted:phone]或[redacted:phone]"),
    ],
)
def test_other_spellings_are_seen_through(text: str, masked: str) -> None:
    assert redact(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # Luhn
        "DE88 3704 0044 0532 0130 00",  # mod 97
        "110105194912310021",  # the check digit is X
        "666-12-3456",  # never given out
        "256.1.1.1",
    ],
)
def test_a_wrong_checksum_is_no_personal_data(text: str) -> None:
    assert redact(text) == (text, {})


def test_masking_twice_is_masking_once_and_placeholders_are_counted() -> None:
    for text in make_corpus(3)["text"].to_list():
        once, counts = redact(text)
        assert redact(once) == (once, {})
        assert count_placeholders(once) == sum(counts.values())


def test_a_column_is_masked_as_its_texts_are() -> None:
    texts = [*make_corpus(5)["text"].to_list()[::3], *ORDINARY]
    frame = redact_texts(pl.Series("said", [None, *texts, ""]))
    assert frame["text"].to_list() == [None, *(redact(text)[0] for text in texts), ""]
    for kind in KINDS:
        assert frame[kind].to_list() == [0, *(redact(text)[1].get(kind, 0) for text in texts), 0]
    empty = redact_texts(pl.Series([], dtype=pl.String))
    assert (empty.columns, len(empty)) == (["text", *KINDS], 0)
    assert redact_texts(pl.Series([None, None], dtype=pl.String))["text"].to_list() == [None, None]
