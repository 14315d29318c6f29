"""What lies in a drop folder and is no finished file harms nothing, and is told of."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from ingest import warehouse
from ingest.connectors import local_files
from ingest.connectors.arrivals import Unreadable
from ingest.landing import land
from ingest.load import blocked, load
from ingest.run import print_status
from ingest.settings import settings
from tests.conftest import rows_of
from tests.unit.arriving import ROW, issue_file


def refused(source: str = "issue_ledger") -> dict[str, str]:
    """Name → reason of what `land` does not take."""
    return {file.file_name: file.problem for file in land(source) if file.problem}


@pytest.fixture
def folder(drop: Path) -> Path:
    """GIVEN a folder with one good file."""
    return issue_file(drop, "good.csv", ROW.format(1, "")).parent


def test_a_file_that_cannot_be_taken_is_a_blocked_batch_and_the_others_load(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    land("issue_ledger")
    assert [report.file_name for report in load("issue_ledger")] == ["good.csv"]
    (report,) = blocked("issue_ledger")
    assert (report.file_name, report.rows_in, report.message) == ("pipe.csv", 0, "expected a file, found a pipe; take it away")
    assert rows_of("select count(*) from raw.issue_ledger") == [(1,)]


def test_to_land_from_a_folder_imports_no_library_of_remote_stores_and_databases(folder: Path) -> None:
    """Each task of Airflow is a process of its own, and would import them anew."""
    program = "import sys; from ingest.landing import land; print(land('issue_ledger'), *sys.modules, sep='\\n')"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "good.csv" in told[0]
    assert {"paramiko", "s3fs", "sqlalchemy", "httpx"} & set(told) == set()


def test_a_refused_file_is_one_batch_however_often_it_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    land("issue_ledger")
    land("issue_ledger")
    assert rows_of("select file_name, status from ops.file join ops.batch using (source, file_id)") == [("pipe.csv", "blocked")]


@pytest.mark.parametrize("cure", ["taken away", "mended", "mended and landed by name"])
def test_a_refused_file_is_blocked_no_longer_once_it_is(folder: Path, cure: str) -> None:
    os.mkfifo(folder / "pipe.csv")
    land("issue_ledger")
    os.unlink(folder / "pipe.csv")
    if cure != "taken away":
        issue_file(folder.parent, "pipe.csv", ROW.format(2, ""))
    land("issue_ledger", [folder / "pipe.csv"] if cure == "mended and landed by name" else None)
    load("issue_ledger")
    assert blocked("issue_ledger") == []
    assert rows_of("select count(*) from raw.issue_ledger where case_no = 'QH2026-0002'") == [(int(cure != "taken away"),)]


def test_a_socket_a_folder_called_like_a_file_and_a_link_to_a_device_are_refused(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # the address of a socket has at most 107 bytes
        server.bind("socket.csv")
        os.chdir(here)
        (folder / "old.csv").mkdir()
        (folder / "device.csv").symlink_to("/dev/zero")
        assert {name: reason.split(";")[0] for name, reason in refused().items()} == {
            "socket.csv": "expected a file, found a socket",
            "old.csv": "expected a file, found a folder",
            "device.csv": "expected a file inside of the folder, found a link that leads out of it",
        }


def test_links_that_lead_nowhere_in_a_circle_or_through_a_folder_out_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "nowhere.csv").symlink_to(folder / "gone.csv")
    (folder / "circle.csv").symlink_to(folder / "circle.csv")
    assert set(refused()) == {"nowhere.csv", "circle.csv"}
    elsewhere = tmp_path / "elsewhere"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    assert "leads out of it" in refused()["good.csv"]


def test_a_link_to_a_file_inside_of_the_folder_is_taken(folder: Path) -> None:
    (folder / "again.csv").symlink_to(folder / "good.csv")
    assert refused() == {}


@pytest.mark.parametrize("name", ["a\nb.csv", "a\x1b[31mb.csv", "a\udce9b.csv"])
def test_a_name_with_control_characters_or_undecoded_bytes_is_refused_and_shown_escaped(folder: Path, name: str) -> None:
    shutil.copy(folder / "good.csv", folder / name)
    shown = name.encode("unicode_escape").decode()
    assert "rename the file" in refused()[shown]
    ((stored, address),) = rows_of("select file_name, original_path from ops.file where landed_path is null")
    assert (stored, address) == (shown, str(folder / shown))


def test_a_name_with_full_width_spaces_is_taken(folder: Path) -> None:
    issue_file(folder.parent, "诉求　台账.csv", ROW.format(2, ""))
    assert refused() == {}


def test_a_file_that_is_written_while_it_is_read_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(b"x" * local_files.CHUNK * 2)
    read = local_files.chunks(path)
    next(read)
    with open(path, "ab") as writer:
        writer.write(b"more")
    with pytest.raises(Unreadable, match="still being written"):
        list(read)


def test_nothing_of_a_file_that_changes_while_it_lands_stays_in_the_landing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = local_files._read

    def read_and_change(file):
        os.utime(folder / "good.csv", (1, 1))
        return read(file)

    monkeypatch.setattr(local_files, "_read", read_and_change)
    assert "still being written" in refused()["good.csv"]
    assert not [path for path in settings().landing.rglob("*") if path.is_file()]


def test_opening_what_became_a_pipe_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    done = threading.Event()

    def read() -> None:
        with pytest.raises(Unreadable, match="found a pipe"):
            list(local_files.chunks(tmp_path / "pipe.csv"))
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(5)


def test_a_name_that_holds_no_date_where_one_is_expected_is_refused(folder: Path) -> None:
    issue_file(folder.parent, "诉求台账_2026-13.csv", ROW.format(2, ""))
    assert "expected a date in the name, found '2026-13'" in refused()["诉求台账_2026-13.csv"]


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Root may read everything: within the block, a root that runs the tests is somebody else, who may write below `folder`."""
    is_root = os.geteuid() == 0
    if is_root:
        closed = [parent for parent in folder.parents if not parent.stat().st_mode & 0o001]
        for path in (folder, *closed, *folder.rglob("*")):
            if path.stat().st_mode & 0o777:
                os.chmod(path, 0o777)
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_file_that_may_not_be_read_is_refused_and_the_others_land(folder: Path, tmp_path: Path) -> None:
    land("issue_ledger")
    issue_file(folder.parent, "new.csv", ROW.format(2, ""))
    issue_file(folder.parent, "closed.csv", ROW.format(3, "")).chmod(0)
    with as_nobody(tmp_path):
        files = {file.file_name: file for file in land("issue_ledger")}
    assert "found: Permission denied" in files["closed.csv"].problem
    assert files["new.csv"].is_new


