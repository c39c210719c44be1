"""Commands to a study that runs: stop and logs; lengths of time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from typer.testing import CliRunner

from study.cli import app, durations
from study.directory import Lock
from study.directory.log import Log
from study.running.orders import Orders
from tests.study.cli.test_cli_trials import run


def test_stop_waits_for_the_driver(grow: Callable[..., Any]) -> None:
    grown, stopped, begun = grow(packs=1, finished=1), threading.Event(), threading.Event()

    def drive() -> None:
        with Lock(grown.directory.store), Orders(grown.directory.store, lambda reason, code: stopped.set()):
            begun.set()
            stopped.wait(30)

    driver = threading.Thread(target=drive)
    driver.start()
    assert begun.wait(30)
    said = run("stop", grown.path)
    driver.join()
    assert said.startswith("Asking process ") and f"Stopped. Go on with:\n  study resume {grown.path}" in said
    assert run("stop", grown.path) == f"Nobody is at work on {grown.path}\n"


def test_logs_tell_events_failures_and_stacks(grow: Callable[..., Any]) -> None:
    grown = grow(packs=1, finished=0)
    assert run("logs", grown.path) == "Nothing has been written down.\n"
    (pack,) = grown.manifests
    log = Log(grown.directory.store, "a")
    log.write("warning", f"{pack['pack']} lost its worker")
    log.write("ended", "its budget is spent")
    reason = "Traceback\n  where\nRuntimeError: size mismatch"
    names = {"study": "digits", "method": pack["method"], "pack": pack["pack"], "status": "FAILED", "reason": reason}
    rows = [
        names | {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")}
        for spec in pack["trials"]
    ]
    grown.directory.write_results(pack["pack"], pack["method"], rows, [])
    grown.directory.store.put(f"stacks/{pack['pack']}.silent.txt", b"Thread 1: forward")
    said = run("logs", grown.path)
    assert "warning   dense-p0000 lost its worker" in said and "ended     its budget is spent" in said
    assert "4 trials, such as dense-00000: RuntimeError: size mismatch" in said
    assert "Thread 1: forward" in said and "  where" not in said
    own = run("logs", grown.path, "dense-00001")
    assert f"dense-00001 FAILED:\n{reason}" in own and "budget" not in own and "lost its worker" in own
    assert set(json.loads(run("logs", grown.path, "--json"))) == {"events", "failures", "stacks"}
    lines = run("logs", grown.path, "--json", "--follow").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["warning", "ended"]


def test_logs_are_followed_until_nobody_works(grow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.cli.orders._FOLLOW_SECONDS", 0.05)
    grown = grow(packs=1, finished=0)
    store = grown.directory.store
    Log(store, "a").write("started", "by the first")
    with Lock(store), ThreadPoolExecutor(1) as pool:
        followed = pool.submit(run, "logs", grown.path, "--follow")
        time.sleep(0.3)
        Log(store, "b").write("finished", "a pack")
        with pytest.raises(TimeoutError):
            followed.result(timeout=0.3)
        store.remove("driver.json")
        said = followed.result(timeout=30)
    assert said.count("by the first") == said.count("a pack") == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("45 s", 45), ("1.5h", 5400)]
)
def test_lengths_of_time(text: str, expected: float) -> None:
    assert durations.seconds("--timeout", text) == expected


@pytest.mark.parametrize("text", ["2", "h", "", "-2h", "0s", "2 hours ago"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="--timeout: expected a length of time such as 2h"):
        durations.seconds("--timeout", text)


def test_a_wrong_timeout_is_said_before_anything_else() -> None:
    result = CliRunner().invoke(app, ["run", "digits", "--timeout", "soon"])
    assert "got 'soon'" in str(result.exception)
