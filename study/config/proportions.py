"""What a trial kept of each layer, as settings of a pruning baseline: does it matter which units go, or only where?"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow.compute as pc

import search_spaces
from study.directory import NotAStudy, StudyDirectory, find_trial
from trainables.declarations import Value
from trainables.errors import Mistake, Mistakes, nearest
from trainables.uris import without_secrets

_SHARE = "sparsity"


def proportions(method: str, study: str, trial: str, searched: Collection[str] = ()) -> dict[str, Value]:
    """Settings of ``method``'s search space that remove the same share of each hidden layer as the trial did.

    Args:
        study: a study directory, of a network with the same hidden layers.
        trial: one of its complete trials.
        searched: parameters that are to be the trial's own as well, where it has them: the arguments of its network.

    Raises:
        Mistakes: the method prunes no shares of layers, or there is no such study or trial.
    """
    able = [name for name in search_spaces.methods() if _prunes_shares(name)]
    if method not in able:
        raise Mistakes([Mistake((), f"a method that removes given shares ({', '.join(able)})", repr(method))])
    try:
        rows = StudyDirectory(study).trials()
    except NotAStudy:
        raise Mistakes([Mistake(("study",), "a study directory", repr(without_secrets(study)))]) from None
    complete = rows.filter(pc.equal(rows["status"], "COMPLETE")).select(["trial", "widths", "dense_widths"])
    row = next((row for row in complete.to_pylist() if row["trial"] == trial), None)
    if row is None:
        near = nearest(trial, complete["trial"].to_pylist())
        raise Mistakes([Mistake(("trial",), f"a complete trial of {without_secrets(study)}", repr(trial), near)])
    own = find_trial(StudyDirectory(study), trial).spec["parameters"] if searched else {}
    network = {name: own[name] for name in searched if name in own}
    layers = enumerate(zip(row["widths"], row["dense_widths"], strict=True), start=1)
    shares = {f"{_SHARE}_{layer}": 1 - width / dense for layer, (width, dense) in layers}
    return {**network, "scope": "layerwise", **shares}


def _prunes_shares(method: str) -> bool:
    return any(parameter.name == _SHARE for parameter in search_spaces.every_parameter(method, layers=2))
