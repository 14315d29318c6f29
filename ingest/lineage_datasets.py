"""What the steps read and write, as datasets of OpenLineage: names, columns, counts of rows and files, which checks passed.

A dataset is a source (`source://`), a table (`duckdb://`, database.schema.table) or a folder or file of the installation
(`file://`). Counts come from what the steps return, columns from the declarations and from what is published: nothing is read for
this but the catalogue of the new version. Never in an event: names of files (people name files after people), values, messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from inspect import BoundArguments
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    data_quality_assertions_dataset,
    dataset_version_dataset,
    documentation_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from ingest.declaration import SourceDeclaration, declaration
from ingest.lineage import PRODUCER, Touched, namespace, running
from ingest.settings import settings
from ingest.warehouse import WAREHOUSE

if TYPE_CHECKING:
    from expectations.results import CheckResult
    from ingest.landing import LandedFile
    from ingest.load import BatchReport

SEVERITY = {"critical": "error", "warning": "warn", "info": "info"}


def landed(given: BoundArguments, files: list[LandedFile] | BaseException) -> Touched:
    """A source → its folder in the landing."""
    if isinstance(files, BaseException):
        return Touched()
    source, taken = declaration(given.arguments["source_name"]), [file for file in files if not file.problem]
    new = [file for file in taken if file.is_new]
    return Touched(
        [_read("source", source.name, _described(source), fileCount=len(files), size=sum(file.size_bytes for file in taken))],
        [_written("file", f"landing/{source.name}", fileCount=len(new), size=sum(file.size_bytes for file in new))],
    )


def loaded(given: BoundArguments, batches: list[BatchReport] | BaseException) -> Touched:
    """The landing → `raw.<source>` and the quarantine."""
    if isinstance(batches, BaseException):
        return Touched()
    source = declaration(given.arguments["source_name"])
    counts = {name: sum(getattr(batch, name) for batch in batches) for name in ("rows_in", "rows_loaded", "rows_quarantined")}
    return Touched(
        [_read("file", f"landing/{source.name}", rowCount=counts["rows_in"], fileCount=len(batches))],
        [
            _written("duckdb", f"{WAREHOUSE}.raw.{source.name}", _described(source), rowCount=counts["rows_loaded"]),
            _written("duckdb", f"{WAREHOUSE}.ops.quarantine", rowCount=counts["rows_quarantined"]),
        ],
    )


def gated(given: BoundArguments, outcome: Any) -> Touched:
    """Which checks passed, per table. `outcome`: a GateReport, or the GateFailed that holds one."""
    report = getattr(outcome, "report", outcome)
    tables: dict[str, list[CheckResult]] = {}
    for result in getattr(report, "results", []):
        tables.setdefault(result.suite, []).append(result)
    results = f"{WAREHOUSE}.ops.gate_result"
    return Touched(
        [_checked(table, found) for table, found in tables.items()],
        [_written("duckdb", results, rowCount=sum(len(found) for found in tables.values()))] if tables else [],
    )


def published(given: BoundArguments, folder: Path | BaseException) -> Touched:
    """The marts → the tables of the new version."""
    if isinstance(folder, BaseException):
        return Touched()
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables"]
    columns: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where not internal order by table_oid, column_index"
        ).fetchall():
            columns.setdefault(table, {})[column] = kind
    return Touched(
        [_read("duckdb", name) for table, name in sorted(_models().items()) if table in rows],
        [
            _written("duckdb", f"marts.main.{table}", {**_columns(columns[table]), **_version(folder.name)}, rowCount=count)
            for table, count in rows.items()
        ],
    )


def exported(given: BoundArguments, paths: list[Path] | BaseException) -> Touched:
    """The current version → the files that people open."""
    if isinstance(paths, BaseException):
        return Touched()
    version, place = _version(paths[0].parent.name), paths[0].parent.parent.relative_to(settings().home)
    return Touched(
        [_read("duckdb", f"marts.main.{table}", version) for table in ("dim_place", "kpi_catalogue", "kpi_value")],
        [_written("file", f"{place}/{path.name}", version, size=path.stat().st_size, fileCount=1) for path in paths],
    )


def dbt_events() -> list:
    """The events of the last `dbt build`, one pair per model that ran, with the checks of its data tests; from dbt's artifacts.

    The library is that of OpenLineage's own wrapper `dbt-ol`, which would have to run dbt for us.
    """
    from openlineage.common.provider.dbt.facets import ParentRunMetadata
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor

    class Processor(DbtLocalArtifactProcessor):
        """Tables have the name that the other steps give them, not the path of the database on this machine."""

        def extract_dataset_namespace(self, profile: dict) -> None:
            self.dataset_namespace = f"duckdb://{namespace()}"

        def load_yaml_with_jinja(self, path: str) -> dict:
            # The profile takes its path from a variable that only dbt's own process has; nothing here needs it.
            return self.load_yaml(path)

    processor = Processor(
        producer=PRODUCER, job_namespace=namespace(), project_dir=str(settings().dbt_project),
        target_path=str(settings().dbt_target), skip_errors=True,
    )  # fmt: skip
    if parent := running():
        processor.dbt_run_metadata = ParentRunMetadata(parent.run_id, parent.job, namespace())
    return processor.parse().events()


def _models() -> dict[str, str]:
    """Table → its qualified name in the build database, of the models that dbt knows."""
    path = settings().dbt_target / "manifest.json"
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"].values() if path.exists() else []
    return {node["alias"]: f"{WAREHOUSE}.{node['schema']}.{node['alias']}" for node in nodes if node["resource_type"] == "model"}


def _read(kind: str, name: str, facets: dict | None = None, **counts: int) -> InputDataset:
    statistics = {"inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(**counts)} if counts else {}
    return InputDataset(namespace=f"{kind}://{namespace()}", name=name, facets=facets or {}, inputFacets=statistics)


def _written(kind: str, name: str, facets: dict | None = None, **counts: int) -> OutputDataset:
    statistics = {"outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(**counts)}
    return OutputDataset(namespace=f"{kind}://{namespace()}", name=name, facets=facets or {}, outputFacets=statistics)


def _checked(table: str, results: Iterable[CheckResult]) -> InputDataset:
    assertions = [
        data_quality_assertions_dataset.Assertion(
            assertion=result.expectation, success=bool(result.success), column=result.column, severity=SEVERITY[result.severity]
        )
        for result in results
    ]
    facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=assertions)
    return InputDataset(
        namespace=f"duckdb://{namespace()}", name=f"{WAREHOUSE}.{table}", facets={}, inputFacets={"dataQualityAssertions": facet}
    )


def _described(source: SourceDeclaration) -> dict:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=column.type, description=column.description or None)
        for column in source.columns
        if not column.is_dropped
    ]
    return {
        "documentation": documentation_dataset.DocumentationDatasetFacet(description=source.title),
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
    }


def _columns(columns: dict[str, str]) -> dict:
    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns.items()]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}


def _version(name: str) -> dict:
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=name)}
