"""Files in a drop folder."""

from __future__ import annotations

from pathlib import Path

from ingest.declaration import SourceDeclaration


def arrived(source: SourceDeclaration) -> list[Path]:
    """Files of a source in its drop folder, sorted by name.

    Links that lead out of the folder and files of size 0 that are hidden (editor and sync left-overs, `.~x`) are not
    taken. Raises: DeclarationError when the root is not set; FileNotFoundError when the root does not exist.
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
        if path.is_file() and not path.name.startswith(".") and path.resolve().is_relative_to(inside)
    )
