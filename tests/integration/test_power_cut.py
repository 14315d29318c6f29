"""What a power cut would leave: at each moment at which something begins to be referred to, it is on the disk, names included.

The system calls of a real landing, publication and export are written down by strace, and the disk is played after them: what was
written and not forced to the disk is lost, and so is a name whose folder was not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.settings import settings
from tests.conftest import PROJECT
from tests.integration.test_publication import build_toy
from tests.unit.arriving import ROW, issue_file

SCRIPT = """
from exports.export import export
from exports.publication import publish
from ingest.landing import land
land("issue_ledger")
publish("run-1")
export()
"""
CALLS = (
    "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlink,symlinkat,link,linkat,"
    "mkdir,mkdirat"
)
CALL = re.compile(r"^(?:\[pid +)?\d+\]? +(\w+)\((.*)\) += (-?\d+)")
ENDED = re.compile(r"^(?:\[pid +)?(\d+)\]? +<\.\.\. (\w+) resumed>(.*)$")
BEGUN = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\w+)\((.*) <unfinished \.\.\.>$")
OPENED, NAMED = re.compile(r"^\d+<(.*?)>"), re.compile(r'"([^"]*)"')


class Disk:
    """What would be lost now: `contents` of files, and `names` in folders."""

    def __init__(self) -> None:
        self.contents: set[str] = set()
        self.names: set[str] = set()

    def play(self, call: str, told: str, result: int) -> tuple[str, str] | None:
        """One system call that succeeded. Returns what begins to be referred to: ("commit", …) or ("switch", link)."""
        opened, named = OPENED.match(told), NAMED.findall(told)
        if call in ("fsync", "fdatasync"):
            path = opened.group(1)
            is_commit = path.startswith(str(settings().database)) and path in self.contents
            self.contents.discard(path)
            self.names = {name for name in self.names if os.path.dirname(name) != path}
            return ("commit", path) if is_commit else None
        if call in ("write", "pwrite64", "ftruncate") and opened:
            self.contents.add(opened.group(1))
        elif call == "openat" and "O_CREAT" in told and result >= 0:
            self.names.add(named[0])
        elif call.startswith(("unlink", "rmdir")) and os.path.isabs(named[0]):
            self.contents.discard(named[0])
            self.names.discard(named[0])
        elif call.startswith(("mkdir", "symlink")):
            self.names.add(named[-1])
        elif call.startswith(("rename", "link")):
            old, new = named
            for known in (self.contents, self.names):
                moved = {path for path in known if path == old or path.startswith(f"{old}/")}
                known -= moved
                known |= {new + path[len(old) :] for path in moved}
            self.names.add(new)
            return ("switch", new) if os.path.basename(new) == "current" else None
        return None

    def lost(self, folder: Path) -> list[str]:
        """What of a folder would be lost, and of the names that lead to it. Copies that are still being made do not count."""
        lost = {path for path in self.contents | self.names if path.startswith(f"{folder}/")}
        lost |= {path for path in self.names if str(folder).startswith(path)}
        return sorted(path for path in lost if "/.scratch" not in path and not path.endswith("/.lock"))


def calls(trace: Path) -> list[tuple[str, str, int]]:
    """The system calls of a trace in the order they ended, those in two parts put together."""
    found, begun = [], {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if unfinished := BEGUN.match(line):
            begun[unfinished.group(1), unfinished.group(2)] = unfinished.group(3)
            continue
        if ended := ENDED.match(line):
            line = f"{ended.group(1)} {ended.group(2)}({begun.pop((ended.group(1), ended.group(2)), '')}{ended.group(3)}"
        if call := CALL.match(line):
            found.append((call.group(1), call.group(2), int(call.group(3))))
    return found


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, dict[str, list[str]]]]:
    """GIVEN a gated run and a file that has arrived. WHEN it is landed, published and exported. THEN what of each folder would be
    lost at each moment at which something begins to be referred to, and at the end."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed (`make test-programs`)")
    folder = tmp_path_factory.mktemp("power")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder / "home"))
        patch.setenv("GMW_DROP_FOLDER", str(folder / "drop"))
        (folder / "drop").mkdir()
        issue_file(folder / "drop", "a.csv", ROW.format(1, ""))
        build_toy("run-1")
        trace = folder / "trace"
        done = subprocess.run(
            ["strace", "-f", "-y", "-qq", "-s", "0", "--seccomp-bpf", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace),
             sys.executable, "-c", SCRIPT], cwd=PROJECT, capture_output=True, text=True,
        )  # fmt: skip
        if "Operation not permitted" in done.stderr:
            pytest.skip("strace may not watch processes here")
        assert done.returncode == 0, done.stderr
        disk, found = Disk(), []
        places = {name: folder / "home" / name for name in ("landing", "published", "exports")}
        for call, told, result in calls(trace):
            if result >= 0 and (what := disk.play(call, told, result)):
                found.append((*what, {name: disk.lost(place) for name, place in places.items()}))
        found.append(("end", "", {name: disk.lost(place) for name, place in places.items()}))
    return found


def test_landed_bytes_and_their_names_are_on_the_disk_before_the_ledger_names_them(moments) -> None:
    commits = [lost["landing"] for what, _, lost in moments if what == "commit"]
    assert len(commits) >= 2
    assert commits == [[]] * len(commits)


@pytest.mark.parametrize("name", ["published", "exports"])
def test_a_version_is_on_the_disk_before_the_link_leads_to_it_and_the_link_at_the_end(moments, name: str) -> None:
    (switch,) = [lost[name] for what, link, lost in moments if what == "switch" and link.endswith(f"{name}/current")]
    assert [path for path in switch if not path.endswith("/current")] == []
    assert moments[-1][0] == "end" and moments[-1][2][name] == []
