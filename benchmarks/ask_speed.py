"""What it costs to ask for a pack: TPE fitted once for it, TPE fitted for each of its trials, NSGA-II.

    python -m benchmarks.ask_speed --json FILE

Milliseconds of the processor, medians, with so many finished trials of a method; four parameters, two objectives. From
those of one trial and of a pack follow the constants of `study.search.samplers.affordable`, which are printed too.
"""

from __future__ import annotations

import json
import statistics
import time
import warnings

import numpy as np
import optuna
from optuna.distributions import FloatDistribution

from benchmarks.record import parser, record
from study.search.samplers import PackTPE, SteadyNSGAII

FINISHED = (100, 300, 1000)
SIZES = (1, 16)
SPACE = {name: FloatDistribution(1e-4, 1.0, log=True) for name in ("lr", "lambda", "beta_first", "beta_rest")}


def study_of(finished: int) -> optuna.Study:
    """Trials with values that trade off, as accuracy and neurons do."""
    random = np.random.default_rng(finished)
    study = optuna.create_study(directions=["maximize", "minimize"])
    for _ in range(finished):
        params = {name: float(np.exp(random.uniform(np.log(1e-4), 0.0))) for name in SPACE}
        size = 200 * random.beta(1, 2) + 1
        values = [1 - 1 / size - random.exponential(0.05), size]
        study.add_trial(optuna.trial.create_trial(params=params, distributions=dict(SPACE), values=values))
    return study


def sampler(kind: str, seed: int) -> optuna.samplers.BaseSampler:
    if kind == "nsga2":
        return SteadyNSGAII(seed=seed, population_size=50)
    return (PackTPE if kind == "tpe" else optuna.samplers.TPESampler)(seed=seed, n_startup_trials=10)


def pack_ms(kind: str, finished: int, size: int, repeats: int) -> float:
    """Of one pack; its trials are still running when the next of them is asked."""
    study, costs = study_of(finished), list[float]()
    for repeat in range(repeats + 1):
        study.sampler = sampler(kind, repeat)
        began = time.process_time()
        asked = [study.ask(dict(SPACE)) for _ in range(size)]
        costs.append(1000 * (time.process_time() - began))
        for trial in asked:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return statistics.median(costs[1:])


def constants(tpe: dict[tuple[int, int], float]) -> dict[str, list[float]]:
    """Of a fit and of each trial drawn from it, for every parameter: at first, and more for each finished trial."""
    rows = [[1, finished, size, size * finished] for finished, size in tpe]
    fit, more_fit, draw, more_draw = np.linalg.lstsq(np.array(rows, float), np.array(list(tpe.values())), rcond=None)[0]
    return {"fit_ms": [fit / len(SPACE), more_fit / len(SPACE)], "draw_ms": [draw / len(SPACE), more_draw / len(SPACE)]}


def main() -> None:
    options = parser(__doc__, repeats=9)
    arguments = options.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    kinds = {"tpe": "TPE, one fit", "tpe_each": "TPE, a fit for each", "nsga2": "NSGA-II"}
    found = {
        kind: {
            (finished, size): pack_ms(kind, finished, size, arguments.repeats)
            for finished in FINISHED
            for size in SIZES
        }
        for kind in kinds
    }
    rows = [
        {"sampler": kinds[kind], "finished": finished, "trials": size, "ms": ms}
        for kind, cells in found.items()
        for (finished, size), ms in cells.items()
    ]
    result = {"repeats": arguments.repeats, "packs": rows, "constants": constants(found["tpe"])}
    print(json.dumps(result, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
