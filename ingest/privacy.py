"""Personal identifiers become keyed hashes inside DuckDB, before anything is stored."""

from __future__ import annotations

import hashlib

import duckdb

from ingest.settings import person_key_secret

BLOCK_BYTES = 64
# RE2, for DuckDB: no lookaround, so the characters around a number are groups of their own.
DIGIT = "[0-9０-９]"
PHONE = rf"(^|[^0-9０-９])((?:[+＋]?(?:86|８６)[- ]?)?[1１][3-9３-９]{DIGIT}[- ]?{DIGIT}{{4}}[- ]?{DIGIT}{{4}})($|[^0-9０-９])"
ID_NUMBER = rf"(^|[^0-9０-９])([1-9１-９]{DIGIT}{{16}}[0-9０-９XxＸｘ])($|[^0-9０-９XxＸｘ])"
IP_ADDRESS = r"(^|[^0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})($|[^0-9.]|\.(?:$|[^0-9]))"


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros `person_key(kind, identifier)` and `mask_personal(text)` known to a connection.

    `person_key` is HMAC-SHA-256 (RFC 2104) of `kind:identifier` in hex, computed by DuckDB from the two padded keys; a blank
    identifier gives NULL. Spaces and hyphens do not count, full-width digits count as digits.
    Raises: RuntimeError when GMW_PERSON_KEY_SECRET is missing or too short.
    """
    key = person_key_secret()
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key.ljust(BLOCK_BYTES, b"\0")
    connection.execute("create or replace temp table hmac_key (inner_pad blob, outer_pad blob)")
    connection.execute(
        "insert into hmac_key values (?, ?)", [bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)]
    )
    connection.execute(
        """
        create or replace temp macro normalised_identifier(identifier) as
            nullif(lower(regexp_replace(translate(nfc_normalize(identifier), '０１２３４５６７８９', '0123456789'),
                '[\\s\\-' || chr(160) || chr(12288) || ']+', '', 'g')), '');
        create or replace temp macro person_key(kind, identifier) as (
            select sha256(outer_pad || unhex(sha256(inner_pad || encode(kind || ':' || normalised_identifier(identifier)))))
            from hmac_key);
        """
    )
    connection.execute(
        f"""
        create or replace temp macro mask_once(words) as
            regexp_replace(regexp_replace(regexp_replace(words,
                '{ID_NUMBER}', '\\1[id number]\\3', 'g'), '{PHONE}', '\\1[phone]\\3', 'g'), '{IP_ADDRESS}', '\\1[ip]\\3', 'g');
        -- Twice: of two numbers parted by one character, the first takes that character with it.
        create or replace temp macro mask_personal(words) as mask_once(mask_once(words));
        """
    )
