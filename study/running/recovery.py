"""What becomes of a pack that lost its worker or could not go on in it: once more, elsewhere, FAILED; or nothing works.

Only losses without progress in between count. Faults of the place never fail a trial.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from study.directory import Manifest
from study.running.faults import Fault, Loss
from study.running.nodes import ASIDE_AFTER, Nodes

_STUCK = 3
"""Workers lost in turn without progress after which a pack is taken for too large; two may be chance."""

_HANGS = 2
_LONGEST_WAIT = 60.0

Next = Literal["again", "failed", "stop"]


class Verdict(NamedTuple):
    """``again``: the pack waits; ``failed``: its trials are; ``stop``: the study does, since nothing works anywhere."""

    next: Next
    reason: str = ""


@dataclass
class Attempt:
    """A pack, and how it has fared since this driver began."""

    manifest: Manifest
    tries: int = 0
    halvings: int = 0
    """How often it is to be halved before it starts."""
    farthest: float = 0.0
    """Fraction of its training."""
    lost_at: float = 0.0
    """How far it had come when it last lost its worker."""
    saved: int = 0
    """Epochs of the checkpoint that it had then."""
    losses: int = 0
    """Without progress, in a row; faults are counted the same way."""
    faults: int = 0
    hangs: int = 0
    tried: set[str] = field(default_factory=set)
    """Nodes on which it could not go on, since it last advanced."""
    not_before: float = 0.0

    @property
    def pack(self) -> str:
        return self.manifest["pack"]

    @property
    def can_be_halved(self) -> bool:
        return 1 << self.halvings < len(self.manifest["trials"])


class Recovery:
    """The packs that wait for a worker, those that had one before among them.

    Args:
        retries: how often in a row a pack may lose its worker, or find none that can train it, without progress.
        outage_seconds: how long nothing may work anywhere, once something has.
        warn: told which node is set aside.
        clock: seconds from anywhere.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        retries: int,
        outage_seconds: float,
        nodes: Nodes,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = [Attempt(manifest) for manifest in manifests]
        self._retries, self._outage_seconds = retries, outage_seconds
        self._nodes, self._warn, self._clock = nodes, warn, clock
        self._advanced_at: float | None = None

    def next(self) -> Attempt | None:
        """A pack whose time has come."""
        now = self._clock()
        found = next((attempt for attempt in self.waiting if attempt.not_before <= now), None)
        if found is not None:
            self.waiting.remove(found)
            found.tries += 1
        return found

    def avoid(self, attempt: Attempt) -> list[str]:
        """Nodes that this pack is not to be put on."""
        broken = self._nodes.broken()
        if not broken and not attempt.tried:
            return []
        for avoided in (sorted({*broken, *attempt.tried}), broken):
            if self._nodes.others(avoided):
                return avoided
        return []

    def advanced(self, attempt: Attempt, fraction: float, halvings: int, node: str) -> None:
        """A worker reports how far it is."""
        if halvings > attempt.halvings:
            attempt.halvings, attempt.farthest, attempt.lost_at = halvings, 0.0, 0.0
        if fraction > attempt.farthest:
            attempt.farthest = fraction
            attempt.faults = 0
            attempt.tried.clear()
            self._advanced_at = self._clock()
            self._nodes.advanced(node)

    def judge(self, attempt: Attempt, trouble: Fault | Loss) -> Verdict:
        """What becomes of a pack; where it is to be tried again it is among the waiting ones."""
        if isinstance(trouble, Loss) and not trouble.started and not trouble.node_died:
            trouble = Fault("place", trouble.stack or trouble.reason, trouble.node)
        verdict = self._fault(attempt, trouble) if isinstance(trouble, Fault) else self._loss(attempt, trouble)
        if verdict.next != "failed":
            self.waiting.append(attempt)
        return verdict

    def _fault(self, attempt: Attempt, fault: Fault) -> Verdict:
        attempt.faults += 1
        attempt.tried.add(fault.node)
        if fault.kind == "early" and self._nodes.good(fault.node):
            return Verdict("failed", fault.reason)
        if fault.kind == "memory":
            attempt.halvings += 1
        else:
            self._count(fault.node, fault.brief)
        elsewhere = self._nodes.others(attempt.tried)
        if fault.kind in ("early", "memory") and not elsewhere and attempt.faults > 1:
            return Verdict("failed", fault.reason)
        if not elsewhere and attempt.faults > self._retries and self._nodes.all_fail() and not self._lately():
            where = " and ".join(sorted(map(self._nodes.name, attempt.tried)))
            return Verdict("stop", f"nothing can be trained on {where}: {fault.brief}")
        if fault.kind != "memory":
            self._warn(f"no training on {self._nodes.name(fault.node)} for a while, it was tried again: {fault.brief}")
        self._wait(attempt, 0 if elsewhere else attempt.faults)
        return Verdict("again", fault.reason)

    def _loss(self, attempt: Attempt, loss: Loss) -> Verdict:
        # A worker may be lost between its checkpoint and its report, or the other way round.
        progress = attempt.farthest > attempt.lost_at or loss.saved > attempt.saved
        attempt.lost_at, attempt.saved = attempt.farthest, loss.saved
        if loss.node_died:
            return Verdict("again", loss.reason)
        attempt.losses = 0 if progress else attempt.losses + 1
        if loss.stack:
            attempt.hangs = 1 if progress and not loss.overdue else attempt.hangs + 1
            if attempt.hangs >= _HANGS:
                return Verdict("failed", loss.stack)
        if not progress:
            attempt.tried.add(loss.node)
            self._count(loss.node, "workers die there")
        if attempt.can_be_halved and (loss.no_memory or attempt.losses == _STUCK):
            attempt.halvings += 1
            attempt.farthest = attempt.lost_at = 0.0
            attempt.losses = 0 if loss.no_memory else attempt.losses
        if attempt.losses > self._retries:
            times = "once" if attempt.losses == 1 else f"{attempt.losses} times"
            return Verdict("failed", f"its worker was lost {times} without progress; at last:\n{loss.reason}")
        self._wait(attempt, attempt.losses - 1)
        return Verdict("again", loss.reason)

    def _count(self, node: str, brief: str) -> None:
        if self._nodes.failed(node):
            name = self._nodes.name(node)
            self._warn(f"{name} is set aside, {ASIDE_AFTER} packs in a row could not be trained there: {brief}")

    def _lately(self) -> bool:
        """Whether something worked not long ago, so that it is worth waiting for it to work again."""
        return self._advanced_at is not None and self._clock() - self._advanced_at < self._outage_seconds

    def _wait(self, attempt: Attempt, times: int) -> None:
        """Back off: 1, 2, 4 ... seconds."""
        attempt.not_before = self._clock() + min(_LONGEST_WAIT, 2.0 ** (times - 1) if times > 0 else 0.0)
