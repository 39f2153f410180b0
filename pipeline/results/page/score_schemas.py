"""The shapes of what the page says of how the forecasts came true."""

from datetime import date

from pydantic import BaseModel, Field

from pipeline.results.page.schemas import Total


class RecentSkill(BaseModel):
    """Skill along time; empty while fewer than 13 weeks are scored."""

    weeks: list[date] = Field(description="scored weeks, oldest first")
    skill: list[float] = Field(description="of the 26 scored weeks up to it, or of 13 to 25")
    low: list[float] = Field(description="lower end of its 95 % block-bootstrap interval")
    high: list[float] = Field(description="upper end of its 95 % block-bootstrap interval")


class Comparison(BaseModel):
    """The forecast against one baseline over all weeks that both are scored for."""

    baseline: str
    skill: float = Field(description="1 - deviance / the baseline's; above 0: better")
    low: float | None = Field(
        description="lower end of its 95 % block-bootstrap interval; none below 13 weeks"
    )
    high: float | None = Field(description="upper end of it")
    weeks_won: int
    weeks: int
    recent: RecentSkill


class TotalOutcome(Total):
    """A week's forecast of the city total, and what was counted."""

    week: date
    observed: int | None
    q025: int = Field(description="lower end of its 95 % interval")
    q25: int = Field(description="lower end of its 50 % interval")
    q75: int = Field(description="upper end of its 50 % interval")
    q975: int = Field(description="upper end of its 95 % interval")


class ReliabilityBin(BaseModel):
    """Cells that were given a like chance of any report, and how many of them had one."""

    cells: int
    chance: float
    share: float


class Scores(BaseModel):
    """How the forecasts came true, beside their baselines."""

    weeks: list[date] = Field(description="scored weeks, oldest first")
    scores: dict[str, dict[str, list[float | None]]] = Field(
        description="score -> model ('forecast' or a baseline) -> value of each week"
    )
    comparisons: list[Comparison]
    totals: list[TotalOutcome] = Field(description="all weeks, oldest first")
    coverage_80: float | None = Field(description="share of known city totals in their 80 %")
    reliability: list[ReliabilityBin] = Field(description="of the cells' chances, the last year")


class AreaHit(BaseModel):
    """Reports in the flagged cells of the city or a division, all scored weeks together."""

    name: str = Field(description="'city', or the division")
    top_percent: int = Field(description="cells among the highest 1, 2 or 5 % of the whole city")
    flagged: int = Field(description="its flagged cells, summed over the weeks")
    expected: float = Field(description="reports forecast in them")
    observed: int = Field(description="reports counted in them")
    reports: int = Field(description="reports counted in all its cells")
    hit_rate: float | None = Field(description="observed / reports; none without a report")


class AreaHits(BaseModel):
    """Hits by area, the city first, for each share of cells flagged."""

    weeks: list[date] = Field(description="the scored weeks that they are summed over")
    areas: list[AreaHit]
