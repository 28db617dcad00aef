"""Tables of pairs as files: CSV, or JSONL with an object a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from translate.pairs import DataError

Row = Mapping[str, str | None]
"""Of a table: what stands in its columns."""
JSON_LINES = frozenset({".jsonl", ".ndjson"})


def read_table(file: Path) -> tuple[list[str], list[tuple[str, Row]]]:
    """The columns of a table, and its rows, each behind the place where it stands."""
    return json_rows(file) if file.suffix.lower() in JSON_LINES else csv_rows(file)


def csv_rows(file: Path) -> tuple[list[str], list[tuple[str, Row]]]:
    """Columns and rows of a CSV file."""
    # Spreadsheets put a mark before the first column's name, which "sig" takes off.
    with open(file, newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        try:
            columns = list(reader.fieldnames or ())
            return columns, [(f"{file}, line {reader.line_num}", row) for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{file}: is no CSV file in UTF-8: {error}") from None


def json_rows(file: Path) -> tuple[list[str], list[tuple[str, Row]]]:
    """Keys of the first object of a JSONL file, and all objects; a value may be a number."""
    rows: list[tuple[str, Row]] = []
    columns: list[str] = []
    with open(file, encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"{file}, line {number}: expected an object, as {{...}}")
                columns = columns or list(row)
                told = {key: None if value is None else str(value) for key, value in row.items()}
                rows.append((f"{file}, line {number}", dict.fromkeys(columns) | told))
        except (ValueError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{file}: is no JSONL file in UTF-8: {error}") from None
    return columns, rows
