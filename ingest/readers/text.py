"""Text as it comes: finds the encoding of a file and gives its text in UTF-8, with one kind of line end."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from ingest.content import marked_encoding
from ingest.readers.parsed import FileRejected
from ingest.warehouse import scratch

CHUNK = 1 << 20
COPY = "copy.txt"
LONGEST_LINE = 8 << 20
LETTERS_TO_JUDGE = 100_000
LEAST_COMMON_SHARE = 0.9
MOST_NUL_SHARE = 0.1
# How many letters that are sound a text must have for each that is damaged.
LEAST_GOOD = 10
DAMAGE = "\udcff"


@dataclass(frozen=True)
class Text:
    """A text in UTF-8 at `path`. `encoding` is what was found. `is_sure`: all bytes were looked at; otherwise the first part was,
    and what reads the rest must tell what is no UTF-8."""

    path: Path
    encoding: str
    is_sure: bool = True


@contextmanager
def utf8(path: Path, declared: str, is_thorough: bool = True, are_lines_rows: bool = False) -> Iterator[Text]:
    """The same text in UTF-8. What is no plain UTF-8 is written again, in bounded memory.

    The encoding is, in this order: what the byte order mark says; UTF-8, when all bytes are; the declared one; GB18030, when the
    text reads as Chinese. A file that is UTF-8 but for a few damaged places counts as UTF-8: its reader tells in which rows. Where
    lines are rows, so does one in the declared encoding: the byte 0xff, which is no UTF-8, then stands where the damage is.

    Args: path: the landed bytes. declared: the encoding of the declaration. is_thorough: False looks at the first part only of a
    file that is declared UTF-8. are_lines_rows: what is damaged spoils its line, not the file. Yields: Text. Raises: FileRejected
    when the bytes are no text in any of these encodings.
    """
    with open(path, "rb") as landed:
        head = landed.read(CHUNK)
    marked = marked_encoding(head)
    is_utf8_so_far = marked in (None, "utf-8") and first_fault(iter([head]), "utf-8", is_whole=False) is None
    if is_utf8_so_far and "utf-8" in (marked, declared) and not is_thorough:
        yield Text(path, "utf-8", is_sure=False)
        return
    if not marked and (found := _readable_as_it_is(path, declared)):
        yield Text(path, found)
        return
    with scratch() as folder, open(folder / COPY, "wb") as copy:
        tried = [marked] if marked else list(_worth_trying(path, declared, head))
        for encoding in tried:
            copy.seek(0)
            copy.truncate()
            codec = "utf-8-sig" if encoding == "utf-8" else encoding
            if first_fault(_chunks(path), codec, lambda text: copy.write(text.encode("utf-8"))) is None:
                copy.flush()
                yield Text(Path(copy.name), encoding)
                return
        # Of UTF-16, the byte order that its zero bytes tell.
        likely = next((encoding for encoding in tried if encoding in (marked, declared) or encoding.startswith(declared)), None)
        if are_lines_rows and likely and _write_with_damage(path, likely, copy):
            copy.flush()
            yield Text(Path(copy.name), likely)
            return
    if "utf-8" in (marked, declared) and _is_damaged_utf8(path):
        yield Text(path, "utf-8")
        return
    raise FileRejected(_message(path, declared, marked, head))


def different(declared: str, found: str | None) -> str | None:
    """The encoding that was found, when it is another than declared; else None."""
    is_same = found is None or found == declared or (declared.startswith("utf-16") and found.startswith("utf-16"))
    return None if is_same else found


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def first_fault(
    chunks: Iterable[bytes], encoding: str, write: Callable[[str], object] = lambda text: None, is_whole: bool = True
) -> int | None:
    """The position of the first byte that is no text in an encoding; None when all are. `write` gets the text. `is_whole`: False
    when the last character may be cut off."""
    decoder, position = codecs.getincrementaldecoder(encoding)("strict"), 0
    try:
        for chunk in chunks:
            before = len(decoder.getstate()[0])
            write(decoder.decode(chunk))
            position += len(chunk)
        if is_whole:
            before = len(decoder.getstate()[0])
            write(decoder.decode(b"", True))
    except UnicodeDecodeError as error:
        return position - before + error.start
    return None


def _readable_as_it_is(path: Path, declared: str) -> str | None:
    """The encoding found of a file that is UTF-8, or ASCII, which is the same in the declared one; else None.

    Two-byte characters alone do not tell UTF-8 from GB18030, and UTF-16 without a mark is full of NUL bytes.
    """
    is_ascii, has_nul, highest = True, False, ""

    def look(text: str) -> None:
        nonlocal is_ascii, has_nul, highest
        has_nul = has_nul or "\0" in text
        if not text.isascii():
            is_ascii, highest = False, max(highest, max(text) if declared == "gb18030" else "\uffff")

    if first_fault(_chunks(path), "utf-8", look) is not None or (declared.startswith("utf-16") and has_nul):
        return None
    if is_ascii and not declared.startswith("utf-16"):
        return declared
    return None if declared == "gb18030" and highest < "\u0800" else "utf-8"


def _worth_trying(path: Path, declared: str, head: bytes) -> Iterator[str]:
    """The encodings of a file without a mark that is no UTF-8, the declared one first.

    Nearly all bytes decode as UTF-16: its line ends and delimiters have zero bytes, whose places tell the byte order.
    """
    zeros_first, zeros_second = head[::2].count(0), head[1::2].count(0)
    if declared.startswith("utf-16"):
        order = "utf-16-le" if zeros_second >= zeros_first else "utf-16-be"
        if (zeros_first or zeros_second) and declared in ("utf-16", order):
            yield order
    elif declared != "utf-8":
        yield declared
    if declared != "gb18030" and reads_as_chinese(_chunks(path)):
        yield "gb18030"


def _message(path: Path, declared: str, marked: str | None, head: bytes) -> str:
    """What to say of a file that is no text in any encoding tried."""
    told = f"expected text in {marked} as its byte order mark says" if marked else f"expected text in {declared} as declared"
    if not marked and head.count(0) > MOST_NUL_SHARE * len(head):
        return f"{told}, found what looks like UTF-16 without a byte order mark: declare encoding utf-16, or ask for UTF-8"
    position = first_fault(_chunks(path), marked or declared)
    place = f"the first in line {_line_of(path, position)} (byte {position})" if position is not None else "throughout"
    others = ", ".join(name for name in ("gb18030", "cp1252", "utf-16") if name != (marked or declared))
    return (
        f"{told}, found bytes that are not, {place}, and that are no UTF-8 or GB18030 either; if only that place is damaged, mend it "
        f"or ask for the file again; else declare the encoding that the producer uses ({others}), or ask for the file in UTF-8"
    )


def reads_as_chinese(chunks: Iterable[bytes], is_whole: bool = True) -> bool:
    """Whether bytes read as Chinese in GB18030: their characters are nearly all among the 6763 common ones. Western text in
    Windows-1252 decodes too, into rare ones. `is_whole`: False when the last character may be cut off."""
    letters: list[str] = []

    def collect(text: str) -> None:
        if len(letters) < LETTERS_TO_JUDGE:
            letters.extend(character for character in text if character > "\x7f")

    if first_fault(chunks, "gb18030", collect, is_whole) is not None:
        return False
    return _is_chinese("".join(letters))


def _is_common(character: str) -> bool:
    try:
        return len(character.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def _write_with_damage(path: Path, encoding: str, copy: IO[bytes]) -> bool:
    """Write a text in UTF-8 that has a few damaged places, 0xff in each of them. Returns whether it is safe to read it so.

    It is where a line end cannot be part of another character, so that damage ends with its line, and where the rest is nearly all
    what such a text holds: else it may be in another encoding, and would be read wrongly without a word.
    """
    if encoding not in DAMAGE_ENDS_WITH_ITS_LINE:
        return False
    copy.seek(0)
    copy.truncate()
    decoder, letters, good, bad = codecs.getincrementaldecoder(encoding)("damage"), [], 0, 0
    try:
        for chunk in chain(_chunks(path), [None]):
            text = decoder.decode(b"", True) if chunk is None else decoder.decode(chunk)
            damaged = text.count(DAMAGE)
            bad += damaged
            good += (len(text) if encoding.startswith("utf-16") else sum(character > "\x7f" for character in text)) - damaged
            if len(letters) < LETTERS_TO_JUDGE:
                letters += [character for character in text if character != DAMAGE]
            copy.write(text.removeprefix("\ufeff").encode("utf-8", "surrogateescape"))
    except UnicodeDecodeError:
        return False
    return good > LEAST_GOOD * bad and DAMAGE_ENDS_WITH_ITS_LINE[encoding]("".join(letters))


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    """Handles what is no text: the sign of damage in its place. A UTF-16 text of half a character was cut off, or has lost a byte,
    and all that follows would be read wrongly."""
    if error.encoding.startswith("utf-16") and error.end - error.start < 2:
        raise error
    return DAMAGE, error.end


def _is_chinese(text: str) -> bool:
    letters = [character for character in text if character > "\x7f"]
    return bool(letters) and sum(map(_is_common, letters)) >= LEAST_COMMON_SHARE * len(letters)


def _is_western(text: str) -> bool:
    """Whether letters beyond ASCII stand alone, as accented ones do: those of a Chinese text come in pairs."""
    runs = re.findall(r"[^\x00-\x7f]+", text)
    return sum(len(run) == 1 for run in runs) >= LEAST_COMMON_SHARE * len(runs)


codecs.register_error("damage", _mark_damage)
DAMAGE_ENDS_WITH_ITS_LINE: dict[str, Callable[[str], bool]] = {
    "gb18030": _is_chinese, "cp1252": _is_western, **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), lambda text: "\n" in text),
}  # fmt: skip


def _is_damaged_utf8(path: Path) -> bool:
    """Whether most of what is not ASCII is UTF-8 nevertheless."""
    decoder, good, bad = codecs.getincrementaldecoder("utf-8")("replace"), 0, 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        damaged = text.count("\ufffd")
        bad += damaged
        good += 0 if text.isascii() else sum(character > "\x7f" for character in text) - damaged
    return good > LEAST_GOOD * bad


def _line_of(path: Path, position: int) -> int:
    """The number of the line that a byte is in."""
    line, before = 1, 0
    for chunk in _chunks(path):
        line += chunk[: max(0, position - before)].count(b"\n")
        before += len(chunk)
    return line


@contextmanager
def regular(path: Path, are_lines_wrapped: bool = False, longest_line: int = LONGEST_LINE) -> Iterator[Path]:
    """The same UTF-8 text with one kind of line end and without NUL bytes, which become the sign for an unknown character.

    Only what needs it is written again. A line break inside of quotes stays one.
    Args: are_lines_wrapped: every line stands in quotes as a whole; they are taken off. longest_line: in bytes.
    Raises: FileRejected when a line is longer than any row can be, or half of the text is NUL bytes.
    """
    carriage_returns = pairs = nul = size = 0
    line_length, last = 0, b""
    for chunk in _chunks(path):
        if b"\r" in chunk or last == b"\r":
            carriage_returns += chunk.count(b"\r")
            pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
        # To look for a byte is ten times as fast as to count it.
        if b"\0" in chunk:
            nul += chunk.count(b"\0")
        size += len(chunk)
        last = chunk[-1:]
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        line_length = line_length + len(chunk) if end < 0 else len(chunk) - end
        if line_length > longest_line:
            raise FileRejected(
                f"expected lines of at most {longest_line >> 20} MB, found a longer one after line "
                f"{max(_line_of(path, size) - 1, carriage_returns)}; its line ends are missing or it is no text: ask for the "
                "file again"
            )
    if nul > MOST_NUL_SHARE * path.stat().st_size:
        raise FileRejected(
            f"expected text, found {nul} NUL bytes; if the file is UTF-16 without a byte order mark, declare encoding utf-16, "
            "otherwise ask for it again: it was not written completely"
        )
    is_irregular = carriage_returns > 0 and not carriage_returns == pairs == _line_of(path, size) - 1
    if not (is_irregular or nul or are_lines_wrapped):
        yield path
        return
    with scratch() as folder, open(folder / COPY, "wb") as copy:
        _write_regular(path, copy, are_lines_wrapped)
        copy.flush()
        yield Path(copy.name)


def _write_regular(path: Path, copy: IO[bytes], are_lines_wrapped: bool) -> None:
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline=None) as file:
        while text := file.readline(CHUNK) if are_lines_wrapped else file.read(CHUNK):
            if are_lines_wrapped:
                line = text.rstrip("\n")
                if len(line) > 1 and line[0] == line[-1] == '"':
                    text = line[1:-1].replace('""', '"') + "\n"
            copy.write(text.replace("\0", "\ufffd").encode("utf-8", "surrogateescape"))
