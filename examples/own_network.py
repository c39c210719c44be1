"""How small can a network of one's own be? Three methods on a network with a skip connection, in a minute or two.

cd examples && python own_network.py
"""

from __future__ import annotations

from torch import Tensor, nn

import analysis
import study


class Skipping(nn.Module):
    """Any nn.Module will do; what stands beside its name in the configuration are its arguments."""

    def __init__(self, width: int = 64, features: int = 64, outputs: int = 10) -> None:
        super().__init__()
        self.first = nn.Linear(features, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, width)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        x = x + self.third(self.second(x).relu())  # first and third are tied: what leaves one leaves the other
        return self.last(x.relu())


def main(directory: str = "runs/own_network", trials: int = 16, epochs: int = 30) -> None:
    config = {
        "name": "own-network",
        "data": "digits",
        "model": {"name": "own_network:Skipping", "width": 96},
        "epochs": epochs,
        "polish": epochs // 4,
        "objectives": ["accuracy", "neurons"],
        "trials": trials,
        "methods": {"dense": {"trials": 2}, "group_lasso": {}, "drop_neuron": {}},
    }
    study.run(config, directory)
    print(analysis.summary(analysis.load(directory).trials).markdown())


if __name__ == "__main__":
    main()
