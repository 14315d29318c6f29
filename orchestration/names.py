"""Names that the DAGs and those who watch them share; free of Airflow, whose import takes seconds."""

WRITER_POOL = "warehouse_writer"
"""Airflow pool with GMW_PARALLEL_LOADS slots: a task that ingests takes one, so that several files are read at a time (only the
append is exclusive, by the OS lock of the warehouse); a task that has the warehouse for itself for long takes all of them."""

BUILD_MARTS = "build_marts"
EXPORT_KPIS = "export_kpis"
MAINTAIN = "maintain"
WATCH_SOURCES = "watch_sources"


def ingest_dag_id(source: str) -> str:
    """The DAG that ingests a source."""
    return f"ingest_{source}"


def source_of_dag(dag_id: str) -> str:
    """The source that a DAG of `ingest_dag_id` ingests."""
    return dag_id.removeprefix("ingest_")


def deliver_dag_id(period_type: str) -> str:
    """The DAG that delivers the reports on months, quarters or years."""
    return f"deliver_{period_type}"
