"""Token ids of texts, or other sequences of whole numbers from 0: lists of any length, as columns of one table.

They are kept as float32, which has all whole numbers up to 2^24, as all numbers of tables are; a network of token ids
makes them whole again. 0 fills up what is short.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainables.errors import StudyError, not_one_of

_MOST = 2**24


def sequences(tables: dict[str, pa.Table], column: str, length: int | None) -> int:
    """The length of all sequences: what is asked for, or that of the longest one in the train split.

    Raises:
        StudyError: the column is not there, holds no lists of whole numbers or numbers that are no tokens.
    """
    for split, table in tables.items():
        if column not in table.column_names:
            raise not_one_of(f"tokens of the {split} split", column, table.column_names)
        kind = table.schema.field(column).type
        if not is_sequence(kind):
            got = f"{kind}; tokenise texts first"
            raise StudyError(f"tokens: expected lists of whole numbers in {column}, but got {got}")
        flat = pc.list_flatten(table[column])
        ends = pc.min_max(flat).as_py()
        if flat.null_count or table[column].null_count or (ends["min"] or 0) < 0 or (ends["max"] or 0) >= _MOST:
            raise StudyError(f"tokens: expected numbers from 0 to {_MOST - 1} without gaps in {column}, but got {ends}")
    longest = pc.max(pc.list_value_length(tables["train"][column])).as_py() or 0
    if longest == 0 or (length is not None and length < 1):
        raise StudyError(f"tokens: expected sequences in {column}, a length of 1 or more, but got {length or longest}")
    return length or int(longest)


def is_sequence(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists and pa.types.is_integer(kind.value_type))


def spread(table: pa.Table, column: str, length: int) -> pa.Table:
    """The table with columns COLUMN_0, COLUMN_1 .. in the place of the lists, which are cut or filled to the length."""
    lists = table[column].to_pylist()
    x = np.zeros((len(lists), length), np.int64)
    for row, values in zip(x, lists, strict=True):
        row[: len(values)] = values[:length]
    rest = table.drop_columns([column])
    for i in range(length):
        rest = rest.append_column(f"{column}_{i}", pa.array(x[:, i]))
    return rest
