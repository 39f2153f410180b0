"""All that is wrong with the model registry: its file, its versions, their archives."""

import hashlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.errors import InvalidRequest, ModelRejected, SourceUnavailable
from pipeline.domain.fault import Fault
from pipeline.model.identity import ARCHIVE_SHA256, TAGS_SHA256, hash_tags
from pipeline.model.registry import ARCHIVE
from pipeline.model.registry_client import (
    RESTORE_REGISTRY,
    integrity_of_registry,
    open_client,
    place_of,
    registry_file,
)
from pipeline.model.saved import FORMAT, TrainedModel, hash_folder, load
from pipeline.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

TRAIN = "Put back a copy of it, or train a new model: `hotspots run --training retrain`."
NOT_USED = "The model can't be trusted and is not used."


def registry_faults(settings: Settings) -> Iterator[Fault]:
    """Yield all that is wrong with the models of all cities; every file of them is read.

    Raises:
        SourceUnavailable, InvalidRequest: a registry's server does not answer, or refuses the
            login.
    """
    yield from _of_unpacked(settings)
    file, place = registry_file(settings.mlflow_database), place_of(settings.mlflow_database)
    said = integrity_of_registry(file)
    for line in said:
        yield _fault(place, line, "Which model is used can't be told.", RESTORE_REGISTRY)
    if said or (file is not None and not file.is_file()):
        return
    try:
        client = open_client(settings.mlflow_database)
        models = list(client.search_registered_models())
        versions = list(client.search_model_versions())
        metrics = {str(v.run_id): client.get_run(str(v.run_id)).data.metrics for v in versions}
    except (SourceUnavailable, InvalidRequest):
        raise
    except Exception as error:  # noqa: BLE001 - MLflow lets anything through that a value can cause
        line = f"It can't be read: {str(error).splitlines()[0]}"
        yield _fault(place, line, "Which model is used can't be told.", RESTORE_REGISTRY)
        return
    for version in versions:
        yield from _of_version(settings, version, metrics[str(version.run_id)])
    for model in models:
        yield from _of_aliases(place, model, [v for v in versions if v.name == model.name])


def _of_unpacked(settings: Settings) -> Iterator[Fault]:
    """Yield the models in the home that are not as their name says."""
    for folder in sorted((settings.home / "models").glob("[!.]*")):
        try:
            found = hash_folder(folder)
        except (ModelRejected, OSError) as error:
            found = str(error)
        if len(folder.name) == len(hashlib.sha256().hexdigest()) and found != folder.name:
            said = (
                f"Its files have the hash {found[:12]}."
                if len(found) == len(folder.name)
                else found
            )
            mend = "Remove the folder: the model is fetched from the registry again."
            yield _fault(f"models/{folder.name}", said, NOT_USED, mend)


def _of_version(
    settings: Settings, version: "ModelVersion", metrics: Mapping[str, float]
) -> Iterator[Fault]:
    place = place_of(settings.mlflow_database)
    where, tags = f"{version.name} version {version.version}", dict(version.tags)
    is_older = not {ARCHIVE_SHA256, TAGS_SHA256} & tags.keys()  # than the hashes of tags
    if not tags or (not is_older and tags.get(TAGS_SHA256) != hash_tags(tags)):
        said = "Its tags don't match the hash kept of them."
        yield _fault(f"{place}, {where}", said, NOT_USED, RESTORE_REGISTRY)
        return
    if tags.get("format") != str(FORMAT):
        return  # of other code, which alone can read it
    archive = settings.home / "mlruns" / str(version.run_id) / "artifacts" / ARCHIVE
    try:
        model = _model(archive, tags)
    except (ModelRejected, OSError) as error:
        yield _fault(str(archive.relative_to(settings.home)), f"{where}: {error}", NOT_USED, TRAIN)
        return
    for name, found, expected in (
        ("trained_through", tags.get("trained_through"), model.trained_through.isoformat()),
        ("config_sha256", tags.get("config_sha256"), model.config.sha256),
        ("city", tags.get("city"), model.city),
        ("name", version.name, f"hotspots-{model.city}"),
        ("metrics", dict(metrics), model.metrics),
    ):
        if found != expected:
            said = f"Its {name} is {found}; its files say {expected}."
            yield _fault(f"{place}, {where}", said, NOT_USED, RESTORE_REGISTRY)


def _model(archive: Path, tags: Mapping[str, str]) -> TrainedModel:
    """Return the model of an archive, its hash checked."""
    content = archive.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if tags.get(ARCHIVE_SHA256, found) != found:
        raise ModelRejected(
            f"The archive has the sha256 {found[:12]}; {tags[ARCHIVE_SHA256][:12]} was stored."
        )
    with tempfile.TemporaryDirectory() as temporary:
        try:
            with zipfile.ZipFile(archive) as files:
                files.extractall(temporary)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise ModelRejected(f"The archive can't be unpacked ({error}).") from error
        return load(Path(temporary), tags["sha256"])


def _of_aliases(
    place: str, model: "RegisteredModel", versions: list["ModelVersion"]
) -> Iterator[Fault]:
    numbers = {str(version.version) for version in versions}
    for alias, number in model.aliases.items():
        if str(number) not in numbers:
            said = f"The {alias} is version {number}, which there is not."
            yield _fault(
                f"{place}, {model.name}", said, "No model is used under it.", RESTORE_REGISTRY
            )
    if not {"champion", "challenger"} & model.aliases.keys():
        said = "None of its versions is the champion."
        mend = "Name one: `hotspots models` lists them, `hotspots promote` names it."
        yield _fault(f"{place}, {model.name}", said, "The next week trains a new model.", mend)


def _fault(where: str, found: str, means: str, mend: str) -> Fault:
    return Fault("registry", where, found, means, mend)
