"""Data sets, split and normalised: `load("digits")`, `load("mnist")`, `load("folder/of/images")`."""

from trainables.data.catalogue import DATA, FORMATS, Entry, load
from trainables.data.dataset import Dataset, Split, Task
from trainables.data.examples import images_of, rows_of

__all__ = ["DATA", "FORMATS", "Dataset", "Entry", "Split", "Task", "images_of", "load", "rows_of"]
