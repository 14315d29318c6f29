"""Airflow DAG that breaks the rules: a writer without the pool, an ingest that takes all of it, no documentation…"""

from datetime import datetime

from airflow.sdk import DAG, task

with DAG("ingest_carelessly", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=True, max_active_runs=4):

    @task
    def load() -> None:
        """Pretends to write."""

    @task(pool="warehouse_writer", pool_slots=2)
    def gate_raw() -> None:
        """Pretends to write."""

    load()
    gate_raw()