def test_a_folder_that_may_not_be_listed_is_an_error_not_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    land("issue_ledger")
    folder.chmod(0)
    try:
        with as_nobody(tmp_path), pytest.raises(PermissionError, match="issue_ledger"):
            land("issue_ledger")
    finally:
        folder.chmod(0o755)


def test_names_that_look_like_markup_or_are_no_text_do_not_harm_the_status(folder: Path) -> None:
    os.mkfifo(folder / "[red]b.csv")
    (folder.parent / "[").mkdir()
    (folder.parent / "[" / "c]\udce9.txt").touch()
    land("issue_ledger")
    console = Console(record=True, width=300)
    print_status(console)
    told = console.export_text()
    assert "blocked issue_ledger/[red]b.csv: expected a file" in told and "no source takes [/c]\\udce9.txt" in told


def test_limits_of_size_and_age_are_kept(folder: Path) -> None:
    from ingest.declared.connectors import DropFolder

    declared = DropFolder(type="drop_folder", pattern="*.csv", max_file_megabytes=1, minimum_age_seconds=60)
    (folder / "large.csv").write_bytes(bytes(1_048_577))
    os.utime(folder / "large.csv", (1, 1))
    reasons = {file.name: file.reason for file in local_files.look(folder, declared).refused}
    assert reasons["large.csv"].startswith("expected at most 1 MB, found 2 MB")
    assert reasons["good.csv"].startswith("expected a file that nobody has changed for 60 s, found one changed 0 s ago")
    os.utime(folder / "good.csv", (1, 1))
    assert [file.name for file in local_files.look(folder, declared).files] == ["good.csv"]


def test_files_are_refused_in_an_installation_that_is_older_than_that(folder: Path) -> None:
    with warehouse.writer("an older installation") as connection:
        connection.execute("drop table ops.fetch; drop table ops.layout")
    os.mkfifo(folder / "pipe.csv")
    assert "pipe.csv" in refused()
