"""A study being run: the driver, what Ray Tune is given, the workers, the display."""

from study.running.launch import launch
from study.running.metrics import Metrics
from study.running.monitor import Monitor
from study.running.progress import display, duration
from study.running.retrain import Retrained, retrain
from study.running.retry import take_back
from study.running.training import Training

__all__ = ["Metrics", "Monitor", "Retrained", "Training", "display", "duration", "launch", "retrain", "take_back"]
