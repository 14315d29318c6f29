"""Airflow DAG that breaks a rule: parsing it imports DuckDB."""

import duckdb  # noqa: F401
