"""The one list of reasons for which a row is not loaded; docs/runbooks/quarantine.md shows it to people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What a reason code means, and what to do about it."""

    meaning: str
    advice: str


MEND_CELL = "correct the cell in seeds/correction.csv, or get a mended file"
MEND_FILE = "a correction mends cells, not rows: mend the delimiter, quotes or header in the declaration, or get a mended file"

REASONS = {
    "wrong_type": Reason("a value does not fit the declared type", f"{MEND_CELL}; if many rows have it, mend `type`"),
    "wrong_format": Reason("a value fits none of the declared formats", f"{MEND_CELL}; if many rows have it, add to `formats`"),
    "missing_columns": Reason("the row has fewer fields than the header", MEND_FILE),
    "too_many_columns": Reason("the row has more fields than the header", MEND_FILE),
    "unclosed_quote": Reason("a quote in the row is not closed", MEND_FILE),
    "unquoted_value": Reason("text stands beside the quotes of a value", MEND_FILE),
    "line_size_over_maximum": Reason("the row is longer than the reader takes", MEND_FILE),
    "invalid_encoding": Reason("the row holds bytes that are no text in the declared encoding", MEND_FILE),
    "invalid_state": Reason("the quotes of the row contradict each other", MEND_FILE),
    "invalid_json": Reason("the line is no JSON", "mend the line in a copy of the file, or get a mended file"),
    "not_an_object": Reason("the record is no object with keys", "mend `format.records`, or get a mended file"),
    "repeated_key": Reason(
        "a key stands twice in the record: which value holds, nobody can tell", "ask the producer for a mended file"
    ),
}
