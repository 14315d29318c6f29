"""The published versions: which there are, which one is in force and since when, and the way back.

`published/switches.jsonl` tells of every switch of `current`, one JSON object a line, oldest first. The link is what counts: a
switch that a crash has cut off may stand in the list, and be made again.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from exports import version_folder
from ingest.settings import settings

MANIFEST = "manifest.json"
SWITCHES = "switches.jsonl"


class UnknownVersion(LookupError):
    """There is no such published version; the message lists those there are."""


@dataclass(frozen=True)
class Version:
    """One published version; times are UTC. `manifest`: what manifest.json says."""

    name: str
    run_id: str
    published_at: datetime
    as_of: date | None
    path: Path
    is_current: bool
    manifest: dict


@dataclass(frozen=True)
class Switch:
    """One switch of `current`. `before` is empty for the first; `holds`: publications after it do not become current."""

    at: datetime
    version: str
    before: str
    cause: str
    by: str
    why: str
    holds: bool

    def __str__(self) -> str:
        reason = f" ({self.why})" if self.why else ""
        return f"{self.by} went back to version {self.version} on {self.at:%Y-%m-%d %H:%M} UTC{reason}"


def versions() -> list[Version]:
    """All published versions, newest first."""
    published = settings().published
    current = version_folder.current_name(published)
    found = []
    for name in version_folder.names(published):
        try:
            manifest = json.loads((published / name / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue  # a publication has taken it away meanwhile
        found.append(
            Version(
                name=name,
                run_id=manifest["run_id"],
                published_at=datetime.fromisoformat(manifest["published_at"]),
                as_of=date.fromisoformat(manifest["as_of"]) if manifest["as_of"] else None,
                path=published / name,
                is_current=name == current,
                manifest=manifest,
            )
        )
    return found


def is_whole(version: Version) -> bool:
    """Whether every file of the manifest is there at its size."""
    return all(
        (version.path / name).is_file() and (version.path / name).stat().st_size == file["bytes"]
        for name, file in version.manifest["files"].items()
    )


def damage(version: Version) -> list[str]:
    """Read a version in full and compare it with its manifest.

    Returns: what differs, one sentence per file: a file that is missing, of another content, or not of the manifest.
    """
    listed = version.manifest["files"]
    present = {path.relative_to(version.path).as_posix() for path in version.path.rglob("*") if path.is_file()} - {MANIFEST}
    found = [f"{name}: expected, is missing" for name in sorted(listed.keys() - present)]
    found += [f"{name}: is no part of the publication" for name in sorted(present - listed.keys())]
    for name in sorted(listed.keys() & present):
        digest = sha256(version.path / name)
        if digest != listed[name]["sha256"]:
            found.append(f"{name}: expected sha256 {listed[name]['sha256']}, found {digest}")
    return found


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def switches() -> list[Switch]:
    """Every switch of `current`, oldest first."""
    path = settings().published / SWITCHES
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # a power cut has left a part of a line
        found.append(Switch(**{**record, "at": datetime.fromisoformat(record["at"])}))
    return found


def holding() -> Switch | None:
    """The rollback that is in force: until somebody ends it, publications do not become current."""
    last = next(reversed(switches()), None)
    return last if last and last.holds and last.version == version_folder.current_name(settings().published) else None


def rollback(name: str, why: str = "") -> Path:
    """Make an earlier (or later) version the current one; no version is changed or deleted.

    While an earlier version is current, publications are written but do not become current: what was withdrawn must not come
    back with the next run. To go to the newest version ends that. It waits for no writer: a version that is wrong can be
    withdrawn while a long build is under way.

    Args: name: as `versions()` lists it. why: kept in switches.jsonl. Returns: its folder.
    Raises: UnknownVersion when it is not there or not whole.
    """
    published = settings().published
    published.mkdir(parents=True, exist_ok=True)
    with version_folder.guard(published):
        listed = versions()
        version = next((version for version in listed if version.name == name and is_whole(version)), None)
        if version is None:
            known = ", ".join(version.name for version in listed) or "none"
            raise UnknownVersion(
                f"Version {name!r}: expected a complete version in {published}, found {known}. "
                "Choose one of those (`gmw versions` lists them, `gmw versions --verify` tells which are damaged)."
            )
        _switch(published, name, "rollback", why, holds=name != listed[0].name)
    return version.path


def put_in_force(name: str) -> Switch | None:
    """Make a version that was just published the current one, unless a rollback holds.

    Returns: the rollback that holds, or None when the version is current.
    """
    published = settings().published
    with version_folder.guard(published):
        if (held := holding()) is None and version_folder.current_name(published) != name:
            _switch(published, name, "publish")
    return held


def put_back(name: str, why: str) -> None:
    """Make a version that a restore has brought back the current one; publications after it become current as usual."""
    published = settings().published
    with version_folder.guard(published):
        _switch(published, name, "restore", why)


def prune() -> list[str]:
    """Delete versions by policy: the newest GMW_KEEP_VERSIONS stay, the current one, and each that was published or current
    within the last GMW_KEEP_HOURS, because readers who found it may not have opened all its files yet.

    Returns: the names of those deleted.
    """
    since = datetime.now(timezone.utc) - timedelta(hours=settings().keep_hours)
    spare = {version.name for version in versions() if version.published_at > since}
    spare |= {switch.before for switch in switches() if switch.at > since}
    return version_folder.prune(settings().published, settings().keep_versions, spare)


def _switch(published: Path, name: str, cause: str, why: str = "", holds: bool = False) -> None:
    """Write the switch down, then make it; the caller holds the guard."""
    record = {
        "at": datetime.now(timezone.utc).isoformat(),
        "version": name,
        "before": version_folder.current_name(published) or "",
        "cause": cause,
        "by": _user(),
        "why": why,
        "holds": holds,
    }
    with open(published / SWITCHES, "a+b") as file:
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            file.write(b"\n")
        file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    version_folder.switch(published, name)


def _user() -> str:
    try:
        return getpass.getuser()
    except KeyError:  # a container may run as a user that has no name
        return f"user {os.getuid()}"
