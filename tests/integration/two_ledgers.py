"""A project of two sources, with a table of each kind of what `table_if_changed` has to tell apart, and builds of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from expectations.gate import gate_raw
from ingest import build as builds
from ingest.landing import land
from ingest.load import load
from ingest.settings import settings
from tests.conftest import SECRET, rows_of
from tests.declaring import write_declaration
from tests.unit.ledger_project import COLUMNS, Ledger

HEADER = "编号,人数,日期,主题"
MONTHS = {
    "int_entry": """
        select entry_no, people, date_trunc('month', day)::date as month, coalesce(label, topic) as topic
        from {{ ref('stg_ledger__activity') }} left join {{ ref('topic_label') }} using (topic)""",
    "int_month": "select month, sum(people)::bigint as people from {{ ref('int_entry') }} group by month",
    "int_month_shown": "{{ config(materialized='view') }} select * from {{ ref('int_month') }} where people > 0",
    "int_diary": "select entry_no, people from {{ ref('stg_diary__activity') }}",
}
KPIS = {
    "kpi_month": """
        select *, if(people > (select max(most) from {{ ref('month_limit') }}), error('too many people'), null) as is_too_many
        from {{ ref('int_month_shown') }}""",
    "kpi_both": """
        select 'ledger' as source, sum(people) as people from {{ ref('kpi_month') }}
        union all
        select 'diary', sum(people) from {{ ref('int_diary') }}""",
}
LARGEST = '''
def model(dbt, session):
    dbt.config(materialized="table_if_changed")
    months = dbt.ref("int_month_shown")
    return months.aggregate("max(people) as people")
'''
OF_LEDGER = {"int_entry", "int_month", "kpi_month", "kpi_largest", "kpi_both"}
BEHIND_MONTHS = {"kpi_month", "kpi_largest", "kpi_both"}
TABLES = OF_LEDGER | {"int_diary"}


class TwoLedgers(Ledger):
    """The project of `ledger`, whose rows are added to each other, beside `diary`, where the latest row of a key counts."""

    def __init__(self, folder: Path, drop: Path) -> None:
        super().__init__(folder, drop)
        self.models, self.seeds = folder / "dbt_project" / "models", folder / "dbt_project" / "seeds"
        for source, delivery in (("ledger", {"mode": "append"}), ("diary", {"mode": "upsert", "key": ["entry_no"]})):
            (drop / source).mkdir(exist_ok=True)
            said = {
                "delivery": delivery, "max_quarantined_rows": 0, "as_of_pattern": r"_(\d{4}-\d{2})",
                "connector": {"type": "drop_folder", "root": "drop", "pattern": f"{source}/*"},
            }  # fmt: skip
            write_declaration(self.models / "staging", source, said, COLUMNS)
        rows = "{{{{ config(materialized='view') }}}} select entry_no, people, day, topic from {{{{ delivered_rows('{}') }}}}"
        self.stage(rows.format("ledger"))
        # `stage` makes tables of what it is given; the project itself has views there.
        self.model("staging/ledger/stg_ledger__activity", rows.format("ledger"))
        self.model("staging/diary/stg_diary__activity", rows.format("diary"))
        for name, sql in MONTHS.items():
            self.model(f"intermediate/{name}", sql)
        for name, sql in KPIS.items():
            self.model(f"kpis/{name}", sql)
        self.model("kpis/kpi_largest", LARGEST, "py")
        self.fill("topic_label", "topic,label", "会,meeting")
        self.fill("month_limit", "most", "1000")

    def model(self, name: str, text: str, ending: str = "sql") -> None:
        """Write a model, by its folder and name."""
        path = self.models / f"{name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def say(self, model: str, **said: object) -> None:
        """Write the YAML of a model, by its folder and name."""
        path = self.models / f"{model}.yml"
        path.write_text(yaml.safe_dump({"version": 2, "models": [{"name": Path(model).name, **said}]}), encoding="utf-8")

    def fill(self, seed: str, *lines: str) -> None:
        """Write a seed."""
        (self.seeds / f"{seed}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def deliver(self, source: str, name: str, *rows: str) -> None:
        """Let a file be all that lies in the drop folder of a source; then land, load and gate it."""
        folder = self.drop.parent / source
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / name).write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        land(source)
        load(source)
        gate_raw(source, "test")

    def build(self, select: str | None = None, **options: object) -> set[str]:
        """Build. Returns: the tables that were made again."""
        builds.build("test", select, echo=lambda line: None, **options)
        return made_again()

    def forget(self) -> None:
        """Begin with an empty warehouse."""
        for folder in (settings().database.parent, settings().home / "landing"):
            shutil.rmtree(folder, ignore_errors=True)


def use_installation(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let home, drop folder and project be those below a folder, and dbt run in this process."""
    patch.setenv("GMW_HOME", str(folder / "home"))
    patch.setenv("GMW_DROP_FOLDER", str(folder / "drop"))
    patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
    patch.delenv("GMW_DBT_VARS", raising=False)
    patch.setattr("ingest.settings.__file__", str(folder / "project" / "ingest" / "settings.py"))
    patch.setattr(builds, "run_beside", in_this_process)


def begin_again(first: Path, patch: pytest.MonkeyPatch) -> Path:
    """Let what was kept in `first` be used, in the same place each time, so that dbt need not read the project anew. Returns: there."""
    used = first / "used"
    shutil.rmtree(used)
    shutil.copytree(first / "kept", used)
    use_installation(used, patch)
    return used


def in_this_process(command: list[str], environment: dict[str, str], held: IO[str], echo: Callable[[str], None]) -> int:
    """Run dbt without a process of its own: importing it takes longer than such a build. As `ingest.build.run_beside`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(settings().dbt_project)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            result = dbtRunner().invoke(["--quiet", *command[1:]])
        finally:
            # It would keep the database open.
            DuckDBConnectionManager.close_all_connections()
    if result.exception:
        raise result.exception
    return 0 if result.success else 1


def made_again() -> set[str]:
    """The tables that dbt has made again, by its own results."""
    results = json.loads((settings().dbt_target / builds.RUN_RESULTS).read_text(encoding="utf-8"))["results"]
    named = {result["unique_id"].split(".")[-1]: result for result in results}
    return {name for name in TABLES & named.keys() if named[name]["status"] == "success" and named[name]["message"] != "UNCHANGED"}


def contents() -> dict[str, list[tuple]]:
    """All that is in the tables: columns with their types, and rows in an order of their own."""
    found = {}
    tables = "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('intermediate', 'kpis')"
    for (table,) in rows_of(tables):
        columns = rows_of(f"select column_name, column_type from (describe {table})")
        found[table] = [*columns, *rows_of(f"from {table} order by all")]
    assert len(found) >= len(TABLES)
    return found
