"""What is wrong with a study directory: everything is read, nothing is changed. study.doctor puts it right."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import pyarrow as pa
from safetensors import SafetensorError

from study.directory import (
    CARD_SUFFIX,
    CHECKPOINT_SUFFIX,
    CHECKPOINTS,
    CONFIG,
    DRIVER,
    JOURNAL,
    KINDS,
    LATENCY,
    MANIFEST_SUFFIX,
    MODELS,
    NETWORK_SUFFIX,
    OBJECTIVES,
    PACKS,
    PARAMETER,
    PART_SUFFIX,
    STALE_SECONDS,
    Damaged,
    DamagedCheckpoint,
    Front,
    StudyDirectory,
    WrongChecksum,
    account_path,
    counting,
    decode_checkpoint,
    decode_latencies,
    driver_of,
    is_part,
    is_segment,
    manifest_path,
    pack_of,
    packs_of,
    part_of,
    parts_folder,
    raced,
    state_path,
    trial_of,
)
from study.doctor.repairs import QUARANTINE, REMOVE, REWRITE, UNLOCK, Repair, tell
from study.doctor.state import State
from study.doctor.zombies import Running, running
from trainables.sealed import unseal

Kind = Literal["torn", "checksum", "version", "orphan", "duplicate", "mismatch", "zombie", "failed", "leftover", "lock"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: torn (cannot be read), checksum (is not what was written), version (of a newer library, or of several),
            orphan (nothing refers to it), duplicate (a trial more than once), mismatch (rows of other trials than were
            asked for), zombie (started, and nobody trains it), failed (trials did, before their end), leftover (half a
            file), lock (of a dead driver).
        path: the file, inside the study.
        message: what is wrong with it, and what follows from that.
        repair: how `study doctor --fix` puts it right; None where it cannot.
    """

    kind: Kind
    path: str
    message: str
    repair: Repair | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def torn(state: State) -> Iterator[Finding]:
    """Files that cannot be read, and the other part of a pack one of whose parts cannot."""
    again = "its pack is trained again"
    packs = {
        pack: path
        for path in state.unreadable
        if is_part(path) and not state.second(path)
        for pack in packs_of(pack_of(path))
    }
    for path, error in state.unreadable.items():
        if not isinstance(error, Damaged):
            yield Finding("version", path, str(error))
        elif path == CONFIG:
            yield Finding("torn", path, f"{error}; put a copy in its place: it cannot be made from the rest")
        else:
            kind: Kind = "checksum" if isinstance(error, WrongChecksum) else "torn"
            message = f"{error}; {again}" if is_part(path) and not state.second(path) else str(error)
            yield Finding(kind, path, message, QUARANTINE)
    others: dict[str, str] = {}
    for path in (*state.trials, *sorted(state.curves)):
        if (cause := packs.get(pack_of(path))) and isinstance(state.unreadable[cause], Damaged):
            place = state.blocks.get(path, path)
            # Curves of more packs than are torn stay: those of a pack that is trained again are the same.
            if part_of(place)[0] == "trials" or {*packs_of(pack_of(place))} <= packs.keys():
                others[place] = cause
    for place, cause in others.items():
        yield Finding("torn", place, f"belongs to {cause}, which is torn: {again}", QUARANTINE)


def torn_accounts(state: State) -> Iterator[Finding]:
    """What lanes came to that cannot be read: packs and segments that are trained again, from the first epoch where
    what they went on from is gone; and lanes on their way."""
    segments = state.directory.segments
    for name in sorted(segments.over()):
        try:
            segments.account(name)
        except FileNotFoundError:
            pass
        except Damaged:
            yield Finding("torn", account_path(name), f"what the lanes of {name} came to; they train again", QUARANTINE)
    for name in [] if state.live else segments.states():
        try:
            segments.state(name)
        except FileNotFoundError:
            pass
        except Damaged as error:
            yield Finding("torn", state_path(name), f"{error}; its lane trains from the first epoch", QUARANTINE)


