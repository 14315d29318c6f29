"""What text looks like that was read in a wrong encoding before it came here, and stored so: 鐢ㄦ埛 for 用户, Ã© for é, 锟斤拷.

The bytes of UTF-8 lie in fixed ranges, so what becomes of them in GB18030 or Windows-1252 can be written as a pattern: text that
would be UTF-8 when encoded in one of these again, was. The patterns are RE2 (DuckDB) and Python at once.
"""

from __future__ import annotations

from collections.abc import Iterable

SEARCHED_ROWS = 200_000
EXPECTED = "text that was never read in a wrong encoding"

# UTF-8 of Chinese: a first byte from E3 to EF, then two from 80 to BF.
_FIRST, _NEXT = range(0xE3, 0xF0), range(0x80, 0xC0)
# The signs for what could not be read, and how they look when that was stored and read wrongly once more.
_LOST = "\ufffd|锟斤拷|烫烫|屯屯屯"


def _in_gb18030(first: Iterable[int], second: Iterable[int]) -> str:
    """A character class of what pairs of bytes are in GB18030."""
    characters = {bytes((a, b)).decode("gb18030", "ignore") for a in first for b in second}
    return "[" + "".join(sorted(character for character in characters if len(character) == 1 and character > "\x7f")) + "]"


def _in_windows_1252(byte: int) -> str:
    """What a byte is in Windows-1252 as programs read it: five bytes without a character stay control characters."""
    return bytes((byte,)).decode("cp1252", "ignore") or chr(byte)


def _patterns() -> str:
    two_characters_as_three = _in_gb18030(_FIRST, _NEXT) + _in_gb18030(_NEXT, _FIRST) + _in_gb18030(_NEXT, _NEXT)
    following = "[" + "".join(map(_in_windows_1252, _NEXT)) + "]"
    accented, punctuation, chinese = f"[ÂÃ]{following}", f"â[€‚]{following}", f"[ã-éï]{following}{following}"
    return "|".join([_LOST, two_characters_as_three, accented, punctuation, chinese])


ANY = _patterns()


def rows_with_misread_text(columns: list[str], keys: list[str]) -> tuple[str, str]:
    """SQL (for `checks.no_rows`) that returns the rows of `batch` (of one or several) in which a text column holds misread text.

    Of a large batch every n-th row is looked at, 200 000 to 400 000 in all: what was misread upstream was so in most rows.

    Args: columns: text columns to search, at least one. keys: columns that name a row.
    Returns: SQL that finds the rows, and SQL that says in which columns, too. The pattern takes longer to prepare than to use: the
    first has it once.
    """
    its_rows = "(select count(*) from batch as own where own._batch_id = batch._batch_id)"
    sampled = f"_row_no % greatest(1, {its_rows} // {SEARCHED_ROWS}) = 0"
    together = ", ".join(f'"{column}"' for column in columns)
    found = (
        f"select {', '.join(keys)} from batch "
        f"where case when {sampled} then regexp_matches(concat_ws(chr(10), {together}), '{ANY}') else false end"
    )
    hits = [f"regexp_matches(\"{column}\", '{ANY}')" for column in columns]
    named = ", ".join(f"case when {hit} then '{column}' end" for hit, column in zip(hits, columns, strict=True))
    shown = (
        f"select {', '.join(keys)}, concat_ws(', ', {named}) as found_in from batch where {sampled} and ({' or '.join(hits)})"
    )
    return found, shown
