"""Student's t, against SciPy."""

import pytest
from scipy.stats import t

from analysis.statistics.student import quantile


@pytest.mark.parametrize("freedom", [*range(1, 12), 29, 30, 999])
@pytest.mark.parametrize("probability", [0.001, 0.3, 0.5, 0.75, 0.95, 0.975, 0.9995])
def test_the_quantile_is_scipys(probability, freedom):
    assert quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom), rel=1e-10, abs=1e-12)
