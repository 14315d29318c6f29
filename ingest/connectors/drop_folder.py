"""Files in a drop folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.connectors import local_files
from ingest.connectors.arrivals import Arrivals, Interval
from ingest.connectors.names import is_left_over
from ingest.declaration import DeclarationError, SourceDeclaration, declarations
from ingest.settings import settings


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """Files of a source in its drop folder, sorted by name; a folder shows what is there, and the landing leaves out what
    is not of the interval.

    Raises: DeclarationError when the root is not set; FileNotFoundError when the root does not exist.
    """
    root = root_of(source)
    if not root.is_dir():
        raise FileNotFoundError(
            f"source {source.name}: expected the drop folder {root}, found nothing there. Create it, or set "
            "GMW_DROP_FOLDER (GMW_EXAMPLES_FOLDER for the public examples)."
        )
    yield local_files.look(root, source.connector)


def root_of(source: SourceDeclaration) -> Path:
    """The folder that files of this source arrive below. Raises DeclarationError when it is not set."""
    root = getattr(settings(), source.connector.root)
    if root is None:
        raise DeclarationError(
            f"source {source.name}: its files lie below the folder of the public examples, and GMW_EXAMPLES_FOLDER "
            "is not set: set it to that folder"
        )
    return root


def unclaimed() -> list[Path]:
    """Files in the drop folder that no declared source takes, by name: a ledger sent as xlsx, a misspelt folder."""
    root = settings().drop
    if not root.is_dir():
        return []
    connectors = [source.connector for source in declarations() if source.connector.type == "drop_folder"]
    taken = {path for connector in connectors if connector.root == "drop" for path in root.glob(connector.pattern)}
    return sorted(path for path in root.rglob("*") if path.is_file() and not is_left_over(path.name) and path not in taken)
