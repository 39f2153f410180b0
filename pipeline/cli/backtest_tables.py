"""A backtest and an ablation as tables for the terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.evaluation.across import ALL_CITIES, RIVALS
from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.bootstrap import LEAST_WEEKS
from pipeline.evaluation.rolling import TRUE_RATE

SHOWN_SCORES = {
    "poisson_deviance": "deviance",
    "bias": "bias",
    "hit_rate_5": "hit 5%",
    "hit_rate_20": "hit 20%",
    "pei_star_5": "PEI* 5%",
    "mae": "MAE",
}
UNIFORM = {True: "yes", False: "no", None: "–"}


def backtest_tables(summary: dict[str, Any]) -> list[Table]:
    """Return all tables of a backtest, in the order they are read."""
    tables = [backtest_table(summary), comparison_table(summary), calibration_table(summary)]
    return [*tables, attainable_table(summary)] if summary["attainable"] else tables


def attainable_table(summary: dict[str, Any]) -> Table:
    """Return how far a backtest of a simulated city goes to its true rates."""
    table = _titled("SIMULATED city: the way from the long-run mean to the true rates, in deviance")
    for name in ("h", " model", " long-run mean", " true rate", " share gone", " interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for horizon, found in summary["attainable"].items():
        deviances = (
            summary["pooled"][name][horizon]["poisson_deviance"]
            for name in (summary["model"], REFERENCE, TRUE_RATE)
        )
        share = (
            f"{100 * found['share']:.0f} %",
            _interval(found, "{:.0f}", 100, " %"),
        )
        table.add_row(horizon, *(f"{value:.4f}" for value in deviances), *share)
    return table


def backtest_table(summary: dict[str, Any]) -> Table:
    """Return the pooled scores of every model and horizon h of a backtest, in-city cells only."""
    table = _titled(
        f"{summary['city']}: {summary['weeks']} weeks from {summary['first_week']}, "
        f"{summary['cells']} in-city cells"
    )
    table.add_column("h")
    table.add_column("model", no_wrap=True)
    for name in SHOWN_SCORES.values():
        table.add_column(name, justify="right")
    for horizon in map(str, summary["horizons"]):
        for model, pooled in summary["pooled"].items():
            scores = pooled[horizon]
            table.add_row(horizon, model, *(f"{scores[name]:.4f}" for name in SHOWN_SCORES))
        table.add_section()
    return table


def comparison_table(summary: dict[str, Any]) -> Table:
    """Return how far the model's deviance lies below its rivals', with 95 % intervals."""
    table = _titled("Deviance minus the rival's (below 0: the model is better; 95 % interval)")
    for name in ("h ", "rival"):
        table.add_column(name, no_wrap=True)
    for name in (" difference", " in %", " interval", " weeks won"):
        table.add_column(name, justify="right", no_wrap=True)
    for horizon in map(str, summary["horizons"]):
        for rival in RIVALS:
            found = summary["model_against"][rival][horizon]["poisson_deviance"]
            theirs = summary["pooled"][rival][horizon]["poisson_deviance"]
            table.add_row(
                horizon,
                rival,
                f"{found['difference']:+.4f}",
                f"{100 * found['difference'] / theirs:+.2f}",
                f"  {_interval(found)}",
                f"{found['weeks_won']} of {found['weeks']}",
            )
        ours = summary["pooled"][summary["model"]][horizon]["poisson_deviance"]
        floor = summary["noise_floor"][horizon]["negative_binomial"]
        gap = (f"{ours - floor:+.4f}", f"{100 * (ours - floor) / floor:+.2f}")
        table.add_row(horizon, "(noise floor)", *gap, "", "")
        table.add_section()
    return table


def calibration_table(summary: dict[str, Any]) -> Table:
    """Return what the forecasts of the city total come to, and whether the cells' hold."""
    table = _titled("City total and weeks passing each test, in percent; is the cells' PIT uniform")
    heads = ("h", "MAPE", "bias", "in 80 %", "in 95 %", "N-test", "L-test", "CL-test", "PIT")
    for name in heads:
        table.add_column(f" {name}", justify="right", no_wrap=True)
    for horizon, found in summary["calibration"].items():
        city = found["city"]
        table.add_row(
            horizon,
            f"{city['mape_percent']:.1f}",
            f"{city['bias_percent']:+.1f}",
            f"{city['coverage_percent']['80']:.0f}",
            f"{city['coverage_percent']['95']:.0f}",
            f"{city['n_test_passed_percent']:.0f}",
            f"{found['cells']['l_test_passed_percent']:.0f}",
            f"{found['cells']['cl_test_passed_percent']:.0f}",
            UNIFORM[found["cells_pit"]["is_inside"]],
        )
    return table


def across_table(found: dict[str, Any]) -> Table:
    """Return how far the model's deviance lies below its rivals' in several cities, and in all."""
    table = _titled("Deviance minus the rival's, in percent of it (95 % interval)")
    table.add_column("city", no_wrap=True)
    for name in (" h", "  rival"):
        table.add_column(name, no_wrap=True)
    for name in (" difference", " interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for place in (*found["cities"], ALL_CITIES):
        for horizon in map(str, found["horizons"]):
            for rival, against in found["percent_against"].items():
                figure = against[horizon][place]
                shown = (f"{figure['difference']:+.2f}", _interval(figure, "{:+.2f}"))
                table.add_row(place, f" {horizon}", f"  {rival}", *(f" {part}" for part in shown))
        table.add_section()
    return table


def ablation_table(found: dict[str, Any]) -> Table:
    """Return each variant's deviance, and its difference to the default's with its interval."""
    table = _titled(
        "Poisson deviance of each variant, and minus the default's (95 % interval); above 0: "
        "the model is worse without it"
    )
    table.add_column("variant")
    for name in (" h", " deviance", " difference", " interval", " s"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, variant in found["variants"].items():
        if "why_not" in variant:
            table.add_row(name, "", "", "", "too little history", "")
            continue
        for horizon, deviance in variant["deviance"].items():
            row = [f" {horizon}", f" {deviance:.4f}", "", "", f" {variant['seconds']:.0f}"]
            if "difference" in variant:
                gap = variant["difference"][horizon]
                row[2] = f" {gap['difference']:+.4f}"
                row[3] = f" {_interval(gap)}"
            table.add_row(name, *row)
        table.add_section()
    return table


def _titled(title: str) -> Table:
    """Return an empty table as all of them look."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)


def _interval(
    found: dict[str, Any], form: str = "{:+.4f}", scale: float = 1, unit: str = ""
) -> str:
    """Return an interval in words; NaN or nothing at its ends means that weeks are wanting."""
    low, high = (found[end] for end in ("low", "high"))
    if low is None or low != low:
        return f"from {LEAST_WEEKS} weeks on"
    return f"{form.format(scale * low)} to {form.format(scale * high)}{unit}"
