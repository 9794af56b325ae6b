"""Reads what pandas, Excel, LibreOffice and R write back of a manifest, or names the cell that they damaged."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import IO, get_args

from storage.base import StorageError
from storage.row import COLUMNS, STAGES, Status

_NEEDED = ("id", "domain", "stage", "status")
_NOTHING = {"NA", "NaN", "nan", "None", "NULL", "null", "<NA>"}  # what other programs write for an empty cell
_SHEET_ERROR = re.compile(r"#(NAME|VALUE|REF|NUM|NULL|DIV/0|N/A)[!?]?|#{3,}")
_HELP = "restore the cell, or delete the row and its work is done again (spreadsheets keep columns imported as text)"


def read_cells(file: IO[bytes], name: str) -> Iterator[list[str]]:
    """Reads the rows of a CSV in any of these forms, with the cells in the order of COLUMNS.

    Commas, semicolons or tabs; UTF-8 or UTF-16, with or without a BOM; any line ends; columns in any order, of which
    unknown ones are dropped and missing ones are empty. Numbers, times and hashes get back the form that we gave them.

    Args:
        file: the CSV, at its beginning.
        name: the file's name in error messages.

    Raises:
        StorageError: if the file is no manifest, or has a cell whose value is lost (its text is one line that names
            the row, as a spreadsheet counts it, and the column).
    """
    utf_16 = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    file.seek(0)
    encoding = "utf-16" if utf_16 else "utf-8-sig"
    number = 1
    try:
        with io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="") as text:
            header = text.readline()
            delimiter = max(",;\t", key=header.count)
            names = next(csv.reader([header], delimiter=delimiter), [])
            if not set(_NEEDED) <= set(names):
                raise StorageError(f"{name} is no manifest: restore it, or move it away and run again")
            for number, cells in enumerate(csv.reader(text, delimiter=delimiter), 2):
                if any(cells[len(names) :]):
                    raise StorageError(f"{name}, row {number} has more cells than there are columns: restore the row")
                if any(cells):
                    yield _row(dict(zip(names, cells, strict=False)), f"{name}, row {number}")
    except (csv.Error, UnicodeError) as error:
        raise StorageError(f"{name}, row {number + 1}: {error}: restore the file, or save it as CSV in UTF-8") from None


def _row(cells: dict[str, str], place: str) -> list[str]:
    row = []
    for column in COLUMNS:
        cell = cells.get(column, "")
        try:
            row.append(_restored(column, cell) if cell or column in _NEEDED else "")
        except ValueError as error:
            raise StorageError(f"{place}, column {column}: {_shown(cell)} {error}: {_HELP}") from None
    return row


def _restored(column: str, cell: str) -> str:
    if not cell.isascii() and any("\udc80" <= letter <= "\udcff" for letter in cell):
        raise ValueError("is not UTF-8")
    if _SHEET_ERROR.fullmatch(cell):
        raise ValueError("is an error of a spreadsheet")
    if column in _FORMS:
        return "" if cell in _NOTHING else _FORMS[column](cell)
    if not cell:  # only of a column that is needed
        raise ValueError("must not be empty")
    return cell


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:40]}…")


def _hash(digits: int, cell: str) -> str:
    """Returns a hash whole again that was read as a whole number, which has lost only its zeros in front."""
    if len(cell) == digits and re.fullmatch("[0-9a-f]+", cell):
        return cell
    if (number := re.fullmatch(r"(\d{1,16})([.,]0)?", cell)) and int(
        number[1]
    ) <= 2**53:  # floats are exact up to there
        return number[1].zfill(digits)
    raise ValueError(f"is no hash of {digits} hex digits any more")


def _whole(cell: str) -> str:
    if re.fullmatch(r"\d+([.,]0)?", cell):
        return re.split("[.,]", cell)[0]
    if not re.fullmatch(r"\d([.,]\d+)?[eE]\+?\d{1,2}", cell) or not (number := _number(cell)).is_integer():
        raise ValueError("is no whole number")
    return str(int(number))


def _real(cell: str) -> str:
    _number(cell)
    return cell.replace(",", ".")


def _number(cell: str) -> float:
    try:
        number = float(cell.replace(",", "."))
    except ValueError:
        raise ValueError("is no number") from None
    if not isfinite(number):
        raise ValueError("is no number")
    return number


def _truth(cell: str) -> str:
    return _one_of(("True", "False"), cell.capitalize())


def _time(cell: str) -> str:
    try:
        time = datetime.fromisoformat(cell if re.match(r"\d{4}-\d\d-\d\d[T ]\d", cell) else "")
    except ValueError:
        raise ValueError("is no time such as 2026-01-31T12:00:00+00:00") from None
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).isoformat(timespec="microseconds")


def _one_of(words: tuple[str, ...], cell: str) -> str:
    if cell not in words:
        raise ValueError(f"is none of {', '.join(words)}")
    return cell


def _name(cell: str) -> str:
    """Returns a text that may have been read as a number, such as the number of an uploader."""
    return re.sub(r"^(\d+)[.,]0$", r"\1", cell)


_HASHES = {"sha256": 64, "md5": 32, "pixel_sha256": 64, "phash": 16, "dhash": 16, "lines": 64, "crops": 384}
_NUMBERS = ("detail", "colour_mse", "colour_fraction", "ink_mean_before", "ink_mean_after", "ink_fraction", "ink_scale")
_OURS = ("key", "post_url", "file_url", "parent", "rating", "thumb", "duplicate_of", "split", "group", "made_by")
# the form of each column but id and those whose text is a person's own and may well say "None": reason, tags, source
_FORMS: dict[str, Callable[[str], str]] = {
    "domain": partial(_one_of, ("A", "B")),
    "stage": partial(_one_of, STAGES),
    "status": partial(_one_of, get_args(Status)),
    "moved_from": partial(_one_of, ("A", "B")),
    "md5_ok": _truth,
    "updated_at": _time,
    "owner": _name,
    **dict.fromkeys(("width", "height"), _whole),
    **dict.fromkeys(_NUMBERS, _real),
    **{column: partial(_hash, digits) for column, digits in _HASHES.items()},
    **dict.fromkeys((*_OURS, "version"), str),
}
