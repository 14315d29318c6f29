"""Airflow DAGs: one ingest_<source> per declared source of survey results."""

from orchestration.dag_factory import ingest_dags

globals().update(ingest_dags("survey"))
