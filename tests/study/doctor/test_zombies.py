"""What a journal says of running trials, against Optuna's own replay."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from study.directory import Damaged
from study.doctor.zombies import running


def test_running_trials_are_those_that_optuna_finds(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    storage = JournalStorage(JournalFileBackend(str(path)))
    for name in ("digits/dense", "digits/npn", "gone"):
        study = optuna.create_study(study_name=name, storage=storage)
        study.enqueue_trial({"lr": 0.1})
        for number in range(4):
            trial = study.ask()
            trial.suggest_float("lr", 0, 1)
            trial.set_user_attr("trial", f"{name[7:]}-{number:05d}")
            trial.set_user_attr("pack", f"{name[7:]}-p0000")
            if number in (1, 2):
                study.tell(trial, 0.5 if number == 1 else None, state=None if number == 1 else TrialState.FAIL)
        study.enqueue_trial({"lr": 0.2})
    optuna.delete_study(study_name="gone", storage=storage)
    found = {(zombie.method, zombie.number, zombie.trial, zombie.pack) for zombie in running(path)}
    assert found == {
        (method, number, f"{method}-{number:05d}", f"{method}-p0000")
        for method in ("dense", "npn")
        for number in (0, 3)
    }


@pytest.mark.parametrize(
    "line", ['{"op_code": 99}', '{"op_code": 6, "trial_id": 7, "state": 1}', '{"op_code": 4}', "[]"]
)
def test_what_optuna_could_not_replay_is_damaged(tmp_path: Path, line: str) -> None:
    (tmp_path / "optuna.journal").write_text(f"{line}\n")
    with pytest.raises(Damaged):
        running(tmp_path / "optuna.journal")
