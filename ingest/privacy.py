"""Personal identifiers become keyed hashes inside DuckDB, before anything is stored."""

from __future__ import annotations

import hashlib

import duckdb

from ingest.settings import person_key_secret

BLOCK_BYTES = 64
PHONE = r"(^|[^0-9])(1[3-9][0-9]{9})($|[^0-9])"
ID_NUMBER = r"(^|[^0-9])([1-9][0-9]{16}[0-9Xx])($|[^0-9Xx])"
IP_ADDRESS = r"(^|[^0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})($|[^0-9.])"


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
        create or replace temp macro mask_personal(words) as
            regexp_replace(regexp_replace(regexp_replace(words,
                '{PHONE}', '\\1[phone]\\3', 'g'), '{ID_NUMBER}', '\\1[id number]\\3', 'g'), '{IP_ADDRESS}', '\\1[ip]\\3', 'g');
        """
    )
