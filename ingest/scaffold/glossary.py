"""Names for columns: what the declared sources call a header, else the words of the header itself."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
from text_unidecode import unidecode

from ingest.declaration import SourceDeclaration
from ingest.readers.header import normalised_header

LONGEST_NAME = 40
NUMBERED_QUESTION = re.compile(r"^(?:q|Q|问题|第)?\s*(\d{1,3})\s*[、.．:：)）题]")
LINE_NUMBER = re.compile(r"序号|行号")
SENTENCE = re.compile(r"[?？]|^.{31,}")


@dataclass(frozen=True)
class Term:
    """What the declared sources say of a header: the name of its column, how (if at all) it is declared personal, and `others`:
    what as many sources call it."""

    name: str
    personal: str | None
    source: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Name:
    """A proposed column name. `is_certain`: it is the header itself or a declared term; the rest a person should read."""

    name: str
    why: str
    is_certain: bool


def terms(sources: Iterable[SourceDeclaration]) -> dict[str, Term]:
    """Header → term, over the declared sources: the name that most of them give it.

    Args: sources: declarations. Returns: normalised header → Term.
    """
    names: dict[str, list[Term]] = defaultdict(list)
    for source in sources:
        for column in source.columns_in_files:
            if column.question is None:
                for text in column.headers:
                    names[normalised_header(text)].append(Term(column.name, column.personal, source.name))
    found = {}
    for text, candidates in names.items():
        (name, most), *rest = Counter(term.name for term in candidates).most_common()
        others = tuple(other for other, count in rest if count == most)
        personal = next((term.personal for term in candidates if term.personal), None)
        source = next(term.source for term in candidates if term.name == name)
        found[text] = Term(name, personal, source, others)
    return found


def names(headers: list[str], known: dict[str, Term]) -> list[Name]:
    """A name for each header: lower-case letters, digits and `_`, each once, no word that SQL reserves.

    Args: headers: as in the file. known: of `terms`. Returns: one Name per header, in order.
    """
    reserved = _reserved()
    taken: Counter[str] = Counter()
    result = []
    for position, header in enumerate(headers, start=1):
        proposed = _name(header, position, known)
        name = proposed.name[:LONGEST_NAME].strip("_") or f"column_{position}"
        if name in reserved:
            name = f"{name}_value"
        if not name[0].isalpha():
            name = f"c_{name}"
        taken[name] += 1
        if taken[name] > 1:
            name = f"{name}_{taken[name]}"
        result.append(Name(name, proposed.why, proposed.is_certain))
    return result


def _name(header: str, position: int, known: dict[str, Term]) -> Name:
    if LINE_NUMBER.fullmatch(header.strip()):
        return Name("line_no", "counts the rows", True)
    term = known.get(normalised_header(header))
    if term and not (term.others and header.isascii()):
        also = f"; elsewhere {', '.join(term.others)}" if term.others else ""
        return Name(term.name, f"as in {term.source}{also}", not term.others)
    if numbered := NUMBERED_QUESTION.match(header):
        return Name(f"q{numbered.group(1)}", "number of the question", True)
    if SENTENCE.search(header):
        return Name(f"column_{position}", "the header is a sentence: give it a name", False)
    parts = re.split(r"[/.^]+", header)
    if len(parts) > 1:
        # What one source calls its `id` or `type` is no name for that of another's `activity.id`.
        inside = [_name(part, position, {} if part.isascii() else known) for part in parts if part.strip()]
        return Name("_".join(part.name for part in inside), "category and name", all(part.is_certain for part in inside))
    if header.isascii():
        return Name(_snake(header), "the header", True)
    text = normalised_header(header)
    words = _words(text, known)
    if words:
        return Name("_".join(words), "put together from declared terms", False)
    return Name(_snake(unidecode(unicodedata.normalize("NFKC", header))), "transliterated", False)


def _words(text: str, known: dict[str, Term]) -> list[str]:
    """The names of the terms that a header is put together from, longest first; none when a part of it is unknown."""
    words = []
    while text:
        piece = next((text[:length] for length in range(len(text), 1, -1) if text[:length] in known), None)
        if piece is None:
            return []
        words.append(known[piece].name)
        text = text[len(piece) :]
    return words


def _snake(text: str) -> str:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _reserved() -> set[str]:
    connection = duckdb.connect()
    return {
        word
        for (word,) in connection.execute(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    }
