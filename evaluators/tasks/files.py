"""Files of records: JSON lines, JSON arrays, Parquet, CSV and TSV, each also gzipped; one, a folder, or a pattern."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from evaluators.tasks.records import Record
from evaluators.types import TaskError

LONGEST_CELL = 1 << 30
"""The longest cell of a CSV file, in characters. Python's own limit is 131,072."""


def read_files(data: Path) -> list[tuple[Path, list[Record]]]:
    """The files that ``data`` names, sorted by name, each with its records; a single one if ``data`` is a file.

    Raises:
        TaskError: there is no file, or a file cannot be read.
    """
    if "*" in str(data):
        found = [path for path in matching(data) if path.is_file()]
        where = f"{data} matches no file"
    elif data.is_dir():
        found = [path for path in sorted(data.iterdir()) if _suffix(path) in READERS and not path.name.startswith(".")]
        where = f"the folder {data} has no file that can be read"
    else:
        return [(data, read_records(data))]
    if not found:
        raise TaskError(f"{where}; use a file of one of the types {', '.join(READERS)}, which may also end in .gz")
    return [(path, read_records(path)) for path in found]


def matching(pattern: Path) -> list[Path]:
    """The paths that match a pattern, sorted.

    Raises:
        TaskError: the pattern is not valid.
    """
    root = Path(pattern.anchor)
    try:
        return sorted(root.glob(str(pattern.relative_to(root))))
    except ValueError as error:
        raise TaskError(f"{pattern} is not a valid pattern: {error}; change it") from None


def read_records(path: Path) -> list[Record]:
    """The records of one file, by its suffix; JSON lines if the suffix is unknown. Blank lines are skipped."""
    if path.is_dir():
        raise TaskError(f"{path} is a folder; give a file, such as one of JSON lines")
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise TaskError(f"there is no file {path}; give the path of a file, such as one of JSON lines") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise TaskError(f"{path} is not gzipped or is incomplete; rename it or download it again") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from error
    records = list(READERS.get(_suffix(path), _json_lines)(str(path), content))
    if not records:
        raise TaskError(f"{path} is empty; it needs a question and an answer in each line or row")
    return records


def has_known_suffix(name: str) -> bool:
    """Whether the suffix is that of a file of records."""
    return _suffix(Path(name)) in READERS


def _suffix(path: Path) -> str:
    """The suffix of the type, without that of gzip."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 (byte {error.start}); convert it to UTF-8") from None


def _json_lines(path: str, content: bytes) -> Iterable[Record]:
    for number, line in enumerate(_text(path, content).split("\n"), 1):
        if line.strip():
            yield _record(f"{path}:{number}", _parsed(f"{path}:{number}", line))


def _json(path: str, content: bytes) -> Iterable[Record]:
    """Records from an array of objects or from JSON lines."""
    if not _text(path, content).lstrip().startswith("["):
        return _json_lines(path, content)
    items = _parsed(path, _text(path, content))
    return [_record(f"{path}, item {number}", item) for number, item in enumerate(items, 1)]


def _parsed(place: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise TaskError(f"{place} is not JSON: {error.msg} at {where}; fix the line") from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise TaskError(f"{place} is not valid JSON: {error}; fix the line") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _record(place: str, fields: Any) -> Record:
    if not isinstance(fields, dict):
        raise TaskError(f"{place} is a JSON {type(fields).__name__}, not an object; fix the line")
    return Record(place=place, fields=fields)


def _parquet(path: str, content: bytes) -> Iterable[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise TaskError(f"{path} is not a valid Parquet file: {reason}; write it again") from None
    narrow = {
        field.name: table.column(field.name).to_numpy()
        for field in table.schema
        if field.type in (pa.float16(), pa.float32())
    }
    for number, row in enumerate(table.to_pylist()):
        for name, values in narrow.items():  # as written: 0.3, not 0.30000001192092896
            row[name] = None if row[name] is None else Decimal(str(values[number]))
        yield Record(place=f"{path}, row {number + 1}", fields=row)


def _table(separator: str) -> Callable[[str, bytes], Iterable[Record]]:
    def read(path: str, content: bytes) -> Iterable[Record]:
        csv.field_size_limit(LONGEST_CELL)
        rows = csv.reader(io.StringIO(_text(path, content), newline=""), delimiter=separator, strict=True)
        header: list[str] = []
        first = 1
        try:
            for row in rows:
                place, first = f"{path}:{first}", rows.line_num + 1
                if not any(cell.strip() for cell in row):
                    continue
                if not header:
                    header = _header(place, row)
                    continue
                if len(row) != len(header):
                    raise TaskError(
                        f"{place} has {len(row)} cells, but the header has {len(header)}; fix the line, or put cells "
                        "with a separator into double quotes"
                    )
                yield Record(place=place, fields=dict(zip(header, row, strict=True)))
        except csv.Error as error:
            raise TaskError(f"{path}:{rows.line_num} cannot be read: {error}; fix the line") from None

    return read


def _header(place: str, row: list[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    if len(set(names)) < len(names):
        raise TaskError(f"{place}: two columns have the same name in {', '.join(names)}; rename one of them")
    return names


READERS: Mapping[str, Callable[[str, bytes], Iterable[Record]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".csv": _table(","),
    ".tsv": _table("\t"),
}
