"""A running `airflow standalone` for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import Airflow


class Standalone(Airflow):
    """An Airflow that keeps its metadata in SQLite."""

    def __init__(self, home: Path, **settings: str) -> None:
        """Describe it; nothing starts yet. Arguments as of `Airflow`."""
        super().__init__(home, f"sqlite:///{home}/airflow/airflow.db?timeout=60", **settings)

    @contextmanager
    def up(self, part: str = "standalone") -> Iterator[None]:
        """Run all of it, or the part `api-server` alone, for as long as the context lasts."""
        with self.component(part, "airflow", part):
            self.wait_until_up()
            yield
