"""How the registry's MLflow is opened, and its SQLite file made whole."""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import requests

from pipeline.domain.errors import (
    HotspotsError,
    InvalidRequest,
    ModelRejected,
    SourceUnavailable,
)
from pipeline.domain.storage import sqlite_faults, storage_error
from pipeline.files import TEMPORARY

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"
OF_LOGIN = ("UNAUTHENTICATED", "PERMISSION_DENIED")  # of MLflow
OF_DAMAGE = ("sqlite3.DatabaseError", "no such table", "no such column", "Could not decode")
RESTORE_REGISTRY = "Put a copy of it back, or move it away: the next week trains a new model."


def open_client(url: str) -> "MlflowClient":
    """Open a registry; a SQLite file gets its name once all its tables are made.

    What the client is asked later raises these too, and where it is a server's:
    SourceUnavailable as it does not answer, InvalidRequest as it refuses the login.

    Raises:
        ModelRejected: the file is no registry, or a part of one.
        StorageUnavailable: the disk is full, read-only or out of order.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DatabaseError

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    file = registry_file(url)
    if file is None:
        url = without_login(url)
        server = MlflowClient(tracking_uri=url, registry_uri=url)
        return cast("MlflowClient", _Named(server, partial(_refusal_of_server, url)))
    if not file.exists():
        new = file.with_name(TEMPORARY + file.name)
        _drop(new)
        try:
            MlflowClient(tracking_uri=f"{SQLITE}{new}", registry_uri=f"{SQLITE}{new}")
        except BaseException:
            _drop(new)  # of a disk that is full, not the last room
            raise
        new.rename(file)
    try:
        client = MlflowClient(tracking_uri=url, registry_uri=url)
        return cast("MlflowClient", _Named(client, partial(_damage_of_file, file)))
    except (DatabaseError, MlflowException) as error:
        refused = storage_error(error, file)
        if refused is not None:
            raise refused from error
        raise _damaged(file, error) from error


class _Named:
    """A client whose errors have a name of ours, where a function finds one for them."""

    def __init__(
        self, client: "MlflowClient", name_of: Callable[[Exception], HotspotsError | None]
    ) -> None:
        self._client, self._name_of = client, name_of

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        asked = getattr(self._client, name)
        return wraps(asked)(partial(self._ask, asked)) if callable(asked) else asked

    def _ask(self, asked: Callable[..., Any], *words: Any, **named: Any) -> Any:  # noqa: ANN401
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import DatabaseError

        try:
            return asked(*words, **named)
        except (DatabaseError, MlflowException) as error:
            known = self._name_of(error)
            if known is None:
                raise
            raise known from error


def _damage_of_file(file: Path, error: Exception) -> HotspotsError | None:
    return _damaged(file, error) if any(sign in str(error) for sign in OF_DAMAGE) else None


def _refusal_of_server(url: str, error: Exception) -> HotspotsError | None:
    if getattr(error, "error_code", None) in OF_LOGIN:
        return InvalidRequest(
            f"The model registry at {url} refuses the login. Give one in HOTSPOTS_MLFLOW_URL "
            "that may read and write models."
        )
    if isinstance(error.__cause__ or error.__context__, requests.RequestException):
        return SourceUnavailable(
            f"The model registry at {url} does not answer: {str(error).splitlines()[0]}. Check "
            "that it runs, then run the step again."
        )
    return None


def _damaged(file: Path, error: Exception) -> ModelRejected:
    return ModelRejected(
        f"{file} can't be opened as a model registry: {str(error).splitlines()[0]}. It is "
        f"damaged, or its making was cut off. {RESTORE_REGISTRY}"
    )


def without_login(url: str) -> str:
    """Return a server's address without the login in it, which MLflow is given apart.

    MLflow puts the address into its errors; a login of MLFLOW_TRACKING_* it shows to nobody.
    """
    parts = urlsplit(url)
    if not parts.scheme.startswith("http") or parts.username is None:
        return url
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def unregistered_runs(url: str, folders: Iterable[Path]) -> list[Path]:
    """Return those folders of runs whose run no version of any model comes from.

    A run that this registry does not know may be another's, and isn't among them.

    Args:
        url: of the registry; a SQLite file that isn't there knows no run.
        folders: folders of artifacts, each named by its run.
    """
    file = registry_file(url)
    if file is not None and not file.exists():
        return []
    client = open_client(url)
    from mlflow.exceptions import MlflowException

    used = {version.run_id for version in client.search_model_versions()}
    found = []
    for folder in folders:
        if folder.name in used:
            continue
        try:
            client.get_run(folder.name)
        except MlflowException:
            continue
        found.append(folder)
    return found


def _drop(file: Path) -> None:
    for left in (file, Path(f"{file}-journal")):
        left.unlink(missing_ok=True)


def registry_file(url: str) -> Path | None:
    """Return the file of a registry; None where it is no file of SQLite's."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def place_of(url: str) -> str:
    """Return what a registry is called: its file's name, or the address of its server."""
    file, parts = registry_file(url), urlsplit(url)
    return file.name if file else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def integrity_of_registry(file: Path | None) -> list[str]:
    """Return what is wrong with a registry's file; nothing where there is none.

    Raises:
        SourceUnavailable: another process holds it for too long.
        StorageUnavailable: its disk does not let it be read.
    """
    said = sqlite_faults(file)
    if said or file is None or not file.is_file():
        return said
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return [] if tables else ["it holds no tables"]
