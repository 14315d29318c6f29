"""Airflow DAG build_marts: dbt, the marts gate, publication."""

from orchestration.dag_factory import build_marts_dag

build_marts = build_marts_dag()
