"""What one types wrong in a notebook is told by the argument's name."""

import pytest

import analysis

WRONG = {
    "one word": (lambda s: analysis.pareto(s.trials, "accuracy"), r"objectives: expected names such as .*'accuracy'"),
    "a typo": (lambda s: analysis.pareto(s.trials, ("acuracy", "neurons")), "objectives: .*did you mean 'accuracy'"),
    "a study": (lambda s: analysis.pareto(s), "trials: expected a frame.* but got a Study"),
    "a study to sum up": (lambda s: analysis.summary(s), "trials: expected a frame.* but got a Study"),
    "a study to draw": (lambda s: analysis.front_data(s), "trials: expected a frame.* but got a Study"),
    "a column": (lambda s: analysis.pareto(s.trials, by="mehtod"), "by: expected a column .*'mehtod'"),
    "one axis": (lambda s: analysis.front_data(s.trials, ("accuracy",)), "objectives: expected two"),
    "another frame": (lambda s: analysis.pareto(s.curves), "trials: expected a frame of analysis.load"),
}


@pytest.mark.parametrize("call, message", WRONG.values(), ids=WRONG)
def test_an_error_names_the_argument(study, call, message):
    with pytest.raises(ValueError, match=message):
        call(study)


def test_tables_are_tables_in_a_notebook(study):
    assert analysis.summary(study.trials)._repr_html_().startswith("<table><caption>HV:")
