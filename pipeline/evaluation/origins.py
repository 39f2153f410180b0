"""Which weeks a backtest forecasts, and from which edge weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import HORIZONS, WEEK, ForecastWeeks
from pipeline.grid.cube import Cube


@dataclass(frozen=True)
class Origins:
    """The forecasts of a rolling origin.

    Attributes:
        targets: target weeks, oldest first.
        horizons: weeks from edge to target, each used for every target.
    """

    targets: tuple[date, ...]
    horizons: tuple[int, ...]

    @property
    def edges(self) -> list[date]:
        """Every edge week that is forecast from, oldest first."""
        return sorted({target - WEEK * h for target in self.targets for h in self.horizons})

    def from_edge(self, edge: date) -> list[ForecastWeeks]:
        """Return the forecasts made from one edge week, each issued the day before its target."""
        targets = [edge + WEEK * h for h in self.horizons]
        return [
            ForecastWeeks(target - timedelta(days=1), edge, target)
            for target in targets
            if target in self.targets
        ]


def plan_origins(
    cube: Cube, last_weeks: int, horizons: Sequence[int], history_weeks: int
) -> Origins:
    """Return the last whole weeks of a cube as targets, every horizon for each.

    Args:
        cube: what is forecast.
        last_weeks: number of targets.
        horizons: from 1 to 5.
        history_weeks: whole weeks that must be known at the first edge.

    Raises:
        InvalidRequest: a horizon or the number of weeks is out of range, or history is too short.
    """
    if not horizons or any(h not in HORIZONS for h in horizons):
        raise InvalidRequest(
            f"Horizons {', '.join(map(str, horizons)) or '(none)'}: give one or more of "
            f"{', '.join(map(str, HORIZONS))}."
        )
    if last_weeks < 1:
        raise InvalidRequest(f"{last_weeks} weeks to forecast: give 1 or more.")
    whole = cube.whole_weeks
    needed = last_weeks + max(horizons) - 1 + history_weeks
    if len(whole) < needed:
        span = f", {whole[0]} to {whole[-1]}" if whole else ""
        raise InvalidRequest(
            f"There are {len(whole)} whole weeks (Sunday to Saturday){span}; {needed} are needed: "
            f"{last_weeks} to forecast, {max(horizons)} ahead, with {history_weeks} known before "
            "the first. Give fewer weeks to forecast, or more data."
        )
    return Origins(tuple(whole[-last_weeks:]), tuple(sorted(set(horizons))))
