"""Data sets, split and normalised: `load("digits")`, `load("mnist")`, `load("folder/of/images")`."""

from trainables.data.catalogue import DATA, Entry, load
from trainables.data.dataset import Dataset, Split, Task

__all__ = ["DATA", "Dataset", "Entry", "Split", "Task", "load"]
