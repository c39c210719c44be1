"""The files of `study up`: by schema, by shellcheck, and the local one by running it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from study.cluster.templates import PROVIDERS, Cluster, written

GPUS = Cluster("Mine_1", "mine.yaml", "s3://bucket/runs/mine", nodes=4, cpus=8, gpus=2, file="cluster")
CPUS = Cluster("digits", "digits", "/nfs/runs/digits", nodes=3, cpus=2, gpus=0, file="my cluster")


@pytest.mark.parametrize("cluster", [GPUS, CPUS], ids=["gpus", "cpus"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_field_is_filled_in(provider: str, cluster: Cluster) -> None:
    text = written(provider, cluster)
    assert re.search("@[A-Z_]+@", text) is None
    assert cluster.output in text and cluster.study in text
    assert ("gpu" in text.lower()) == bool(cluster.gpus) or provider == "local" or provider == "slurm"


@pytest.mark.parametrize("cluster", [GPUS, CPUS], ids=["gpus", "cpus"])
@pytest.mark.parametrize("provider", ["slurm", "local"])
def test_shellcheck_has_nothing_to_say(provider: str, cluster: Cluster, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck (Debian's package)")
    file = tmp_path / "cluster.sh"
    file.write_text(written(provider, cluster))
    found = subprocess.run(["shellcheck", file], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("cluster", [GPUS, CPUS], ids=["gpus", "cpus"])
def test_rays_cluster_launcher_takes_it(cluster: Cluster) -> None:
    found = yaml.safe_load(written("ray-up", cluster))
    spec = find_spec("ray")
    assert spec is not None and spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(found, schema)
    assert found["head_node_type"] in found["available_node_types"]
    assert found["available_node_types"]["worker"]["max_workers"] == cluster.nodes == found["max_workers"]


def closed(required: str = "", **properties: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {"type": "object", "required": required.split(), "properties": properties, "additionalProperties": False}


TEXT, NUMBER, SWITCH, ANY = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {}
TEXTS = {"type": "object", "additionalProperties": TEXT}
QUANTITY = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^[0-9.]+([KMGTPE]i|[mkMGTPE])?$"}]}
QUANTITIES = closed(**{key: {"type": "object", "additionalProperties": QUANTITY} for key in ("requests", "limits")})
CONTAINER = closed(
    "name image",
    name=TEXT,
    image=TEXT,
    env={"type": "array", "items": closed("name", name=TEXT, value=TEXT, valueFrom=ANY)},
    ports={"type": "array", "items": closed("containerPort", name=TEXT, containerPort=NUMBER)},
    resources=QUANTITIES,
    volumeMounts={"type": "array", "items": closed("name mountPath", name=TEXT, mountPath=TEXT, readOnly=SWITCH)},
)
TOLERATION = closed(
    key=TEXT, operator={"enum": ["Equal", "Exists"]}, value=TEXT, effect={"enum": ["NoSchedule", "NoExecute"]}
)
POD = closed(
    "containers",
    containers={"type": "array", "items": CONTAINER},
    volumes={"type": "array", "items": closed("name", name=TEXT, configMap=closed("name", name=TEXT))},
    nodeSelector=TEXTS,
    tolerations={"type": "array", "items": TOLERATION},
    terminationGracePeriodSeconds=NUMBER,
)
TEMPLATE = closed("spec", spec=POD)
WORKERS = closed(
    "groupName template",
    groupName=TEXT,
    replicas=NUMBER,
    minReplicas=NUMBER,
    maxReplicas=NUMBER,
    rayStartParams=TEXTS,
    template=TEMPLATE,
)
AUTOSCALER = closed(version={"enum": ["v1", "v2"]}, idleTimeoutSeconds=NUMBER, resources=QUANTITIES)
RAY_JOB = closed(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=closed("name", name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 47}),
    spec=closed(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
        shutdownAfterJobFinishes=SWITCH,
        ttlSecondsAfterFinished=NUMBER,
        backoffLimit=NUMBER,
        rayClusterSpec=closed(
            "headGroupSpec workerGroupSpecs",
            rayVersion=TEXT,
            enableInTreeAutoscaling=SWITCH,
            autoscalerOptions=AUTOSCALER,
            headGroupSpec=closed("template", rayStartParams=TEXTS, template=TEMPLATE),
            workerGroupSpecs={"type": "array", "items": WORKERS},
        ),
    ),
)
"""What of KubeRay's definition of a RayJob (v1) a file may use, closed, so that a slip in a key is found."""


@pytest.mark.parametrize("cluster", [GPUS, CPUS], ids=["gpus", "cpus"])
def test_kuberay_takes_it(cluster: Cluster) -> None:
    found = yaml.safe_load(written("kuberay", cluster))
    jsonschema.validate(found, RAY_JOB)
    spec = found["spec"]["rayClusterSpec"]
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert workers["maxReplicas"] == cluster.nodes and workers["minReplicas"] == 0 and spec["enableInTreeAutoscaling"]
    for group in (head, workers):
        (container,) = group["template"]["spec"]["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits.get("nvidia.com/gpu", 0) == cluster.gpus and limits["cpu"] == str(cluster.cpus)
    assert f"resources.workers={cluster.workers}" in found["spec"]["entrypoint"]
    shell = found["spec"]["entrypoint"]
    assert subprocess.run(["bash", "-n", "-c", shell], capture_output=True).returncode == 0
