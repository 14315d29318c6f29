"""The same dbt project on a Spark cluster (docs/scaling.md)."""
