"""One HTML file with the script, the style and the data in it."""

from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from analysis.figures import Boundaries
from analysis.report.elements import lean
from analysis.report.encode import script_json
from analysis.report.failures import failure_part
from analysis.report.parts import audit_part, comparison_part, finding_part, headline_part, provenance_part, table_part
from analysis.report.payload import payload
from analysis.studies import Study
from analysis.text import recipe

_FIGURES = ("chart", "front", "tolerance", "search", "raster", "networks", "boundary", "parameters", "parallel")
SCRIPTS = ("data", "address", "state", "theme", *_FIGURES, "trial", "tables", "main")
"""In this order: each uses what stands before it."""

_NOTHING: dict[str, Any] = {
    "studies": [],
    "series": [],
    "counts": [],
    "score": {},
    "trials": {"name": [], "series": []},
    "fronts": {},
    "means": {},
    "curves": {},
    "boundaries": {"networks": {}, "points": []},
    "timeline": {"bars": [], "epochs": [[], []], "lines": 0, "unit": "s"},
}


def page(study: Study, *, limit: int = 5000, watch: int = 0, boundaries: Boundaries | None = None) -> str:
    """The report of one study or several: an HTML document that needs nothing else.

    Args:
        study: what `analysis.load` read; each of several studies is shown on its own, in the same figures.
        limit: dominated trials that are drawn at most; fronts are never thinned, and the page says what was.
        watch: seconds after which the open page looks for a newer one; 0 for never.
        boundaries: of networks whose data lie in a plane (`analysis.boundary_data`); this package runs no network.
    """
    try:
        data = payload(study, limit=limit, boundaries=boundaries)
    except ValueError:
        data = _NOTHING  # nothing to draw yet: the text says so
    told = lean(study)
    names = " and ".join(study.configs)
    notes = [str(config["notes"]) for config in study.configs.values() if config.get("notes")]
    return Template(_asset("page.html")).substitute(
        title=escape(f"{names} · study report"),
        heading=escape(names),
        notes="".join(f"<p>{escape(note)}</p>" for note in dict.fromkeys(notes)),
        byline=escape(_byline(study)),
        watch=watch,
        style=_asset("style.css"),
        headline=headline_part(told),
        findings=finding_part(told),
        comparison=comparison_part(told),
        tables=table_part(told),
        failures=failure_part(told),
        audit=audit_part(told),
        provenance=provenance_part(told),
        data=script_json(data),
        licence=_asset("vendor/plotly-basic.LICENSE.txt"),
        plotly=_asset("vendor/plotly-basic.min.js"),
        script="\n".join(_asset(f"{name}.js") for name in SCRIPTS),
    )


def write_page(
    study: Study, path: str | Path, *, limit: int = 5000, watch: int = 0, boundaries: Boundaries | None = None
) -> Path:
    """Write `page` to a file, which readers never see half written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(page(study, limit=limit, watch=watch, boundaries=boundaries), encoding="utf-8")
    return temporary.replace(path)


def _byline(study: Study) -> str:
    recipes = dict.fromkeys(recipe(config) for config in study.configs.values())
    return f"{'; '.join(recipes)} · as of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _asset(name: str) -> str:
    return files("analysis.report").joinpath("assets", name).read_text(encoding="utf-8").strip()
