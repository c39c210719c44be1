"""What a study's tables and manifests hold: every column declared once, with its unit in its name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, Literal, NotRequired, TypedDict

import pyarrow as pa

VERSION = 10
"""2: curves have `gates`. 3: curves have `state_NAME`, trials every score before polishing. 4: a `score` of one's
own. 5: trials have `count_NAME`. 6: trials have `search`, the examples of each split, the score of the best constant
answer, and how each example was answered. 7: trials have `worker`. 8: trials have `shared_epochs`. 9: `heads`.
10: `latency_ms`, `repeats`, `target`. What an older part lacks is read as null."""

PARAMETER = "param_"
"""Prefix of the columns that hold a trial's parameters; they differ from method to method."""
STATE = "state_"
"""Prefix of the columns of curves that hold numbers of a method's state in each epoch, such as NPN's sharpness k."""

COUNT = "count_"
"""Prefix of the columns of trials that count as a paper does, where the study's `counts` ask for it."""

UNPRUNED = "unpruned_"
"""Prefix of the columns of trials with the scores before weights below a threshold, or units, were removed at the end
of a method's epochs: unpruned_val_accuracy, unpruned_test_accuracy. Null of methods that remove as they train."""

STATUSES = ("COMPLETE", "FAILED", "NOT_EQUIVALENT", "STOPPED")
"""NOT_EQUIVALENT: trained, but the compact network does not compute what the trained one does. STOPPED: early,
at a rung; scores and counts are those of the network that it would have ended with there, and it is on no front."""

_VERSION_KEY = b"study.schema"


def _fields(kind: pa.DataType, names: str, *, nullable: bool = True) -> list[pa.Field]:
    return [pa.field(name, kind, nullable) for name in names.split()]


_IDENTITY = _fields(pa.string(), "study method trial pack", nullable=False)
_SCORES = "val_loss val_accuracy val_nmse val_mse val_score"
_BEFORE_POLISH = " ".join(f"{name}_before_polish" for name in _SCORES.split())

TRIALS = pa.schema(
    [
        *_IDENTITY,
        *_fields(pa.int32(), "number lane", nullable=False),
        *_fields(pa.int64(), "seed data_seed", nullable=False),
        *_fields(pa.string(), "status", nullable=False),
        *_fields(pa.string(), "reason"),
        *_fields(pa.int32(), "epochs"),
        *_fields(pa.float64(), f"train_seconds train_loss {_SCORES} {_BEFORE_POLISH}"),
        *_fields(pa.float64(), "test_loss test_accuracy test_nmse test_mse test_score"),
        *_fields(pa.int64(), "neurons dense_neurons inputs dense_inputs parameters dense_parameters"),
        *_fields(pa.int64(), "nonzero_weights macs dense_macs flops dense_flops"),
        *_fields(pa.list_(pa.int32()), "widths dense_widths"),
        *_fields(pa.float64(), "max_abs_difference argmax_agreement"),
        *_fields(pa.string(), "device"),
        *_fields(pa.timestamp("us", "UTC"), "finished_at"),
        *_fields(pa.int32(), "search"),
        *_fields(pa.string(), "task"),
        *_fields(pa.int64(), "train_examples val_examples test_examples"),
        *_fields(pa.float64(), "chance_accuracy chance_mse"),
        *_fields(pa.binary(), "val_answers test_answers"),
        *_fields(pa.string(), "worker"),
        *_fields(pa.int32(), "shared_epochs"),
        *_fields(pa.int64(), "heads dense_heads"),
        *_fields(pa.float64(), "latency_ms dense_latency_ms"),
        *_fields(pa.int32(), "repeats"),
        *_fields(pa.float64(), "target"),
    ],
    {_VERSION_KEY: str(VERSION).encode()},
)
"""One row per trial. Scores are fractions (0..1); a metric that does not apply is null.

``val_answers``, ``test_answers``: how each example of the split was answered, in the split's order: of a classification
a bit, 1 where it is right, eight to a byte, the first one highest (`numpy.packbits`); of other tasks its squared error,
the mean over the outputs, as float32, little-endian. Null where a trial failed, and of trials that cannot be on a front
where a row would be larger than ANSWER_BYTES.
"""

ANSWERS = ("val_answers", "test_answers")
"""The columns that are read only where they are asked for; a table without them is far smaller."""
TRIALS_READ = pa.schema([field for field in TRIALS if field.name not in ANSWERS], TRIALS.metadata)
"""What reading all trials gives."""
ANSWER_BYTES = 16_384
"""Of a row. Above that only trials that may be on a front, and dense ones, keep theirs."""

