"""Text that was read in a wrong encoding upstream is found; text that is as people write it is not."""

from __future__ import annotations

import re

import duckdb
import pytest

from expectations.misread_text import ANY, SEARCHED_ROWS, rows_with_misread_text
from tests.conftest import PROJECT

CHINESE = ["用户", "用户名", "和畅社区", "近38万元", "社区：银杏里（二期）", "“中文”"]
WESTERN = ["é", "Zürich", "10 €", "naïve – café"]
# A single accented letter becomes one Chinese character, which nothing tells from a real one.
MISREAD = [(text, encoding) for text in CHINESE for encoding in ("gb18030", "gbk", "cp1252")] + [(t, "cp1252") for t in WESTERN]


def read_as(text: str, encoding: str) -> str:
    """What becomes of UTF-8 that a program reads in another encoding; many keep the five bytes that Windows-1252 leaves out."""
    if encoding == "cp1252":
        return "".join(bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())
    return text.encode().decode(encoding, "replace")


@pytest.mark.parametrize(("text", "encoding"), MISREAD)
def test_utf_8_that_was_read_in_another_encoding_is_found(text: str, encoding: str) -> None:
    misread = read_as(text, encoding)
    assert duckdb.execute("select regexp_matches(?, ?)", [f"编号 {misread}。", ANY]).fetchone() == (True,), misread
    assert re.search(ANY, misread)


@pytest.mark.parametrize("text", ["\ufffd户", "锟斤拷锟斤拷", "烫烫烫烫", "屯屯屯屯"])
def test_signs_for_lost_text_are_found(text: str) -> None:
    assert duckdb.execute("select regexp_matches(?, ?)", [text, ANY]).fetchone() == (True,)


@pytest.mark.parametrize(
    "text",
    [
        *CHINESE, *WESTERN, "鑫淼垚犇羴骉", "朱鎔基、陶喆、王祖賢", "浣熊", "屯屯通公路", "联通", "Spaß“ – Übung", "« CAFÉ »", "L’ÉTÉ’S", "São Paulo: NÃO",
        "Łódź", "Đà Nẵng", "Ελλάδα", "Москва", "こんにちは", "한국어", "Ä…",
    ],
)  # fmt: skip
def test_text_as_people_write_it_is_not(text: str) -> None:
    assert duckdb.execute("select regexp_matches(?, ?)", [text, ANY]).fetchone() == (False,)


def test_nothing_is_found_in_the_catalogues_of_this_project() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (PROJECT / "dbt_project" / "seeds").glob("*.csv")]
    texts += [path.read_text(encoding="utf-8") for path in (PROJECT / "samples").glob("*.py")]
    assert sum(map(len, texts)) > 100_000
    assert [found for text in texts for found in re.findall(ANY, text)] == []


def test_of_a_large_batch_some_rows_are_looked_at_from_first_to_last() -> None:
    connection = duckdb.connect()
    rows = f"select i + 1 as _row_no, 'b' as _batch_id, '鐢ㄦ埛' as remark from range({SEARCHED_ROWS} * 5) as numbers (i)"
    connection.execute(f"create view batch as {rows}")
    query = rows_with_misread_text(["remark"], ["_row_no"])[0]
    assert connection.execute(f"select count(*), max(_row_no) from ({query})").fetchone() == (SEARCHED_ROWS, SEARCHED_ROWS * 5)
