"""The registry of models: MLflow holds the files, aliases say which is used, hashes guard both."""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.domain.errors import InvalidRequest, ModelRejected
from pipeline.files import exclusive, temporary_folder, write_file, write_folder
from pipeline.model.identity import ARCHIVE_SHA256, TAGS_SHA256, features_sha256, hash_tags
from pipeline.model.registry_client import open_client
from pipeline.model.saved import FILES, FORMAT, TrainedModel, hash_folder, load
from pipeline.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

Alias = Literal["champion", "challenger", "previous"]
ARCHIVE = "model.zip"


@dataclass(frozen=True)
class Listed:
    """A version as it is listed.

    Attributes:
        version: its number.
        called: its aliases.
        trained_through: the edge week of its training data.
        sha256, config_sha256: hashes over its files and its configuration.
    """

    version: str
    called: tuple[str, ...]
    trained_through: date
    sha256: str
    config_sha256: str


class Registry:
    """The models of one city.

    Every version carries the tags city, format, features, sha256, trained_through and
    config_sha256. Those of another format or of other features count for nothing, so that a model
    is trained anew after an upgrade that changes either.
    """

    def __init__(self, settings: Settings, city_name: str) -> None:
        """Open the registry that the settings name; nothing is read or written yet."""
        self._settings = settings
        self._city = city_name
        self._name = f"hotspots-{city_name}"
        self._lock = settings.home / "mlflow.lock"
        self._opened: MlflowClient | None = None

    @property
    def _client(self) -> "MlflowClient":
        if self._opened is None:
            # MLflow makes its tables when it is first opened, and does not expect company.
            with exclusive(self._lock):
                self._opened = open_client(self._settings.mlflow_database)
        return self._opened

    def register(
        self,
        model: TrainedModel,
        *,
        alias: Literal["champion", "challenger"] = "challenger",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Store a model as a new version, give it an alias, and return the version.

        The same model is stored once, whoever else registers it at the same time: registering it
        again only moves the alias. One that knows less than the champion becomes the challenger.

        Raises:
            ModelRejected: its files changed since it was trained.
        """
        if hash_folder(model.folder) != model.sha256:
            raise ModelRejected(
                f"The files in {model.folder} no longer match the model's hash; train it again."
            )
        client = self._client  # opened before, since opening takes the lock as well
        with exclusive(self._lock):
            same = [v for v in self._versions() if v.tags["sha256"] == model.sha256]
            version = str(same[0].version) if same else self._store(model, dict(tags or {}))
            champion = self._aliased("champion")
            knows_most = champion is None or _trained_through(champion) <= model.trained_through
            if alias == "champion" and knows_most:
                self._crown(version)
            else:
                client.set_registered_model_alias(self._name, "challenger", version)
        return version

    def promote(self, version: str) -> None:
        """Make a version the champion; it stops being the challenger.

        Raises:
            InvalidRequest: there is no such version.
        """
        if version not in {str(v.version) for v in self._versions()}:
            raise InvalidRequest(f"{self._name} has no version {version} to promote.")
        self._crown(version)
        challenger = self._aliased("challenger")
        if challenger is not None and str(challenger.version) == version:
            self._client.delete_registered_model_alias(self._name, "challenger")

    def rollback(self) -> str:
        """Make the champion before this one champion again, and return its version.

        Done twice, it is as if it had not been done.

        Raises:
            InvalidRequest: there was no champion before this one.
        """
        previous = self._aliased("previous")
        if previous is None:
            raise InvalidRequest(f"{self._name} had no champion before this one to go back to.")
        self.promote(str(previous.version))
        return str(previous.version)

    def listed(self) -> list[Listed]:
        """Return every version that can be used, newest first."""
        found = self._client.search_registered_models(f"name='{self._name}'")
        aliases = found[0].aliases if found else {}
        return [
            Listed(
                version=str(version.version),
                called=tuple(
                    sorted(a for a, n in aliases.items() if str(n) == str(version.version))
                ),
                trained_through=_trained_through(version),
                sha256=version.tags["sha256"],
                config_sha256=version.tags["config_sha256"],
            )
            for version in sorted(self._versions(), key=lambda v: -int(v.version))
        ]

    def fetch(self, version: str) -> TrainedModel:
        """Return the model of a version.

        Raises:
            ModelRejected: the stored files don't match their hash.
        """
        return self._fetch(self._client.get_model_version(self._name, version))

    def champion(self, known_before: date | None = None) -> TrainedModel | None:
        """Return the champion, or None where there is none to use.

        Args:
            known_before: an edge week. A champion trained on later weeks gives way to the newest
                version that was not.

        Raises:
            ModelRejected: the stored files don't match their hash.
        """
        champion = self._aliased("champion")
        if champion is None:
            return None
        if known_before is None or _trained_through(champion) <= known_before:
            return self._fetch(champion)
        allowed = [v for v in self._versions() if _trained_through(v) <= known_before]
        return self._fetch(max(allowed, key=_recency)) if allowed else None

    def version_of(self, sha256: str) -> str:
        """Return the version that holds the model of this hash.

        Raises:
            InvalidRequest: there is none.
        """
        for version in self._versions():
            if version.tags["sha256"] == sha256:
                return str(version.version)
        raise InvalidRequest(f"{self._name} holds no model {sha256[:12]}.")

    def challenger(self) -> TrainedModel | None:
        """Return the challenger, or None.

        Raises:
            ModelRejected: the stored files don't match their hash.
        """
        version = self._aliased("challenger")
        return None if version is None else self._fetch(version)

    def _crown(self, version: str) -> None:
        """Make a version the champion, and remember which one was before."""
        before = self._aliased("champion")
        if before is not None and str(before.version) != version:
            self._client.set_registered_model_alias(self._name, "previous", str(before.version))
        self._client.set_registered_model_alias(self._name, "champion", version)

    def _versions(self) -> list["ModelVersion"]:
        found = self._client.search_model_versions(f"name='{self._name}'")
        return [version for version in found if _is_readable(version)]

    def _aliased(self, alias: Alias) -> "ModelVersion | None":
        found = self._client.search_registered_models(f"name='{self._name}'")
        number = found[0].aliases.get(alias) if found else None
        if number is None:
            return None
        version = self._client.get_model_version(self._name, number)
        return version if _is_readable(version) else None

    def _store(self, model: TrainedModel, tags: dict[str, str]) -> str:
        client = self._client
        run = client.create_run(self._experiment(), run_name=model.sha256[:12])
        for name, value in model.metrics.items():
            client.log_metric(run.info.run_id, name, value)
        archive = _zipped(model.folder)
        write_file(self._archive(run.info.run_id), archive)
        client.set_terminated(run.info.run_id)
        if not client.search_registered_models(f"name='{self._name}'"):
            client.create_registered_model(self._name)
        tags |= {
            "city": model.city,
            "format": str(FORMAT),
            "features": features_sha256(),
            "sha256": model.sha256,
            "trained_through": model.trained_through.isoformat(),
            "config_sha256": model.config.sha256,
            ARCHIVE_SHA256: hashlib.sha256(archive).hexdigest(),
        }
        tags[TAGS_SHA256] = hash_tags(tags)
        source = f"{run.info.artifact_uri}/{ARCHIVE}"
        created = client.create_model_version(self._name, source, run.info.run_id, tags=tags)
        return str(created.version)

    def _archive(self, run_id: str) -> Path:
        """Return where a run's archive lies: where MLflow would look, but below today's home.

        MLflow keeps the absolute path that a home had when the run was made. A home that was moved,
        or restored elsewhere, would be written and read where it was.
        """
        return self._settings.home / "mlruns" / run_id / "artifacts" / ARCHIVE

    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(self._name)
        if known is not None:
            return str(known.experiment_id)
        place = (self._settings.home / "mlruns").resolve().as_uri()
        return str(self._client.create_experiment(self._name, artifact_location=place))

    def _fetch(self, version: "ModelVersion") -> TrainedModel:
        sha256 = version.tags["sha256"]
        folder = self._settings.home / "models" / sha256
        if not folder.is_dir():
            self._unpack(version, folder)
        return load(folder, sha256)

    def _unpack(self, version: "ModelVersion", folder: Path) -> None:
        """Unpack a version, check it in a folder of its own, then write it into place."""
        with temporary_folder(folder.parent) as temporary:
            unpacked = temporary / "model"
            _extract(self._archive(str(version.run_id)), unpacked)
            load(unpacked, version.tags["sha256"])
            write_folder(folder, {name: (unpacked / name).read_bytes() for name in FILES})


def _is_readable(version: "ModelVersion") -> bool:
    """Tell a model of this code from one of another format or other features: as good as none."""
    found = version.tags.get("format"), version.tags.get("features")
    return bool(found == (str(FORMAT), features_sha256()))


def _trained_through(version: "ModelVersion") -> date:
    return date.fromisoformat(version.tags["trained_through"])


def _recency(version: "ModelVersion") -> tuple[date, int]:
    return _trained_through(version), int(version.version)


def _zipped(folder: Path) -> bytes:
    """Return a zip of the model's files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in FILES:
            archive.write(folder / name, name)
    return content.getvalue()


def _extract(path: Path, folder: Path) -> None:
    """Unpack the model's own files and nothing else."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            for name in FILES:
                with archive.open(name) as source, (folder / name).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except (FileNotFoundError, KeyError, zipfile.BadZipFile) as error:
        raise ModelRejected(
            f"The registry's archive {path} is missing or damaged ({error}). Put a copy of it "
            "back, or train a new model."
        ) from error
