"""Studies trained to their end in the test's own process, without Ray."""

from __future__ import annotations

from study.config.load import StudyConfig, to_yaml
from study.directory.study_directory import StudyDirectory
from study.directory.versions import current_versions
from study.rehearsal import scales
from study.running.publishing import publish
from study.running.training import job_of
from study.search.search import Search
from trainables.training.pack import Pack


def trained(config: StudyConfig, directory: StudyDirectory) -> list[Pack]:
    """The packs of the study; manifests and results are in the directory."""
    directory.create(to_yaml(config))
    search = Search(config, directory, scales(config))
    packs = []
    while (manifest := search.ask()) is not None:
        directory.write_manifest({**manifest, "versions": current_versions()})
        pack = Pack(job_of(config, manifest))
        while not pack.done:
            pack.train_epoch()
        publish(directory, config.name, manifest, pack.trial_rows(), pack.curve_rows())
        search.tell(manifest, directory.rows(manifest["pack"], manifest["method"]))
        packs.append(pack)
    return packs
