"""Files in a folder that lies elsewhere: in an S3-compatible store, on an SFTP server, behind a web page, on a mounted disk."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from fsspec import AbstractFileSystem
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingest import ledger
from ingest.connectors import local_files, stores
from ingest.connectors.arrivals import Arrival, Arrivals, Interval, Refused, Unchanged, Unreadable
from ingest.connectors.credentials import Credentials, credentials
from ingest.connectors.local_files import CHUNK, MEGABYTE
from ingest.connectors.names import PLAIN_NAME, is_left_over, is_plain, matches, shown
from ingest.declaration import SourceDeclaration
from ingest.declared.connectors import RemoteFolder
from ingest.warehouse import scratch

ATTEMPTS = 3
FAILURES_IN_A_ROW = 3
MAX_LISTED = 100_000
MAX_DEPTH = 20
SETTLED_SECONDS = 60


class RemoteFolderError(RuntimeError):
    """A remote folder cannot be reached or listed; the message names source and location, never a credential."""


@dataclass(frozen=True)
class Listed:
    """One entry of a listing. `below`: its path below the location, as people read it. `path`: as the store names it."""

    below: str
    path: str
    info: dict

    @property
    def is_file(self) -> bool:
        return self.info["type"] == "file"


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """Files of a source in its remote folder, fetched into a temporary folder; of any interval: the
    landing leaves out what is not of it.

    A file whose version (ETag, or time of change and size) is the one that was fetched before is not fetched again, unless it is
    an archive. A file that cannot be fetched is refused, the others go on.
    Raises: ConnectionNotFound; RemoteFolderError when the folder cannot be listed or stops answering: then nothing has landed.
    """
    declared: RemoteFolder = source.connector
    if declared.scheme == "file":
        yield _mounted(source, declared)
        return
    login = credentials(declared.connection, source.name) if declared.connection else None
    before = ledger.fetched(source.name)
    with _told(source, login):
        store = stores.connect(declared, login)
    try:
        with scratch() as folder:
            with _told(source, login):
                found = _fetch_all(store, declared, login, before, folder)
            yield found
    finally:
        stores.close(store)


def _mounted(source: SourceDeclaration, declared: RemoteFolder) -> Arrivals:
    root = Path(urllib.parse.unquote(urllib.parse.urlsplit(declared.location).path))
    if not root.is_dir():
        raise FileNotFoundError(f"source {source.name}: expected the folder {root}, found nothing there. Is it mounted?")
    return local_files.look(root, declared)


@contextmanager
def _told(source: SourceDeclaration, login: Credentials | None) -> Iterator[None]:
    """Errors of the libraries as one of ours, without credentials. Their own are not shown as cause, they may hold some."""
    try:
        yield
    except Exception as error:
        hidden = login.hide(error) if login else str(error)
        raise RemoteFolderError(
            f"source {source.name}: cannot list or fetch {source.connector.location} ({type(error).__name__}: {hidden}). Is the "
            "address right, does the server answer, and may the login of the connection "
            f"{source.connector.connection!r} read there?"
        ) from None


def _fetch_all(
    store: AbstractFileSystem, declared: RemoteFolder, login: Credentials | None, before: dict[str, tuple[str, Unchanged]],
    folder: Path,
) -> Arrivals:
    files, refused, unchanged = [], [], []
    failures = 0
    for number, entry in enumerate(_listing(store, declared)):
        name, address = shown(entry.below.rpartition("/")[2]), stores.address(declared, login, shown(entry.below))
        try:
            _check(entry, declared)
            is_archive = bool(declared.archive) and name.lower().endswith(f".{declared.archive}")
            known_version, known = before.get(address, (None, None))
            if known and not is_archive and _version_now(store, entry, declared) == known_version:
                unchanged.append(known)
                continue
            version = _fetch(store, entry, folder / str(number), declared)
            files.append(Arrival(folder / str(number), name, address, version))
            failures = 0
        except Unreadable as reason:
            refused.append(Refused(name, address, str(reason)))
        except Exception as error:
            failures += not _is_lasting(error)
            if failures >= FAILURES_IN_A_ROW:
                raise
            told = login.hide(error) if login else str(error)
            refused.append(Refused(name, address, (
                f"expected a file that can be fetched, found an error ({type(error).__name__}: {told}); nothing of it was kept, "
                "the next run tries again"
            )))
    return Arrivals(files, is_complete=True, refused=refused, unchanged=unchanged)


def _listing(store: AbstractFileSystem, declared: RemoteFolder) -> list[Listed]:
    """What the pattern names below the location, sorted. Raises what the store raises; RuntimeError when there is too much."""
    base = stores.base(declared)
    steps = declared.pattern.split("/")
    found, seen = [], 0
    waiting = [(base, "")]
    while waiting:
        path, below = waiting.pop()
        depth = below.count("/") + 1 if below else 0
        for entry in _entries(store, path, base, declared):
            seen += 1
            if seen > MAX_LISTED or depth > MAX_DEPTH:
                raise RuntimeError(f"expected at most {MAX_LISTED} files in {MAX_DEPTH} levels, found more; narrow the pattern")
            if is_left_over(entry.below):
                continue
            if entry.info["type"] != "directory":
                if matches(entry.below, declared.pattern):
                    found.append(entry)
            elif "**" in steps[: depth + 1] or (depth + 1 < len(steps) and matches(entry.below, "/".join(steps[: depth + 1]))):
                waiting.append((entry.path, entry.below))
    return sorted(found, key=lambda entry: entry.below)


def _entries(store: AbstractFileSystem, path: str, base: str, declared: RemoteFolder) -> Iterator[Listed]:
    """What lies in one folder. Links of a web page that do not lead below it are no entries."""
    is_web = declared.scheme in ("http", "https")
    for info in _ls(store, path, base, declared):
        whole = info["name"]
        if not whole.startswith(path) or (is_web and ("?" in whole or "#" in whole)):
            continue
        below = whole[len(base) :].rstrip("/")
        below = urllib.parse.unquote(below, errors="surrogateescape") if is_web else below
        if not below or (is_web and {"", ".", ".."} & set(below.split("/"))):
            continue
        folder = info["type"] == "directory"
        yield Listed(below, whole.rstrip("/") + "/" if folder else whole, info)


def _ls(store: AbstractFileSystem, path: str, base: str, declared: RemoteFolder) -> list[dict]:
    try:
        return store.ls(path, detail=True)
    except FileNotFoundError:
        if declared.scheme != "s3" or path != base:
            raise
        store.ls(base.partition("/")[0])  # A store has no folders: an empty one is not there. A bucket that is not there raises.
        return []


def _check(entry: Listed, declared: RemoteFolder) -> None:
    """Raise Unreadable when a file is not to be fetched at all."""
    if not is_plain(entry.below):
        raise Unreadable(PLAIN_NAME)
    if not entry.is_file:
        raise Unreadable("expected a file, found a link or a device; links are not followed, put the file itself there")
    if (entry.info.get("size") or 0) > declared.max_file_megabytes * MEGABYTE:
        raise Unreadable(local_files.too_large(entry.info["size"], declared))
    if changed_at := _changed_at(entry.info):
        if (age := _age(changed_at)) < declared.minimum_age_seconds:
            raise Unreadable(local_files.too_young(age, declared))


def _version_now(store: AbstractFileSystem, entry: Listed, declared: RemoteFolder) -> str | None:
    """The version of a file as listed; a web page lists none, its server is asked. None when that fails: fetching tells why."""
    if declared.scheme not in ("http", "https"):
        return _version(entry.info)
    try:
        return _version(stores.info(store, entry.path))
    except Exception:
        return None


def _fetch(store: AbstractFileSystem, entry: Listed, target: Path, declared: RemoteFolder) -> str | None:
    """Fetch a file, again after errors that may pass. Returns its version. Raises Unreadable and what the store raises last."""
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=wait_exponential(multiplier=0.2, max=10),
        retry=retry_if_exception(lambda error: not _is_lasting(error)), reraise=True,
    ):
        with attempt:
            if attempt.retry_state.attempt_number > 1:
                stores.reconnect(store)
            before = stores.info(store, entry.path)
            _stream(store, entry.path, before, target, declared)
            if _version(stores.info(store, entry.path), settled_only=False) != _version(before, settled_only=False):
                raise Unreadable(local_files.STILL_WRITTEN)
            return _version(before)


def _stream(store: AbstractFileSystem, path: str, info: dict, target: Path, declared: RemoteFolder) -> None:
    limit = declared.max_file_megabytes * MEGABYTE
    size = 0
    with stores.open_file(store, path, info) as remote, open(target, "wb") as local:
        while chunk := remote.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise Unreadable(local_files.too_large(size, declared))
            local.write(chunk)
    if info.get("size") is not None and size != info["size"]:
        raise ConnectionError(f"the store promised {info['size']} bytes and sent {size}")


def _version(info: dict, settled_only: bool = True) -> str | None:
    """What the store calls these bytes: the ETag, or time of change and size; None when it tells neither, or when another change
    could fall into the same second."""
    tag, changed_at = info.get("ETag"), _changed_at(info)
    if tag and not tag.startswith("W/"):  # W/ marks a tag that different bytes may share
        return f"{tag} {info.get('size')}"
    if changed_at is None or (settled_only and _age(changed_at) < SETTLED_SECONDS):
        return None
    return f"{changed_at.isoformat()} {info.get('size')}"


def _changed_at(info: dict) -> datetime | None:
    found = info.get("mtime") or info.get("LastModified")
    return found if isinstance(found, datetime) else None


def _age(changed_at: datetime) -> float:
    return (datetime.now(timezone.utc) - changed_at).total_seconds()


def _is_lasting(error: BaseException) -> bool:
    """Whether trying again would give the same: the file is gone or forbidden, or the request is refused."""
    status = getattr(error, "status", None)
    refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
    return refused or isinstance(error, (Unreadable, FileNotFoundError, PermissionError))
