"""Data sets, split and normalised: `load("digits")`, `load("mnist")`, `load("folder/of/images")`.

What there is can be read without torch, which is loaded with the first data set.
"""

from trainables.data import cache
from trainables.data.catalogue import DATA, FORMATS, Entry, content_hash, files_hash, load, locate, to_be_sent
from trainables.data.dataset import Dataset, Split, Task
from trainables.data.examples import images_of, rows_of
from trainables.data.sent import Files, receive
from trainables.data.stand_in import write_stand_in

__all__ = [
    "DATA",
    "FORMATS",
    "Dataset",
    "Entry",
    "Files",
    "Split",
    "Task",
    "cache",
    "content_hash",
    "files_hash",
    "images_of",
    "load",
    "locate",
    "receive",
    "rows_of",
    "to_be_sent",
    "write_stand_in",
]
