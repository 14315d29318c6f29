"""Where things are: every path and switch that comes from the environment, read in one place."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from ingest.durable import fsync

PERSON_KEY_SECRET = "GMW_PERSON_KEY_SECRET"
MEMORY_SIZE = re.compile(r"[1-9][0-9]*(\.[0-9]+)? ?(MB|GB|MiB|GiB)\Z")
# Backups that are kept: of the last 24 hours all, then the last of each day, then the last of each week.
DAILY_BACKUPS, WEEKLY_BACKUPS = 7, 5
# More would need more memory each, and sources are loaded side by side.
MOST_THREADS = 4
GATE_HISTORY_DAYS = 400
# Each takes memory of its own, up to the limit of a process.
PARALLEL_LOADS = 2


class SecretMissing(RuntimeError):
    """There is no secret of the person keys, or it is too short; the message says where it comes from."""


@dataclass(frozen=True)
class Settings:
    """Paths of one installation. `examples` is None unless GMW_EXAMPLES_FOLDER is set. `daily_backups`, `weekly_backups`: for how
    many days and weeks a backup is kept."""

    project: Path
    home: Path
    drop: Path
    backups: Path
    daily_backups: int
    weekly_backups: int
    examples: Path | None
    dbt_vars: dict[str, object]
    memory_limit: str
    threads: int
    parallel_loads: int
    keep_versions: int
    keep_hours: float
    gate_history_days: int

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def database(self) -> Path:
        return self.home / "warehouse" / "gmw_build.duckdb"

    @property
    def lock(self) -> Path:
        return self.home / "warehouse" / "writer.lock"

    @property
    def memory_limit_bytes(self) -> float:
        """The memory limit in bytes."""
        number, unit = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]+)", self.memory_limit).groups()
        return float(number) * (1024 if "i" in unit.lower() else 1000) ** " KMGT".index(unit[0].upper().replace("B", " "))

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def exports(self) -> Path:
        return self.home / "exports"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def dbt_project(self) -> Path:
        return self.project / "dbt_project"

    @property
    def dbt_target(self) -> Path:
        return self.home / "dbt"


def settings() -> Settings:
    """Read the settings from the environment, at each call.

    Environment: GMW_HOME (state; default <project>/var), GMW_DROP_FOLDER (where files arrive; default
    $GMW_HOME/drop), GMW_EXAMPLES_FOLDER (folder of the public example data sets), GMW_DBT_VARS (dbt variables as
    YAML, e.g. `{example_sources: true}`, over those of dbt_project.yml), GMW_MEMORY_LIMIT (what DuckDB may take in one process,
    e.g. `500MB`; default 1500MB, and 80 % of the machine's for a build), GMW_THREADS (threads of DuckDB in one process; default:
    the cores, at most 4), GMW_PARALLEL_LOADS (how many tasks of Airflow read files at a time; default 2), GMW_KEEP_VERSIONS (how
    many published versions and exports are kept at least; default 12), GMW_KEEP_HOURS (how long a version is kept after it
    was current; default 24), GMW_BACKUP_FOLDER (default $GMW_HOME/backups), GMW_BACKUP_DAILY and GMW_BACKUP_WEEKLY (for how many
    days, 7, and weeks, 5, a backup is kept), GMW_GATE_HISTORY_DAYS (how long results of the gates are kept that count no longer;
    default 400).

    Returns: Settings. Raises: ValueError when GMW_DBT_VARS is not a YAML mapping, or a limit or number is none.
    """
    project = Path(__file__).resolve().parents[1]
    home = Path(os.environ.get("GMW_HOME") or project / "var").expanduser().resolve()
    examples = os.environ.get("GMW_EXAMPLES_FOLDER")
    return Settings(
        project=project,
        home=home,
        drop=Path(os.environ.get("GMW_DROP_FOLDER") or home / "drop").expanduser().resolve(),
        backups=Path(os.environ.get("GMW_BACKUP_FOLDER") or home / "backups").expanduser().resolve(),
        daily_backups=_number("GMW_BACKUP_DAILY", DAILY_BACKUPS, "of days"),
        weekly_backups=_number("GMW_BACKUP_WEEKLY", WEEKLY_BACKUPS, "of weeks"),
        examples=Path(examples).expanduser().resolve() if examples else None,
        dbt_vars=_dbt_vars(project),
        memory_limit=_memory_limit(),
        threads=_number("GMW_THREADS", min(os.cpu_count() or 1, MOST_THREADS), "of threads"),
        parallel_loads=_number("GMW_PARALLEL_LOADS", PARALLEL_LOADS, "of loads"),
        keep_versions=_number("GMW_KEEP_VERSIONS", 12, "of versions", least=2),  # with fewer there is no way back
        keep_hours=_keep_hours(),
        gate_history_days=_number("GMW_GATE_HISTORY_DAYS", GATE_HISTORY_DAYS, "of days"),
    )


def _memory_limit() -> str:
    value = os.environ.get("GMW_MEMORY_LIMIT") or "1500MB"
    if not MEMORY_SIZE.match(value):
        raise ValueError(f"GMW_MEMORY_LIMIT: expected a size such as 800MB or 4GB, found {value!r}")
    return value


def _number(name: str, default: int, of_what: str, least: int = 1) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or int(value) < least:
        raise ValueError(f"{name}: expected a number {of_what}, from {least}, found {value!r}")
    return int(value)


def _keep_hours() -> float:
    value = os.environ.get("GMW_KEEP_HOURS") or "24"
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        raise ValueError(f"GMW_KEEP_HOURS: expected a number of hours such as 24 or 0.5, found {value!r}")
    return float(value)


def _dbt_vars(project: Path) -> dict[str, object]:
    override = yaml.safe_load(os.environ.get("GMW_DBT_VARS") or "{}")
    if not isinstance(override, dict):
        raise ValueError(f"GMW_DBT_VARS: expected a YAML mapping such as {{example_sources: true}}, found {override!r}")
    return {**_declared_vars(project), **override}


@cache
def _declared_vars(project: Path) -> dict[str, object]:
    """The variables of dbt_project.yml: settings are read many times for each file."""
    return yaml.safe_load((project / "dbt_project" / "dbt_project.yml").read_text())["vars"]


def secret_file() -> Path:
    """Where an installation on one's own machine keeps GMW_PERSON_KEY_SECRET: $GMW_HOME/secrets, for its owner only."""
    return settings().home / "secrets" / PERSON_KEY_SECRET


