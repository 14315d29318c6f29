"""Names of files come from outside: which are taken, and how they are shown."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import PurePosixPath

from fsspec.utils import glob_translate

UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
PLAIN_NAME = "expected a name of printable characters, found control characters or bytes that are no UTF-8 in it; rename the file"


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(glob_translate(pattern))


def matches(name: str, pattern: str) -> bool:
    """Whether a path below a folder, with `/` between its parts, matches a glob; `**/` stands for any number of folders."""
    return bool(_expression(pattern).match(name))


def is_left_over(name: str) -> bool:
    """Hidden files and folders, lock files of office programs (`~$…`), and what macOS adds to an archive."""
    return any(part.startswith((".", "~$")) or part == "__MACOSX" for part in PurePosixPath(name).parts if part != "..")


def is_plain(name: str) -> bool:
    """Whether a name can be stored and shown: no control characters, no line breaks, no undecoded bytes."""
    return not any(unicodedata.category(character) in UNSHOWN for character in name)


def shown(name: str) -> str:
    """A name for ledger, logs and errors: what `is_plain` objects to is escaped."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in UNSHOWN else character
        for character in name
    )
