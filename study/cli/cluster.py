"""Files from which clusters are started: up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from study.cli.app import app, console
from trainables.errors import StudyError, not_one_of


@app.command()
def up(
    provider: Annotated[str, typer.Option(metavar="kuberay|slurm|ray-up|local", help="What starts the machines.")],
    nodes: Annotated[int, typer.Option(min=1, help="Machines with workers, at most where they come and go.")] = 3,
    study: Annotated[str, typer.Option(metavar="NAME_OR_FILE", help="The study that runs on it.")] = "digits",
    output: Annotated[
        str | None, typer.Option(help="The study directory: a URI, or an absolute path that all nodes see.")
    ] = None,
    cpus: Annotated[int, typer.Option(min=1, help="CPU cores of each machine.")] = 1,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs of each machine.")] = 0,
    file: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where it goes; this folder.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented file that starts a cluster and a study on it."""
    from study import api
    from study.cluster import PROVIDERS, Cluster, written

    if provider not in PROVIDERS:
        raise not_one_of("--provider", provider, PROVIDERS)
    config = api.load_config(study)
    local = provider == "local"
    place = output or (str(Path("runs", config.name).absolute()) if local else None)
    if place is None or ("://" not in place and not Path(place).is_absolute()):
        raise StudyError(
            "--output: expected the study directory as a URI (s3://, gs://) or an absolute path that all nodes of the "
            f"cluster see, but got {place or 'nothing'}"
        )
    target = file or Path(PROVIDERS[provider])
    if target.exists() and not force:
        raise StudyError(f"{target} exists already; write elsewhere (--to), or over it with --force")
    text = written(provider, Cluster(config.name, study, place, nodes, cpus, gpus, target.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    console.print(f"Wrote {target}; its first lines say how it is used", highlight=False, soft_wrap=True)
