"""What a job of a study needs on the cluster: its command, the user's files, packages and variables."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.errors import StudyError
from trainables.uris import without_secrets

if TYPE_CHECKING:
    from study.config import StudyConfig

_LEFT_BEHIND = [".git", ".venv", "runs", "__pycache__"]
_STUDY = "python -m study"


@dataclass(frozen=True)
class Shipment:
    """What goes along with a job.

    Args:
        working_dir: the folder that the job runs in a copy of; None for none. Ray leaves out what .gitignore names.
        requirements: a pip requirements file, installed on every node beside what the cluster's Python has.
        variables: KEY=VALUE each, or KEY for the value that it has here.
    """

    working_dir: Path | None = None
    requirements: Path | None = None
    variables: Sequence[str] = ()

    def environment(self) -> dict[str, Any]:
        """Ray's runtime environment.

        Raises:
            StudyError: a file or a variable is not there.
        """
        found: dict[str, Any] = {"env_vars": dict(map(_variable, self.variables))}
        if self.working_dir is not None:
            if not self.working_dir.is_dir():
                raise StudyError(f"--working-dir: expected a folder, but got {self.working_dir}")
            found["working_dir"] = str(self.working_dir.absolute())
            found["excludes"] = _LEFT_BEHIND
        if self.requirements is not None:
            if not self.requirements.is_file():
                raise StudyError(f"--requirements: expected a pip requirements file, but got {self.requirements}")
            found["pip"] = str(self.requirements.absolute())
        return found


def running(study: str, output: str, settings: Sequence[str], working_dir: Path | None) -> str:
    """The command that runs a study into a directory that the whole cluster sees.

    Args:
        study: a preset, or a YAML file in the working directory.
        settings: "key=value" each.

    Raises:
        StudyError: the file would not be there, or the directory not be seen by all nodes.
    """
    file = Path(study)
    if file.is_file():
        folder = (working_dir or Path()).resolve()
        if not file.resolve().is_relative_to(folder):
            raise StudyError(f"{study}: expected a file in the working directory of the job, {folder} (--working-dir)")
        study = file.resolve().relative_to(folder).as_posix()
    changes = [word for setting in settings for word in ("--set", setting)]
    return f"{_STUDY} {shlex.join(['run', study, '--output', _seen(output), *changes])}"


def resuming(directory: str, settings: Sequence[str]) -> str:
    """The command that goes on with a study. Raises StudyError: the directory is not one that all nodes see."""
    changes = [word for setting in settings for word in ("--set", setting)]
    return f"{_STUDY} {shlex.join(['resume', _seen(directory), *changes])}"


def check_data(config: StudyConfig) -> None:
    """Raises StudyError: the study's data lie on this machine only, as far as can be told from here."""
    name = config.data.name
    if "://" not in name and ("/" in name or Path(name).exists()) and not name.startswith("hub:"):
        given = Path(name)
        if not given.is_absolute() or given.is_relative_to(Path.cwd()):
            raise StudyError(
                f"data: expected a set that comes with study, hub:OWNER/SET, a URI (s3://) or a path that all nodes "
                f"of the cluster see, but got {name}"
            )


def _seen(directory: str) -> str:
    if "://" not in directory and not Path(directory).is_absolute():
        raise StudyError(
            f"expected the study directory as a URI (s3://, gs://) or an absolute path that all nodes of the cluster "
            f"see, but got {directory!r}"
        )
    if without_secrets(directory) != directory:
        raise StudyError(
            "expected a URI without keys, which all who see the cluster could read: --env, or the nodes' role"
        )
    return directory


def _variable(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name:
        raise StudyError(f"--env: expected KEY=VALUE or KEY, but got {given!r}")
    if not equals and name not in os.environ:
        raise StudyError(f"--env: expected {name} to be set here, or {name}=VALUE")
    return name, value if equals else os.environ[name]
