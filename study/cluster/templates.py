"""Files from which clusters are started, made from templates: commented, ready but for what only the user knows."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath

_TEMPLATES = Path(__file__).parent / "templates"
PROVIDERS = {path.stem: path.name for path in sorted(_TEMPLATES.iterdir())}
"""Names of templates and of their files."""

_FIELD = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True)
class Cluster:
    """What a file is to say.

    Args:
        study: a preset or a YAML file.
        output: the study directory.
        nodes: machines with workers, at most where they come and go.
        cpus, gpus: of each of them; a pack takes one core, and a GPU where there are any.
        file: what the file is called, for its own comments.
    """

    name: str
    study: str
    output: str
    nodes: int
    cpus: int
    gpus: int
    file: str

    @property
    def workers(self) -> int:
        """Packs that train at once when all machines are there."""
        return self.nodes * (self.gpus or self.cpus)


def written(provider: str, cluster: Cluster) -> str:
    """The file for a provider, one of PROVIDERS."""
    own = Path(cluster.study).suffix in (".yaml", ".yml")
    fields = {
        "NAME": re.sub("[^a-z0-9]+", "-", cluster.name.lower()).strip("-"),
        "STUDY": shlex.quote(cluster.study),
        "STUDY_FILE": shlex.quote(cluster.study if own else f"{cluster.study}.yaml"),
        "MOUNTED": f"/study/{PurePosixPath(cluster.study).name}" if own else cluster.study,
        "OUTPUT": shlex.quote(cluster.output),
        "NODES": str(cluster.nodes),
        "CPUS": str(cluster.cpus),
        "GPUS": str(cluster.gpus),
        "WORKERS": str(cluster.workers),
        "FILE": shlex.quote(cluster.file),
        "RAY": version("ray"),
    }
    text = (_TEMPLATES / PROVIDERS[provider]).read_text(encoding="utf-8")
    text = _FIELD.sub(lambda found: fields[found[1]], text)
    return text if cluster.gpus else _without_gpus(text)


def _without_gpus(text: str) -> str:
    """Nobody asks for no GPUs: some schedulers refuse it."""
    text = re.sub(r"^#SBATCH --gpus-per-node=0\n", "", text, flags=re.MULTILINE)
    return text.replace(", nvidia.com/gpu: 0", "").replace(", GPU: 0", "")
