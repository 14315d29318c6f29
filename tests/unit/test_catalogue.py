"""The page of definitions says what the catalogue says."""

from __future__ import annotations

import re

from exports import words
from exports.catalogue import PAGE, definitions, page
from ingest.settings import settings


def test_the_page_is_the_one_that_the_catalogue_gives() -> None:
    written = (settings().project / PAGE).read_text(encoding="utf-8")
    assert written == page(settings().project), f"{PAGE} is behind the catalogue: run `gmw catalogue`"


def test_every_metric_leads_to_its_definition_its_sql_and_its_sources() -> None:
    project = settings().project
    entries = re.split(r"\n### ", page(project))[1:]
    assert [entry.split()[0] for entry in entries] == [metric["metric_code"] for metric in definitions(project)]
    for entry, metric in zip(entries, definitions(project)):
        assert metric["formula"] in entry
        models = re.findall(r"\]\(\.\./(dbt_project/models/kpis/[^)]+)\)", entry)
        assert models and all((project / model).is_file() for model in models), entry
        assert all(
            (project / folder).is_dir() for folder in re.findall(r"\]\(\.\./(dbt_project/models/staging/[^)]+)\)", entry)
        ), entry


def test_the_readme_leads_to_the_page() -> None:
    assert f"]({PAGE})" in (settings().project / "README.md").read_text(encoding="utf-8")


def test_a_component_belongs_to_one_topic_only() -> None:
    """Metrics name components without their topic: two topics with one name would add up."""
    text = (settings().project / "dbt_project" / "macros" / "kpi_topics.sql").read_text(encoding="utf-8")
    components = [name for listed in re.findall(r"'components': \[([^\]]*)\]", text) for name in re.findall(r"'(\w+)'", listed)]
    assert len(components) > 50
    assert sorted(components) == sorted(set(components))


def test_every_unit_has_words_in_both_languages() -> None:
    assert {metric["unit"] for metric in definitions(settings().project)} <= set(words.UNITS)
