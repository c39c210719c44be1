"""One study of several that ran apart with the same configuration, such as on two clusters with two seeds.

Trials and packs get new numbers, method by method: those of the first study, then those of the second. Replicates of a
configuration stay neighbours. A trial that is in several studies (same method, seeds and parameters) is kept once, a
finished one first. Rows are copied as they are but for the new names; a manifest says where its pack comes from.

Nothing is trained: packs that wait for results wait in the merged study, too, and start anew there, with its seed.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
from safetensors import SafetensorError

from study.config import MAY_CHANGE, StudyConfig, changes, loads, to_yaml
from study.directory import (
    CONFIG,
    Front,
    Manifest,
    NotAStudy,
    StudyDirectory,
    TrialSpec,
    card_path,
    encode_config,
    encode_manifest,
    encode_table,
    manifest_path,
    mark_of,
    network_path,
    pack_index,
    pack_name,
    part_path,
    trial_name,
    with_curves,
)
from study.doctor.checks import as_stored
from study.doctor.state import State, look
from study.search import manifest_of
from trainables.errors import StudyError
from trainables.sealed import seal, unseal

MAY_DIFFER = ("name", "seed", *MAY_CHANGE)
"""Keys in which merged studies need not agree: the first study's are kept. Budgets are added."""

Renamed = Mapping[str, TrialSpec]
"""The trials of a pack that are kept, under their new names, by the old ones."""


@dataclass(frozen=True)
class Merged:
    """What a merge made. Trials: finished, to be trained, and left out because another study has them."""

    location: str
    finished: int
    waiting: int
    doubled: int


@dataclass(frozen=True)
class _Source:
    directory: StudyDirectory
    config: StudyConfig
    state: State
    manifests: Sequence[Manifest]


@dataclass(frozen=True)
class _Pack:
    """One pack of the merged study."""

    source: _Source
    old: Manifest
    new: Manifest

    @property
    def rows(self) -> pa.Table | None:
        return self.source.state.finished.get(self.old["pack"])

    @property
    def renamed(self) -> Renamed:
        return dict(zip(self.new["origin"]["trials"], self.new["trials"], strict=True))


def merge(sources: Sequence[StudyDirectory], output: StudyDirectory, name: str | None = None) -> Merged:
    """Write the merged study; the same sources give the same bytes, and a merge that was cut off can be done again.

    Args:
        name: of the merged study; the first one's if None.

    Raises:
        ValueError: fewer than two studies, a damaged one, configurations that do not fit (all differences are named),
            or the output holds anything else.
        NotAStudy: a source is none.
    """
    if len(sources) < 2 or output.path() in {source.path() for source in sources}:
        raise StudyError("expected two studies or more, and another directory for the output")
    found = [_source(directory) for directory in sources]
    for one in found:
        if one.config.staged:
            does = "stops trials early" if one.config.rungs() else "has a warm start"
            raise StudyError(f"{one.directory.path()} {does}; such studies cannot be merged")
        if any(map(one.config.racing, one.config.methods)):
            raise StudyError(f"{one.directory.path()} races seeds; such studies cannot be merged")
        if one.config.target is not None:
            raise StudyError(f"{one.directory.path()} brackets compressions; such studies cannot be merged")
        if one.config.path is not None:
            raise StudyError(f"{one.directory.path()} follows paths; such studies cannot be merged")
    for other in found[1:]:
        _check(found[0], other)
    packs, doubled = _plan(found)
    config = _config(found, packs, doubled, name)
    study = name or found[0].config.name
    manifests = {manifest_path(pack.new["pack"]): encode_manifest(pack.new) for pack in packs}
    # What another study would have here, too, is looked at before anything is written.
    for path, data in {CONFIG: encode_config(config), **manifests}.items():
        _same(output, path, data)
    for path, data in (*manifests.items(), *_parts(packs, study), *_models(packs, study, found[0].config)):
        if not output.store.put(path, data):
            _same(output, path, data)
    output.create(config)  # with that it is a study
    counts = [(pack.rows is not None, len(pack.new["trials"])) for pack in packs]
    finished = sum(count for done, count in counts if done)
    return Merged(output.path(), finished, sum(count for _, count in counts) - finished, sum(doubled.values()))


