"""Airflow DAGs deliver_month, deliver_quarter, deliver_year: the reports on periods that have ended, frozen and mailed."""

from orchestration.delivery import deliver_dag

deliver_month, deliver_quarter, deliver_year = (deliver_dag(period_type) for period_type in ("month", "quarter", "year"))
