"""What trials cost: the epochs that each trained itself."""

import pandas as pd


def epochs_trained(trials: pd.DataFrame) -> "pd.Series[float]":
    """Epochs by trial, without those of a shared beginning that another trial counts; 0 where they are not known."""
    epochs = trials["epochs"].fillna(0).astype("float64")
    shared = trials.get("shared_epochs")
    return epochs if shared is None else epochs - shared.fillna(0).astype("float64")