def torn_journal(state: State) -> Iterator[Finding]:
    """Optuna's journal, where it cannot be replayed."""
    found = _running(state)
    if isinstance(found, Damaged):
        yield Finding("torn", JOURNAL, f"{found}; the next `study resume` writes it anew", QUARANTINE)


def orphans(state: State) -> Iterator[Finding]:
    """Results that no manifest asked for, and checkpoints that no pack will go on from."""
    if state.live:
        return
    for path in (*state.trials, *sorted(state.curves)):
        pack, (folder, method) = pack_of(path), part_of(path)
        manifest = state.manifests.get(pack)
        if pack in state.finished and state.second(path):
            yield Finding("orphan", path, f"curves of a second writer of {pack}, whose trials came too late", REMOVE)
        elif manifest is not None and method != manifest["method"]:
            yield Finding("orphan", path, f"{pack} is of {manifest['method']} by its manifest", QUARANTINE)
        elif manifest is None and pack not in state.unknown_packs:
            if path in state.trials:
                message = "a pack with results and without a manifest, which can be made from the rows"
                yield Finding("orphan", path, message, REWRITE)
            elif pack not in state.finished:
                yield Finding("orphan", path, f"{folder} of a pack without a manifest", QUARANTINE)
    over = state.directory.segments.over()
    for path in state.directory.store.names(CHECKPOINTS, CHECKPOINT_SUFFIX):
        pack = pack_of(path)
        if pack in over:
            yield Finding("orphan", path, f"a checkpoint of {pack}, which is over", REMOVE)
        elif is_segment(pack):
            continue
        elif pack in state.finished:
            if not state.broke_off(pack):
                yield Finding("orphan", path, f"a checkpoint of {pack}, which is finished", REMOVE)
        elif pack not in state.manifests and pack not in state.unknown_packs:
            yield Finding("orphan", path, f"a checkpoint of {pack}, which has no manifest", REMOVE)


def failures(state: State) -> Iterator[Finding]:
    """Packs with trials that broke off, and what is kept for `study retry` to go on from."""
    for path in state.trials:
        if rows := state.broke_off(pack := pack_of(path)):
            last = (rows[0]["reason"] or "").strip().rpartition("\n")[2]
            yield Finding("failed", path, f"{len(rows)} trials failed: {last}; `study retry` trains them again")
    for path in [] if state.live else state.directory.store.names(CHECKPOINTS, CHECKPOINT_SUFFIX):
        if state.broke_off(pack := pack_of(path)):
            yield Finding("failed", path, f"a checkpoint of {pack}, from which `study retry` would go on", REMOVE)


def duplicates(state: State) -> Iterator[Finding]:
    """Trials in several packs, finished ones and then first names first, and trials twice in one."""
    parts = {pack_of(path): path for path in state.trials}
    packs = {path: _trials(state, pack_of(path)) for path in state.trials}
    waiting = [pack for pack in state.manifests if pack not in parts]
    packs |= {manifest_path(pack): _trials(state, pack) for pack in waiting}
    owner: dict[str, str] = {}
    for path, trials in packs.items():
        pack = pack_of(path)
        doubled = [trial for trial in trials if owner.setdefault(trial, pack) != pack]
        if doubled:
            message = f"{_some(doubled)} of {pack} in {_some(owner[trial] for trial in doubled)}, too"
            whole = len(doubled) == len(trials)
            files = [path, *(f for f in state.curves if pack_of(f) == pack), manifest_path(pack)] if whole else [path]
            for file in dict.fromkeys(files):
                yield Finding("duplicate", file, message, QUARANTINE if whole else None)
    for path, rows in state.trials.items():
        names = rows["trial"].to_pylist()
        if len(set(names)) < len(names):
            yield Finding("duplicate", path, "has two rows of one trial")


