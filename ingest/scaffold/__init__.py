"""The scaffold of a new source: looks at a file, proposes declaration and staging models, writes them for a person to review."""

from __future__ import annotations

from pathlib import Path

from ingest.declaration import known_declarations
from ingest.scaffold import write
from ingest.scaffold.propose import Proposal, propose

__all__ = ["Proposal", "add", "propose"]


def add(name: str, file: Path, is_dry_run: bool = False, **said) -> tuple[Proposal, dict[Path, str]]:
    """Propose a source from a sample file and write its folder.

    Args: name: of the source. file: the sample. is_dry_run: write nothing. said: what the person said already, as for `propose`.
    Returns: the proposal, and the files by their path below the project.
    Raises: FileNotFoundError, NameRefused, FileExistsError, NotSniffed, RecordNeeded, FileRejected.
    """
    if not file.is_file():
        raise FileNotFoundError(f"expected a file at {file}, found none; give the path of a file")
    sources = known_declarations()
    write.check_name(name, [source.name for source in sources])
    proposal = propose(name, file, sources, **said)
    files = write.render(proposal)
    if not is_dry_run:
        write.write(files, str(proposal.layout.format.get("encoding", "utf-8")))
    return proposal, files
