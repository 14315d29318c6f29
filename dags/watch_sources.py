"""Airflow DAG watch_sources: tells when a source is late, and when it is no longer."""

from orchestration.upkeep import watch_sources_dag

watch_sources = watch_sources_dag()
