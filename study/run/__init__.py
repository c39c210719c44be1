"""A study being run: the driver, what Ray Tune is given, the workers, the display."""

from study.run.launch import launch, layer_counts
from study.run.monitor import Monitor
from study.run.progress import display, duration
from study.run.training import Training

__all__ = ["Monitor", "Training", "display", "duration", "launch", "layer_counts"]
