"""The card of a registered model: what it is, learned from and is good for, as Markdown.

It holds no clock and no place on disk, so that the same model and store give the same card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.model.saved import TrainedModel
from pipeline.results.page import track_record
from pipeline.results.page.score_schemas import Scores
from pipeline.results.products.city_audit import (
    DIVISION_HEADS,
    LOOP_HEADS,
    LOOP_NOTE,
    Audit,
    audit_city,
    audit_title,
    division_note,
    division_rows,
    flags_line,
    loop_rows,
)
from pipeline.results.store.many_weeks import FORECAST
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import BANNERS
from pipeline.version import code_version

SCORES = {"poisson_deviance": "{:.4f}", "hit_rate_5": "{:.1%}", "bias": "{:+.1%}"}
SCORE_HEADS = ("", "Deviance", "Reports in the top 5 %", "Bias")
OWN_RECORD = "How its own forecasts came true"
OLD_WEEKS = ("old_weeks_before", "old_weeks_after")
SUMMARY = """\
Weekly counts of reported violent crime for the grid cells of a city, 1 to 5 weeks ahead, as
negative binomials. A dual-branch convolutional network: one branch for where, one for how many.
On where, a regression and boosted trees have a say too."""
USE = """\
Planning over weeks: where services, lighting, outreach and prevention may be needed; and research.

**Not** for patrol dispatch, stops, searches or any decision about a person; not for ranking
neighbourhoods, prices, insurance or lending; not for judging officers or divisions. The rules, the
known harms and how to object: `docs/responsible-use.md`.
"""
LIMITS = (
    "Reports, not crime: what nobody reports isn't in it, and places that report more look worse.",
    "Next week's counts are mostly chance; a cell's long-run average is hard to beat.",
    "Its inputs are counts, weather and calendar: it knows where reports were, not why.",
    "Flags that drew patrols would raise reports where they fall, and so feed themselves.",
    "It was trained on one city and is of no use in another.",
)


@dataclass(frozen=True)
class LearnedFrom:
    """What a model was trained on.

    Attributes:
        provenance: "live", "recorded" or "simulated".
        first_week, edge_week: Sundays of the first and the last complete week.
        reports: target reports in them.
        cells: in-city cells.
        sha256: hash of the cube.
    """

    provenance: str
    first_week: date
    edge_week: date
    reports: int
    cells: int
    sha256: str


def model_card(
    store: ResultsReader,
    city: City,
    model: TrainedModel,
    *,
    version: str,
    mode: str,
    data: LearnedFrom,
) -> str:
    """Return the card of a model.

    Stored forecasts are scored and audited up to the model's edge week. Only the last section,
    which `with_own_record` renews, tells what came later: of the model's own forecasts.

    Args:
        store: the city's stored forecasts; there may be none.
        city: what the model is for.
        model: the model.
        version: its number in the registry.
        mode: "retrain" or "fine_tune".
        data: what it was trained on.
    """
    banner = BANNERS.get(data.provenance)
    parts = [
        f"# Model card: {city.title}, version {version}",
        *([f"> **{banner}**"] if banner else []),
        SUMMARY,
        _section("Data", _list(_data(city, data))),
        _section("Change of the records system", _era(city, model)),
        _section("Training", _training(model, mode)),
        _section("Forecasts so far, beside simple averages", _record(store, city, data.edge_week)),
        _section("Audit", _audit(store, city, data.edge_week)),
        _section("Intended use", USE.strip()),
        _section("Limits", _list(LIMITS)),
        _section("Configuration", _configuration(model)),
        f"Made by la-hotspots {code_version()}.",
    ]
    return with_own_record(store, city, version, "\n\n".join(parts))


def with_own_record(store: ResultsReader, city: City, version: str, card: str) -> str:
    """Return a card whose last section tells how the model's own forecasts came true so far."""
    kept = card.split(f"\n\n## {OWN_RECORD}\n")[0].rstrip()
    return f"{kept}\n\n{_section(OWN_RECORD, _own_record(store, city, version))}\n"


def _data(city: City, data: LearnedFrom) -> list[str]:
    offences = ", ".join(city.offences.target).replace("_", " ")
    return [
        f"{data.reports:,} reports of {offences}; {data.provenance} data.",
        f"Whole weeks from {data.first_week} to that of {data.edge_week}; {data.cells:,} cells.",
        *(
            f"Dataset `{d.id}` of {d.host}, reports from {d.occurred_from}"
            f"{f' to before {d.occurred_before}' if d.occurred_before else ' on'}."
            for d in city.datasets
        ),
        f"Cube `{data.sha256}`. What the data are and where they have gaps: `docs/data-sheet.md`.",
    ]


