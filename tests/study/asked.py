"""A study that is asked and told without training: what its trials come to is a function of how they were asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import search_spaces
from study.config.load import StudyConfig, to_yaml
from study.directory import Manifest, StudyDirectory, TrialSpec
from study.search import Search

Row = dict[str, Any]
Trained = Callable[[Manifest], list[Row]]
LAYERS = dict.fromkeys(search_spaces.methods(), search_spaces.Scale())


def row_of(manifest: Manifest, spec: TrialSpec, **measured: Any) -> Row:
    """Of a complete trial."""
    known = {name: value for name, value in spec.items() if name in ("trial", "number", "lane", "seed", "data_seed")}
    return {
        "study": "asked",
        "method": manifest["method"],
        "pack": manifest["pack"],
        **known,
        "search": 0,
        "status": "COMPLETE",
        "epochs": 2,
        **measured,
        **{f"param_{name}": value for name, value in spec["parameters"].items()},
    }


def search_at(path: Path, config: StudyConfig, workers: int = 1) -> tuple[Search, StudyDirectory]:
    directory = StudyDirectory(path)
    if not directory.exists():
        directory.create(to_yaml(config))
    return Search(config, directory, LAYERS, workers=workers), directory


def finish(search: Search, directory: StudyDirectory, manifest: Manifest, trained: Trained) -> None:
    directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
    search.tell(manifest, trained(manifest))


def run(
    search: Search, directory: StudyDirectory, trained: Trained, workers: int = 1, chance: int = 0, packs: int = 1000
) -> None:
    """As a driver does, with workers that finish in any order; to the end, or until so many packs are told."""
    order, running = random.Random(chance), list[Manifest]()
    while packs:
        while len(running) < workers and (manifest := search.ask()) is not None:
            directory.write_manifest(manifest)
            running.append(manifest)
        if not running:
            assert not any(search.remaining().values())
            return
        finish(search, directory, running.pop(order.randrange(len(running))), trained)
        packs -= 1


def cut_and_resumed(path: Path, config: StudyConfig, trained: Trained, packs: int, workers: int = 3) -> StudyDirectory:
    """A study whose driver ended after so many packs, at its end. The sampler sees what it saw before."""
    search, directory = search_at(path, config, workers)
    run(search, directory, trained, workers, packs=packs)
    before = seen(search)
    search, _ = search_at(path, config, workers)
    unfinished = search.rebuild(directory.manifests(), directory.trials().to_pylist())
    assert seen(search) == before
    for manifest in unfinished:
        finish(search, directory, manifest, trained)
    run(search, directory, trained, workers)
    return directory


def seen(search: Search) -> dict[str, list[Any]]:
    """What Optuna knows of trials, by study."""
    return {
        branch.name: [
            (one.number, one.state, one.values, one.params, one.constraints)
            for one in branch.study.get_trials(deepcopy=False)
        ]
        for branch in search._branches.values()
    }