def person_key_secret() -> bytes:
    """The key of the person and household hashes: GMW_PERSON_KEY_SECRET, else the file that `gmw secret create` made.

    Raises: SecretMissing when there is neither or it is shorter than 32 characters: without it personal data cannot be loaded.
    """
    value = os.environ.get(PERSON_KEY_SECRET) or (secret_file().read_text().strip() if secret_file().is_file() else "")
    if len(value) < 32:
        raise SecretMissing(
            f"{PERSON_KEY_SECRET}: expected at least 32 characters, found {len(value)}. Personal identifiers are stored "
            "as keyed hashes only. On a server set it from your secret store (a new one: `openssl rand -hex 32`); on your own "
            "machine `gmw secret create` makes one. Keep it: another secret gives other keys (docs/runbooks/key_rotation.md)."
        )
    return value.encode()


def create_secret() -> Path:
    """Make a secret for use on one's own machine, in `secret_file`, readable by its owner only.

    Returns: the path. Raises: FileExistsError when there is one: it is never replaced, the keys in the warehouse need it.
    """
    path = secret_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as whole:
        whole.write(secrets.token_hex(32))
        whole.flush()
        os.fsync(whole.fileno())
        os.link(whole.name, path)  # whole or not at all, and never over another one
    fsync(path.parent)
    return path
