"""Personal identifiers become keyed hashes, and ages bands, inside DuckDB, before anything is stored."""

from __future__ import annotations

import hashlib
import hmac

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.settings import PERSON_KEY_SECRET, person_key_secret

BLOCK_BYTES = 64
KEYED = ("person", "household")
AGE_BANDS = ("0-17", "18-44", "45-59", "60+", "unknown")
# RE2, for DuckDB: no lookaround, so the characters around a number are groups of their own.
DIGIT = "[0-9０-９]"
PHONE = rf"(^|[^0-9０-９])((?:[+＋]?(?:86|８６)[- ]?)?[1１][3-9３-９]{DIGIT}[- ]?{DIGIT}{{4}}[- ]?{DIGIT}{{4}})($|[^0-9０-９])"
ID_NUMBER = rf"(^|[^0-9０-９])([1-9１-９]{DIGIT}{{16}}[0-9０-９XxＸｘ])($|[^0-9０-９XxＸｘ])"
IP_ADDRESS = r"(^|[^0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})($|[^0-9.]|\.(?:$|[^0-9]))"


class OtherKeys(RuntimeError):
    """The warehouse holds keys of another secret: the same person would get two; the message says what to do."""


def key_version() -> str:
    """What the keys of the current secret begin with: 8 hexadecimal digits that say nothing about the secret.

    Raises: SecretMissing as `install`.
    """
    return hmac.new(person_key_secret(), b"version of the person keys", hashlib.sha256).hexdigest()[:8]


def rows_with_other_keys(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> dict[str, int]:
    """Batches of a source that hold keys of another secret than the current one, with the number of such rows.

    Raises: SecretMissing as `install`.
    """
    keyed = [column.name for column in source.columns if column.personal in KEYED]
    if not keyed:
        return {}
    try:
        stored = {name for (name, *_) in connection.execute(f"describe raw.{source.name}").fetchall()}
    except duckdb.CatalogException:  # nothing is loaded yet; duckdb_columns(), which would say so, binds every view of `ops`
        return {}
    hits = [f"not starts_with(\"{name}\", '{key_version()}:')" for name in keyed if name in stored]
    if not hits:
        return {}
    return dict(connection.execute(
        f"select _batch_id, count(*) from raw.{source.name} where {' or '.join(hits)} group by all order by all").fetchall())


def refuse_other_keys(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> None:
    """Raises: OtherKeys when rows of the source have keys of another secret than the current one."""
    if found := rows_with_other_keys(connection, source):
        raise OtherKeys(
            f"{source.name}: expected keys of the current {PERSON_KEY_SECRET} (they begin with {key_version()}), found "
            f"{sum(found.values())} rows in {len(found)} batches with keys of another one. Set the secret that they were made "
            "with, or give all rows new keys: `gmw rotate-key` shows what that means, docs/runbooks/key_rotation.md the way."
        )


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros `person_key(kind, identifier)`, `age_band(age)`, `birth_date_band(birth_date, day)` and
    `mask_personal(text)` known to a connection.

    `person_key` is the version of the secret, a colon, and HMAC-SHA-256 (RFC 2104) of `kind:identifier` in hex, computed by
    DuckDB from the two padded keys; a blank identifier gives NULL. Spaces and hyphens do not count, full-width digits count as
    digits. The bands are those of AGE_BANDS: blank gives NULL, what is not an age gives `unknown`.
    Raises: SecretMissing when GMW_PERSON_KEY_SECRET is missing or too short.
    """
    key = person_key_secret()
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key.ljust(BLOCK_BYTES, b"\0")
    # Variables, not a table: a subquery in the macro would keep all rows of a file in memory.
    connection.execute(
        "set variable hmac_key = struct_pack(version := $1, inner_pad := $2::blob, outer_pad := $3::blob)",
        [key_version(), bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)],
    ).complete()
    connection.execute(
        """
        -- translate() is slow: where there is nothing to translate, it is not asked.
        create or replace temp macro plain_digits(words) as
            if(regexp_matches(words, '[０-９]'), translate(words, '０１２３４５６７８９', '0123456789'), words);
        create or replace temp macro normalised_identifier(identifier) as
            nullif(lower(regexp_replace(plain_digits(nfc_normalize(identifier)),
                '[\\s\\-' || chr(160) || chr(12288) || ']+', '', 'g')), '');
        create or replace temp macro person_key(kind, identifier) as
            getvariable('hmac_key').version || ':' || sha256(getvariable('hmac_key').outer_pad || unhex(sha256(
                getvariable('hmac_key').inner_pad || encode(kind || ':' || normalised_identifier(identifier)))));
        """
    )
    connection.execute(
        """
        create or replace temp macro band_of_years(years) as case
            when years between 0 and 17 then '0-17' when years between 18 and 44 then '18-44'
            when years between 45 and 59 then '45-59' when years between 60 and 130 then '60+' else 'unknown' end;
        create or replace temp macro age_band(age) as case
            when coalesce(trim(age), '') = '' then null
            else band_of_years(try_cast(regexp_extract(
                plain_digits(trim(age)), '^[^0-9-]*([0-9]{1,3})([^0-9.]|[.]|$)', 1) as integer)) end;
        -- Of a birthday that only says the year, the middle of the year.
        create or replace temp macro birth_day(words) as coalesce(
            try_strptime(regexp_replace(words, '^([0-9]{4})[^0-9]?([0-9]{1,2})[^0-9]([0-9]{1,2}).*$', '\\1-\\2-\\3'), '%Y-%m-%d'),
            try_strptime(regexp_extract(words, '^[0-9]{8}$'), '%Y%m%d'),
            try_strptime(regexp_extract(words, '^([0-9]{4})([^0-9]|$)', 1) || '-07-01', '%Y-%m-%d'))::date;
        create or replace temp macro years_on(born, day) as case when born <= day then
            year(day) - year(born) - (strftime(day, '%m%d') < strftime(born, '%m%d'))::integer end;
        create or replace temp macro birth_date_band(birth_date, day) as case
            when coalesce(trim(birth_date), '') = '' then null
            else band_of_years(years_on(birth_day(plain_digits(trim(birth_date))), day::date)) end;
        """
    )
    connection.execute(
        f"""
        create or replace temp macro mask_once(words) as
            regexp_replace(regexp_replace(regexp_replace(words,
                '{ID_NUMBER}', '\\1[id number]\\3', 'g'), '{PHONE}', '\\1[phone]\\3', 'g'), '{IP_ADDRESS}', '\\1[ip]\\3', 'g');
        -- Twice: of two numbers parted by one character, the first takes that character with it. Every number that names somebody
        -- has a digit before a digit or a point; text without is left as it is.
        create or replace temp macro mask_personal(words) as
            if(regexp_matches(words, '{DIGIT}[0-9０-９.]'), mask_once(mask_once(words)), words);
        """
    )
