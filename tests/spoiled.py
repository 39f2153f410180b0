"""Forecasts that are too high by far, for those who have to see what becomes of a worse model."""

from dataclasses import replace

from pipeline.workflow.training import promotion


def tripled(make):
    """Return a maker of forecasters, as a trial takes it, whose forecasts are three times as high.

    Args:
        make: the maker of what is tripled.
    """

    def make_tripled(trained_on):
        forecast_of = make(trained_on)

        def forecast(view, weeks):
            made = forecast_of(view, weeks)
            return replace(made, mean=made.mean * 3)

        return forecast

    return make_tripled


def spoil_the_challenger():
    """Triple, in this process, the first model that a trial trains anew: the challenger's."""
    trained_anew, seen = promotion._trained_anew, []

    def make_forecasters(*words):
        make = trained_anew(*words)
        seen.append(make)
        return tripled(make) if len(seen) == 1 else make

    promotion._trained_anew = make_forecasters
