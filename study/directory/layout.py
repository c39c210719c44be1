"""Every name and path in a study directory, made and read nowhere else.

    study.yaml                               resolved configuration
    packs/PACK.json                          manifest: the pack's trials, written before it starts
    results/curves/method=M/PACK.parquet     one row per trial and epoch
    results/curves/method=M/PACK~SUM.parquet the same, of a second writer of the pack; SUM is the file's own
    results/trials/method=M/PACK.parquet     one row per trial, written last: with it the pack is finished; it names
                                             the sum of its curves
    packs/BLOCK.json                         what was in the manifests of a block of packs that are finished
    results/KIND/method=M/BLOCK.parquet      what was in their parts; it counts, whatever is left of those
    results/latency.parquet                  one row per network and way it was timed, if any was
    models/TRIAL.safetensors                 a compact network, its card and a checksum in the header
    models/TRIAL.json                        the card, to be read without tools
    retrained/TRIAL.safetensors, .json       the same, of trials whose networks were not kept and were trained again
    checkpoints/PACK-EPOCHS.pt               of packs in training
    segments/SEGMENT.json                    where trials are stopped early: manifest of lanes that go on together
    accounts/PACK.json, SEGMENT.json         what the lanes of a pack or segment came to at its last epoch
    lanes/TRIAL-EPOCH-SUM.safetensors        a lane between two epochs, until it has gone on; SUM is the file's own
    queue/TIME-NUMBER.json                   a configuration to be tried next
    logs/TIME-DRIVER.jsonl                   what happened in a run
    stacks/PACK.WHY.txt                      the stacks of a worker that was ended because it hung
    stop.json                                a request to the driver to stop
    progress.json                            how far the packs in training are; while a driver is at work
    optuna.journal                           for optuna-dashboard; can be made from the rest
    driver.json, .driver.lock                who drives the study
    tensorboard/TRIAL/                       a trial's curve and scores, for TensorBoard
    logged/LOGGER/PACK.json                  the trials of a pack that a logger has got
    report/                                  figures, tables and the page

A trial is called METHOD-NUMBER and a pack METHOD-pINDEX: group_lasso-00012, group_lasso-p0003; of the searches after
the first METHOD-sSEARCH-NUMBER and METHOD-sSEARCH-pINDEX: group_lasso-s1-00012. A segment is called METHOD-gINDEX, a
lane that trains what trials begin with METHOD-start-REPLICATE. A block is as many packs of a method and search as
`BLOCKS` says, from a multiple of that on: group_lasso-p0000-0015. So two blocks are apart, or one is in the other,
which then counts. Paths are relative to the directory, with forward slashes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from typing import Literal

from trainables.errors import StudyError

CONFIG = "study.yaml"
LATENCY = "results/latency.parquet"
JOURNAL = "optuna.journal"
DRIVER = "driver.json"
PROGRESS = "progress.json"
DRIVER_LOCK = ".driver.lock"
STOP = "stop.json"

PACKS = "packs"
MODELS = "models"
RETRAINED = "retrained"
LOGS = "logs"
STACKS = "stacks"
QUEUE = "queue"
LOGGED = "logged"
TENSORBOARD = "tensorboard"
CHECKPOINTS = "checkpoints"
SEGMENTS = "segments"
ACCOUNTS = "accounts"
LANES = "lanes"
REPORT = "report"
REPORT_PAGE = "report.html"
REPORT_TABLE = "summary.md"

MANIFEST_SUFFIX = ".json"
PART_SUFFIX = ".parquet"
CHECKPOINT_SUFFIX = ".pt"
NETWORK_SUFFIX = ".safetensors"
CARD_SUFFIX = ".json"
_CORRUPT = ".corrupt"

Kind = Literal["trials", "curves"]
KINDS: tuple[Kind, ...] = ("trials", "curves")

_SECOND = "~"  # in no pack's name
_RESULTS = "results"
_METHOD = "method="
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SEGMENT = re.compile(r".+-g\d{4,}")
_TEMPORARY = re.compile(rf"\..+\.[0-9a-f]{{8}}|\.{re.escape(JOURNAL)}")


# -- trials and packs ------------------------------------------------------------------------------------------


def named(name: str) -> str:
    """The name, if it can be a file's: nothing that leads to another folder. Raises StudyError."""
    if not _NAME.fullmatch(name):
        raise StudyError(f"expected a name of letters, digits, '_', '-' and '.', but got {name!r}")
    return name


