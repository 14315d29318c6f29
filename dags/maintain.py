"""Airflow DAG maintain: deletes the bytes of landed files when their time is over."""

from orchestration.dag_factory import maintain_dag

maintain = maintain_dag()
