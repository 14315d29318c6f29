"""Many declared sources for a scheduler to run: small files in a drop folder, and a checkout of the product that declares them.

Each source has one file of RECORDS records, one row whose date is none (it goes to quarantine) and a row of totals (it is skipped).
Two columns name people, one is free text with a telephone number in it. The same seed gives the same files.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

from bench.load import PROJECT
from bench.product import PACKAGES

SEED = 300
RECORDS = 10
FAMILIES = ("activity", "survey", "funding", "reference")
# None of them so often that a second run would come up while the first ones are waited for, except on their own hour.
SCHEDULES = (
    "@daily", "0 2 * * *", "30 4 * * *", "15 6,18 * * *", "0 5 * * 1", "45 3 * * 1-5", "0 1 1 * *", "20 0 1,15 * *",
    "0 3 5 1,4,7,10 *", "@monthly", "@weekly", "10 7 31 12 *",
)  # fmt: skip
TOTAL = "合计"
SURNAMES, GIVEN_NAMES = "王李张刘陈杨赵黄周吴", "伟芳娜敏静强磊洋艳勇杰娟涛明超秀霞平刚桂"

# Name, header and what is declared of it, as the product's own sources have them.
COLUMNS = (
    ("record_no", "编号", {"not_null": True, "unique": True, "severity": "critical"}),
    ("place_code", "社区", {"not_null": True}),
    ("happened_on", "日期", {"type": "date"}),
    ("kind", "类别", {"values": ["讲座", "义诊", "培训", "茶话会"]}),
    ("person", "姓名", {"personal": "person"}),
    ("phone", "手机号", {"personal": "drop"}),
    ("age", "年龄", {"personal": "age"}),
    ("hours", "时长", {"type": "decimal(8,2)"}),
    ("headcount", "人数", {"type": "bigint"}),
    ("remark", "备注", {"free_text": True}),
)


def name_of(number: int) -> str:
    """The name of a source by its number, from 0."""
    return f"scale_{number:03}"


def assemble(checkout: Path, count: int) -> None:
    """Make a checkout of the product that declares these sources and no others. Args: checkout: a new folder. count: of sources."""
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs", "staging")
    for folder in (*PACKAGES, "dags", "dbt_project"):
        shutil.copytree(PROJECT / folder, checkout / folder, ignore=ignored)
    declare(checkout / "dbt_project" / "models" / "staging", count)


def declare(staging: Path, count: int) -> None:
    """Write a declaration for each source, in a folder of its own."""
    for number in range(count):
        path = staging / name_of(number) / f"_{name_of(number)}__sources.yml"
        path.parent.mkdir(parents=True)
        text = yaml.safe_dump(_declaration(number), allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")


def deliver(drop: Path, count: int, seed: int = SEED) -> None:
    """Write the file of each source below the drop folder."""
    for number in range(count):
        path = drop / name_of(number) / "台账_2026-10.csv"
        path.parent.mkdir(parents=True)
        lines = [",".join(cells) for cells in _cells(number, random.Random(f"{seed}/{number}"))]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _declaration(number: int) -> dict:
    name, family = name_of(number), FAMILIES[number % len(FAMILIES)]
    told = {
        "family": family, "title": f"第{number}号台账", "owner": "benchmark", "producer": "bench/airflow_sources.py",
        "licence": "internal", "connector": {"type": "drop_folder", "root": "drop", "pattern": f"{name}/*.csv"},
        "format": {"type": "csv"}, "schedule": SCHEDULES[number % len(SCHEDULES)], "time_zone": "Asia/Shanghai",
        "delivery": {"mode": "append"}, "as_of_pattern": r"_(\d{4}-\d{2})", "skip": [{"column": "record_no", "values": [TOTAL]}],
    }  # fmt: skip
    columns = [
        {
            "name": column,
            "description": f"{header} of a record in the ledger of source {number}",
            "config": {"meta": {"ingest": {"header": [header], **what}}},
        }
        for column, header, what in COLUMNS
    ]
    table = {
        "name": name, "description": f"One row per record of ledger {number}.", "config": {"meta": {"ingest": told}},
        "columns": columns,
    }  # fmt: skip
    return {"version": 2, "sources": [{"name": name, "schema": "raw", "tables": [table]}]}


def _cells(number: int, draw: random.Random) -> Iterable[list[str]]:
    yield [header for _, header, _ in COLUMNS]
    for record in range(RECORDS + 1):
        phone = f"138{draw.randrange(10**8):08}"
        yield [
            f"{number:03}-{record:02}", f"C{draw.randrange(200):03}",
            f"2026-10-{draw.randrange(1, 32):02}" if record < RECORDS else "十月某日",
            draw.choice(COLUMNS[3][2]["values"]), draw.choice(SURNAMES) + draw.choice(GIVEN_NAMES), phone,
            str(draw.randrange(18, 90)), f"{draw.randrange(1, 17) / 2}", str(draw.randrange(1, 60)),
            f"联系电话{phone}" if record % 3 == 0 else "无",
        ]  # fmt: skip
    yield [TOTAL, *[""] * 7, "1", ""]
