"""Airflow DAG maintain: purges, compacts, backs up and proves a restore, every night."""

from orchestration.upkeep import maintain_dag

maintain = maintain_dag()