def _source(directory: StudyDirectory) -> _Source:
    if not directory.exists():
        raise NotAStudy(f"expected a study directory (with {CONFIG} in it) at {directory.path()}")
    state = look(directory, live=False)
    if state.unreadable:
        raise _damaged(directory, *next(iter(state.unreadable.items())))
    made = [manifest_of(rows.to_pylist()) for pack, rows in state.finished.items() if pack not in state.manifests]
    manifests = sorted((*state.manifests.values(), *made), key=lambda m: (m["method"], pack_index(m["pack"])))
    config = loads(json.dumps(state.config), directory.path(CONFIG), names=False)
    return _Source(directory, config, state, manifests)


def _damaged(directory: StudyDirectory, path: str, error: Exception) -> StudyError:
    return StudyError(f"{directory.path(path)} cannot be read: {error!r}; see `study doctor {directory.path()}`")


def _check(first: _Source, other: _Source) -> None:
    """A method that only one of them has is no difference."""
    if first.config.searches != other.config.searches:
        counts = f"{first.config.searches} and {other.config.searches}"
        raise StudyError(f"expected studies with as many searches each, but {other.directory.path()} makes it {counts}")
    shared = set(first.config.methods) & set(other.config.methods)
    wrong = [
        change
        for change in changes(first.config, other.config)
        if not any(fnmatchcase(change.key, pattern) for pattern in MAY_DIFFER)
        and not (change.key.startswith("methods.") and change.key.split(".")[1] not in shared)
    ]
    if wrong:
        lines = "".join(f"\n  {change.key}: {change.was} there, {change.now} here" for change in wrong)
        raise StudyError(
            f"expected studies of one configuration, but {first.directory.path()} (there) and {other.directory.path()} "
            f"(here) differ in what their trials depend on:{lines}"
        )


def _plan(sources: Sequence[_Source]) -> tuple[list[_Pack], dict[str, int]]:
    """The packs of the merged study, and how many trials each method has in several studies."""
    entries = [(index, manifest) for index, source in enumerate(sources) for manifest in source.manifests]
    owner: dict[str, tuple[int, str]] = {}
    for finished in (True, False):
        for index, manifest in entries:
            if (manifest["pack"] in sources[index].state.finished) is finished:
                for trial in manifest["trials"]:
                    owner.setdefault(_identity(manifest["method"], trial), (index, manifest["pack"]))
    packs: list[_Pack] = []
    doubled: dict[str, int] = defaultdict(int)
    numbers: dict[tuple[str, int], dict[tuple[int, int], int]] = defaultdict(dict)
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for index, manifest in entries:
        source, method, search = sources[index], manifest["method"], manifest.get("search", 0)
        mine = (index, manifest["pack"])
        kept = [trial for trial in manifest["trials"] if owner[_identity(method, trial)] == mine]
        doubled[method] += len(manifest["trials"]) - len(kept)
        if kept:
            seeds = source.config.replicates(method)
            known = numbers[method, search]
            trials = [_renumbered(trial, method, search, index, seeds, known) for trial in kept]
            packs.append(_pack(source, manifest, pack_name(method, counts[method, search], search), kept, trials))
            counts[method, search] += 1
    return packs, doubled


def _identity(method: str, trial: TrialSpec) -> str:
    parameters = {name: as_stored(value) for name, value in trial["parameters"].items()}
    return json.dumps([method, trial["seed"], trial["data_seed"], parameters], sort_keys=True)


def _renumbered(
    trial: TrialSpec, method: str, search: int, source: int, seeds: int, configurations: dict[tuple[int, int], int]
) -> TrialSpec:
    """Trial n of a method is replicate n % seeds of its configuration: so it stays."""
    configuration, replicate = divmod(trial["number"], seeds)
    number = configurations.setdefault((source, configuration), len(configurations)) * seeds + replicate
    return {**trial, "trial": trial_name(method, number, search), "number": number}


def _pack(source: _Source, old: Manifest, name: str, kept: Iterable[TrialSpec], trials: list[TrialSpec]) -> _Pack:
    new: Manifest = {**old, "pack": name, "trials": trials}
    new.pop("recipe", None)  # of a study with this name and seed it would be another one
    new["origin"] = {
        "directory": source.directory.path().partition("?")[0],
        "study": source.config.name,
        "seed": source.config.seed,
        "pack": old["pack"],
        "trials": [trial["trial"] for trial in kept],
    }
    if "origin" in old:
        new["origin"]["origin"] = old["origin"]
    return _Pack(source, old, new)


