"""What the DAGs share: how Airflow calls a step, retries it, and says that it failed."""
