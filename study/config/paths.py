"""Paths in a study's YAML: relative to the working directory of whoever runs it, and absolute from then on.

One rule for all of them, `data:` and `like:` alike; the folder of the YAML file plays no part. Workers run elsewhere,
so that the study directory keeps the absolute path. Names in the folder that STUDY_DATA names stay names.
"""

from __future__ import annotations

from pathlib import Path

from study.config.settings import StudyConfig


def absolute(config: StudyConfig) -> StudyConfig:
    """The study with the path of its data made absolute, where there is such a path from here."""
    name = _from_here(config.data.name)
    return config if name is None else config.model_copy(update={"data": config.data.model_copy(update={"name": name})})


def _from_here(name: str) -> str | None:
    path = Path(name).expanduser()
    if name.startswith("hub:") or not path.exists() or _is_known(name):
        return None
    return str(path.absolute())


def _is_known(name: str) -> bool:
    from trainables.data import DATA

    return name in DATA
