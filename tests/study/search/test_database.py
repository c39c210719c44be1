"""A team's database on a real PostgreSQL: what it gets, from whom, and that nothing depends on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage

from search_spaces import Scale
from study.config.load import ConfigError, of_mapping
from study.config.settings import StudyConfig
from study.running.loggers import Loggers
from study.search.database import Database
from tests.study.conftest import Grown, configuration
from trainables.errors import StudyError

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a database on the loopback device, which asks for a password."""
    if not PROGRAMS:
        pytest.skip("needs PostgreSQL (Debian's package postgresql)")
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    (folder / "password").write_text("secret")
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)

    def call(program: str, *arguments: str) -> None:
        command = [str(PROGRAMS[-1] / program), *arguments]
        found = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True)
        assert found.returncode == 0, found.stderr + found.stdout

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "team", "-A", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -p {port}"
    call("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGUSER", "team")
        patch.setenv("PGPASSWORD", "secret")
        yield f"postgresql://127.0.0.1:{port}/postgres"
    call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder)


def told(config: StudyConfig, study: Grown) -> list[str]:
    """What is warned of while all trials that are finished are written."""
    warnings: list[str] = []
    with Loggers(config, study.directory, warnings.append, dict.fromkeys(config.methods, Scale())) as loggers:
        loggers.update(study.directory.trials().to_pylist())
        loggers.close()
    return warnings


def test_finished_trials_are_written_once(postgres: str, grow: Callable[..., Grown]) -> None:
    study = grow(packs=4, finished=2)
    config = study.config.model_copy(update={"storage": postgres})
    assert told(config, study) == []
    study.finish(study.manifests[2])
    assert told(config, study) == []
    rows = {row["trial"]: row for row in study.directory.trials().to_pylist()}
    found, storage = {}, RDBStorage(postgres)
    for method in config.methods:
        kept = optuna.load_study(study_name=f"digits/{method}", storage=storage)
        assert kept.metric_names == ["accuracy", "neurons"]
        found |= {trial.user_attrs["trial"]: trial for trial in kept.trials}
    storage.remove_session()
    storage.engine.dispose()
    assert found.keys() == rows.keys() and len(found) == 12
    for name, trial in found.items():
        assert trial.values == [rows[name]["val_accuracy"], rows[name]["neurons"]]
        assert trial.params["lr"] == rows[name]["param_lr"]


def test_two_studies_of_one_name_do_not_mix(postgres: str, grow: Callable[..., Grown]) -> None:
    one, other = grow("one", name="shared"), grow("other", name="shared")
    config = one.config.model_copy(update={"storage": postgres})
    assert told(config, one) == []
    (warning,) = told(config, other)
    assert f"has a study shared/dense of {one.path}: give this one another name" in warning


def test_a_database_that_is_away_costs_no_trial(postgres: str, grow: Callable[..., Grown]) -> None:
    study = grow()
    (warning,) = told(study.config.model_copy(update={"storage": "postgresql://127.0.0.1:1/none"}), study)
    assert warning.startswith("storage: OperationalError") and "written when the study is resumed" in warning


def test_a_wrong_url_is_one_line() -> None:
    with pytest.raises(StudyError, match="storage: expected a database's URL"):
        Database(configuration(storage="nonsense://x/y"), "runs/x", {})


def test_a_password_is_refused_and_not_shown() -> None:
    settings = configuration().model_dump(mode="json") | {"storage": "postgresql://me:hidden@db/studies"}
    with pytest.raises(ConfigError, match="expected a database's URL without its password") as found:
        of_mapping(settings, names=False)
    assert "hidden" not in str(found.value)
