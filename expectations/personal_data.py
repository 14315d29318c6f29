"""What personal data looks like in text: mobile numbers, identity numbers, IP addresses.

The patterns are RE2 (DuckDB) and Python at once: no lookaround, so the characters around a hit are part of it. A hit never
is a piece of something longer: of another number, of a decimal (`118.13912345678`), or of a hexadecimal code (a hash, a
UUID). Real numbers that only look personal exist (case numbers of 11 digits): a column that is declared
`may_contain_numbers` is not searched.

They are narrower than those that mask text on its way in (`ingest.privacy`): what is masked too much is a word lost, what is
found by mistake blocks a batch.
"""

from __future__ import annotations

import re

_BEFORE = r"(?:^\.?|[^0-9A-Fa-f.]|[^0-9]\.)"
_AFTER = r"(?:[^0-9A-Fa-f.]|\.[^0-9]|\.?$)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"

MOBILE_NUMBER = _BEFORE + r"1[3-9][0-9]{9}" + _AFTER
ID_NUMBER = (
    _BEFORE
    + r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
    + _AFTER
)
IP_ADDRESS = r"(?:^\.?|[^0-9.vV]|[^0-9]\.)" + rf"(?:{_OCTET}\.){{3}}{_OCTET}" + r"(?:[^0-9.]|\.[^0-9]|\.?$)"

ANY = f"(?:{MOBILE_NUMBER})|(?:{ID_NUMBER})|(?:{IP_ADDRESS})"

EXPECTED = "no 11-digit mobile number, 18-character identity number or IP address in text"

# A keyed hash tells persons apart; its first half only tells the secret.
_KEYED_HASH = re.compile(r"\b([0-9a-f]{8}):[0-9a-f]{64}\b")
_DIGITS = re.compile(r"[0-9]+")
_ANY = re.compile(ANY)


def rows_with_personal_data(columns: list[str], keys: list[str]) -> str:
    """SQL (for `checks.no_rows`) that returns the rows of `batch` in which a text column holds personal data.

    The rows name their columns, never the values.

    Args: columns: text columns to search, at least one. keys: columns that name a row; may be empty.
    """
    # 2026-11, DuckDB 2.0: regexp_extract looks once at a text that is stored once for many rows, regexp_matches in each row.
    hits = [f"regexp_extract(\"{column}\", '{ANY}') != ''" for column in columns]
    named = ", ".join(f"case when {hit} then '{column}' end" for hit, column in zip(hits, columns))
    shown = ", ".join([*keys, f"concat_ws(', ', {named}) as found_in"])
    return f"select {shown} from batch where {' or '.join(hits)}"


def mask(text: str) -> str:
    """The text with the digits of everything that looks personal, and keyed hashes, replaced by •, for messages and reports."""
    text = _KEYED_HASH.sub(r"\1:•", text)
    while match := _ANY.search(text):
        text = text[: match.start()] + _DIGITS.sub(lambda digits: "•" * len(digits[0]), match[0]) + text[match.end() :]
    return text
