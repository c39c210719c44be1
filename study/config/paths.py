"""Paths in a study's YAML: relative to the working directory of whoever runs it, and absolute from then on.

One rule for all of them, `data:`, `weights:`, `teacher:` and `like:` alike; the folder of the YAML file plays no part.
Workers run elsewhere, so that the study directory keeps the absolute path. Names in the folder that STUDY_DATA names
stay names.
"""

from __future__ import annotations

from pathlib import Path

from study.config.settings import StudyConfig


def absolute(config: StudyConfig) -> StudyConfig:
    """The study with the paths of its data and weights made absolute, where there are such paths from here."""
    name = _from_here(config.data.name)
    if name is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"name": name})})
    weights = config.model.weights
    if weights is not None and (place := Path(weights).expanduser()).exists():
        model = config.model.model_copy(update={"weights": str(place.absolute())})
        config = config.model_copy(update={"model": model})
    if config.distil and config.distil.teacher and (place := Path(config.distil.teacher).expanduser()).exists():
        distil = config.distil.model_copy(update={"teacher": str(place.absolute())})
        config = config.model_copy(update={"distil": distil})
    return config


def _from_here(name: str) -> str | None:
    path = Path(name).expanduser()
    if name.startswith("hub:") or not path.exists() or _is_known(name):
        return None
    return str(path.absolute())


def _is_known(name: str) -> bool:
    from trainables.data import DATA

    return name in DATA
