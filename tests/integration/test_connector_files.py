"""Files that lie elsewhere: an S3 store, an SFTP server and a web page, all real, from there into the warehouse."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import warehouse
from ingest.connectors import remote_folder
from ingest.connectors.credentials import ConnectionNotFound
from ingest.connectors.remote_folder import RemoteFolderError
from ingest.landing import land
from ingest.load import blocked, load
from ingest.settings import settings
from tests.conftest import rows_of
from tests.integration.servers_files import S3, Sftp, Web, s3_server, sftp_server, web_server
from tests.unit.arriving import arrives_by, land_all
from tests.unit.test_archives import ledger, zipped

CONNECTION = "AIRFLOW_CONN_TOWN_FILES"
WEB_LOGIN = {"conn_type": "http", "host": "127.0.0.1", "login": "gmw", "password": "p4ssw0rd"}


def arrives(monkeypatch: pytest.MonkeyPatch, **connector) -> None:
    arrives_by(monkeypatch, type="remote_folder", connection="town_files", **connector)


@pytest.fixture(scope="module")
def s3_running() -> Iterator[S3]:
    with s3_server() as running:
        yield running


@pytest.fixture
def s3(s3_running: S3, home: Path, monkeypatch: pytest.MonkeyPatch) -> S3:
    """GIVEN a source in an empty bucket, and the Airflow connection to it."""
    for entry in s3_running.client.list_objects_v2(Bucket="ledgers").get("Contents", []):
        s3_running.client.delete_object(Bucket="ledgers", Key=entry["Key"])
    connect_s3(s3_running, monkeypatch)
    arrives(monkeypatch, location="s3://ledgers/2026/", pattern="**/*.csv")
    return s3_running


def connect_s3(s3: S3, monkeypatch: pytest.MonkeyPatch, **changes) -> None:
    told = {"conn_type": "aws", "login": s3.login, "password": s3.password,
            "extra": {"endpoint_url": s3.url, "region_name": "us-east-1"}, **changes}
    monkeypatch.setenv(CONNECTION, json.dumps(told))


def put(s3: S3, key: str, content: bytes) -> None:
    s3.client.put_object(Bucket="ledgers", Key=key, Body=content)


@pytest.fixture
def sftp(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sftp]:
    """GIVEN a source on an SFTP server, and the Airflow connection to it."""
    with sftp_server(tmp_path / "sftp") as running:
        monkeypatch.setenv(CONNECTION, json.dumps(running.connection))
        arrives(monkeypatch, location=f"sftp://{running.folder}/", pattern="**/*.csv")
        yield running


@pytest.fixture
def web(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """GIVEN a source on a web server that asks for a login, and the Airflow connection to it."""
    folder = tmp_path / "web" / "ledgers"
    folder.mkdir(parents=True)
    with web_server(folder.parent, ("gmw", "p4ssw0rd")) as running:
        monkeypatch.setenv(CONNECTION, json.dumps(WEB_LOGIN))
        arrives(monkeypatch, location=f"{running.url}ledgers/", pattern="**/*.csv")
        monkeypatch.setattr(remote_folder, "wait_exponential", lambda **_: 0)
        running.folder = folder
        yield running


def everything_stored(home: Path) -> bytes:
    """All bytes that the installation wrote."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_file_in_an_s3_store_lands_and_loads(s3: S3, home: Path) -> None:
    put(s3, "2026/一月/诉求台账_2026-01.csv", ledger(1))
    put(s3, "2026/readme.txt", b"x")
    put(s3, "2025/old.csv", ledger(2))
    landed, refused = land_all()
    assert set(landed) == {"诉求台账_2026-01.csv"} and refused == {}
    assert [report.rows_loaded for report in load("issue_ledger")] == [1]
    assert rows_of("select original_path, as_of::varchar, size_bytes from ops.file") == [
        ("s3://ledgers/2026/一月/诉求台账_2026-01.csv", "2026-01-31", len(ledger(1))),
    ]
    assert rows_of("select case_no from raw.issue_ledger") == [("QH2026-0001",)]
    assert not list((home / "scratch").iterdir())


