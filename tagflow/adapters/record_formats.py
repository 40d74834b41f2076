"""How the bytes of one content file become records: JSON Lines, CSV and TSV, Parquet.

A format yields one Record or Rejected for every record it meets, and holds one record (Parquet: 128 rows) at a time.
Which files are read, and what their fields mean to a dataset, stands in ``content_reader``.
"""

import csv
import datetime
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from io import BufferedIOBase
from typing import IO, Any, NoReturn

from tagflow.adapters.record_lines import EXCERPT, RECORD_LIMIT, Line, Lines, Record, Rejected, reject

QUOTED_LINES = 1_000
"""Physical lines that one CSV record may span."""

PARQUET_ROWS = 128  # a batch is decoded whole, so its rows bound the memory

FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class Number(str):
    """A JSON number as it is written, so that 7, 1.50 and 2^70 keep every digit."""

    __slots__ = ()


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError(f"the key {_find_repeat(key for key, _ in pairs)} stands twice in one object")
    return fields


def _find_repeat(names: Iterable[str]) -> str | None:
    known: set[str] = set()
    for name in names:
        if name in known:
            return repr(name[:80])
        known.add(name)
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


JSON_DECODER = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys
)


def read_json_lines(lines: Lines, file: str) -> Iterator[Record | Rejected]:
    """Yield the object of every line that is not blank; a file that starts with an array is refused as a whole."""
    first = True
    for line in lines:
        text = line.raw.strip(b" \t\r\n")
        if not text and not line.too_long:
            continue
        if first and text.startswith(b"["):
            yield reject(file, 0, "expected one JSON object a line, found an array", line.raw)
            return
        first = False
        yield _parse_json_line(line, file)


def _parse_json_line(line: Line, file: str) -> Record | Rejected:
    fault = line.find_fault()
    if fault:
        return reject(file, line.number, fault, line.raw)
    text = line.raw.decode().rstrip("\r\n")
    try:
        said = JSON_DECODER.decode(text)
        if not isinstance(said, dict):
            raise ValueError(f"expected one JSON object a line, found {_name_kind(said)}")
        if "\\u" in text:  # nothing else can bring a NUL or a lone surrogate into valid UTF-8 without NUL
            _check_characters(said)
        return Record(file, line.number, {name: _flatten(value) for name, value in said.items()})
    except RecursionError:
        reason = "nested too deep"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
    except ValueError as error:
        reason = str(error)
    return reject(file, line.number, reason, line.raw)


def _name_kind(value: object) -> str:
    kinds = {list: "an array", Number: "a number", str: "a string", bool: "true or false"}
    return kinds.get(type(value), "null")


def _check_characters(value: object) -> None:
    for text in _find_texts(value):
        found = FORBIDDEN.search(text)
        if found:
            raise ValueError("NUL character" if found[0] == "\0" else f"lone surrogate U+{ord(found[0]):04X}")


def _find_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _find_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _find_texts(part)


def _flatten(value: object) -> str | list[str] | None:
    if isinstance(value, list) and not any(isinstance(part, dict | list) for part in value):
        return [_write_scalar(part) for part in value if part is not None]
    if isinstance(value, dict | list):
        return _write_json(value)
    return None if value is None else _write_scalar(value)


