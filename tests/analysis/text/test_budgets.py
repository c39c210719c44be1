"""The table of equal budgets."""

import numpy as np

import analysis


def test_methods_of_other_budgets_stand_in_one_table(trials):
    frame = trials(
        [0.96, 0.96, 0.80, 0.97, 0.96],
        [100, 50, 10, 40, 20],
        method=["dense", "npn", "npn", "random", "random"],
        epochs=[10.0, 10.0, 10.0, 5.0, 5.0],
    )
    table = analysis.budget_table(frame, (1, 2, 4))
    npn = table.frame.set_index("method").loc["npn"]
    assert npn["share_1"] == (0.5 + 1.0) / 2  # the other network does not get there
    assert npn["share_2"] == 0.5 and np.isnan(npn["share_4"])
    assert table.rows[-1][:3] == ["random pruning", "2", "5"]
    assert table.rows[-1][4] == "20 [20, 20]" and table.rows[-1][5] == "–"