def mismatches(state: State) -> Iterator[Finding]:
    """Rows that are not of the trials that their manifest asked for."""
    for path, rows in state.trials.items():
        manifest = state.manifests.get(pack_of(path))
        if manifest is None:
            continue
        specs = {trial["trial"]: trial for trial in manifest["trials"]}
        asked_for = {PARAMETER + name for spec in manifest["trials"] for name in spec["parameters"]}
        columns = [name for name in rows.column_names if name in asked_for or name in _ASKED]
        found = {row["trial"]: row for row in rows.select(columns).to_pylist()}
        if set(specs) != set(found):
            unlike = sorted(set(specs) ^ set(found))
            yield Finding("mismatch", path, f"{_some(unlike)} in its rows or its manifest only")
        for trial in sorted(set(specs) & set(found)):
            spec, row = specs[trial], found[trial]
            asked: dict[str, Any] = {"number": spec["number"], "seed": spec["seed"], "data_seed": spec["data_seed"]}
            asked |= {PARAMETER + name: as_stored(value) for name, value in spec["parameters"].items()}
            unlike = sorted(name for name, value in asked.items() if row.get(name) != value)
            if unlike:
                yield Finding("mismatch", path, f"{trial} has another {_some(unlike)} than its manifest asked for")


_ASKED = ("trial", "number", "seed", "data_seed")


def zombies(state: State) -> Iterator[Finding]:
    """Packs that nobody trains, and Optuna trials that run for ever."""
    if state.live:
        return
    for pack in sorted(set(state.manifests) - set(state.finished)):
        number = len(state.manifests[pack]["trials"])
        message = f"{number} trials were started and have no results; `study resume` trains them"
        yield Finding("zombie", manifest_path(pack), message)
    found = _running(state)
    for trial in [] if isinstance(found, Damaged) else found:
        if trial.pack in state.finished or trial.pack not in {*state.manifests, *state.unknown_packs}:
            known = "is finished" if trial.pack in state.finished else "is unknown"
            message = f"Optuna has {trial.trial or trial.number} as RUNNING, but its pack {trial.pack} {known}"
            yield Finding("zombie", JOURNAL, message, tell(trial))


def torn_checkpoints(state: State) -> Iterator[Finding]:
    """Checkpoints that cannot be gone on from; nothing in them is run."""
    waiting = set(state.manifests) - set(state.finished)
    for path in state.directory.store.names(CHECKPOINTS, CHECKPOINT_SUFFIX):
        if pack_of(path) in waiting:
            try:
                decode_checkpoint(state.directory.store.get(path))
            except FileNotFoundError:
                pass
            except DamagedCheckpoint as error:
                yield Finding("torn", path, f"{error}; its pack goes on from an older one", QUARANTINE)


def torn_latencies(state: State) -> Iterator[Finding]:
    """Times of networks that cannot be read."""
    store = state.directory.store
    if store.exists(LATENCY):
        try:
            decode_latencies(store.get(LATENCY), LATENCY)
        except Damaged as error:
            yield Finding("torn", LATENCY, f"{error}; measure again with `study latency`", QUARANTINE)


def stray_models(state: State) -> Iterator[Finding]:
    """Networks that are torn, of unknown trials, or not to be kept."""
    store = state.directory.store
    networks = {trial_of(path): path for path in store.names(MODELS, NETWORK_SUFFIX)}
    cards = {trial_of(path): path for path in store.names(MODELS, CARD_SUFFIX)}
    done = {trial for rows in state.trials.values() for trial in rows["trial"].to_pylist()}
    started = {trial["trial"] for manifest in state.manifests.values() for trial in manifest["trials"]}
    unwanted = _unwanted(state) if networks else {}
    for trial, path in (networks | cards).items():
        files = [files[trial] for files in (cards, networks) if trial in files]
        if state.live and trial not in done:
            continue
        if trial not in done | started and not state.unknown_packs:
            yield from (Finding("orphan", file, "of a trial that no pack has", REMOVE) for file in files)
        elif trial in unwanted:
            yield from (Finding("orphan", file, unwanted[trial], REMOVE) for file in files)
        elif trial not in networks:
            yield Finding("orphan", path, "a card without a network", REMOVE)
        else:
            yield from _torn_model(state.directory, networks[trial], cards.get(trial))


