"""The network: shapes, masks, shares that sum to one, and losses against their formulas."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import poisson

from pipeline.model import network as net
from pipeline.model.channels import CHANNELS
from pipeline.model.config import ModelConfig
from pipeline.model.losses import log_total_loss, multinomial_loss, negative_binomial_loss
from tests.unit.model.made_up_city import SHAPE, make_cells, small_config


def random_inputs(config, batch=2, seed=0):
    random = np.random.default_rng(seed)
    mask = np.repeat(make_cells().mask[None, ..., None], batch, axis=0)
    maps = [random.normal(size=(batch, *SHAPE, n)) for n in (config.window_weeks, len(CHANNELS))]
    context = random.normal(size=(batch, config.window_weeks, 6))
    totals = [context, random.normal(size=(batch, 5, 5)), np.full((batch, 5), np.log(50))]
    opinion = random.normal(size=(batch, *SHAPE, 1))
    return [array.astype(np.float32) for array in (*maps, mask, opinion, *totals)]


@pytest.fixture(scope="module")
def network():
    return net.dual_branch(small_config(), SHAPE)


def test_one_pass_gives_a_rate_for_every_horizon_and_cell(network):
    log_rates = np.asarray(network(random_inputs(small_config())))
    assert log_rates.shape == (2, 5, *SHAPE)
    rates = np.exp(log_rates.astype(np.float64))
    assert not rates[:, :, ~make_cells().mask].any()
    assert (rates[:, :, make_cells().mask] > 0).all()


def test_an_untrained_network_keeps_the_base_total(network):
    rates = np.exp(np.asarray(network(random_inputs(small_config())), np.float64))
    assert_allclose(rates.sum(axis=(2, 3)), 50, rtol=1e-4)


def test_an_untrained_member_forecasts_the_pooled_long_run_shares():
    config = small_config()
    branch = net.crime_branch(config, SHAPE, "member")
    maps = random_inputs(config)[:3]
    shares = np.exp(np.asarray(branch(maps), np.float64))
    rate = np.exp(maps[1][..., 0].astype(np.float64)) * maps[2][..., 0]
    expected = rate / rate.sum(axis=(1, 2), keepdims=True)
    for horizon in range(5):
        assert_allclose(shares[..., horizon], expected, rtol=1e-4, atol=1e-9)


def test_the_residual_sees_nothing_from_outside_the_city():
    config = small_config()
    branch = net.crime_branch(config, SHAPE, "member")
    branch.get_layer("residual").set_weights([np.ones((1, 1, config.filters, 5)), np.zeros(5)])
    maps = random_inputs(config)[:3]
    noisy = [maps[0].copy(), maps[1].copy(), maps[2]]
    outside = maps[2][..., 0] == 0
    noisy[0][outside] += 5
    noisy[1][outside] -= 5
    assert_allclose(np.asarray(branch(noisy)), np.asarray(branch(maps)), atol=1e-4)


def test_every_layer_survives_a_configuration_round_trip(network, tmp_path):
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    inputs = random_inputs(small_config())
    assert_allclose(np.asarray(again(inputs)), np.asarray(network(inputs)), rtol=1e-6)
    assert len({layer.name for layer in network.layers}) == len(network.layers)


def test_default_network_has_five_to_sixty_thousand_weights():
    assert 5_000 < net.dual_branch(ModelConfig(), (60, 75)).count_params() < 60_000


def shares_and_counts(seed=0):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(1, 2, 3, 1))
    share = np.exp(logits) / np.exp(logits).sum()
    return share.astype(np.float32), random.poisson(20 * share).astype(np.float32)


def test_shares_given_the_total_times_the_total_is_the_poisson_likelihood():
    # log P(cells | Poisson) = log P(total | Poisson) + multinomial; the multinomial's log share
    # term is minus the loss times the reports, the rest does not depend on the shares.
    other_share, counts = shares_and_counts(1)
    share, _ = shares_and_counts(0)
    losses = [float(multinomial_loss(counts, np.log(s))[0]) for s in (share, other_share)]
    likelihoods = [poisson.logpmf(counts, 20 * s).sum() for s in (share, other_share)]
    difference = (losses[1] - losses[0]) * counts.sum()
    assert difference == pytest.approx(likelihoods[0] - likelihoods[1], rel=1e-5)


def test_negative_binomial_tends_to_the_multinomial_as_dispersion_vanishes():
    share, counts = shares_and_counts()
    wide = float(negative_binomial_loss(0.5)(counts, np.log(share))[0])
    thin = float(negative_binomial_loss(1e-4)(counts, np.log(share))[0])
    exact = float(multinomial_loss(counts, np.log(share))[0])
    # In the limit (y + r) log(1 + m / r) is m, whose sum is the total: one per report.
    assert thin == pytest.approx(exact + 1, abs=1e-2)
    assert wide != pytest.approx(thin, abs=1e-2)


def test_a_batch_without_known_targets_costs_nothing():
    share, counts = shares_and_counts()
    assert float(multinomial_loss(0.0 * counts, np.log(share))[0]) == 0.0


def test_unknown_totals_are_left_out():
    goal = np.array([[1.0, np.nan], [np.nan, np.nan]], np.float32)
    loss = log_total_loss(goal, np.array([[3.0, 9.0], [1.0, 1.0]], np.float32))
    assert_allclose(np.asarray(loss), [4.0, 0.0])