def _write_scalar(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _write_json(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_write_json(name)}: {_write_json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_write_json(part) for part in value) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def read_delimited(lines: Lines, file: str, delimiter: str | None) -> Iterator[Record | Rejected]:
    """Yield the rows below the header; without a delimiter, the header line chooses among comma, ; tab and |.

    A row that fails and spans several physical lines costs its first line only: the second is read afresh, because the
    usual cause is one quote too many.
    """
    csv.field_size_limit(max(csv.field_size_limit(), RECORD_LIMIT))
    header: list[str] = []
    for first in lines:
        if not first.too_long and not first.raw.strip(b" \r\n"):
            continue
        delimiter = delimiter or max(",;\t|", key=first.raw.decode(errors="replace").count)
        cells, fault = _take_row(first, lines, delimiter, len(header))
        if not header:
            header = [cell.strip() for cell in cells]
            fault = fault or _find_header_fault(header)
            if fault:
                yield reject(file, 0, f"the header cannot be used: {fault}", first.raw)
                return
        elif fault:
            yield reject(file, first.number, fault, first.raw)
        else:
            yield Record(file, first.number, {name: cell or None for name, cell in zip(header, cells, strict=True)})


def _take_row(first: Line, lines: Lines, delimiter: str, width: int) -> tuple[list[str], str | None]:
    if first.too_long:
        return [], first.find_fault()
    taken = [first]
    cells: list[str] = []
    fault = None
    try:
        cells = next(csv.reader(_feed(taken, lines), delimiter=delimiter, strict=True))
    except csv.Error as error:
        fault = "a quote is never closed" if "unexpected end" in str(error) else f"broken quoting: {error}"
    if width and not fault and len(cells) != width:
        fault = f"{len(cells)} fields where the header has {width}"
    if fault:
        lines.put_back(taken[1:])
        return [], first.find_fault() or fault
    return cells, next(filter(None, (line.find_fault() for line in taken)), None)


def _feed(taken: list[Line], lines: Lines) -> Iterator[str]:
    size = len(taken[0].raw)
    yield taken[0].raw.decode(errors="surrogateescape")  # a wrong byte must not hide where its row ends
    for line in lines:
        taken.append(line)
        size += len(line.raw)
        if line.too_long or size > RECORD_LIMIT or len(taken) > QUOTED_LINES:
            return
        yield line.raw.decode(errors="surrogateescape")


def _find_header_fault(header: list[str]) -> str | None:
    if "" in header:
        return f"column {header.index('') + 1} has no name"
    twice = _find_repeat(header)
    return f"the name {twice} stands twice" if twice else None


def read_parquet(stream: BufferedIOBase | IO[bytes], file: str) -> Iterator[Record | Rejected]:
    """Yield the rows of a Parquet file; NaN is taken as null."""
    import pyarrow
    import pyarrow.parquet

    row = 0
    try:
        source = pyarrow.parquet.ParquetFile(stream, page_checksum_verification=True)
        names = source.schema_arrow.names
        if len(set(names)) < len(names):
            yield reject(file, 0, "two columns of the Parquet file have the same name")
            return
        for outcome in read_batches(source.iter_batches(batch_size=PARQUET_ROWS, use_threads=False), file):
            row = outcome.line
            yield outcome
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        message = " ".join(str(error).split())[:EXCERPT]
        yield reject(file, 0, f"Parquet file is damaged after row {row}: {message}")


def read_batches(batches: Iterable[Any], file: str) -> Iterator[Record | Rejected]:
    """Yield the rows of Arrow record batches, a few at a time; NaN is taken as null."""
    row = 0
    for batch in batches:
        names = batch.schema.names
        for start in range(0, batch.num_rows, PARQUET_ROWS):
            part = batch.slice(start, PARQUET_ROWS)
            for values in zip(*(_list_values(column) for column in part.columns), strict=True):
                row += 1
                yield _parse_row(file, row, dict(zip(names, values, strict=True)))


def read_rows(rows: Iterable[Mapping[str, object]], file: str) -> Iterator[Record | Rejected]:
    """Yield rows that come as Python values, of a database or an asset, in the forms that Parquet's values take."""
    for row, values in enumerate(rows, start=1):
        yield _parse_row(file, row, {str(name): value for name, value in values.items()})


def _list_values(column: Any) -> list[object]:  # noqa: ANN401 - pyarrow has no types
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_read_value(value) for value in column]


def _read_value(value: Any) -> object:  # noqa: ANN401 - pyarrow has no types
    try:
        return value.as_py()
    except (ValueError, OverflowError):  # a time that Python cannot hold, or text that is not UTF-8
        try:
            return value.cast("string").as_py()
        except (ValueError, NotImplementedError) as error:
            return error


def _parse_row(file: str, row: int, values: dict[str, object]) -> Record | Rejected:
    try:
        plain = {name: _make_plain(value) for name, value in values.items()}
        _check_characters(plain)
        fields = {name: _flatten(value) for name, value in plain.items()}
        if sum(len(text.encode()) for text in _find_texts(fields)) > RECORD_LIMIT:
            raise ValueError("longer than 16 MiB")
        return Record(file, row, fields)
    except (ValueError, RecursionError) as error:
        start = ", ".join(f"{name}={value!r}"[:EXCERPT] for name, value in values.items())
        return reject(file, row, " ".join(str(error).split())[:EXCERPT], start.encode(errors="backslashreplace"))


def _make_plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(name): _make_plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_make_plain(part) for part in value]
    if isinstance(value, float):
        return None if math.isnan(value) else Number(repr(value)) if math.isfinite(value) else repr(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Number(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        raise ValueError("bytes where text is expected")
    if isinstance(value, Exception):
        raise ValueError(f"a value cannot be read: {value}")
    return value if value is None or isinstance(value, bool) else str(value)
