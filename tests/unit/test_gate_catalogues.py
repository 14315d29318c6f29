"""The lists that the gates go by are whole, and agree with what is written about them."""

from __future__ import annotations

import re

from exports.restricted import PERSON_KEYS
from expectations.kpi_identities import IDENTITY_RULES
from expectations.kpi_rules import KPI_VALUE_RULES
from expectations.mart_rules import MART_RULES, rules_of
from expectations.rule import INTEGRITY
from tests.mutation import table
from tests.mutation.of_batches import OF_BATCHES
from tests.mutation.of_kpis import OF_KPIS
from tests.mutation.of_marts import OF_MARTS

COLUMNS = ["key", "place_key", "as_of_date", "source", "file_id"]
RULES = [
    *KPI_VALUE_RULES, *IDENTITY_RULES, *(rule for name in [*MART_RULES, "fct_participation"] for rule in rules_of(name, COLUMNS)),
]  # fmt: skip
# What a failure names; person keys may be compared and grouped by, never shown.
SHOWN = re.compile(r"\A\s*select (?:\* from \(\s*select )?(.*?) from ", re.S)


def test_every_integrity_rule_is_served():
    # R18 is searched for in every table: expectations.mart_suite.
    assert {rule.integrity for rule in RULES} >= set(INTEGRITY) - {"R18"}
    assert {rule.integrity for rule in RULES} <= {*INTEGRITY, None}


def test_the_names_of_the_rules_of_a_table_are_unique():
    for name in MART_RULES:
        names = [rule.name for rule in rules_of(name, COLUMNS)]
        assert len(names) == len(set(names))
    names = [rule.name for rule in [*KPI_VALUE_RULES, *IDENTITY_RULES]]
    assert len(names) == len(set(names))


def test_no_rule_shows_who_somebody_is():
    shown = {rule.name: SHOWN.match(rule.sql)[1] for rule in RULES if SHOWN.match(rule.sql)}
    assert [name for name, columns in shown.items() if PERSON_KEYS & set(re.findall(r"\w+", columns))] == []


def test_the_page_on_testing_has_the_mutations_of_the_catalogue_and_all_are_caught():
    of_page = [line.split(" | ") for line in table.written().splitlines() if line.startswith("| ")][1:]
    expected = [(m.suite, m.fault, m.caught_by) for m in [*OF_BATCHES, *OF_MARTS, *OF_KPIS]]
    assert [(cells[1], cells[2], cells[3]) for cells in of_page if "---" not in cells[0]] == expected
    assert {cells[-1] for cells in of_page if "---" not in cells[0]} == {"caught |"}
    assert len(expected) >= 40
