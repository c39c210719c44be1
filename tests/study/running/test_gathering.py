"""Packs go into blocks while a study runs, and what one run has left the next one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from study.directory.layout import MANIFEST_SUFFIX, PACKS, manifest_path, part_path
from study.running.gathering import Gathering
from study.running.retry import take_back

Grow = Callable[..., Any]
METHOD = "group_lasso"


@pytest.fixture
def study(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Six packs, five of them finished."""
    monkeypatch.setattr("study.directory.layout.BLOCKS", (2, 4))
    return grow(packs=6, finished=5, methods=[METHOD], trials=12, pack={"size": 2})


def names(study: Any) -> list[str]:
    return [str(path) for path in study.directory.store.names(PACKS, MANIFEST_SUFFIX)]


def test_packs_are_put_together_as_they_finish_or_when_the_study_is_resumed(study: Any) -> None:
    before, warnings = study.directory.trials().to_pylist(), list[str]()
    with Gathering(study.directory, warnings.append) as gathering:
        gathering.found_on_disk({f"{METHOD}-p0000": METHOD, f"{METHOD}-p0001": METHOD})
        for index in (3, 2, 4):
            gathering.finished(f"{METHOD}-p{index:04d}", METHOD)
        gathering.close()
    assert names(study) == [manifest_path(f"{METHOD}-{name}") for name in ("p0000-0003", "p0004", "p0005")]
    assert study.directory.trials().to_pylist() == before and not warnings
    study.finish(study.manifests[5])
    with Gathering(study.directory, warnings.append) as gathering:
        gathering.found_on_disk(dict.fromkeys(study.directory.finished(), METHOD))
        gathering.close()
    assert names(study) == [manifest_path(f"{METHOD}-{name}") for name in ("p0000-0003", "p0004-0005")]
    assert study.directory.trials().num_rows == 12 and not warnings


def test_files_that_cannot_be_put_together_stay_as_they_are(study: Any) -> None:
    path, warnings = study.path / part_path("curves", f"{METHOD}-p0001", METHOD), list[str]()
    path.write_bytes(path.read_bytes()[:-9])
    with Gathering(study.directory, warnings.append) as gathering:
        gathering.found_on_disk(dict.fromkeys(study.directory.finished(), METHOD))
        gathering.close()
    (warning,) = warnings
    assert "keep files of their own" in warning
    assert study.directory.trials().num_rows == 10 and manifest_path(f"{METHOD}-p0000") in names(study)


def test_a_failed_pack_of_a_block_can_be_taken_back(study: Any) -> None:
    directory, pack = study.directory, f"{METHOD}-p0001"
    failed = [row | {"status": "FAILED", "reason": "RuntimeError: no luck"} for row in directory.rows(pack, METHOD)]
    for kind in ("trials", "curves"):
        directory.store.remove(part_path(kind, pack, METHOD))
    directory.write_results(pack, METHOD, failed, [])
    with Gathering(directory, lambda warning: None) as gathering:
        gathering.found_on_disk(dict.fromkeys(directory.finished(), METHOD))
        gathering.close()
    assert manifest_path(f"{METHOD}-p0000-0003") in names(study)
    others = [row for row in directory.trials().to_pylist() if row["pack"] != pack]
    assert take_back(study.config, directory) == 2
    assert directory.trials().to_pylist() == others and directory.manifest(pack)["pack"] == pack
    assert pack not in directory.finished()