def trial_name(method: str, number: int, search: int = 0) -> str:
    return f"{_searched(method, search)}-{number:05d}"


def pack_name(method: str, index: int, search: int = 0) -> str:
    return f"{_searched(method, search)}-p{index:04d}"


def _searched(method: str, search: int) -> str:
    return f"{method}-s{search}" if search else method


def segment_name(method: str, index: int, search: int = 0) -> str:
    return f"{_searched(method, search)}-g{index:04d}"


def start_name(method: str, replicate: int, search: int = 0) -> str:
    """Of what trains the beginning that all trials of a replicate have in common; it is no trial."""
    return f"{_searched(method, search)}-start-{replicate:05d}"


def is_segment(name: str) -> bool:
    return _SEGMENT.fullmatch(name) is not None


def pack_index(pack: str) -> int:
    """Its place among the packs of its method and search."""
    return int(pack.rpartition("-p")[2])


# -- blocks of packs ---------------------------------------------------------------------------------------------

BLOCKS = (16, 256)
"""Packs in a block of each level."""

_BLOCK = re.compile(r"(.+)-p(\d{4,})-(\d{4,})")
_PACK = re.compile(r"(.+)-p(\d{4,})")


def blocks_of(pack: str) -> list[str]:
    """The blocks that a pack or a block can be in, the larger ones first."""
    found = _BLOCK.fullmatch(pack) or _PACK.fullmatch(pack)
    if found is None:
        return []
    first, last = int(found[2]), int(found[found.lastindex or 2])
    starts = [(first // size * size, size) for size in reversed(BLOCKS) if size > last - first + 1]
    return [f"{found[1]}-p{start:04d}-{start + size - 1:04d}" for start, size in starts]


def packs_of(name: str) -> list[str]:
    """The packs of a block, or the one pack."""
    found = _BLOCK.fullmatch(name)
    if found is None:
        return [name]
    return [f"{found[1]}-p{index:04d}" for index in range(int(found[2]), int(found[3]) + 1)]


def is_block(name: str) -> bool:
    return _BLOCK.fullmatch(name) is not None


def counting(paths: Iterable[str]) -> list[str]:
    """Those of the paths of manifests, or of parts of a kind, that are not in a block among them."""
    paths = list(paths)
    blocks = {(path.rpartition("/")[0], pack_of(path)) for path in paths if is_block(pack_of(path))}
    if not blocks:
        return paths
    return [
        path
        for path in paths
        if not any((path.rpartition("/")[0], block) in blocks for block in blocks_of(pack_of(path)))
    ]


# -- paths, and what they are of ---------------------------------------------------------------------------------


def manifest_path(pack: str) -> str:
    return f"{PACKS}/{named(pack)}{MANIFEST_SUFFIX}"


def parts_folder(kind: Kind) -> str:
    return f"{_RESULTS}/{kind}"


def part_path(kind: Kind, pack: str, method: str) -> str:
    return f"{parts_folder(kind)}/{_METHOD}{named(method)}/{named(pack)}{PART_SUFFIX}"


def second_path(path: str, mark: str) -> str:
    """Where a part goes that has this checksum and finds another one in its place."""
    return f"{path.removesuffix(PART_SUFFIX)}{_SECOND}{mark}{PART_SUFFIX}"


def belonging(curves: Collection[str], plain: str, mark: str | None) -> str:
    """Of the paths of curves of a pack the one that its trials name: by this mark, else the first writer's."""
    second = second_path(plain, mark or "")
    return second if second in curves else plain


def is_part(path: str) -> bool:
    """Whether the path is of rows of a pack."""
    return any(path.startswith(f"{parts_folder(kind)}/") for kind in KINDS)


def part_of(path: str) -> tuple[Kind, str]:
    """Whether a part's rows are trials or curves, and their method."""
    folder, method, _ = path.split("/")[-3:]
    return next(kind for kind in KINDS if kind == folder), method.removeprefix(_METHOD)


def is_manifest(path: str) -> bool:
    return path.startswith(f"{PACKS}/")


def checkpoint_path(pack: str, epochs: int) -> str:
    return f"{CHECKPOINTS}/{named(pack)}-{epochs:08d}{CHECKPOINT_SUFFIX}"


def epochs_of(checkpoint: str) -> int:
    """How many epochs of its pack a checkpoint is after."""
    return int(_stem(checkpoint).rpartition("-")[2])


def pack_of(path: str) -> str:
    """The pack whose manifest, part or checkpoint lies at the path."""
    stem = _stem(path)
    return stem.rpartition("-")[0] if path.startswith(f"{CHECKPOINTS}/") else stem.partition(_SECOND)[0]


def segment_path(segment: str) -> str:
    return f"{SEGMENTS}/{named(segment)}{MANIFEST_SUFFIX}"


def account_path(name: str) -> str:
    """Of a pack or segment."""
    return f"{ACCOUNTS}/{named(name)}{MANIFEST_SUFFIX}"


def state_name(trial: str, epoch: int, checksum: str) -> str:
    """Of a lane's state after an epoch."""
    return f"{named(trial)}-{epoch:05d}-{checksum}"


def state_path(name: str) -> str:
    return f"{LANES}/{named(name)}{NETWORK_SUFFIX}"


def trial_and_epoch(state: str) -> tuple[str, int]:
    """Of the name of a lane's state."""
    trial, epoch, _ = state.rsplit("-", 2)
    return trial, int(epoch)


def sum_of(state: str) -> str:
    """The checksum in the name of a lane's state."""
    return state.rpartition("-")[2]


def stem(path: str) -> str:
    """What the manifest or account of a segment, or the state of a lane, is called that lies at the path."""
    return _stem(path)


def stack_path(pack: str, why: str) -> str:
    return f"{STACKS}/{named(pack)}.{why}.txt"


def logged_path(logger: str, pack: str) -> str:
    return f"{LOGGED}/{logger}/{named(pack)}{MANIFEST_SUFFIX}"


def event_path(trial: str) -> str:
    """Of TensorBoard's events of a trial, whose name in TensorBoard is that of the folder."""
    return f"{TENSORBOARD}/{named(trial)}/events.out.tfevents.0"


def network_path(trial: str) -> str:
    return f"{MODELS}/{named(trial)}{NETWORK_SUFFIX}"


def card_path(trial: str) -> str:
    return f"{MODELS}/{named(trial)}{CARD_SUFFIX}"


def trial_of(path: str) -> str:
    """The trial whose network or card lies at the path."""
    return _stem(path)


def _stem(path: str) -> str:
    """The file's name without what follows its last dot; pathlib takes five times as long, for 100,000 trials."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


# -- files on their way, and set aside ---------------------------------------------------------------------------


def temporary(name: str) -> str:
    """A new name for a file while it is written; no reader looks at names that start with a dot."""
    return f".{name}.{secrets.token_hex(4)}"


def is_temporary(name: str) -> bool:
    return bool(_TEMPORARY.fullmatch(name))


def journal_draft(name: str) -> str:
    """What a new journal is called until it takes the old one's place."""
    return f".{name}"


def aside(path: str, number: int = 1) -> str:
    """Where a damaged file goes; the second of the same name has number 2."""
    return f"{path}{_CORRUPT}" if number == 1 else f"{path}{_CORRUPT}-{number}"
