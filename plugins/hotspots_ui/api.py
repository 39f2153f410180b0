"""The Hotspots page and its read-only JSON. Every route asks for a user of Airflow."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse

from pipeline.domain.city import City, load_city
from pipeline.domain.errors import HotspotsError, InvalidRequest, SourceUnavailable, WeekNotReady
from pipeline.results.reading import ResultsReader
from pipeline.results.records import StoredRun
from pipeline.settings import get_settings

PAGE = Path(__file__).resolve().parent / "web" / "index.html"
STATUS = {WeekNotReady: 404, InvalidRequest: 404, SourceUnavailable: 503}

# The dependency stands on the app, so that no route can be added without it; the interactive
# documentation would be open to anybody and is left out.
app = FastAPI(
    title="Hotspots",
    dependencies=[Depends(get_user)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)

# Only a plain name: a path would let a caller read files.
CityName = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]*$")]


def results() -> ResultsReader:
    """Return the results store of this installation, for reading."""
    return ResultsReader(get_settings().results_database)


Results = Annotated[ResultsReader, Depends(results)]


@app.exception_handler(HotspotsError)
def answer_error(_request: Request, error: HotspotsError) -> JSONResponse:
    """Answer a named error with its message and the status that fits it."""
    return JSONResponse({"detail": str(error)}, STATUS.get(type(error), 500))


@app.get("/")
def page() -> FileResponse:
    """Return the page."""
    return FileResponse(PAGE)


@app.get("/v1/weeks")
def weeks(store: Results, city: CityName = "los_angeles") -> dict[str, Any]:
    """Return the weeks that have a forecast, newest first, and whether the last one is stale."""
    status = store.status(city)
    return {
        "city": city,
        "cities": store.cities(),
        "stale_since": status.stale_since,
        "stale_reason": status.stale_reason,
        "weeks": [run_facts(run) for run in store.weeks(city)],
    }


@app.get("/v1/weeks/{week}")
def one_week(store: Results, week: date, city: CityName = "los_angeles") -> dict[str, Any]:
    """Return a week's current forecast: its run, the grid, cells by column, totals, checks."""
    run = store.run(city, week)
    return {
        "run": run_facts(run),
        "grid": grid_facts(load_city(city)),
        "cells": plain(store.cells_frame(city, week, run.revision)).to_dict("list"),
        "totals": plain(store.totals(city, week, run.revision)).to_dict("records"),
        "health": store.health(city, week, run.revision),
    }


def run_facts(run: StoredRun) -> dict[str, Any]:
    """Return what a reader needs to know of a run."""
    record, dates = run.record, run.record.weeks
    return {
        "target_week": dates.target_week,
        "issue_date": dates.issue_date,
        "edge_week": dates.edge_week,
        "horizon": dates.horizon,
        "revision": run.revision,
        "is_backfill": run.is_backfill,
        "provenance": record.provenance,
        "banner": run.banner,
        "snapshot_age_days": record.snapshot_age_days,
        "model": f"{record.model_name} {record.model_version}",
        "forecast_sha256": record.forecast_sha256,
        "tally": record.tally,
        "notes": record.notes,
    }


def grid_facts(city: City) -> dict[str, Any]:
    """Return the city's name, its forecast offences, and its grid."""
    return {"title": city.title, "offences": city.offences.target, **city.grid.model_dump()}


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that JSON can hold: nothing is NaN."""
    return frame.astype(object).where(frame.notna(), None)
