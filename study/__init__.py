"""The harness: launch, resume and store hyperparameter studies on Ray Tune and Optuna."""
