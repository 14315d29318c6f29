"""Airflow DAG export_kpis: workbook, dashboard and CSV from the published marts."""

from orchestration.dag_factory import export_kpis_dag

export_kpis = export_kpis_dag()