def versions(state: State) -> Iterator[Finding]:
    """Packs made with different versions of code or libraries."""
    seen: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for pack, manifest in state.manifests.items():
        for library, version in manifest.get("versions", {}).items():
            seen[library][str(version)].append(pack)
    for library, found in sorted(seen.items()):
        if len(found) > 1:
            groups = "; ".join(f"{version} made {_some(packs)}" for version, packs in sorted(found.items()))
            yield Finding("version", PACKS, f"packs were made with different {library}: {groups}")


def leftovers(state: State) -> Iterator[Finding]:
    """Temporary files of writers that were killed, and the entry of a driver that was."""
    if state.live:
        return
    for path in state.directory.store.leftovers():
        yield Finding("leftover", path, "half a file, of a writer that was killed", REMOVE)
    parts = [(parts_folder(kind), PART_SUFFIX) for kind in KINDS]
    for folder, suffix in (*parts, (PACKS, MANIFEST_SUFFIX)):
        found = state.directory.store.names(folder, suffix)
        for path in sorted(set(found) - set(counting(found))):
            yield Finding("leftover", path, "of packs that are in a block", REMOVE)
    if state.directory.store.exists(DRIVER):
        driver = driver_of(state.directory.store)
        message = "its driver is dead; the next one takes over"
        if driver is not None:
            message = f"{driver.account}; the next one watches for {STALE_SECONDS:.0f} s, then takes over"
        yield Finding("lock", DRIVER, message, UNLOCK)


def _running(state: State) -> list[Running] | Damaged:
    """What the journal has as RUNNING; nothing while a driver writes it."""
    local = state.directory.local
    if local is None or state.live or not (local / JOURNAL).is_file():
        return []
    try:
        return running(local / JOURNAL)
    except Damaged as error:
        return error


def _trials(state: State, pack: str) -> list[str]:
    if pack in state.finished:
        return list(dict.fromkeys(state.finished[pack]["trial"].to_pylist()))
    return [trial["trial"] for trial in state.manifests[pack]["trials"]]


def _unwanted(state: State) -> dict[str, str]:
    """Finished trials whose networks are not to be kept, and why."""
    config = state.config or {}
    if config.get("keep_models", "front") != "front" or raced(config) or any(map(is_part, state.unreadable)):
        return {}
    objectives = [name for name in config.get("objectives", ()) if name in OBJECTIVES]
    if not objectives:
        return {}
    front = Front.of(config)
    rows = [row for part in state.trials.values() for row in _of(part, front.columns)]
    front.add(rows)
    return {row["trial"]: "of a trial that is off the front" for row in rows if row["trial"] not in front}


def _of(part: pa.Table, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Rows with the columns that an older part has."""
    found: list[dict[str, Any]] = part.select([name for name in columns if name in part.column_names]).to_pylist()
    return found


def _torn_model(directory: StudyDirectory, network: str, card: str | None) -> Iterator[Finding]:
    lost = "the network is lost, its trial's row is not"
    own: Any = None
    try:
        own = json.loads(unseal(directory.store.get(network))["card"])
    except FileNotFoundError:
        return
    except SafetensorError as error:
        yield Finding("torn", network, f"{error}; {lost}", QUARANTINE)
    except (ValueError, KeyError) as error:
        yield Finding("checksum", network, f"{error}; {lost}", QUARANTINE)
    if card is not None:
        try:
            found = json.loads(directory.store.get(card))
        except FileNotFoundError:
            return
        except ValueError as error:
            yield Finding("torn", card, f"{error}; the network has a copy of it", QUARANTINE)
        else:
            if own is not None and found != own:
                yield Finding("checksum", card, "is not the one in its network", QUARANTINE)


def as_stored(value: Any) -> float | str:
    """A parameter as its column has it."""
    return float(value) if isinstance(value, Real) else str(value)


def _some(names: Iterable[str], shown: int = 3) -> str:
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more
