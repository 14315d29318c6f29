"""Files in a drop folder."""

from __future__ import annotations

from pathlib import Path

from ingest.declaration import SourceDeclaration, declarations
from ingest.settings import settings


def arrived(source: SourceDeclaration) -> list[Path]:
    """Files of a source in its drop folder, sorted by name.

    Links that lead out of the folder, hidden files and lock files of office programs are not taken.
    Raises: DeclarationError when the root is not set; FileNotFoundError when the root does not exist.
    """
    root = source.root
    if not root.is_dir():
        raise FileNotFoundError(
            f"source {source.name}: expected the drop folder {root}, found nothing there. Create it, or set "
            "GMW_DROP_FOLDER (GMW_EXAMPLES_FOLDER for the public examples)."
        )
    inside = root.resolve()
    return sorted(
        path
        for path in root.glob(source.connector.pattern)
        if path.is_file() and not _is_left_over(path) and path.resolve().is_relative_to(inside)
    )


def unclaimed() -> list[Path]:
    """Files in the drop folder that no declared source takes, by name: a ledger sent as xlsx, a misspelt folder."""
    root = settings().drop
    if not root.is_dir():
        return []
    sources = [source for source in declarations() if source.connector.root == "drop"]
    taken = {path for source in sources for path in root.glob(source.connector.pattern)}
    return sorted(path for path in root.rglob("*") if path.is_file() and not _is_left_over(path) and path not in taken)


def _is_left_over(path: Path) -> bool:
    """Hidden files and the lock files of office programs (`~$…`)."""
    return path.name.startswith((".", "~$"))
