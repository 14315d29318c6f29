"""Writes the files of a new source: declaration, staging models, fixtures. Nothing that exists is ever overwritten."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import yaml

from ingest.declaration import NAME, DeclarationError, read_declaration
from ingest.scaffold import fixtures, models
from ingest.scaffold.propose import Proposal
from ingest.settings import settings
from ingest.warehouse import scratch

LONGEST_NAME = 40
JINJA = re.compile(r"\{\{|\{%|\{#")


class NameRefused(ValueError):
    """A name that a source cannot have; the message says why."""


def check_name(name: str, existing: list[str]) -> None:
    """Refuse a name that cannot be folder, table and model at once, or that a source has already.

    Args: name: from outside, hostile. existing: names of the declared sources, switched off or not. Raises: NameRefused.
    """
    if not NAME.match(name) or "__" in name or len(name) > LONGEST_NAME:
        raise NameRefused(
            f"expected a name of lower-case letters, digits and single _, that begins with a letter and has at most "
            f"{LONGEST_NAME} characters, found {name!r}"
        )
    reserved = duckdb.execute(
        "select count(*) from duckdb_keywords() where keyword_name = ? and keyword_category != 'unreserved'", [name]
    ).fetchone()[0]
    if reserved:
        raise NameRefused(f"{name!r} is a word of SQL: choose another name, such as {name}_list")
    if name in existing:
        raise NameRefused(f"there is a source {name} already: choose another name, or edit its declaration")


def render(proposal: Proposal) -> dict[Path, str]:
    """The files of the source, by their path below the project.

    Args: proposal: what to write; its `review` grows. Returns: path → text.
    Raises: ValueError when a header would be taken for a template; DeclarationError when the declaration would not be valid.
    """
    for text in [
        proposal.title,
        proposal.owner,
        *(column.header for column in proposal.columns),
        *(w for c in proposal.columns for w in c.values),
    ]:
        if JINJA.search(text) or any(ord(character) < 32 for character in text):
            raise ValueError(
                f"expected headers without {{{{, {{% and line breaks, found {text!r}: dbt would run it; rename it in the "
                "file"
            )
    folder = Path("dbt_project", "models", "staging", proposal.name)
    files = {folder / f"_{proposal.name}__sources.yml": declaration_text(proposal)}
    for record, (sql, description) in models.staging(proposal).items():
        files[folder / f"stg_{proposal.name}__{record}.sql"] = sql
        files[folder / f"stg_{proposal.name}__{record}.yml"] = description
    _validate(proposal.name, files[folder / f"_{proposal.name}__sources.yml"])
    files |= {Path("tests", "fixtures", proposal.name) / path: text for path, text in fixtures.files(proposal).items()}
    return files


def write(files: dict[Path, str], encoding: str) -> None:
    """Write the files below the project; none when one of them, or the folder of the source, is there already.

    Args: files: of `render`. encoding: of the fixtures, that of the sample. Raises: FileExistsError.
    """
    project = settings().project
    folders = {path.parent for path in files if path.parts[0] == "dbt_project"} | {
        Path(*path.parts[:3]) for path in files if path.parts[0] == "tests"
    }
    for folder in sorted(folders):
        if (project / folder).exists() or (project / folder).is_symlink():
            raise FileExistsError(f"{folder} exists already, nothing was written: remove it, or choose another name")
    for path, text in files.items():
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "x", encoding=encoding if path.parts[0] == "tests" else "utf-8", newline="") as file:
            file.write(text)


def declaration_text(proposal: Proposal) -> str:
    """The declaration as YAML, in the form that the declarations have that were written by hand."""
    how = proposal.layout.format
    lines = [
        "version: 2",
        "sources:",
        f"  - name: {proposal.name}",
        "    schema: raw",
        "    tables:",
        f"      - name: {proposal.name}",
        f"        description: {_flow('One row per ' + _grain(proposal) + '.')}",
        "        config:",
        "          meta:",
        "            ingest:",
    ]
    entries: dict[str, object] = {
        "family": proposal.family,
        "title": proposal.title,
        "owner": proposal.owner,
        "producer": "not stated",
        "licence": "not stated",
        "connector": {"type": "drop_folder", "root": "drop", "pattern": f"{proposal.name}/*{_suffix(proposal)}"},
        **({"format": how} if how != {"type": "csv"} else {}),
        "schedule": "0 2 * * *",
        "time_zone": proposal.time_zone,
        "delivery": proposal.delivery,
        **({"as_of_pattern": proposal.as_of_pattern} if proposal.as_of_pattern else {}),
        **({"skip": proposal.skip} if proposal.skip else {}),
    }
    always_quoted = ("schedule", "as_of_pattern")
    lines += [
        f"              {key}: {_quoted(value) if key in always_quoted else _flow(value)}" for key, value in entries.items()
    ]
    lines.append("        columns:")
    for column in proposal.columns:
        lines.append(f"          - name: {_flow(column.name)}")
        if column.description or column.personal:
            lines.append(f"            description: {_flow(column.description or _personal_text(column.personal))}")
        entry = column.entry
        if entry:
            lines.append(f"            config: {{meta: {{ingest: {_flow(entry)}}}}}")
    return "\n".join(lines) + "\n"


def _personal_text(personal: str) -> str:
    return {
        "drop": "Not stored",
        "health": "Not stored",
        "age": "Stored as an age band",
        "birth_date": "Stored as an age band",
        "person": "Stored as a keyed hash",
        "household": "Stored as a keyed hash",
    }[personal]


def _grain(proposal: Proposal) -> str:
    record = proposal.records[-1] if proposal.records[0] != "survey" else "respondent"
    return record.replace("_", " ")


def _suffix(proposal: Proposal) -> str:
    suffix = proposal.file.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,6}", suffix) else ""


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100_000).strip()
    return text.removesuffix("...").strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _validate(name: str, text: str) -> None:
    """Raises: DeclarationError when the text is no declaration: a fault of the scaffold, found before anything is written."""
    with scratch() as folder:
        path = folder / name / f"_{name}__sources.yml"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        read_declaration(path, settings().dbt_vars)


__all__ = ["DeclarationError", "NameRefused", "check_name", "declaration_text", "render", "write"]
