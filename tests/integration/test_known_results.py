"""What a made-up week comes to, written down: a change that means to change nothing keeps it.

Where a change is meant, write the new values down and say so in CHANGELOG.md. A model's bytes are
the same on one kind of processor only, so that its forecast is held to by its figures.
"""

import numpy as np
import pytest

from pipeline.grid.build import cube_from_tables
from pipeline.lake.lake import Lake, Ref
from pipeline.model.config import ModelConfig
from pipeline.model.identity import features_sha256
from pipeline.model.predict import forecast
from pipeline.model.training import train
from pipeline.workflow.plan import weeks_of

pytestmark = pytest.mark.slow
CUBE = "f8bdefcfcf6a56d257ad897de2a3b65a14c063baaf89a6335f5040acf51ac6a3"
FEATURES = "4c06babf72e1d651426dfe9f7ebf1e6daef65a678558acdddcf4144c44c93a77"
CITY_MEAN, LARGEST_CELL, DISPERSION = 206.392, 43.175, 0.0020364


def test_the_cube_of_a_made_up_week_is_the_one_it_was(training):
    assert Ref.from_json(training.job["cube"]).sha256 == CUBE


def test_weights_of_this_version_mean_what_those_of_the_last_did():
    assert features_sha256() == FEATURES


def test_the_forecast_of_a_made_up_week_is_the_one_it_was(training, tmp_path):
    settings, ref = training.settings, Ref.from_json(training.job["cube"])
    city, weeks = settings.city("chicago"), weeks_of(training.plan, training.grid)
    view = cube_from_tables(city, Lake(settings.lake_root).read(ref)).as_of(weeks.edge_week)
    config = ModelConfig.from_settings(settings)
    model = train(view, city, config, mode="retrain", folder=tmp_path / "model")
    made = forecast(model, view, city, weeks)
    found = (made.city.mean, np.nanmax(made.mean), 1 / np.nanmin(made.nb_size))
    assert found == pytest.approx((CITY_MEAN, LARGEST_CELL, DISPERSION), rel=1e-3)
