"""What a stored column means is said once, and all that shows it says the same."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from pipeline.domain.errors import ModelRejected
from pipeline.results.page.schemas import CellColumns, Check, RunFacts
from pipeline.results.products.exports import week_files
from pipeline.results.store.dictionary import CELL_ROWS, columns_of_table
from pipeline.results.store.rows import cell_rows
from pipeline.results.store.tables import Base, CellForecast, DataHealth, Run
from tests.unit.results.samples import TARGET, make_forecast, make_hotspots, publish

MEANINGS = {
    (mapper.class_, column.name): column.meaning
    for mapper in Base.registry.mappers
    for column in columns_of_table(mapper.class_)
}


def test_every_stored_column_says_what_it_means():
    assert [key for key, meaning in MEANINGS.items() if not meaning] == []


@pytest.mark.parametrize(
    ("answer", "table"), [(CellColumns, CellForecast), (RunFacts, Run), (Check, DataHealth)]
)
def test_an_answer_of_the_api_says_of_a_column_what_the_store_says(answer, table):
    said = {name: field.description for name, field in answer.model_fields.items()}
    shared = {name: said[name] for name in said if (table, name) in MEANINGS}
    assert len(shared) >= 6
    assert shared == {name: MEANINGS[table, name] for name in shared}


def test_the_manifest_explains_every_column_of_the_files(store, cells, city):
    publish(store, cells)
    files = week_files(store, city, TARGET)
    explained = json.loads(files["manifest"][1])["columns"]
    heads = [next(csv.reader(io.StringIO(files[k][1].decode()))) for k in ("csv", "totals")]
    heads.append(pq.read_schema(io.BytesIO(files["hub"][1])).names)
    assert explained.keys() == {name for head in heads for name in head}
    assert all(column["meaning"] for column in explained.values())
    assert explained["q90"]["unit"] == "reports"
    assert explained["lat"] == {
        "type": "real", "unit": "deg", "rounded_to": "6 decimals",
        "meaning": "latitude of the cell's centre",
    }  # fmt: skip
    assert explained["band"]["meaning"].endswith("else empty")


def test_the_dictionary_beside_the_files_says_what_the_manifest_says(store, cells, city):
    publish(store, cells)
    files = week_files(store, city, TARGET)
    name, content = files["dictionary"]
    assert name == "data_dictionary.csv"
    lines = {line.pop("column"): line for line in csv.DictReader(io.StringIO(content.decode()))}
    assert lines == json.loads(files["manifest"][1])["columns"]
    assert lines["mean"]["rounded_to"] == "4 significant digits"
    assert (lines["q10"]["type"], lines["q10"]["rounded_to"]) == ("integer", "")


def test_a_value_outside_its_columns_range_is_not_stored(cells, monkeypatch):
    forecast = make_forecast()
    monkeypatch.setattr(
        "pipeline.results.store.rows.probability_of_any", lambda mean, size: mean * 0 + 1.5
    )
    with pytest.raises(ModelRejected, match=r"column p_any: values from 1\.5 to 1\.5, allowed 0"):
        cell_rows(forecast, make_hotspots(forecast), cells, None)


def test_rows_have_the_columns_of_their_table_but_the_run():
    names = [column.name for column in CELL_ROWS.columns]
    assert ["run_pk", *names] == [c.key for c in CellForecast.__table__.columns]