def test_a_large_file_arrives_whole(s3: S3, sftp: Sftp, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    content = random.Random(1).randbytes(20_000_003)
    put(s3, "2026/a.csv", content)
    (sftp.folder / "a.csv").write_bytes(content)
    (web.folder / "a.csv").write_bytes(content)
    s3_login = {"conn_type": "aws", "login": s3.login, "password": s3.password, "extra": {"endpoint_url": s3.url}}
    for location, connection in (
        ("s3://ledgers/2026/", s3_login),
        (f"sftp://{sftp.folder}/", sftp.connection),
        (f"{web.url}ledgers/", WEB_LOGIN),
    ):
        arrives(monkeypatch, location=location, pattern="*.csv")
        monkeypatch.setenv(CONNECTION, json.dumps(connection))
        landed, refused = land_all()
        assert refused == {} and landed["a.csv"].size_bytes == len(content)
        kept = settings().landing / "issue_ledger" / landed["a.csv"].file_id[:2] / landed["a.csv"].file_id
        assert kept.read_bytes() == content


def test_an_unchanged_object_is_not_fetched_again_and_a_changed_one_is(s3: S3) -> None:
    put(s3, "2026/a.csv", ledger(1))
    put(s3, "2026/b.csv", ledger(2))
    land_all()
    put(s3, "2026/b.csv", ledger(3))
    fetched = []
    original = remote_folder._fetch
    remote_folder._fetch = lambda store, entry, *rest: fetched.append(entry.below) or original(store, entry, *rest)
    try:
        landed, _ = land_all()
    finally:
        remote_folder._fetch = original
    assert fetched == ["b.csv"]
    assert {name: file.is_new for name, file in landed.items()} == {"a.csv": False, "b.csv": True}


def test_an_object_whose_landed_bytes_are_gone_is_fetched_again(s3: S3) -> None:
    put(s3, "2026/a.csv", ledger(1))
    land_all()
    shutil.rmtree(settings().landing)
    land_all()
    assert len([path for path in settings().landing.rglob("*") if path.is_file()]) == 1


def test_a_blocked_file_that_is_unchanged_stays_blocked_and_is_withdrawn_once_it_is_gone(s3: S3) -> None:
    put(s3, "2026/a.csv", b"no ledger\n1\n")
    land_all()
    load("issue_ledger")
    land_all()
    assert [report.file_name for report in blocked("issue_ledger")] == ["a.csv"]
    s3.client.delete_object(Bucket="ledgers", Key="2026/a.csv")
    put(s3, "2026/b.csv", ledger(1))
    land_all()
    assert blocked("issue_ledger") == []


def test_an_archive_in_a_store_is_unpacked_every_time_also_when_it_landed_as_a_file_before(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrives(monkeypatch, location="s3://ledgers/2026", pattern="*")
    put(s3, "2026/a.zip", zipped(("1.csv", ledger(1)), ("../2.csv", ledger(2))))
    assert set(land_all()[0]) == {"a.zip"}
    arrives(monkeypatch, location="s3://ledgers/2026", pattern="*", archive="zip")
    for _ in range(2):
        landed, refused = land_all()
        assert set(landed) == {"a.zip!/1.csv"} and set(refused) == {"a.zip!/../2.csv"}
    assert rows_of("select original_path from ops.file where file_name = 'a.zip!/1.csv'") == [("s3://ledgers/2026/a.zip!/1.csv",)]


def test_an_empty_prefix_is_no_files_and_a_missing_bucket_is_an_error(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    assert land("issue_ledger") == []
    arrives(monkeypatch, location="s3://ledgres/2026/", pattern="*")
    with pytest.raises(RemoteFolderError, match="source issue_ledger: cannot list or fetch s3://ledgres/2026/"):
        land("issue_ledger")


@pytest.mark.parametrize("changes", [{"password": "wrong-p4ss"}, {"login": "AKIAWRONG", "password": "wrong-p4ss"}])
def test_a_wrong_login_is_an_error_without_the_password(
    s3: S3, home: Path, monkeypatch: pytest.MonkeyPatch, changes: dict
) -> None:
    connect_s3(s3, monkeypatch, **changes)
    put(s3, "2026/a.csv", ledger(1))
    with pytest.raises(RemoteFolderError, match="may the login of the connection 'town_files' read there") as raised:
        land("issue_ledger")
    assert "wrong-p4ss" not in str(raised.value) and raised.value.__cause__ is None


def test_a_missing_connection_is_told_before_anything_is_asked(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONNECTION)
    with pytest.raises(ConnectionNotFound, match="AIRFLOW_CONN_TOWN_FILES="):
        land("issue_ledger")


def test_no_credential_is_stored_anywhere(s3: S3, home: Path) -> None:
    put(s3, "2026/a.csv", ledger(1))
    land_all()
    load("issue_ledger")
    assert s3.password.encode() not in everything_stored(home) and s3.login.encode() not in everything_stored(home)


def test_an_object_above_the_limit_is_refused_and_the_others_land(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives(monkeypatch, location="s3://ledgers/2026/", pattern="*", max_file_megabytes=1)
    put(s3, "2026/large.csv", bytes(1_048_577))
    put(s3, "2026/a.csv", ledger(1))
    landed, refused = land_all()
    assert set(landed) == {"a.csv"} and refused["large.csv"].startswith("expected at most 1 MB, found 2 MB")


def test_odd_keys_are_names_only(s3: S3, home: Path) -> None:
    put(s3, "2026/../../evil.csv", ledger(1))
    put(s3, "2026/a\x1bb.csv", ledger(2))
    landed, refused = land_all()
    assert set(refused) == {"a\\x1bb.csv"}
    assert set(landed) == {"evil.csv"} and not list(home.parent.rglob("evil.csv"))


def test_files_on_an_sftp_server_land_with_an_address_without_login(sftp: Sftp) -> None:
    (sftp.folder / "一月").mkdir()
    (sftp.folder / "一月" / "诉求台账_2026-01.csv").write_bytes(ledger(1))
    landed, refused = land_all()
    assert set(landed) == {"诉求台账_2026-01.csv"} and refused == {}
    assert rows_of("select original_path from ops.file") == [
        (f"sftp://127.0.0.1:{sftp.port}{sftp.folder}/一月/诉求台账_2026-01.csv",)
    ]


def test_links_and_pipes_on_the_server_are_refused_and_not_waited_for(sftp: Sftp) -> None:
    (sftp.folder / "a.csv").write_bytes(ledger(1))
    (sftp.folder / "link.csv").symlink_to("/etc/passwd")
    (sftp.folder / "circle").symlink_to(sftp.folder)
    os.mkfifo(sftp.folder / "pipe.csv")
    landed, refused = land_all()
    assert set(landed) == {"a.csv"} and set(refused) == {"link.csv", "pipe.csv"}


def test_time_and_size_tell_whether_a_file_is_unchanged_only_once_it_has_settled(sftp: Sftp) -> None:
    path = sftp.folder / "a.csv"
    path.write_bytes(ledger(1))
    now = int(path.stat().st_mtime)
    os.utime(path, (now, now))
    land_all()
    path.write_bytes(ledger(2))  # the same size, within the same second
    os.utime(path, (now, now))
    land_all()
    assert rows_of("select count(*) from ops.file") == [(2,)]
    os.utime(path, (1e9, 1e9))
    land_all()
    assert rows_of("select count(*) from ops.fetch") == [(1,)]


def test_a_file_that_the_server_does_not_hand_out_is_refused_and_the_others_land(
    sftp: Sftp, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sftp.folder / "a.csv").write_bytes(ledger(1))
    (sftp.folder / "gone.csv").write_bytes(ledger(2))
    listing = remote_folder._listing

    def listed_then_gone(*args):
        found = listing(*args)
        (sftp.folder / "gone.csv").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(remote_folder, "_listing", listed_then_gone)
    landed, refused = land_all()
    assert set(landed) == {"a.csv"} and "nothing of it was kept" in refused["gone.csv"]


def test_a_server_with_another_key_than_the_known_one_gets_no_login(
    sftp: Sftp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with sftp_server(tmp_path / "other") as other:
        stranger = {**sftp.connection, "extra": {**sftp.connection["extra"], "host_key": other.connection["extra"]["host_key"]}}
    monkeypatch.setenv(CONNECTION, json.dumps(stranger))
    with pytest.raises(RemoteFolderError, match="BadHostKeyException"):
        land("issue_ledger")


def test_a_server_whose_key_nobody_told_is_not_trusted(sftp: Sftp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    extra = {key: value for key, value in sftp.connection["extra"].items() if key != "host_key"}
    monkeypatch.setenv(CONNECTION, json.dumps({**sftp.connection, "extra": extra}))
    with pytest.raises(RemoteFolderError, match="expected the key of the SFTP server .*ssh-keyscan"):
        land("issue_ledger")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {sftp.connection['extra']['host_key']}\n")
    assert land("issue_ledger") == []


def test_a_connection_that_dies_is_made_again(sftp: Sftp, monkeypatch: pytest.MonkeyPatch) -> None:
    (sftp.folder / "a.csv").write_bytes(ledger(1))
    stream = remote_folder._stream

    def die_once(store, *rest):
        monkeypatch.setattr(remote_folder, "_stream", stream)
        store.client.close()
        stream(store, *rest)

    monkeypatch.setattr(remote_folder, "_stream", die_once)
    assert set(land_all()[0]) == {"a.csv"}


def test_files_of_a_web_page_land(web: Web) -> None:
    (web.folder / "一月").mkdir()
    (web.folder / "一月" / "台账 #1 100%_2026-01.csv").write_bytes(ledger(1))
    landed, refused = land_all()
    assert set(landed) == {"台账 #1 100%_2026-01.csv"} and refused == {}
    assert rows_of("select original_path from ops.file") == [(f"{web.url}ledgers/一月/台账 #1 100%_2026-01.csv",)]


def test_a_web_file_with_the_same_etag_is_not_fetched_again(web: Web) -> None:
    (web.folder / "a.csv").write_bytes(ledger(1))
    land_all()
    web.asked.clear()
    land_all()
    assert web.asked == ["/ledgers/"]


def test_errors_that_pass_are_tried_again(web: Web) -> None:
    (web.folder / "a.csv").write_bytes(ledger(1))
    web.faults |= {"HEAD /ledgers/a.csv": [503], "/ledgers/a.csv": [503, "cut"]}
    landed, refused = land_all()
    assert refused == {} and landed["a.csv"].size_bytes == len(ledger(1))


def test_a_file_that_ends_too_early_again_and_again_is_refused_and_the_others_land(web: Web) -> None:
    (web.folder / "a.csv").write_bytes(ledger(1))
    (web.folder / "cut.csv").write_bytes(ledger(2))
    web.faults["/ledgers/cut.csv"] = ["cut"] * 3
    landed, refused = land_all()
    assert set(landed) == {"a.csv"} and "nothing of it was kept, the next run tries again" in refused["cut.csv"]
    assert [report.file_name for report in blocked("issue_ledger")] == ["cut.csv"]
    assert set(land_all()[0]) == {"a.csv", "cut.csv"} and blocked("issue_ledger") == []


def test_a_server_that_stops_answering_is_an_error_and_nothing_lands(web: Web) -> None:
    for number in range(6):
        (web.folder / f"{number}.csv").write_bytes(ledger(number))
        web.faults[f"/ledgers/{number}.csv"] = [503] * 3 if number else []
    with pytest.raises(RemoteFolderError, match="503"):
        land("issue_ledger")
    assert "/ledgers/5.csv" not in web.asked
    with warehouse.writer("look") as connection:
        assert connection.execute("select count(*) from ops.file").fetchone() == (0,)


def test_links_that_lead_elsewhere_or_in_circles_are_no_files(web: Web) -> None:
    (web.folder / "a.csv").write_bytes(ledger(1))
    (web.folder.parent / "b.csv").write_bytes(ledger(2))
    targets = ["a.csv", "../b.csv", "/b.csv", "./", "././", "?C=N;O=D", "%2e%2e/b.csv", "http://127.0.0.1:1/ledgers/c.csv"]
    page = " ".join(f'<a href="{target}">there</a>' for target in targets) + " http://127.0.0.1:1/d.csv"
    web.faults["/ledgers/"] = [page.encode()]
    assert set(land_all()[0]) == {"a.csv"}


def test_a_redirect_to_another_server_gets_no_login(web: Web, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (web.folder / "a.csv").write_bytes(ledger(1))
    with web_server(tmp_path / "other") as other:
        web.faults["/ledgers/a.csv"] = [f"{other.url}a.csv"]
        landed, refused = land_all()
        assert landed == {} and "redirects to another one" in refused["a.csv"]
        assert other.asked == []


def test_a_wrong_login_for_a_web_page_is_an_error_without_the_password(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION, json.dumps({**WEB_LOGIN, "password": "wrong-p4ss"}))
    with pytest.raises(RemoteFolderError, match="401") as raised:
        land("issue_ledger")
    assert "wrong-p4ss" not in str(raised.value)


def test_a_connection_for_another_host_is_not_used(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION, json.dumps({**WEB_LOGIN, "host": "town.example"}))
    with pytest.raises(RemoteFolderError, match="to be for the host 127.0.0.1, found town.example"):
        land("issue_ledger")
    assert web.asked == []


def test_a_mounted_folder_is_read_where_it_lies(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives_by(monkeypatch, type="remote_folder", location=f"file://{tmp_path}/mounted/", pattern="*.csv")
    with pytest.raises(FileNotFoundError, match="Is it mounted?"):
        land("issue_ledger")
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "a.csv").write_bytes(ledger(1))
    os.mkfifo(tmp_path / "mounted" / "pipe.csv")
    landed, refused = land_all()
    assert set(landed) == {"a.csv"} and set(refused) == {"pipe.csv"}
