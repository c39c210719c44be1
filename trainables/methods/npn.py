"""Neural Plasticity Networks: a Bernoulli gate on every unit, learned with ARM (Li & Ji 2019, 2021).

Objective: E_{z ~ Bern(g_k(phi))}[L(theta * z)] + sum_l lambda * lambda_l * w_l * sum_j g_k(phi_j). With c_l weights
on a gate of layer l and N training examples, w_l is 1 (cost equal: with the authors' lambda_l, lambda_l c_l is about
the same in all layers), c_l / N (per_example, the formula of the paper) or c_l (undivided, its ResNet). The sharpness k
makes a plan of three stages: k_start to train the weights, k (or k_expand) to drop or add units, then gates frozen at
k = 5000, which leaves an ordinary network to fine-tune.

Gates: of a convolution the output channels, after its batch norm where there is one; of a linear layer its inputs.
Gating is scaling rows or columns of weights, so the network itself stays as it is. Channels added by skip connections
have none, as published; where a study asks for it (`Setting.groups`) each group of these kinds has one more gate: a
channel in all layers that add to it, an attention head on what it gives.

mode sparsify starts with all units. mode expand starts with a share of them and, at each epoch of the second stage in
which the validation loss is below the one at the last addition, switches on one more gate in each layer that uses all
it has. In both, units are lost when training turns their gates below 1/2.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from trainables.declarations import declared
from trainables.groups import Layer
from trainables.math import gates, uniform
from trainables.methods.base import Clock, Losses, Method, Params, State
from trainables.methods.continuation import continued, grows
from trainables.methods.gate_sites import LayerSite, SetSite, Site
from trainables.methods.knobs import Knobs

FROZEN_K = 5000.0
_GATE = "gate."
_DRAW, _ORDER, _NOISE = 1, 2, 3
_SPREAD = 0.01
_AT_ONCE = 16
"""Steps whose noise is drawn together: a draw is many small operations, and no dearer for several steps."""


class NPN(Method):
    declaration = declared("npn")
    recorded = ("k",)
    _draws: tuple[int, Tensor, dict[str, tuple[Tensor, ...]]] | None = None
    """The noise of steps beside each other, drawn together; which, and of which lanes."""
    constant = ("cost", "seeds")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those of the paper, then the first of each set that has gates of its own."""
        return tuple(site.layer for site in self.sites)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        published = [LayerSite(x) for x in self.graph.layers if x.kind == "linear" or self._gates_rows(x)]
        added = [SetSite.of(self.graph, members) for members in self.added]
        return (*published, *(site for site in added if site.layer.what != "units" or not self._has_gates(site)))

    def _has_gates(self, site: SetSite) -> bool:
        """Whether units have some as published: their own, or as inputs of all that read them."""
        read_by_linear = all(reader.layer.kind == "linear" for reader in site.reading)
        return read_by_linear or any(self._gates_rows(layer) for layer in site.members)

    def _gates_rows(self, layer: Layer) -> bool:
        free = not layer.tied or layer.name in self.graph.readers
        return layer.kind == "conv" and free and not layer.output and not layer.depthwise

    def extra(self, params: Params, knobs: Knobs, seeds: Tensor) -> Params:
        paper = knobs.chosen("start", "paper").unsqueeze(1)
        k = self._second_k(knobs).unsqueeze(1)
        logits = {}
        for index, (site, on) in enumerate(zip(self.sites, self._first_on(knobs, seeds), strict=True)):
            noise = _SPREAD * _normal(seeds, site.count, index)
            reference = gates.initial(on, 7.0, low=-40.0, noise=noise)
            logits[_GATE + site.name] = torch.where(paper, gates.initial(on, k), reference)
        return logits

    def _second_k(self, knobs: Knobs) -> Tensor:
        return torch.where(knobs.chosen("mode", "expand"), knobs["k_expand"], knobs["k"])

    def _first_on(self, knobs: Knobs, seeds: Tensor) -> list[Tensor]:
        """(P, gates) bool by site: all, or in mode expand a random choice of the given share, at least one."""
        share = torch.where(knobs.chosen("mode", "expand").unsqueeze(1), knobs["active"], 1.0)
        masks = []
        for index, site in enumerate(self.sites):
            rank = uniform(seeds, (site.count,), _ORDER, index).argsort(1).argsort(1)
            count = (share[:, index] * site.count).round().clamp_min(1)
            masks.append(rank < count.unsqueeze(1))
        return masks

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        counts = [site.weights for site in self.sites]
        weights = torch.tensor(counts, dtype=torch.float32, device=seeds.device)
        on_inputs = [
            isinstance(site, LayerSite) and site.layer.kind == "linear" and site.name in self.graph.readers
            for site in self.sites
        ]
        free = knobs.chosen("input_gates", "free").unsqueeze(1) & torch.tensor(on_inputs, device=seeds.device)
        conventions = {
            "equal": torch.ones_like(weights),
            "per_example": weights / self.setting.examples,
            "undivided": weights,
        }
        cost = knobs["lambda"].unsqueeze(1) * knobs["lambda_layer"] * knobs.pick("cost", conventions)
        state = {
            "k": knobs["k_start"].clone(),
            "cost": torch.where(free, 0.0, cost),
            "recorded": torch.full_like(knobs["k"], torch.inf),
            "seeds": seeds,
        }
        on = self._first_on(knobs, seeds)
        return state | {f"on.{site.name}": mask for site, mask in zip(self.sites, on, strict=True)}

    # -- training ----------------------------------------------------------------------------------------------

    def _stage(self, knobs: Knobs, epoch: int) -> Tensor:
        """(P,) 0, 1 or 2."""
        ends = [(knobs[name] * self.setting.total_epochs).round() for name in ("stage_1", "stage_2")]
        return torch.stack([epoch >= end for end in ends]).sum(0)

    def _learned(self, knobs: Knobs) -> int:
        """The epoch from which all lanes are in the third stage; rounded in float32, as `_stage` does."""
        shares = np.array([*knobs.plain("stage_1"), *knobs.plain("stage_2")], dtype=np.float32)
        return int(np.rint(shares * np.float32(self.setting.total_epochs)).max())

    def extra_lr(self, knobs: Knobs, clock: Clock) -> Tensor:
        """Zero in the third stage: there Adam's momentum alone would go on moving the gates."""
        return torch.where(self._stage(knobs, clock.epoch) < 2, knobs["gate_lr"] * self._factor(knobs, clock), 0.0)

    def _factor(self, knobs: Knobs, clock: Clock) -> Tensor:
        """(P,): the schedule's factor on the gates' rate, relative to what it was when it began to act on them."""
        delays = [round(share * self.setting.total_epochs) for share in knobs.plain("gate_decay")]
        own = [
            (self.setting.factor(clock.epoch) / self.setting.factor(begin) if clock.epoch >= begin else 1.0)
            if begin
            else clock.factor
            for begin in delays
        ]
        return torch.tensor(own, device=clock.lr.device)

    def start_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        stage = self._stage(knobs, clock.epoch)
        plan = torch.stack([knobs["k_start"], self._second_k(knobs), torch.full_like(knobs["k"], FROZEN_K)])
        state["k"].copy_(plan.gather(0, stage.unsqueeze(0)).squeeze(0))
        if clock.val_loss is not None:
            # Losses under another k do not compare, so that the first one of the stage has to come from within it.
            second = (stage == 1) & (self._stage(knobs, clock.epoch - 1) == 1)
            expands = knobs.chosen("mode", "expand") & second & (clock.val_loss < state["recorded"])
            if bool(expands.any()):
                self._expand(params, state, knobs, expands, clock)

    def _expand(self, params: Params, state: State, knobs: Knobs, lanes: Tensor, clock: Clock) -> None:
        """One gate more in each layer or set whose gates are all active, for the given lanes (P,)."""
        assert clock.val_loss is not None
        added = torch.zeros_like(lanes)
        for index, site in enumerate(self.sites):
            phi, on = params[_GATE + site.name], state[f"on.{site.name}"]
            full = gates.active(self._pi(phi, state, knobs)).sum(1) >= on.sum(1)
            grows = lanes & full & ~on.all(1)
            new = torch.nn.functional.one_hot((~on).int().argmax(1), on.shape[1]).bool() & grows.unsqueeze(1)
            noise = _SPREAD * _normal(state["seeds"], on.shape[1], index, clock.step)
            phi.copy_(torch.where(new, knobs["fill"].unsqueeze(1) / state["k"].unsqueeze(1) + noise, phi))
            on.logical_or_(new)
            added |= grows
        state["recorded"].copy_(torch.where(added, clock.val_loss.to(state["recorded"]), state["recorded"]))

    def noise(self, state: State, seeds: Tensor, clock: Clock) -> dict[str, Tensor]:
        block, place = divmod(clock.step, _AT_ONCE)
        if self._draws is None or self._draws[0] != block or self._draws[1] is not seeds:
            steps = torch.arange(block * _AT_ONCE, (block + 1) * _AT_ONCE, device=seeds.device)
            drawn = {
                site.name: uniform(seeds.unsqueeze(1), (site.count,), _DRAW, index, steps).unbind(1)
                for index, site in enumerate(self.sites)
            }
            self._draws = block, seeds, drawn
        return {name: draws[place] for name, draws in self._draws[2].items()}

    def gradients(
        self,
        losses: Losses,
        params: Params,
        state: State,
        knobs: Knobs,
        noise: dict[str, Tensor],
        clock: Clock,
    ) -> tuple[Params, Tensor]:
        names = [site.name for site in self.sites]
        phi = torch.cat([params[_GATE + name] for name in names], 1)  # (P, gates), those of all sites in a row
        u = torch.cat([noise[name] for name in names], 1)
        counts = [site.count for site in self.sites]

        def by_site(values: Tensor) -> dict[str, Tensor]:
            return dict(zip(names, torch.split(values, counts, 1), strict=True))

        pi = self._pi(phi, state, knobs)
        weights = {name: tensor for name, tensor in params.items() if not name.startswith(_GATE)}
        first = by_site(gates.sample(pi, u))
        gradient, f2 = losses.gradients(self._gated(weights, first))
        for name, gate in self._factors(gradient, first):
            gradient[name].mul_(gate)
        if clock.epoch >= self._learned(knobs):
            return gradient | {_GATE + name: part for name, part in by_site(torch.zeros_like(phi)).items()}, f2
        f1 = f2
        if knobs.some("estimator", "arm"):
            with torch.no_grad():
                f1 = losses(self._gated(weights, by_site(gates.antithetic(pi, u))))
        costs = state["cost"] * self._continued(knobs, clock).unsqueeze(1) if grows(knobs) else state["cost"]
        hard, arm = knobs.chosen("gate", "hard"), knobs.chosen("estimator", "arm")
        estimate = gates.estimate(f1, f2, u, state["k"], arm)
        cost = torch.cat([costs[:, i : i + 1].expand(-1, count) for i, count in enumerate(counts)], 1)
        total = estimate + cost * gates.slope(phi, state["k"], hard)
        return gradient | {_GATE + name: part for name, part in by_site(total).items()}, f2

    def _continued(self, knobs: Knobs, clock: Clock) -> Tensor:
        """(P,) factors on lambda, whose stages are parts of the second stage."""
        begin, end = ((knobs[name] * self.setting.total_epochs).round() for name in ("stage_1", "stage_2"))
        return continued(knobs, ((clock.epoch - begin) / (end - begin).clamp_min(1)).clamp(0, 1))

    # -- the network -------------------------------------------------------------------------------------------

    def _pi(self, phi: Tensor, state: State, knobs: Knobs) -> Tensor:
        return gates.gate(phi, state["k"], knobs.chosen("gate", "hard"))

    def _gated(self, params: Params, z: dict[str, Tensor]) -> Params:
        """Scales what the gates act on, ``z``: {site: (P, gates)}; what is of several sites, by each."""
        found = dict(params)
        for name, gate in self._factors(params, z):
            found[name] = found[name] * gate
        return found

    def _factors(self, params: Params, z: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
        """What each parameter that is gated is multiplied by."""
        return [pair for site in self.sites for pair in site.factors(params, z[site.name]).items()]

    def deployed(self, params: Params, state: State, knobs: Knobs) -> Params:
        logits = {site.name: params[_GATE + site.name] for site in self.sites}
        z = {name: gates.evaluate(self._pi(phi, state, knobs)) for name, phi in logits.items()}
        return self._gated({n: t for n, t in params.items() if not n.startswith(_GATE)}, z)

    def gates(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        return torch.cat([self._pi(params[_GATE + site.name], state, knobs) for site in self.sites], dim=1)

    def judged(self, knobs: Knobs, epochs: int) -> Tensor | None:
        """Not before the second stage, in which gates begin to close or open, has had an epoch."""
        return self._stage(knobs, epochs - 1) > 0

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        """Polishing is the third stage: gates all but open or shut."""
        state["k"].fill_(FROZEN_K)


def _normal(seeds: Tensor, count: int, *counters: int) -> Tensor:
    """(P, count) standard normal draws."""
    u = uniform(seeds, (count,), _NOISE, *counters)
    draws: Tensor = torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6))
    return draws
