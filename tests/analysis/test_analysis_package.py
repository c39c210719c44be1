"""The package as a whole: what it exports and what it leaves alone."""

import subprocess
import sys

import pytest

import analysis


def test_all_is_what_is_exported():
    assert analysis.__all__ == sorted(analysis.__all__) == dir(analysis)
    with pytest.raises(AttributeError, match="has no attribute 'frotn_data'"):
        getattr(analysis, "frotn_data")  # noqa: B009


def loaded(code, *modules):
    """Which of the modules are loaded once the code has run."""
    said = f"import sys\n{code}\nprint(*(name for name in {modules!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()


def test_importing_loads_what_is_used():
    assert loaded("import analysis", "torch", "ray", "optuna", "pandas", "matplotlib") == []


def test_text_and_the_report_draw_nothing(made_up, tmp_path):
    code = f"""
import analysis
study = analysis.load({made_up!r})
analysis.summary(study.trials), analysis.sentences(study.trials)
analysis.audit(study.trials, study.configs["made-up"])
analysis.provenance(study.trials, study.configs["made-up"])
analysis.front_data(study.trials)
analysis.write_page(study, {str(tmp_path / "page.html")!r})
"""
    assert loaded(code, "torch", "ray", "matplotlib") == []


def test_a_table_loads_next_to_nothing(study_writer, tmp_path):
    place = study_writer(tmp_path / "made-up", searches=3)
    code = f"import analysis\nanalysis.summary(analysis.load({place!r}).trials)"
    assert loaded(code, "torch", "ray", "scipy.stats", "optuna", "matplotlib", "moocore") == ["moocore"]
