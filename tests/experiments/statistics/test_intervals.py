"""Intervals worked out by hand."""

import numpy as np
import pytest

from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval


def test_t_interval_by_hand():
    """1, 2, 3, 4: mean 2.5, standard deviation sqrt(5/3), t(0.975; 3 degrees of freedom) = 3.1824."""
    mean, low, high = mean_interval(np.asarray([1, 2, 3, 4], np.int32))
    half = 3.182446 * np.sqrt(5 / 3) / 2
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), abs=1e-6)


def test_t_interval_of_two_values():
    """0 and 2: mean 1, standard error 1, t(0.975; 1) = 12.7062."""
    assert mean_interval(np.asarray([0.0, 2.0])) == pytest.approx((1, 1 - 12.7062047, 1 + 12.7062047), abs=1e-6)


def test_t_interval_goes_column_by_column():
    values = np.asarray([[1.0, 5.0, 0.0], [3.0, 5.0, 2.0], [5.0, 5.0, 1.0]], np.float32)
    bounds = mean_interval(values)
    for column in range(3):
        assert [bound[column] for bound in bounds] == pytest.approx(mean_interval(values[:, column]))
    assert (bounds[1][1], bounds[2][1]) == (5.0, 5.0)  # no spread, no width
    assert all(bound.dtype == np.float64 and bound.shape == (3,) for bound in bounds)


def test_a_single_agent_has_no_interval():
    mean, low, high = mean_interval(np.asarray([[3.0, 4.0]]))
    assert mean.tolist() == [3.0, 4.0]
    assert np.isnan(low).all() and np.isnan(high).all()


def test_large_whole_numbers_keep_their_mean():
    assert mean_interval(np.full(3, 2**30 + 1, np.int32))[0] == 2**30 + 1


def test_wilson_interval_by_hand():
    """3 of 10, z = 1.959964: centre (0.3 + z^2/20) / (1 + z^2/10), Wilson's own form."""
    z = 1.959963985
    share, low, high = proportion_interval(np.arange(10) < 3)
    centre = (0.3 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * np.sqrt(0.3 * 0.7 / 10 + z**2 / 400)
    assert (share, low, high) == pytest.approx((0.3, centre - half, centre + half), abs=1e-8)
    assert (low, high) == pytest.approx((0.107791, 0.603222), abs=1e-6)  # as tabulated


@pytest.mark.parametrize(("value", "bounds"), [(False, (0.0, 0.277533)), (True, (0.722467, 1.0))])
def test_wilson_interval_where_all_are_alike(value, bounds):
    """0 of 10 gives (0, z^2 / (10 + z^2)): it has a width, unlike a t interval."""
    share, low, high = proportion_interval(np.full(10, value))
    assert share == float(value)
    assert (low, high) == pytest.approx(bounds, abs=1e-6)


def test_wilson_interval_of_one_agent_is_wide():
    """1 of 1 gives (1 / (1 + z^2), 1)."""
    share, low, high = proportion_interval(np.asarray([[True, False]]))
    assert share.tolist() == [1.0, 0.0]
    assert low.tolist() == pytest.approx([0.2065493, 0.0], abs=1e-6)
    assert high.tolist() == pytest.approx([1.0, 0.7934507], abs=1e-6)
