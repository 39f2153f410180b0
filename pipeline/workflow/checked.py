"""What passed the checks, as it lies in the lake, written and read back.

Past weeks rebuilt from one archive differ by how many of its first reports were known, and by the
few that failed a check. So the archive is stored once, and a week names how much of it is its own.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.domain.columns import INCIDENTS
from pipeline.lake.lake import Lake, Ref
from pipeline.quality.gate import GateReport
from pipeline.quality.quarantine import leave_out
from pipeline.workflow.archive import Archive
from pipeline.workflow.reads import Reads

LEFT_OUT = pa.schema([pa.field("position", pa.int64(), nullable=False)])


def write_checked(
    lake: Lake,
    city_name: str,
    incidents: GateReport,
    weather: GateReport,
    archive: Archive | None,
    info: Mapping[str, Any],
) -> Ref:
    """Write what came of the checks of a week.

    Args:
        lake: where to.
        city_name: short name of the city.
        incidents: the checks of the reports known.
        weather: the checks of the daily weather known.
        archive: what the reports are the first of; None stores them with the week.
        info: stored with it.
    """
    tables = {
        "weather_daily": weather.accepted,
        "quarantine": pa.concat_tables([incidents.quarantined, weather.quarantined]),
    }
    if archive is None:
        return lake.write("validated", city_name, {"incidents": incidents.accepted, **tables}, info)
    known = incidents.accepted.num_rows + len(incidents.left_out)
    left_out = pa.table({"position": incidents.left_out}, LEFT_OUT)
    own = {**info, "archive": archive.ref.to_json(), "known": known}
    return lake.write("validated", city_name, {"left_out": left_out, **tables}, own)


def read_checked(lake: Lake, ref: Ref, reads: Reads) -> tuple[pa.Table, pa.Table]:
    """Return a week's incidents and its daily weather, as they passed the checks.

    Raises:
        CorruptArtifact: a file is missing or doesn't match its hash.
    """
    tables, info = lake.read(ref), lake.info(ref)
    if "incidents" in tables:
        return tables["incidents"], tables["weather_daily"]
    known = reads.archived(lake, info["archive"]).slice(0, info["known"])
    checked = leave_out(known, tables["left_out"]["position"].to_numpy())
    return checked.cast(INCIDENTS.schema), tables["weather_daily"]
