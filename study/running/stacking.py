"""How packs train under `vectorize: auto`, stacked or in turn: chosen once for a study, kept in its manifests.

The two ways differ in the last digits. So whoever goes on with the study, wherever its packs train, keeps to what the
manifests say, whatever a machine would choose now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from study.config import StudyConfig
from study.directory import Manifest
from study.rehearsal import described, stackings


def ways(
    config: StudyConfig, manifests: Iterable[Manifest], width: int, record: Callable[[str, str], None]
) -> dict[str, str]:
    """ "on" or "off" by method; a method that is not there trains as its workers choose.

    Args:
        manifests: of all packs and segments that there are.
        width: of packs to come.
        record: told of what is chosen here.
    """
    if config.pack.vectorize != "auto":
        return {}
    begun = {manifest["method"]: manifest.get("vectorize", "") for manifest in manifests}
    chosen = stackings(config, width, [method for method in config.methods if method not in begun])
    for line in described({method: one for method, one in chosen.items() if one.measured}):
        record("chosen", line)
    new = {method: "on" if one.together else "off" for method, one in chosen.items()}
    return {method: way for method, way in (begun | new).items() if way}
