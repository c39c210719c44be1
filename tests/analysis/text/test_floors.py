"""The table of ranks by hypervolume in boxes that end at other scores."""

import analysis


def test_an_order_that_depends_on_the_floor_is_said_to_be_no_finding(trials):
    frame = trials([0.96, 0.95, 0.6, 0.93], [100, 50, 2, 45], method=["dense", "group_lasso", "npn", "group_lasso"])
    table = analysis.floor_table(frame)
    ranks = table.frame.set_index("method")
    assert (ranks.loc["npn", "rank_0"], ranks.loc["npn", "rank_4"]) == (1, 2)
    assert ranks.loc["npn", "hypervolume_4"] == 0
    assert table.headings[:3] == ["method", "rank at 0 %", "HV"] and table.headings[-2] == "rank at 93 %"
    assert table.caption.endswith("The order depends on it, and is no finding.")


def test_an_order_that_stays_is_said_to_stay(trials):
    frame = trials([0.96, 0.95, 0.90], [100, 20, 50], method=["dense", "group_lasso", "npn"], search=[0, 0, 0])
    assert analysis.floor_table(frame).caption.endswith("The order is the same in all.")
    twice = analysis.floor_table(frame.assign(search=[0, 1, 1]))
    assert "(means over searches)" in twice.caption
