"""Airflow DAGs: one ingest_<source> per declared source of reference data."""

from orchestration.dag_factory import ingest_dags

globals().update(ingest_dags("reference"))
