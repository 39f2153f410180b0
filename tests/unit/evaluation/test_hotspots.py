import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.evaluation.hotspots import SMOOTHING_CELLS, find_hotspots, share_in_top
from pipeline.evaluation.ranking import flagged_cells, rank_cells, top_cells
from pipeline.model.channels import smooth

TOUCHING = np.ones((3, 3))


def city_of_100() -> np.ndarray:
    """Ten by eleven cells, the last column outside the city, all means different and below 1."""
    mean = np.random.default_rng(3).permutation(110).reshape(10, 11) / 1000
    mean[:, 10] = np.nan
    return mean


def test_bands_hold_the_top_cells():
    mean = city_of_100()
    found = find_hotspots(mean, seed=1)
    # 100 cells in the city: ranks 1; 2; 3 to 5
    assert [int((found.band == band).sum()) for band in (1, 2, 5)] == [1, 1, 3]
    assert found.rank[np.unravel_index(np.nanargmax(mean), mean.shape)] == 1
    assert sorted(found.rank[found.band > 0]) == [1, 2, 3, 4, 5]
    assert not found.rank[:, 10].any()
    assert not found.band[:, 10].any()
    assert sorted(found.rank[:, :10].ravel()) == list(range(1, 101))


def test_clusters_touch_at_corners_and_are_numbered_by_expected_count():
    mean = np.full((10, 10), 0.1)
    mean[0, 0] = 5.0  # alone, but the single highest
    mean[5, 5], mean[6, 6] = 4.0, 3.0  # one group, joined at a corner: 7 expected
    mean[9, 0], mean[9, 1] = 2.0, 1.0  # 3 expected
    found = find_hotspots(mean, seed=1)
    assert found.cluster[5, 5] == found.cluster[6, 6] == 1
    assert found.cluster[0, 0] == 2
    assert found.cluster[9, 0] == found.cluster[9, 1] == 3


def test_nothing_in_the_city_is_no_hotspot():
    found = find_hotspots(np.full((3, 4), np.nan), seed=1)
    assert not found.rank.any()
    assert not found.band.any()
    assert not found.cluster.any()


def test_ties_follow_the_seed():
    level = np.ones((20, 20))
    first, again, other = (find_hotspots(level, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.rank, again.rank)
    assert np.array_equal(first.cluster, again.cluster)
    assert not np.array_equal(first.rank, other.rank)


def test_share_in_top_counts_the_reruns_that_flag_a_cell():
    # 40 cells in a row and one outside: two of them are the top 5 %.
    rates = np.full((4, 1, 41), np.nan)
    rates[:, 0, :40] = np.linspace(0, 1, 40)
    rates[0, 0, 3] = 5.0
    share = share_in_top(rates, seed=1)
    assert share[0, 39] == 1.0
    assert share[0, 38] == 0.75
    assert share[0, 3] == 0.25
    assert np.nansum(share) == 2.0
    assert np.isnan(share[0, 40])


def test_small_cities_flag_one_cell():
    assert flagged_cells(7, 0.01) == 1
    assert flagged_cells(1855, 0.05) == 93  # 92.75


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 9))
def test_a_rank_is_a_permutation_in_the_order_of_the_means(values, seed):
    mean = np.array(values, float)
    rank = rank_cells(mean, seed)
    assert sorted(rank) == list(range(1, len(values) + 1))
    assert (np.diff(mean[np.argsort(rank)]) <= 0).all()


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=24, max_size=24), st.integers(1, 8), st.integers(0, 9))
def test_top_cells_are_those_of_the_first_ranks(values, number, seed):
    maps = np.array(values, float).reshape(3, 8)
    found = top_cells(maps, number, seed)
    assert np.array_equal(found, rank_cells(maps, seed) <= number)
    assert (found.sum(axis=1) == number).all()


def test_two_peaks_that_touch_are_cut_at_the_saddle_between_them():
    # One ridge of hotspots along row 10, 20 of 400 cells; its saddle is column 9.
    mean = np.full((20, 20), 0.1)
    mean[10] = np.concatenate([np.arange(3, 8), np.arange(6, 1, -1), np.arange(2, 8), [6, 5, 4, 3]])
    found = find_hotspots(mean, seed=1)
    assert (found.band[10] > 0).all()
    # 47 reports in the columns from 10 on, 45 in those before; the lowest cell leans to 8.
    assert found.cluster[10].tolist() == [2] * 10 + [1] * 10


def test_hills_that_touch_are_a_cluster_each():
    row, col = np.indices((40, 40))
    tops = [(14, 14), (19, 17), (24, 20)]
    hills = [np.exp(-((row - r) ** 2 + (col - c) ** 2) / 12) for r, c in tops]
    found = find_hotspots(0.1 + np.sum(hills, axis=0), seed=1)
    assert ndimage.label(found.band > 0, structure=TOUCHING)[1] == 1
    assert sorted(found.cluster[r, c] for r, c in tops) == [1, 2, 3]
    assert found.cluster.max() == 3


def uneven_city(seed):
    """Return 25 x 25 different rates in some hills, where a corner lies outside the city."""
    noise = np.random.default_rng(seed).gamma(1.0, size=(25, 25))
    mean = ndimage.gaussian_filter(noise, 0.8)
    mean[:6, :5] = np.nan
    return mean


UNEVEN = st.integers(0, 10**6).map(uneven_city)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(UNEVEN, st.integers(0, 9))
def test_each_cluster_is_in_one_piece_around_one_peak(mean, seed):
    found = find_hotspots(mean, seed)
    height = np.where(found.band > 0, smooth(np.nan_to_num(mean)[None], SMOOTHING_CELLS,
                                             np.isfinite(mean))[0], 0)  # fmt: skip
    around = ndimage.maximum_filter(height, footprint=TOUCHING, mode="constant")
    is_peak = (height == around) & (found.band > 0)
    for number in range(1, found.cluster.max() + 1):
        _, pieces = ndimage.label(found.cluster == number, structure=TOUCHING)
        assert pieces == 1
        assert is_peak[found.cluster == number].sum() == 1


@settings(derandomize=True, max_examples=50, deadline=None)
@given(UNEVEN, st.sampled_from([(1, -1), (-1, 1), (-1, -1)]))
def test_a_city_in_the_mirror_has_the_same_clusters(mean, flip):
    up, right = flip
    there = find_hotspots(mean[::up, ::right], 1).cluster[::up, ::right]
    assert np.array_equal(there, find_hotspots(mean, 1).cluster)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=100, max_size=100), st.integers(0, 9))
def test_level_ground_is_shared_out_alike_each_time(values, seed):
    mean = np.array(values, float).reshape(10, 10)
    first, again = (find_hotspots(mean, seed) for _ in range(2))
    assert np.array_equal(first.cluster, again.cluster)
    assert np.array_equal(first.cluster > 0, first.band > 0)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.lists(st.floats(0.1, 9), min_size=36, max_size=36), st.integers(0, 9))
def test_clusters_cover_exactly_the_hotspots_and_expect_less_and_less(values, seed):
    mean = np.array(values).reshape(6, 6)
    found = find_hotspots(mean, seed)
    assert np.array_equal(found.cluster > 0, found.band > 0)
    expected = np.bincount(found.cluster.ravel(), mean.ravel())[1:]
    assert (expected > 0).all()
    assert (np.diff(expected) <= 1e-9).all()