CURVES = pa.schema(
    [
        *_IDENTITY,
        *_fields(pa.int32(), "epoch", nullable=False),
        *_fields(pa.float64(), f"seconds lr train_loss {_SCORES}"),
        *_fields(pa.int64(), "neurons inputs parameters macs flops"),
        *_fields(pa.list_(pa.int32()), "widths gates"),
        *_fields(pa.int64(), "heads"),
    ],
    {_VERSION_KEY: str(VERSION).encode()},
)
"""One row per trial and epoch.

``gates``: how many gates have a probability of being open in each of as many equal parts of 0..1; null without gates.
"""

LATENCIES = pa.schema(
    [
        *_fields(pa.string(), "trial"),
        *_fields(pa.string(), "network", nullable=False),
        *_fields(pa.int64(), "neurons macs"),
        *_fields(pa.int32(), "batch threads", nullable=False),
        *_fields(pa.string(), "device dtype", nullable=False),
        *_fields(pa.bool_(), "compiled cuda_graph", nullable=False),
        *_fields(pa.float64(), "p50_ms p95_ms", nullable=False),
        *_fields(pa.int32(), "runs"),
        *_fields(pa.float64(), "load"),
    ],
    {_VERSION_KEY: str(VERSION).encode()},
)
"""One row per network and way it was timed, as `study latency` measures it; the whole network is of no trial."""


@dataclass(frozen=True)
class Objective:
    """What can be optimised: the column it stands in, its direction, and how it is called on paper."""

    column: str
    direction: Literal["maximize", "minimize"]
    label: str
    unit: str = ""

    @property
    def maximise(self) -> bool:
        return self.direction == "maximize"


OBJECTIVES: Mapping[str, Objective] = {
    "accuracy": Objective("val_accuracy", "maximize", "Validation accuracy", "fraction"),
    "loss": Objective("val_loss", "minimize", "Validation loss"),
    "nmse": Objective("val_nmse", "minimize", "Validation NMSE"),
    "mse": Objective("val_mse", "minimize", "Validation MSE"),
    "score": Objective("val_score", "maximize", "Validation score"),
    "neurons": Objective("neurons", "minimize", "Hidden neurons"),
    "heads": Objective("heads", "minimize", "Attention heads"),
    "inputs": Objective("inputs", "minimize", "Input features"),
    "parameters": Objective("parameters", "minimize", "Parameters"),
    "macs": Objective("macs", "minimize", "Multiply-adds"),
    "flops": Objective("flops", "minimize", "Floating-point operations"),
    "latency": Objective("latency_ms", "minimize", "Latency", "ms"),
}

AFTERWARDS: Mapping[str, Objective] = {"latency": OBJECTIVES["latency"]}
"""What may be measured of finished trials, too, where a study did not search it: `study latency`."""


class TrialSpec(TypedDict):
    """One trial as it was asked for: all that is needed to train it anywhere, with the same outcome."""

    trial: str
    number: int
    lane: int
    seed: int
    data_seed: int
    parameters: dict[str, float | int | str | bool]
    queued: NotRequired[str]
    """The entry of the queue that asked for it."""
    pack: NotRequired[str]
    """In a segment: the pack that it began in, among whose results it will be."""
    after: NotRequired[str]
    """The pack or segment that it goes on from, where it does."""
    state: NotRequired[str]
    """The name of its lane's state there."""
    shared: NotRequired[int]
    """Of the epochs that it goes on from, those that another trial counts as its own."""
    repeats: NotRequired[int]
    """The number of the trial whose configuration it trains again, with another seed."""
    bracket: NotRequired[int]
    """Of the brackets of its method and search, the one that it is in."""
    target: NotRequired[float]
    """The compression that it is to reach there."""
    path: NotRequired[list[float]]
    """Of a point of a path: the strengths that it was trained with before its own."""


class Manifest(TypedDict):
    """One pack, written before it starts."""

    schema: int
    pack: str
    method: str
    trials: list[TrialSpec]
    search: NotRequired[int]
    """Which of the study's searches asked for it; 0 where it says nothing."""
    space: NotRequired[dict[str, str]]
    """What the parameters were drawn from, as Optuna writes distributions."""
    versions: NotRequired[dict[str, str]]
    recipe: NotRequired[str]
    """A hash of all that decides the trials' numbers in the study's configuration."""
    vectorize: NotRequired[str]
    """"on" or "off": what `vectorize: auto` came to, for all packs of the method in the study."""
    origin: NotRequired[Origin]
    step: NotRequired[int]
    """Where trials are stopped early: its place among the packs and segments of its method and search."""
    start: NotRequired[int]
    """The epoch that its lanes have reached, where they go on from states."""
    until: NotRequired[int]
    """The epoch at which its lanes are compared, if not all of them train to the end."""