def _era(city: City, model: TrainedModel) -> str:
    # A later dataset that another adapter reads is of another records system.
    changes = [
        new
        for old, new in zip(city.datasets, city.datasets[1:], strict=False)
        if old.adapter != new.adapter
    ]
    if not changes:
        return "All datasets are of one records system."
    days = ", ".join(str(change.occurred_from) for change in changes)
    answer = (
        "The city total is given a new level there, and where a lasting shift is found."
        if model.config.handles_breaks
        else "The model takes no account of it."
    )
    return f"Reports of another system begin on {days}; a step in the counts remains. {answer}"


def _training(model: TrainedModel, mode: str) -> str:
    kind = "fine-tuned from the model before" if mode == "fine_tune" else "trained from scratch"
    figures = [(name, f"{value:.6g}") for name, value in sorted(model.metrics.items())]
    text = f"It was {kind}, on data up to the week of {model.trained_through}.\n\n"
    names = ", ".join(sorted(model.classes)).replace("_", " ") or "none is frequent"
    text += f"Other offences that it sees each for itself: {names}.\n\n"
    text += _table(("Figure of the training", "Value"), figures)
    if all(name in model.metrics for name in OLD_WEEKS):
        before, after = (model.metrics[name] for name in OLD_WEEKS)
        text += (
            f"\n\nWhat fine-tuning did to old weeks: deviance {before:.4f} before, {after:.4f} "
            f"after ({after / before - 1:+.2%})."
        )
    return text


def _record(store: ResultsReader, city: City, through: date) -> str:
    scores = track_record.scores(store, city.name)
    chosen = [k for k, week in enumerate(scores.weeks) if week <= through]
    if not chosen:
        return "No stored forecast has been scored yet."
    return (
        f"{_means(scores, chosen)} `forecast` was made by the models used then.\n\n"
        f"{_score_table(scores, chosen)}"
    )


def _own_record(store: ResultsReader, city: City, version: str) -> str:
    """Tell of the weeks that this model made the current forecast of."""
    scores = track_record.scores(store, city.name)
    runs = [run.record for run in store.weeks(city.name)]
    own = {run.weeks.target_week for run in runs if run.model_version == version}
    chosen = [k for k, week in enumerate(scores.weeks) if week in own]
    if not chosen:
        return "None of its forecasts has been scored yet."
    return f"{_means(scores, chosen)}\n\n{_score_table(scores, chosen)}"


def _means(scores: Scores, chosen: Sequence[int]) -> str:
    first, last = scores.weeks[chosen[0]], scores.weeks[chosen[-1]]
    return f"Means over {len(chosen)} scored weeks from {first} to {last}."


def _score_table(scores: Scores, chosen: Sequence[int]) -> str:
    by_model = scores.scores["poisson_deviance"]
    names = sorted(by_model, key=lambda name: (name != FORECAST, name))
    rows = [
        (
            f"`{name}`",
            *(
                _mean(scores.scores.get(s, {}).get(name, []), chosen, form)
                for s, form in SCORES.items()
            ),
        )
        for name in names
    ]
    return _table(SCORE_HEADS, rows)


def _mean(weekly: Sequence[float | None], chosen: Sequence[int], form: str) -> str:
    values = [weekly[k] for k in chosen if k < len(weekly)]
    known = [value for value in values if value is not None]
    return form.format(np.mean(known)) if known else "–"


def _audit(store: ResultsReader, city: City, through: date) -> str:
    try:
        audit: Audit = audit_city(store, city.name, through)
    except WeekNotReady:
        return "No week that was forecast is known yet, so there is nothing to audit."
    return "\n\n".join(
        [
            *(f"> **{words}**" for words in audit.banners),
            f"{audit_title(city, audit)}. Of the models used then.",
            _table(DIVISION_HEADS, division_rows(audit)),
            division_note(),
            flags_line(audit.flags),
            LOOP_NOTE,
            _table(LOOP_HEADS, loop_rows(audit)),
        ]
    )


def _configuration(model: TrainedModel) -> str:
    settings = [(f"`{name}`", f"{value}") for name, value in model.config.model_dump().items()]
    hashes = f"Model `{model.sha256}`, configuration `{model.config.sha256}`."
    return f"{hashes}\n\n{_table(('Setting', 'Value'), settings)}"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
