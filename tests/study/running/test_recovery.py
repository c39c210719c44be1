"""What becomes of packs that lose their workers or cannot go on in them; nodes that fail what others train."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from study.directory.tables import Manifest
from study.running.faults import Fault, Loss, kind_of
from study.running.nodes import ASIDE_SECONDS, Nodes
from study.running.recovery import Attempt, Recovery
from trainables.errors import StudyError

NODES = {"a": "one", "b": "two", "c": "three"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Cluster:
    def __init__(self, clock: Clock, nodes: dict[str, str], **changes: Any) -> None:
        self.alive, self.warnings = dict(nodes), list[str]()
        self.nodes = Nodes(lambda: self.alive, clock)
        options: dict[str, Any] = {"retries": 3, "outage_seconds": 600.0} | changes
        self.recovery = Recovery([], nodes=self.nodes, warn=self.warnings.append, clock=clock, **options)


def attempt(trials: int = 16, pack: str = "dense-p0000") -> Attempt:
    specs: list[Any] = [{"trial": f"dense-{n:05d}"} for n in range(trials)]
    manifest: Manifest = {"schema": 1, "pack": pack, "method": "dense", "trials": specs}
    return Attempt(manifest)


def place(node: str) -> Fault:
    return Fault("place", "Traceback\nFileNotFoundError: wine.parquet", node)


@pytest.mark.parametrize(
    ("error", "begun", "kind"),
    [
        (FileNotFoundError("wine.parquet"), True, "place"),
        (ModuleNotFoundError("No module named 'my_module'"), True, "place"),
        (RuntimeError("CUDA error: no kernel image is available"), False, "place"),
        (RuntimeError("CUDA error: device-side assert triggered"), True, "trial"),
        (MemoryError(), True, "memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), False, "memory"),
        (StudyError("lambda: expected ..."), False, "trial"),
        (RuntimeError("shapes do not fit"), True, "trial"),
        (RuntimeError("shapes do not fit"), False, "early"),
    ],
)
def test_whom_an_exception_is_blamed_on(error: Exception, begun: bool, kind: str) -> None:
    assert kind_of(error, begun) == kind


def test_a_pack_that_advances_between_its_losses_is_never_given_up(clock: Clock) -> None:
    recovery, pack = Cluster(clock, NODES).recovery, attempt()
    for step in range(1, 50):
        recovery.advanced(pack, step / 100, 0, "a")
        assert recovery.judge(pack, Loss("killed", "a")).next == "again"
        assert recovery.next() is pack


def test_a_checkpoint_is_progress_whether_or_not_its_worker_came_to_report_it(clock: Clock) -> None:
    recovery, pack = Cluster(clock, NODES, retries=0).recovery, attempt()
    for saved in range(10, 50):
        assert recovery.judge(pack, Loss("killed", "a", saved=saved)).next == "again"
    assert recovery.judge(pack, Loss("killed", "a", saved=saved)).next == "failed"


def test_losses_without_progress_fail_a_pack_that_cannot_be_halved(clock: Clock) -> None:
    recovery, pack = Cluster(clock, {"a": "one"}).recovery, attempt(trials=1)
    recovery.advanced(pack, 0.4, 0, "a")
    verdicts = [recovery.judge(pack, Loss("Segmentation fault", "a")) for _ in range(5)]
    assert [verdict.next for verdict in verdicts] == ["again", "again", "again", "again", "failed"]
    assert verdicts[-1].reason == "its worker was lost 4 times without progress; at last:\nSegmentation fault"


def test_a_pack_whose_workers_die_at_one_place_is_halved_down_to_single_trials_and_then_fails(clock: Clock) -> None:
    recovery, pack = Cluster(clock, {"a": "one"}).recovery, attempt()
    halvings, losses = [0], 0
    while True:
        recovery.advanced(pack, 0.4, halvings[-1], "a")
        losses += 1
        if recovery.judge(pack, Loss("killed", "a")).next == "failed":
            break
        halvings.append(pack.halvings)
    assert halvings[-1] == 4 and losses < 25


def test_short_of_memory_the_pack_is_halved_and_that_is_no_failure(clock: Clock) -> None:
    recovery, pack = Cluster(clock, {"a": "one"}, retries=1).recovery, attempt()
    for halvings in range(1, 5):
        assert recovery.judge(pack, Loss("killed", "a", no_memory=True)).next == "again"
        assert pack.halvings == halvings


def test_preempted_nodes_are_not_counted(clock: Clock) -> None:
    recovery, pack = Cluster(clock, NODES, retries=0).recovery, attempt()
    assert {recovery.judge(pack, Loss("its node has died", "a", node_died=True)).next for _ in range(20)} == {"again"}


def test_a_node_that_fails_what_others_train_is_set_aside_and_named(clock: Clock) -> None:
    cluster = Cluster(clock, NODES)
    recovery = cluster.recovery
    recovery.advanced(attempt(), 0.1, 0, "a")
    for number in range(3):
        assert recovery.judge(attempt(pack=f"dense-p{number:04d}"), place("b")).next == "again"
        clock.now += 1
    assert [warning for warning in cluster.warnings if "set aside" in warning] == [
        "two is set aside, 3 packs in a row could not be trained there: FileNotFoundError: wine.parquet"
    ]
    assert all(recovery.avoid(pack) == ["b"] for pack in [*recovery.waiting, attempt()])
    clock.now += ASIDE_SECONDS
    assert recovery.avoid(attempt()) == [], "it gets another chance"
    recovery.judge(attempt(), place("b"))
    assert recovery.avoid(attempt()) == ["b"], "one"


def test_a_pack_is_tried_elsewhere_at_once_and_where_it_failed_after_a_while(clock: Clock) -> None:
    cluster = Cluster(clock, {"a": "one", "b": "two"})
    recovery, pack = cluster.recovery, attempt()
    recovery.judge(pack, place("a"))
    assert recovery.next() is pack and recovery.avoid(pack) == ["a"]
    recovery.judge(pack, place("b"))
    assert recovery.next() is None and recovery.avoid(pack) == []
    clock.now += 2
    assert recovery.next() is pack


def test_the_study_stops_when_nothing_has_ever_worked_anywhere(clock: Clock) -> None:
    cluster = Cluster(clock, {"a": "one"})
    pack = attempt()
    verdicts = [cluster.recovery.judge(pack, place("a")) for _ in range(4)]
    assert [verdict.next for verdict in verdicts] == ["again", "again", "again", "stop"]
    assert verdicts[-1].reason == "nothing can be trained on one: FileNotFoundError: wine.parquet"
    assert cluster.recovery.waiting, "and its pack goes on when the study is resumed"


def test_what_has_worked_is_waited_for(clock: Clock) -> None:
    recovery, pack = Cluster(clock, {"a": "one"}).recovery, attempt()
    recovery.advanced(pack, 0.1, 0, "a")
    tries = 0
    while recovery.judge(pack, place("a")).next == "again":
        while recovery.next() is None:
            clock.now += 1
        tries += 1
    assert 600 <= clock.now < 700 and tries < 20


def test_an_exception_before_the_first_epoch_is_the_trials_where_others_train(clock: Clock) -> None:
    cluster = Cluster(clock, {"a": "one", "b": "two"})
    early = [Fault("early", "RuntimeError: mat1 and mat2", node) for node in "ab"]
    pack = attempt()
    assert [cluster.recovery.judge(pack, fault).next for fault in early] == ["again", "failed"]
    cluster.recovery.advanced(attempt(), 0.1, 0, "a")
    assert cluster.recovery.judge(attempt(), early[0]).next == "failed"


def test_a_hang_is_tried_again_once_and_then_fails_with_its_stack(clock: Clock) -> None:
    recovery, pack = Cluster(clock, NODES).recovery, attempt()
    recovery.advanced(pack, 0.5, 0, "a")
    hang = Loss("killed", "a", stack="no step for 10 min\nFile my_module.py, line 3")
    assert recovery.judge(pack, hang).next == "again"
    assert recovery.judge(pack, hang) == ("failed", hang.stack)


def test_a_worker_that_does_not_start_is_the_places_fault(clock: Clock) -> None:
    cluster = Cluster(clock, {"a": "one", "b": "two"})
    pack = attempt()
    assert cluster.recovery.judge(pack, Loss("No module named 'study'", "a", started=False)).next == "again"
    assert cluster.recovery.avoid(pack) == ["a"]
