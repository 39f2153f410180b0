"""A small week that nothing disturbs: what each writer starts from, is given and comes to."""

import json
import pickle
import shutil
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.domain.columns import INCIDENTS
from pipeline.files import write_file
from pipeline.lake.lake import Lake, Ref
from pipeline.model.config import ModelConfig
from pipeline.model.identity import features_sha256
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.site.static_site import write_site
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from pipeline.workflow.archive import make_archive
from pipeline.workflow.checked import read_checked
from pipeline.workflow.plan import make_plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.tasks import NEEDS_CLOCK, STEPS
from pipeline.workflow.training import job as training
from pipeline.workflow.training import process

CITY, ISSUE_DATE = "chicago", "2017-12-13"
NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)


def serve(folder: Path, told: Connection) -> None:
    """Serve the made-up city until the other end of the pipe is closed."""
    with ReplayServer(RecordedData(folder)) as server:
        told.send(server.url)
        told.poll(None)


def settings_of(home: Path, url: str) -> Settings:
    """Return the settings of the small week."""
    small = {"page_rows": 5_000, "window_weeks": 6, "train_epochs": 1, "train_members": 1}
    page = home.parent / "page"
    return Settings(home=home, replay_url=url, public="all", page_dir=page, **small)


def run_step(settings: Settings, name: str, inputs: list[object]) -> object:
    """Run a step of the week, or one of the writers that a step only has within it."""
    if name in OTHERS:
        return OTHERS[name](settings, *inputs)
    named = {"now": NOW} if name in NEEDS_CLOCK else {}
    if name == "train":
        named["fit"] = trained_before
    return STEPS[name](settings, *inputs, **named)


def train_apart(settings: Settings, asked: training.Job) -> str | None:
    """Train in a training folder, as the process of a task does; return the model's folder."""
    place = training.job_folder(settings, asked)
    write_file(place / training.JOB, json.dumps(asked, indent=1).encode())
    code = process.main(str(settings.home), place.name)
    if code:
        raise training._error(place, code)
    model = training.finished(place)
    assert model is not None
    return model.name


def trained_before(settings: Settings, asked: training.Job, folder: Path, _progress: object):
    """Bring the model that the training folder holds, without training."""
    model = training.finished(training.job_folder(settings, asked))
    for file in sorted(model.rglob("*")):
        if file.is_file():
            write_file(folder / file.relative_to(model), file.read_bytes())
    return training.load(folder, model.name.removeprefix(training.MODEL))


def write_archive(settings: Settings, validated: str) -> str:
    """Store the reports as the archive of a past week."""
    lake = Lake(settings.lake_root)
    incidents, _ = read_checked(lake, Ref.from_json(validated), Reads())
    archive = make_archive(lake, "other", incidents.select(INCIDENTS.schema.names))
    return archive.ref.to_json()


def write_public(settings: Settings) -> int:
    """Write the static site."""
    store = ResultsReader(settings.results_database)
    return write_site(store, settings, settings.home / "site", lambda *_: None)


OTHERS = {"train_apart": train_apart, "archive": write_archive, "site": write_public}


def make_week(root: Path, url: str) -> None:
    """Run the week in ROOT/home; keep its home before and after each step, inputs and results."""
    page = root / "page"
    page.mkdir()
    (page / "index.html").write_text('<!doctype html><head><meta charset="utf-8"></head>')
    home = root / "home"
    settings = settings_of(home, url)
    home.mkdir()
    plan = make_plan(settings, city=CITY, issue_date=ISSUE_DATE, now=NOW)
    given, results = {}, {}

    def step(name: str, *inputs: object) -> object:
        shutil.copytree(home, root / "before" / name)
        given[name] = [*inputs]
        results[name] = run_step(settings, name, given[name])
        shutil.copytree(home, root / "after" / name)
        return results[name]

    crime = step("pull_crime", plan)
    weather = step("pull_weather", plan)
    validated = step("validate", plan, crime, weather)
    step("archive", validated["ref"])
    grid = step("build_grid", plan, validated)
    decision = step("decide_training", plan, grid)
    asked = training.Job(
        city=CITY, cube=grid["ref"], edge_week=grid["edge_week"],
        config=ModelConfig.from_settings(settings).model_dump(), features=features_sha256(),
        mode="retrain", start_from=None,
    )  # fmt: skip
    step("train_apart", asked)
    trained = step("train", plan, grid, decision)
    made = step("forecast", plan, grid, trained)
    scored = step("score_past", plan, grid)
    published = step("publish", plan, validated, grid, trained, made)
    step("report", plan, grid, scored, published)
    write_public(settings)  # so that the step replaces a site
    step("site")
    (root / "week.pickle").write_bytes(pickle.dumps((given, results)))
