import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.results.products.exports import week_files
from tests.unit.results.samples import TARGET, publish

COLUMNS = {
    "reference_date": pa.date32(), "target": pa.string(), "horizon": pa.int32(),
    "location": pa.string(), "target_end_date": pa.date32(), "output_type": pa.string(),
    "output_type_id": pa.float64(), "value": pa.float64(),
}  # fmt: skip
LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]


@pytest.fixture
def table(store, cells, city):
    publish(store, cells, provenance="simulated")
    name, content = week_files(store, city, TARGET)["hub"]
    assert name == "smallville_2026-01-04_simulated_hub.parquet"
    return pq.read_table(io.BytesIO(content))


def test_columns_are_the_hubs(table):
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == COLUMNS
    assert table.schema.metadata[b"provenance"] == b"simulated"


def test_target_ends_horizon_weeks_after_the_reference(table):
    frame = table.to_pandas()
    # Edge 2025-12-14, whose week ends on the 20th; the target week ends 2026-01-10, three on.
    assert set(frame["reference_date"]) == {date(2025, 12, 20)}
    assert set(frame["target_end_date"]) == {date(2026, 1, 10)}
    assert set(frame["horizon"]) == {3}


def test_every_place_has_a_mean_and_rising_quantiles(table, store):
    frame = table.to_pandas()
    # The city, two divisions, six cells; a mean and seven quantiles each.
    assert len(frame) == 9 * 8
    assert not frame.duplicated(["location", "output_type", "output_type_id"]).any()
    assert set(frame["output_type"]) == {"mean", "quantile"}
    for _, place in frame[frame["output_type"] == "quantile"].groupby("location"):
        ordered = place.sort_values("output_type_id")
        assert ordered["output_type_id"].tolist() == LEVELS
        assert ordered["value"].is_monotonic_increasing
    mean = frame[frame["output_type"] == "mean"].set_index("location")["value"]
    assert (mean["city"], mean["division:Up"], mean["cell:8"]) == (7.875, 4.125, 4.0)
