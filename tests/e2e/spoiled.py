"""A challenger that does worse, for those who have to see what Airflow makes of one."""

from dataclasses import replace

from pipeline.workflow import promotion


def spoil_the_challenger():
    """Triple the forecasts of the first model that a trial trains anew: the challenger's."""
    trained_anew, spoiled = promotion._trained_anew, []

    def make_forecasters(*words):
        make = trained_anew(*words)
        if spoiled:
            return make
        spoiled.append(make)

        def make_tripled(trained_on):
            forecast_of = make(trained_on)

            def forecast(view, weeks):
                made = forecast_of(view, weeks)
                return replace(made, mean=made.mean * 3)

            return forecast

        return make_tripled

    promotion._trained_anew = make_forecasters
