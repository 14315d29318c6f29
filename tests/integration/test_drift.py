"""Columns that change from file to file: found in the first file that has the change, and treated as the source's policy says."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from expectations.gate import gate_raw
from ingest import declaration, drift, warehouse
from ingest.cli import app
from ingest.landing import land
from ingest.load import load

DECLARED = """
version: 2
sources:
  - name: ledger
    schema: raw
    tables:
      - name: ledger
        description: One row per matter.
        config:
          meta:
            ingest:
              {{family: activity, title: t, owner: o, producer: p, licence: l, schedule: "@daily", time_zone: Asia/Shanghai,
                connector: {{type: drop_folder, pattern: "ledger/*.csv"}}, delivery: {{mode: append}}, drift: {policy},
                max_quarantined_share: 0.5}}
        columns:
          - {{name: matter_no, config: {{meta: {{ingest: {{header: [编号, 诉求编号]}}}}}}}}
          - {{name: amount, config: {{meta: {{ingest: {{header: 金额, required: false}}}}}}}}
          - {{name: days, config: {{meta: {{ingest: {{header: 天数, type: integer, required: false}}}}}}}}
          - {{name: opened, config: {{meta: {{ingest: {{header: 日期, required: false}}}}}}}}
"""
USUAL = "编号,金额,天数,日期\n" + "".join(f"A{i:02d},{i}.5,{i},2026-03-{i:02d}\n" for i in range(1, 21))

CHANGED = {
    "added": (USUAL.replace("日期\n", "日期,备注\n").replace("-01\n", "-01,无\n").replace("\n", ",\n").replace("备注,\n", "备注\n").replace("无,\n", "无\n"),
              ("added", "备注", None, None, "备注")),
    "removed": ("编号,金额,日期\n" + "".join(f"A{i:02d},{i}.5,2026-03-{i:02d}\n" for i in range(1, 21)),
                ("removed", "天数", "days", "天数", None)),
    "renamed": (USUAL.replace("编号", "诉求编号", 1), ("renamed", "诉求编号", "matter_no", "编号", "诉求编号")),
    "numbers that became words": (USUAL.replace(".5,", ".5元,"), ("retyped", "金额", "amount", "decimal", "text")),
    "dates that became words": (USUAL.replace("2026-03-", "3月"), ("retyped", "日期", "opened", "date", "text")),
    "a typed column that fits no more": (
        "编号,金额,天数,日期\n" + "".join(f"A{i:02d},{i}.5,{i}{'天' if i > 15 else ''},2026-03-{i:02d}\n" for i in range(1, 21)),
        ("retyped", "天数", "days", "integer", "5 of 20 rows do not fit"),
    ),
}  # fmt: skip
FACT = {
    "added": "no_column_was_added", "removed": "no_column_was_removed", "renamed": "no_column_was_renamed",
    "retyped": "no_column_changed_its_kind",
}  # fmt: skip


@pytest.fixture
def arrive(drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """GIVEN a source with a policy. Returns a function that takes a file through land, load and gate, and returns (status,
    message)."""
    folder = tmp_path / "staging" / "ledger"
    folder.mkdir(parents=True)
    (drop / "ledger").mkdir()
    monkeypatch.setattr(declaration, "_files", lambda name="*": sorted((tmp_path / "staging").rglob(f"_{name}__sources.yml")))

    def arrive(name: str, content: str, policy: str = "warn") -> tuple[str, str]:
        (folder / "_ledger__sources.yml").write_text(DECLARED.format(policy=policy), encoding="utf-8")
        (drop / "ledger" / name).write_text(content, encoding="utf-8")
        land("ledger")
        load("ledger")
        gate_raw("ledger", "test")
        with warehouse.reader() as connection:
            return connection.execute(
                "select status, message from ops.batch join ops.file using (source, file_id) where file_name = ?", [name]
            ).fetchone()

    return arrive


def found() -> list[tuple]:
    return [tuple(row[key] for key in ("change", "header", "column_name", "before", "after")) for row in drift.changes("ledger")]


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_is_reported_with_the_first_file_that_has_it_and_only_then(name: str, arrive) -> None:
    content, change = CHANGED[name]
    assert arrive("1.csv", USUAL) == ("accepted", "")
    assert arrive("2.csv", USUAL.replace("A01", "B01"))[0] == "accepted"
    assert found() == []
    status, message = arrive("3.csv", content)
    assert status == "accepted", message
    assert found() == [change]
    assert FACT[change[0]] in message and f"header={change[1]}" in message
    arrive("4.csv", content.replace("A01", "C01"))
    again = [row for row in drift.changes("ledger") if row["file_name"] == "4.csv"]
    assert [row["change"] for row in again] == (["retyped"] if "do not fit" in str(change[4]) else [])


@pytest.mark.parametrize("name", [name for name in CHANGED if name != "renamed"])
def test_a_source_that_blocks_on_drift_keeps_the_file_out(name: str, arrive) -> None:
    arrive("1.csv", USUAL, policy="block")
    status, message = arrive("2.csv", CHANGED[name][0], policy="block")
    assert status == "blocked"
    assert CHANGED[name][1][1] in message
    # The way on: the policy is eased, the file is loaded, and later files are compared with it.
    assert arrive("2.csv", CHANGED[name][0], policy="warn")[0] == "accepted"


def test_a_file_that_was_not_read_is_named_as_not_compared(arrive) -> None:
    arrive("1.csv", USUAL)
    assert arrive("2.csv", USUAL.replace("编号", "号码"))[0] == "blocked"
    told = CliRunner().invoke(app, ["source", "drift", "ledger"]).output
    assert "not compared, because it is blocked: ledger/2.csv" in told, told


def test_a_header_under_another_declared_name_blocks_nothing(arrive) -> None:
    arrive("1.csv", USUAL, policy="block")
    status, message = arrive("2.csv", CHANGED["renamed"][0], policy="block")
    assert status == "accepted" and "nothing: the new header is declared" in message
    assert found() == [CHANGED["renamed"][1]]


def test_codes_with_leading_zeros_are_text_and_stay_so(arrive) -> None:
    arrive("1.csv", USUAL.replace(".5,", ",").replace("A", "00"))
    with warehouse.reader() as connection:
        kinds = dict(connection.execute("select column_name, kind from ops.file_column").fetchall())
    assert kinds == {"matter_no": "text", "amount": "integer", "days": "integer", "opened": "date"}


# fmt: off
GROWN = "编号,金额,天数,日期,备注,联系人,身份证号,登记人\n" + "".join(
    f"A{i:02d},{i}.5,{i},2026-03-{i:02d},请回电1991234{i:04d},1380013{i:04d},11010519491231002X,{'赵钱孙李'[i % 4]}小{'芳明伟'[i % 3]}\n" for i in range(1, 21)
)


def test_a_source_that_evolves_takes_new_columns_and_keeps_people_out_of_them(arrive) -> None:
    arrive("1.csv", USUAL, policy="evolve")
    status, message = arrive("2.csv", GROWN, policy="evolve")
    assert status == "accepted", message
    assert "columns not declared, loaded as: 备注, 联系人, 身份证号, 登记人" in message
    with warehouse.reader() as connection:
        names = [name for (name,) in connection.execute(
            "select column_name from ops.file_column where batch_id = 'ledger-00002' and column_name like 'added%' order by position"
        ).fetchall()]
        assert [name.rsplit("_", 1)[0] for name in names] == ["added_bei_zhu", "added_lian_xi_ren", "added_shen_fen_zheng_hao", "added_deng_ji_ren"]
        rows = connection.execute("select * from raw.ledger").fetchall()
        stored = {name for (name,) in connection.execute("select column_name from (describe raw.ledger)").fetchall()}
        assert names[0] in stored
        assert connection.execute(f"select distinct {names[0]} from raw.ledger where _batch_id = 'ledger-00002'").fetchall() == [("请回电[phone]",)]
    told = str(rows)
    assert all(piece not in told for piece in ("1991234", "1380013", "11010519491231002X", "赵小", "李小"))
    assert {(row["change"], row["header"]) for row in drift.changes("ledger")} == {("added", name) for name in ("备注", "联系人", "身份证号", "登记人")}
    status, message = arrive("3.csv", GROWN.replace("A01", "C01"), policy="evolve")
    assert (status, message) == ("accepted", "")
    assert [row for row in drift.changes("ledger") if row["file_name"] == "3.csv"] == []