class Origin(TypedDict):
    """Where a merged pack comes from, and its trials' names there, in the manifest's order."""

    directory: str
    study: str
    seed: int
    pack: str
    trials: list[str]
    origin: NotRequired[Origin]


def broke_off(row: Mapping[str, Any]) -> bool:
    """Whether a trial FAILED before its end, by its code or with its worker: no outcome of its parameters."""
    return row["status"] == "FAILED" and row.get("epochs") is None


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows as a table of `schema`, followed by `param_NAME`, `count_NAME` and `unpruned_NAME` in TRIALS, by
    `state_NAME` in CURVES.

    Raises:
        ValueError: a column that is not declared, a missing or unfit value.
    """
    given = dict.fromkeys(name for row in rows for name in row)
    own = sorted(name for name in given if name not in schema.names and may_hold(schema, name))
    for name in given:
        if not may_hold(schema, name):
            near = get_close_matches(name, schema.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"expected the declared columns, but got {name!r}{hint}")
    columns = {name: [_value(row.get(name)) for row in rows] for name in [*schema.names, *own]}
    fields = [*schema, *(pa.field(name, _kind(columns[name])) for name in own)]
    arrays = [_array(columns[field.name], field) for field in fields]
    return pa.table(arrays, pa.schema(fields, schema.metadata))


def without_answers(trials: pa.Table) -> pa.Table:
    """The trials without how they answered each example."""
    return trials.drop_columns([name for name in ANSWERS if name in trials.column_names])


def may_hold(schema: pa.Schema, name: str) -> bool:
    """Whether a table may have this column: it is declared, or a parameter, state, count or unpruned score."""
    prefixes = {id(TRIALS): (PARAMETER, COUNT, UNPRUNED), id(CURVES): (STATE,)}.get(id(schema), ())
    return name in schema.names or name.startswith(prefixes)


def concatenate(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """One table of its parts: what a part lacks is null, numbers become words where another has words."""
    tables = list(tables)
    declared = set(schema.names)
    if len(tables) == 1 and declared <= set(tables[0].column_names):
        (table,) = tables  # of a million trials a copy takes long
        return table.select([*schema.names, *sorted(set(table.column_names) - declared)])
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for name in set(table.column_names) - declared:
            kinds.setdefault(name, set()).add(table.schema.field(name).type)
    mixed = {name for name, found in kinds.items() if len(found - {pa.null()}) > 1}
    whole = pa.concat_tables(
        [_empty(schema), *(_worded(table, mixed) for table in tables)], promote_options="permissive"
    )
    return whole.select([*schema.names, *sorted(kinds)]).combine_chunks()


def _empty(schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([], schema)  # schema.empty_table() imports pandas


def version_of(table: pa.Table) -> int | None:
    found = (table.schema.metadata or {}).get(_VERSION_KEY)
    return None if found is None else int(found)


def _worded(table: pa.Table, mixed: set[str]) -> pa.Table:
    kinds = [pa.string() if field.name in mixed else field.type for field in table.schema]
    return table.cast(pa.schema(list(zip(table.schema.names, kinds, strict=True)))) if mixed else table


def _value(value: Any) -> Any:
    """NaN, in any float type, is a metric that does not apply: null."""
    return None if isinstance(value, Real) and math.isnan(value) else value


def _fraction(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, Integral)


def _kind(values: list[Any]) -> pa.DataType:
    """The type of a column of a method's own: numbers (booleans too) are float64, anything else is text."""
    return pa.float64() if all(value is None or isinstance(value, Real) for value in values) else pa.string()


def _array(values: list[Any], field: pa.Field) -> pa.Array:
    if field.name.startswith((PARAMETER, STATE, COUNT, UNPRUNED)):
        convert = float if field.type == pa.float64() else str
        values = [None if value is None else convert(value) for value in values]
    if not field.nullable and None in values:
        raise ValueError(f"expected a value of {field.name!r} in every row, row {values.index(None)} has none")
    try:
        if pa.types.is_integer(field.type) and any(_fraction(value) for value in values):
            return pa.array(values, pa.float64()).cast(field.type)  # given the type at once it would truncate
        return pa.array(values, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise ValueError(f"expected {field.type} in column {field.name!r}: {error}") from None