def _config(sources: Sequence[_Source], packs: Iterable[_Pack], doubled: Mapping[str, int], name: str | None) -> str:
    """The first study's configuration with everybody's methods and budget, less what several have."""
    first = sources[0].config
    settings = first.model_dump(mode="json")
    for source in sources[1:]:
        for method, own in source.config.model_dump(mode="json")["methods"].items():
            settings["methods"].setdefault(method, own)
    budgets = {method: _budget(method, sources, packs, doubled.get(method, 0)) for method in settings["methods"]}
    # One number for all where that will do, as `study extend` has it.
    settings["trials"] = Counter(budgets.values()).most_common(1)[0][0]
    for method, own in settings["methods"].items():
        own["trials"] = budgets[method] if budgets[method] != settings["trials"] else None
    return to_yaml(StudyConfig.model_validate({**settings, "name": name or first.name}))


def _budget(method: str, sources: Sequence[_Source], packs: Iterable[_Pack], doubled: int) -> int:
    """Configurations: all that were asked for or may be, each once."""
    having = [source.config for source in sources if method in source.config.methods]
    seeds = having[0].replicates(method)
    trials = (trial for pack in packs if pack.new["method"] == method for trial in pack.new["trials"])
    known = {trial["number"] // seeds for trial in trials}
    asked = sum(config.budget(method) for config in having) - doubled
    return max(asked // (seeds * having[0].searches), len(known), 1)


def _parts(packs: Iterable[_Pack], study: str) -> Iterator[tuple[str, bytes]]:
    """Curves before trials, as workers write them."""
    for pack in packs:
        if pack.rows is None:
            continue
        method = pack.new["method"]
        state, trials = pack.source.state, _relabelled(pack.rows, pack, study)
        found = state.curves_of(pack.old["pack"], method)
        if found is not None:
            curves = encode_table(_relabelled(found, pack, study), "curves")
            yield part_path("curves", pack.new["pack"], method), curves
            trials = with_curves(trials, mark_of(curves))
        yield part_path("trials", pack.new["pack"], method), encode_table(trials, "trials")


def _relabelled(table: pa.Table, pack: _Pack, study: str) -> pa.Table:
    """The kept rows, under the new names."""
    renamed = pack.renamed
    table = table.filter(pa.array([trial in renamed for trial in table["trial"].to_pylist()], pa.bool_()))
    trials = [renamed[trial] for trial in table["trial"].to_pylist()]
    columns: dict[str, Any] = {
        "study": [study] * len(trials),
        "trial": [trial["trial"] for trial in trials],
        "pack": [pack.new["pack"]] * len(trials),
        "number": [trial["number"] for trial in trials],
    }
    for name in sorted(columns.keys() & set(table.column_names)):
        index = table.schema.get_field_index(name)
        table = table.set_column(
            index, table.schema.field(index), pa.array(columns[name], table.schema.field(index).type)
        )
    return table


def _models(packs: Sequence[_Pack], study: str, config: StudyConfig) -> Iterator[tuple[str, bytes]]:
    """The networks that the merged study keeps."""
    if config.keep_models == "none":
        return
    front = Front.of(config.model_dump(mode="json"))
    for pack in packs:
        if pack.rows is not None:
            rows = _relabelled(pack.rows, pack, study)
            known = [name for name in front.columns if name in rows.column_names]
            front.add(rows.select(known).to_pylist())
    for pack in packs:
        store = pack.source.directory.store
        for old, trial in pack.renamed.items():
            kept = pack.rows is not None and (config.keep_models == "all" or trial["trial"] in front)
            path = network_path(old)
            if kept and store.exists(path):
                names = {"trial": trial["trial"], "pack": pack.new["pack"], "number": trial["number"], "study": study}
                try:
                    network, card = _named_anew(store.get(path), names)
                except (SafetensorError, ValueError, KeyError) as error:
                    raise _damaged(pack.source.directory, path, error) from error
                yield network_path(trial["trial"]), network
                yield card_path(trial["trial"]), card


def _named_anew(network: bytes, names: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A network with the new names in its card, and the card; see trainables.deploy.Saved."""
    card = json.loads(unseal(network)["card"])
    for place in (card, card.get("trial")):
        if isinstance(place, dict):
            place.update({name: value for name, value in names.items() if not isinstance(place.get(name, {}), dict)})
    return seal(network, {"card": json.dumps(card, allow_nan=False)}), json.dumps(card, indent=1).encode()


def _same(output: StudyDirectory, path: str, data: bytes) -> None:
    if output.store.exists(path) and output.store.get(path) != data:
        raise StudyError(
            f"{output.path(path)} is not of this merge: the output holds another study, or has gone on since; "
            "choose another directory with --output"
        )
