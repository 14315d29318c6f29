"""Airflow DAG that breaks a rule: its import fails."""

raise RuntimeError("a declaration is faulty")
