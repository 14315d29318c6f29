"""Archives: every member a file of its own; what is hostile or broken is refused by name, and nothing is written elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies

from ingest.connectors import archives
from ingest.connectors.arrivals import Arrival, Arrivals
from ingest.declaration import declaration
from ingest.declared.connectors import DropFolder
from ingest.landing import land
from ingest.load import blocked, load
from tests.conftest import rows_of
from tests.unit.arriving import HEADER, ROW, arrives_by, land_all


def ledger(number: int) -> bytes:
    return f"{HEADER}\n{ROW.format(number, '')}\n".encode()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as package:
        for name, content in members:
            package.writestr(name, content)
    return packed.getvalue()


def with_raw_name(packed: bytes, name: str, raw: bytes, flags: int = 0) -> bytes:
    """The archive with a member's name replaced, byte for byte, by one of the same length, without the flag for UTF-8."""
    assert len(name) == len(raw)
    at = -1
    packed = bytearray(packed.replace(name.encode(), raw))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = packed.find(signature)
        while at >= 0:
            packed[at + offset : at + offset + 2] = struct.pack("<H", flags)
            at = packed.find(signature, at + 4)
    return bytes(packed)


@pytest.fixture
def folder(drop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a source whose zip archives are unpacked."""
    arrives_by(
        monkeypatch, type="drop_folder", pattern="issue_ledger/*", archive="zip", members="**/*.csv", max_file_megabytes=64
    )
    (drop / "issue_ledger").mkdir()
    return drop / "issue_ledger"


def files_outside(home: Path) -> set[str]:
    """Everything below the test's folder but the installation itself and what arrives."""
    return {str(path.relative_to(home.parent)) for path in home.parent.rglob("*") if path.is_file()
            and not path.is_relative_to(home / "landing") and not path.is_relative_to(home / "warehouse")}


def test_each_member_lands_loads_and_knows_its_archive(folder: Path) -> None:
    (folder / "2026.zip").write_bytes(zipped(("台账_2026-01.csv", ledger(1)), ("二月/台账_2026-02.csv", ledger(2)), ("说明.txt", b"x")))
    landed, refused = land_all()
    assert set(landed) == {"2026.zip!/台账_2026-01.csv", "2026.zip!/二月/台账_2026-02.csv"} and refused == {}
    assert landed["2026.zip!/台账_2026-01.csv"].file_id == hashlib.sha256(ledger(1)).hexdigest()
    assert [report.status for report in load("issue_ledger")] == ["loaded", "loaded"]
    assert rows_of("select original_path, as_of::varchar from ops.file order by 2") == [
        (f"{folder}/2026.zip!/台账_2026-01.csv", "2026-01-31"), (f"{folder}/2026.zip!/二月/台账_2026-02.csv", "2026-02-28"),
    ]
    assert rows_of("select case_no from raw.issue_ledger order by 1") == [("QH2026-0001",), ("QH2026-0002",)]


def test_the_same_archive_twice_is_a_no_op_and_nothing_is_left_behind(folder: Path, home: Path) -> None:
    (folder / "a.zip").write_bytes(zipped(("a.csv", ledger(1))))
    land_all()
    landed, _ = land_all()
    assert [file.is_new for file in landed.values()] == [False]
    assert files_outside(home) == {"drop/issue_ledger/a.zip"}


def test_files_beside_archives_are_taken_as_they_are(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped(("a.csv", ledger(1))))
    (folder / "b.csv").write_bytes(ledger(2))
    assert set(land_all()[0]) == {"a.zip!/a.csv", "b.csv"}


def test_an_archive_given_by_name_is_unpacked_too(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ZIP").write_bytes(zipped(("a.csv", ledger(1))))
    assert [file.file_name for file in land("issue_ledger", [tmp_path / "a.ZIP"])] == ["a.ZIP!/a.csv"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_name_without_the_flag_for_utf8_is_read_as_the_chinese_that_it_is(folder: Path, encoding: str) -> None:
    raw = "诉求台账_2026-01.csv".encode(encoding)
    (folder / "a.zip").write_bytes(with_raw_name(zipped(("n" * len(raw), ledger(1))), "n" * len(raw), raw))
    assert set(land_all()[0]) == {"a.zip!/诉求台账_2026-01.csv"}


def test_a_name_with_backslashes_is_a_path(folder: Path) -> None:
    raw = "年\\台账\\a.csv".encode("gb18030")
    (folder / "a.zip").write_bytes(with_raw_name(zipped(("n" * len(raw), ledger(1))), "n" * len(raw), raw))
    assert set(land_all()[0]) == {"a.zip!/年/台账/a.csv"}


OUTSIDE = ["../evil.csv", "a/../../evil.csv", "/evil.csv", "C:evil.csv", "C:\\evil.csv", "..\\evil.csv", "\\\\server\\evil.csv"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_out_is_refused_and_nothing_is_written_there(folder: Path, home: Path, name: str) -> None:
    (folder / "a.zip").write_bytes(zipped((name, ledger(1)), ("good.csv", ledger(2))))
    landed, refused = land_all()
    assert set(landed) == {"a.zip!/good.csv"}
    ((shown, reason),) = refused.items()
    assert shown.startswith("a.zip!/") and "leads out of it" in reason
    assert files_outside(home) == {"drop/issue_ledger/a.zip"}
    assert [report.message for report in blocked("issue_ledger")] == [reason]


def test_a_name_with_control_characters_is_refused(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped(("a\nb.csv", ledger(1))))
    assert "rename the file" in land_all()[1]["a.zip!/a\\nb.csv"]


def member_of_kind(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("odd.csv")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_pipes_and_devices_are_refused(folder: Path, kind: int) -> None:
    (folder / "a.zip").write_bytes(zipped((member_of_kind(kind), b"/etc/passwd"), ("good.csv", ledger(2))))
    landed, refused = land_all()
    assert set(landed) == {"a.zip!/good.csv"} and "found a link or a device" in refused["a.zip!/odd.csv"]


def test_an_encrypted_member_is_refused_and_the_others_land(folder: Path) -> None:
    packed = bytearray(zipped(("locked.csv", ledger(1)), ("good.csv", ledger(2))))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.find(signature) + offset] |= 1
    (folder / "a.zip").write_bytes(packed)
    landed, refused = land_all()
    assert set(landed) == {"a.zip!/good.csv"} and "without a password" in refused["a.zip!/locked.csv"]


@pytest.mark.parametrize("name", ["inner.zip.csv", "inner.zip", "inner.tar.GZ", "inner.7z"])
def test_an_archive_in_an_archive_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    arrives_by(monkeypatch, type="drop_folder", pattern="issue_ledger/*", archive="zip")
    (folder / "a.zip").write_bytes(zipped((name, zipped(("a.csv", ledger(1))))))
    landed, refused = land_all()
    assert bool(landed) == name.endswith(".csv") and bool(refused) != bool(landed)
    assert all("an archive in an archive" in reason for reason in refused.values())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bounds_is_refused(folder: Path, method: int) -> None:
    (folder / "a.zip").write_bytes(zipped(("a.csv", ledger(1)), method=method))
    assert "stored or deflated" in land_all()[1]["a.zip!/a.csv"]


def test_a_damaged_member_is_refused_and_the_others_land(folder: Path) -> None:
    packed = bytearray(zipped(("bad.csv", noise(50_000)), ("good.csv", ledger(2)), method=zipfile.ZIP_STORED))
    packed[10_000] ^= 1
    (folder / "a.zip").write_bytes(packed)
    landed, refused = land_all()
    assert set(landed) == {"a.zip!/good.csv"} and "damaged or incomplete" in refused["a.zip!/bad.csv"]


def test_two_members_of_one_name_are_not_both_taken(folder: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        (folder / "a.zip").write_bytes(zipped(("a.csv", ledger(1)), ("a.csv", ledger(2))))
    landed, refused = land_all()
    assert set(landed) == set(refused) == {"a.zip!/a.csv"} and "two of this name" in refused["a.zip!/a.csv"]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 cut off", zipped(("a.csv", b"x" * 5000))[:-30], b"\0" * 100_000],
    ids=["nothing", "the start of one", "one without its end", "zeros"],
)  # fmt: skip
def test_what_is_no_whole_zip_is_refused_as_a_whole(folder: Path, content: bytes) -> None:
    (folder / "a.zip").write_bytes(content)
    assert "damaged or incomplete" in land_all()[1]["a.zip"]


def test_an_archive_without_a_wanted_member_is_refused(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped(("readme.txt", b"x"), ("__MACOSX/a.csv", b"x"), (".DS_Store.csv", b"x")))
    assert "expected members that match '**/*.csv', found none" in land_all()[1]["a.zip"]


def test_a_member_that_unpacks_to_much_more_than_its_size_is_a_bomb_and_nothing_of_the_archive_lands(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped(("good.csv", ledger(2)), ("bomb.csv", bytes(40 << 20))))
    landed, refused = land_all()
    assert landed == {} and "an archive bomb" in refused["a.zip"]


def noise(size: int) -> bytes:
    """Text that packs to about half its size."""
    return random.Random(size).randbytes(size // 2).hex().encode()


def test_what_a_member_claims_of_its_size_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives_by(monkeypatch, type="drop_folder", pattern="issue_ledger/*", archive="zip", max_file_megabytes=1)
    packed = bytearray(zipped(("a.csv", noise(1_500_000))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = packed.find(signature) + offset
        packed[at : at + 4] = struct.pack("<I", 100)
    (folder / "a.zip").write_bytes(packed)
    landed, refused = land_all()
    assert landed == {} and "damaged" in refused["a.zip!/a.csv"]


def test_all_members_together_stay_within_the_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives_by(monkeypatch, type="drop_folder", pattern="issue_ledger/*", archive="zip", max_file_megabytes=1)
    (folder / "a.zip").write_bytes(zipped(*((f"{number}.csv", noise(250_000)) for number in range(6))))
    landed, refused = land_all()
    assert landed == {} and "expected at most 1 MB when unpacked" in refused["a.zip"]


def test_too_many_members_and_too_large_a_directory_are_refused_before_they_are_read(folder: Path) -> None:
    (folder / "many.zip").write_bytes(zipped(*((f"{number}.csv", b"") for number in range(archives.MAX_MEMBERS + 1))))
    large = bytearray(zipped(("a.csv", b"x")))
    end = large.rfind(b"PK\x05\x06")
    filler = bytes(archives.MAX_DIRECTORY_BYTES + 1)
    large = large[:end] + filler + large[end:]
    at = large.rfind(b"PK\x05\x06") + 12
    large[at : at + 4] = struct.pack("<I", len(filler))
    (folder / "large.zip").write_bytes(large)
    landed, refused = land_all()
    assert landed == {}
    assert {name: reason[:36] for name, reason in refused.items()} == dict.fromkeys(
        ["many.zip", "large.zip"], "expected at most 10000 members, foun"
    )


def test_unpacking_takes_little_memory(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("a.csv", noise(50 << 20))))
    code = """
import sys
from pathlib import Path
from ingest.connectors import archives
from ingest.connectors.arrivals import Arrival, Arrivals
from ingest.declaration import declaration
from ingest.declared.connectors import DropFolder
source = declaration("issue_ledger").model_copy(update={"connector": DropFolder(type="drop_folder", pattern="*", archive="zip")})

def most_memory():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = most_memory()
path = Path(sys.argv[1])
with archives.unpacked(source, Arrivals([Arrival(path, path.name, str(path))], True)) as found:
    assert found.files[0].path.stat().st_size == 50 << 20, found
print(most_memory() - before)
"""
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.zip")], capture_output=True, text=True, env=os.environ)
    assert int(told.stdout) < 20_000, told  # kB


@pytest.fixture
def gz_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a source whose gz files are unpacked."""
    arrives_by(monkeypatch, type="drop_folder", pattern="issue_ledger/*", archive="gz", max_file_megabytes=64)
    return folder


def test_a_gz_lands_as_the_file_in_it(gz_folder: Path) -> None:
    (gz_folder / "台账_2026-01.csv.gz").write_bytes(gzip.compress(ledger(1)) + gzip.compress(b"\n"))
    landed, refused = land_all()
    assert refused == {} and set(landed) == {"台账_2026-01.csv.gz!/台账_2026-01.csv"}
    assert [report.rows_loaded for report in load("issue_ledger")] == [1]


@pytest.mark.parametrize("content", [b"", gzip.compress(ledger(1))[:-9], gzip.compress(ledger(1))[:-8] + bytes(8), b"no gz",
                                     gzip.compress(ledger(1)) + b"rubbish"])
def test_a_truncated_or_damaged_gz_is_refused(gz_folder: Path, content: bytes) -> None:
    (gz_folder / "a.csv.gz").write_bytes(content)
    landed, refused = land_all()
    assert landed == {} and "damaged or incomplete" in refused["a.csv.gz"]


def test_a_gz_bomb_and_a_tar_in_a_gz_are_refused(gz_folder: Path) -> None:
    (gz_folder / "a.csv.gz").write_bytes(gzip.compress(bytes(40 << 20)))
    (gz_folder / "b.tar.gz").write_bytes(gzip.compress(b"x"))
    landed, refused = land_all()
    assert landed == {} and "bomb" in refused["a.csv.gz"] and "archive in an archive" in refused["b.tar.gz"]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=strategies.integers(0, 10_000), value=strategies.integers(0, 255), cut=strategies.integers(0, 400))
def test_whatever_is_wrong_with_an_archive_is_told_and_members_that_land_are_whole(
    home: Path, tmp_path: Path, at: int, value: int, cut: int
) -> None:
    contents = {f"{number}.csv": ledger(number) for number in range(3)}
    packed = bytearray(zipped(*contents.items()))
    packed[at % len(packed)] = value
    path = tmp_path / "fuzz.zip"
    path.write_bytes(packed[: len(packed) - (cut if cut < 100 else 0)])
    connector = DropFolder(type="drop_folder", pattern="*", archive="zip")
    source = declaration("issue_ledger").model_copy(update={"connector": connector})
    with archives.unpacked(source, Arrivals([Arrival(path, path.name, str(path))], True)) as found:
        for file in found.files:
            assert file.path.read_bytes() in contents.values()
        assert found.files or found.refused

