"""Tables in LaTeX: escaped, aligned by siunitx, labelled; and that LaTeX, where there is one, sets them."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.text.table import Column, Table

TABLE = Table(
    pd.DataFrame({"a": ["x_1", "b&c"], "b": [0.5, np.nan], "c": [1234.0, -7.0], "s": [0.25, 0.5], "d": ["w%", "1"]}),
    (
        Column("a", "name %"),
        Column("b", "b ≤1", ".2f"),
        Column("c", "c", ",.0f", spread=("s",)),
        Column("c", "change", "+.1f"),
        Column("c", "interval", ".1f", spread=("s", "s")),
        Column("d", "words"),
    ),
    "50 % of {these} ~ α^β",
    frozenset({(0, "b"), (0, "d")}),
)


def test_cells_are_escaped_and_numbers_are_numbers():
    lines = TABLE.latex("tab:mine").splitlines()
    assert (
        r"\label{tab:mine}" in lines and r"\caption{50 \% of \{these\} \textasciitilde{} α\textasciicircum{}β}" in lines
    )
    assert r"name \% & {b $\leq$1} & {c} & {change} & interval & words \\" in lines
    assert r"x\_1 & \bfseries 0.50 & 1234 \pm 0 & +1234.0 & 1234.0 [0.2, 0.2] & \textbf{w\%} \\" in lines
    assert any(line.startswith(r"b\&c & {--} & -7 \pm 0 & -7.0 &") for line in lines)
    assert lines[0] == r"\begin{table}" and lines[-1] == r"\end{table}"


def test_columns_have_room_for_their_numbers():
    (columns,) = (line for line in TABLE.latex().splitlines() if line.startswith(r"\begin{tabular}"))
    assert columns.startswith(r"\begin{tabular}{l S[table-format=1.2, detect-weight] S[table-format=-4.0")
    assert columns.endswith("S[table-format=+4.1, detect-weight, retain-explicit-plus] r r}")


def test_a_file_names_its_label(tmp_path):
    assert r"\label{tab:results-2}" in TABLE.write(tmp_path / "results-2.tex").read_text()


DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage{siunitx}
\begin{document}
See Table~\ref{tab:points} and Table~\ref{tab:summary}.
%s
\end{document}
"""


@pytest.mark.slow
def test_latex_sets_them(study, tmp_path):
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("needs pdflatex with booktabs and siunitx (Debian: texlive-latex-recommended, texlive-science)")
    tables = [
        analysis.score_at_compression(study.trials).latex("tab:points"),
        analysis.summary(study.trials).latex("tab:summary"),
        TABLE.latex().replace("α", "a").replace("β", "b"),
    ]
    (tmp_path / "paper.tex").write_text(DOCUMENT % "\n".join(tables))
    for _ in range(2):
        run = subprocess.run(
            [program, "-halt-on-error", "-interaction=nonstopmode", "paper.tex"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert run.returncode == 0, run.stdout[-2000:]
    assert "undefined" not in run.stdout
    assert (tmp_path / "paper.pdf").exists()
