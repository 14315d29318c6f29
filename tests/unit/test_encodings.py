"""Files in whatever encoding they come: the same rows, or a message; what was found is kept with the batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from ingest import warehouse
from ingest.declaration import SourceDeclaration
from ingest.landing import land
from ingest.load import load
from ingest.readers import text
from ingest.run import print_status
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
LEDGER = "社区,户主,金额\n和畅社区,张女士,1\n银杏社区,李先生,2\n"
WESTERN = "commune,mayor,ballots\nZürich,José,1\nGenève,Zoë,2\n"


def ledger(encoding: str = "utf-8", type: str = "csv") -> SourceDeclaration:
    others = [column("head", "户主", "mayor", required=False), column("amount", "金额", "ballots", required=False)]
    return source({"type": type, "encoding": encoding}, column("place", "社区", "commune"), *others)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "ledger.csv"
    path.write_bytes(content)
    return path


def found(result: Loaded) -> tuple[str, str]:
    return result.connection.execute("select encoding, message from ops.batch").fetchone()


@pytest.mark.parametrize("type", ["csv", "json", "jsonl"])
@pytest.mark.parametrize(
    ("written_in", "declared", "encoding"),
    [
        ("utf-8", "utf-8", "utf-8"),
        ("utf-8-sig", "utf-8", "utf-8"),
        ("utf-8-sig", "gb18030", "utf-8"),
        ("utf-8", "gb18030", "utf-8"),
        ("utf-8", "cp1252", "utf-8"),
        ("utf-8", "utf-16", "utf-8"),
        ("gb18030", "gb18030", "gb18030"),
        ("gbk", "gb18030", "gb18030"),
        ("gb18030", "utf-8", "gb18030"),
        ("gb18030", "utf-16-be", "gb18030"),
        ("utf-16", "utf-8", "utf-16"),
        ("utf-16", "gb18030", "utf-16"),
        ("utf-16-le", "utf-16", "utf-16-le"),
        ("utf-16-be", "utf-16", "utf-16-be"),
        ("utf-16-le", "utf-16-le", "utf-16-le"),
        ("utf-32", "utf-8", "utf-32"),
    ],
)
def test_the_rows_are_the_same_and_the_encoding_is_kept(
    tmp_path: Path, type: str, written_in: str, declared: str, encoding: str
) -> None:
    records = [{"社区": "和畅社区"}, {"社区": "银杏社区"}]
    content = {
        "csv": LEDGER, "json": json.dumps(records, ensure_ascii=False),
        "jsonl": "\n".join(json.dumps(record, ensure_ascii=False) for record in records),
    }[type]  # fmt: skip
    result = Loaded(ledger(declared, type), written(tmp_path, content.encode(written_in)))
    assert result.rows("place") == [("和畅社区",), ("银杏社区",)], result.message
    is_other = encoding != declared and not encoding.startswith(declared)
    assert found(result) == (encoding, f"encoding found, another than declared: {encoding}" if is_other else "")


@pytest.mark.parametrize(("written_in", "encoding"), [("cp1252", "cp1252"), ("utf-8", "utf-8")])
def test_a_file_declared_as_windows_1252_is_utf_8_when_its_bytes_are(tmp_path: Path, written_in: str, encoding: str) -> None:
    result = Loaded(ledger("cp1252"), written(tmp_path, WESTERN.encode(written_in)))
    assert (result.rows("place"), found(result)[0]) == ([("Zürich",), ("Genève",)], encoding)


@pytest.mark.parametrize("declared", ["utf-8", "gb18030", "cp1252", "utf-16"])
def test_plain_ascii_is_in_every_encoding(tmp_path: Path, declared: str) -> None:
    result = Loaded(ledger(declared), written(tmp_path, b"commune\nBern\n"))
    assert (result.rows("place"), result.loaded) == ([("Bern",)], 1)
    assert found(result)[0] == ("utf-8" if declared == "utf-16" else declared)


@pytest.mark.parametrize("declared", ["utf-8", "utf-16-be"])
def test_western_text_is_never_taken_for_chinese(tmp_path: Path, declared: str) -> None:
    """Zürich in Windows-1252 decodes as GB18030, into Z黵ich."""
    many = "commune\n" + "Zürich\nBözberg\nMünchenbuchsee\n" * 20
    assert many.encode("cp1252").decode("gb18030").startswith("commune\nZ黵ich")
    message = blocked(ledger(declared), written(tmp_path, many.encode("cp1252")))
    assert f"expected text in {declared} as declared, found bytes that are not, " in message
    assert "declare the encoding that the producer uses" in message and "if only that place is damaged" in message


def test_two_byte_characters_alone_do_not_make_a_gb18030_file_utf_8(tmp_path: Path) -> None:
    """The bytes of 目 are those of Ŀ in UTF-8."""
    assert "目".encode("gb18030").decode("utf-8") == "Ŀ"
    assert Loaded(ledger("gb18030"), written(tmp_path, "commune\n目\n".encode("gb18030"))).rows("place") == [("目",)]


def test_rows_with_a_damaged_character_are_quarantined_and_the_others_are_loaded(tmp_path: Path) -> None:
    content = LEDGER.encode() * 1 + "".join(f"社区{i},王女士,3\n" for i in range(30)).encode()
    result = Loaded(ledger(), written(tmp_path, content.replace("社区7,".encode(), b"\xe7\xa4,")))
    assert (result.rows_in, result.loaded, found(result)[0]) == (32, 31, "utf-8")
    assert [row[:3] for row in result.quarantine()] == [(10, None, "invalid_encoding")]


def test_an_encoding_that_shows_far_into_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK", 64)
    content = ("commune\n" + "Bern\n" * 50 + "和畅社区\n" * 3).encode("gb18030")
    result = Loaded(ledger(), written(tmp_path, content))
    assert (result.loaded, result.rows("place")[-1], found(result)[0]) == (53, ("和畅社区",), "gb18030")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_characters_on_the_edge_of_a_chunk_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(text, "CHUNK", 7)
    assert Loaded(ledger(encoding), written(tmp_path, LEDGER.encode(encoding))).loaded == 2


def test_utf_16_without_a_mark_that_nobody_declared_is_blocked(tmp_path: Path) -> None:
    for content in (WESTERN, "commune\nBern\n"):
        assert "UTF-16 without a byte order mark" in blocked(ledger(), written(tmp_path, content.encode("utf-16-le")))


def test_utf_16_that_was_cut_off_within_a_character_is_blocked(tmp_path: Path) -> None:
    message = blocked(ledger(), written(tmp_path, LEDGER.encode("utf-16")[:-1]))
    assert "expected text in utf-16 as its byte order mark says, found bytes that are not, the first in line 3" in message


def test_the_status_names_the_files_in_another_encoding_than_declared(drop: Path) -> None:
    (drop / "issue_ledger").mkdir()
    header = "编号,收集时间,社区,小区,反映人,联系电话,收集渠道,问题类别,问题描述,责任单位,办理情况,办结时间,满意度"
    for name, encoding in (("诉求台账_2026-01.csv", "utf-8"), ("诉求台账_2026-02.csv", "gb18030"), ("诉求台账_2026-03.csv", "utf-16")):
        (drop / "issue_ledger" / name).write_text(f"{header}\n{name},2026-01-14 19:28,和畅社区,,,,,,,,办理中,,\n", encoding=encoding)
    land("issue_ledger")
    load("issue_ledger")
    with warehouse.writer("accept") as connection:
        connection.execute("update ops.batch set status = 'accepted'")
    console = Console(record=True, width=200)
    print_status(console)
    told = [line for line in console.export_text().splitlines() if line.startswith("encoding")]
    assert told == [
        "encoding issue_ledger: 1 file in gb18030, which is not the declared encoding",
        "encoding issue_ledger: 1 file in utf-16, which is not the declared encoding",
    ]


def rows_with(damage: bytes, encoding: str, text: str) -> bytes:
    """Thirty rows, of which the eighth has damaged bytes within a text."""
    content = "社区,户主,金额\n" if encoding != "cp1252" else "commune,mayor,ballots\n"
    content += "".join(f"{text}{number},{text},{number}\n" for number in range(1, 31))
    whole = content.encode(encoding)
    place = whole.index(f"{text}8,".encode(encoding)[-6:]) - 4
    return whole[:place] + damage + whole[place + len(damage) :]


@pytest.mark.parametrize(
    ("damage", "encoding", "text"),
    [
        (b"\xff", "gb18030", "和畅社区的广场"),
        (b"\x80", "gb18030", "和畅社区的广场"),
        (b"\x81", "cp1252", "Zürich-Höngg-Süd"),
        (b"\x00\xd8", "utf-16-le", "和畅社区的广场"),
        (b"\x00\xdc", "utf-16-le", "和畅社区的广场"),
        (b"\xd8\x00", "utf-16-be", "和畅社区的广场"),
    ],
)
@pytest.mark.parametrize("is_order_declared", [True, False])
def test_a_damaged_character_in_the_declared_encoding_spoils_its_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes, encoding: str, text: str, is_order_declared: bool
) -> None:
    declared = encoding if is_order_declared else encoding.replace("utf-16-le", "utf-16").replace("utf-16-be", "utf-16")
    for chunk in (7, 1 << 20):
        monkeypatch.setattr("ingest.readers.text.CHUNK", chunk)
        result = Loaded(ledger(declared), written(tmp_path, rows_with(damage, encoding, text)))
        assert (result.status, result.rows_in, result.loaded, found(result)[0]) == ("loaded", 30, 29, encoding), result.message
        assert [row[:3] for row in result.quarantine()] == [(8, None, "invalid_encoding")]
        assert result.rows("place") == [(f"{text}{number}",) for number in range(1, 31) if number != 8]


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        # A UTF-16 file that has lost a byte: all that follows would be other characters.
        ("utf-16-le", LEDGER.encode("utf-16-le")[:40] + LEDGER.encode("utf-16-le")[41:]),
        # A Chinese file that is declared as a Western one, and the other way round.
        ("cp1252", (LEDGER * 20).encode("gb18030") + b"\xff\n\x81\n"),
        ("gb18030", (WESTERN * 20).encode("cp1252") + b"\xff\n"),
        ("gb18030", (LEDGER * 20).encode("utf-8") + b"\xff\n"),
        # More damage than text.
        ("gb18030", b"name\n" + b"\xff\n" * 30 + "和畅社区".encode("gb18030")),
    ],
)  # fmt: skip
def test_text_that_may_be_in_another_encoding_is_blocked_and_never_read_wrongly(tmp_path: Path, declared: str, content: bytes) -> None:
    assert f"expected text in {declared} as declared" in blocked(ledger(declared), written(tmp_path, content))
