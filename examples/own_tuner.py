"""The trainables in a Ray Tune run of one's own: any searcher, scheduler or logger of Tune's, one trial at a time.

cd examples && python own_tuner.py
"""

from __future__ import annotations

from ray import tune
from ray.tune.schedulers import ASHAScheduler

from trainables import GroupLasso


def main(samples: int = 8, epochs: int = 20) -> tune.ResultGrid:
    tuner = tune.Tuner(
        GroupLasso,
        param_space={
            "data": "digits",
            "model": {"name": "mlp", "widths": [64, 32]},
            "epochs": epochs,
            "polish": epochs // 4,
            "lr": tune.loguniform(2e-3, 2e-2),
            "lambda": tune.loguniform(5e-3, 5e-2),
        },
        tune_config=tune.TuneConfig(
            metric="val_accuracy",
            mode="max",
            num_samples=samples,
            reuse_actors=True,
            scheduler=ASHAScheduler(max_t=epochs, grace_period=max(1, epochs // 4)),
        ),
    )
    return tuner.fit()


if __name__ == "__main__":
    results = main().get_dataframe()
    print(results[["config/lambda", "val_accuracy", "neurons", "training_iteration"]].sort_values("val_accuracy"))
