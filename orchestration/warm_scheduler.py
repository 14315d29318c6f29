"""Runs `airflow scheduler` with the slow libraries imported first.

The LocalExecutor forks its workers from the scheduler and a worker forks its tasks, so what is imported here costs no task
anything: Great Expectations alone would cost each gate six seconds. Libraries only: the project's own code is read anew
by each task.
"""

import airflow.providers.standard.decorators.python
import duckdb
import great_expectations
import jinja2.ext  # noqa: F401
from airflow.__main__ import main

if __name__ == "__main__":
    main()
