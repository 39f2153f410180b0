"""Record what pyCSEP 0.8.0 says of small made-up forecasts, for tests/unit/evaluation.

It needs an environment of its own, since its pins don't fit the project's:
    python3.11 -m venv /tmp/pycsep && /tmp/pycsep/bin/pip install pycsep==0.8.0
    /tmp/pycsep/bin/python scripts/pycsep_reference.py
"""

import json
from pathlib import Path

import numpy as np
from csep.core.binomial_evaluations import _nbd_number_test_ndarray
from csep.core.poisson_evaluations import (
    _number_test_ndarray,
    _poisson_likelihood_test,
    _t_test_ndarray,
)

OUT = Path(__file__).parents[1] / "tests/unit/evaluation/pycsep_reference.json"
SIMULATIONS = 4000
CASES = {"fits": (0.0, 1.0), "wrong places": (1.2, 1.0), "too few": (0.0, 0.6)}


def case(seed: int, noise: float, level: float) -> dict:
    """Return one forecast, a rival, an outcome, and what the tests say of them."""
    random = np.random.default_rng(seed)
    truth = random.gamma(0.7, 1.5, 120) + 0.02
    rival = truth * np.exp(0.3 * random.normal(size=120))
    mean = level * truth * np.exp(noise * random.normal(size=120))
    observed = random.poisson(truth)
    total, number = mean.sum(), observed.sum()
    variance = total + total**2 / 30
    events = np.repeat(np.arange(120), observed)
    t_test = _t_test_ndarray(mean[events], rival[events], number, total, rival.sum())

    def quantile(**options: bool) -> float:
        found = _poisson_likelihood_test(
            mean[:, None], observed[:, None], num_simulations=SIMULATIONS, seed=seed, **options
        )
        return float(found[0])

    return {
        "mean": mean.tolist(),
        "rival": rival.tolist(),
        "observed": observed.tolist(),
        "n_poisson": [float(value) for value in _number_test_ndarray(total, number)],
        "nb_size": 30.0,
        "n_nb": [float(v) for v in _nbd_number_test_ndarray(total, number, variance)],
        "l": quantile(use_observed_counts=False),
        "cl": quantile(use_observed_counts=True),
        "s": quantile(use_observed_counts=True, normalize_likelihood=True),
        "information_gain": float(t_test["information_gain"]),
    }


if __name__ == "__main__":
    cases = {name: case(n, *options) for n, (name, options) in enumerate(CASES.items())}
    OUT.write_text(json.dumps({"simulations": SIMULATIONS, "cases": cases}))
    summary = {k: {n: v for n, v in c.items() if n in "l cl s n_nb"} for k, c in cases.items()}
    print(json.dumps(summary, indent=1))  # noqa: T201
