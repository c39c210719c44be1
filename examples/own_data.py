"""A table of one's own: wine from scikit-learn as a CSV, a study on it, and the front of accuracy against inputs.

cd examples && python own_data.py
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_wine

import analysis
import study


def main(directory: str = "runs/own_data", trials: int = 16, epochs: int = 40) -> None:
    folder = Path(directory).parent
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(table, index=False)
    config = {
        "name": "own-data",
        "data": {"name": str(table), "label": "target"},  # columns of numbers, standardised on the train split
        "model": {"name": "mlp", "widths": [32, 16]},
        "epochs": epochs,
        "polish": epochs // 4,
        "batch_size": 16,
        "objectives": ["accuracy", "neurons", "inputs"],
        "trials": trials,
        "methods": {"dense": {"trials": 2}, "sparse_group_lasso": {}},
    }
    study.run(config, directory)
    trials_made = analysis.load(directory).trials
    front = analysis.pareto(trials_made, ("accuracy", "inputs"))
    print(front[["trial", "val_accuracy", "test_accuracy", "neurons", "inputs"]].to_string(index=False))


if __name__ == "__main__":
    main()
