"""Random crop and horizontal flip of whole batches, for all lanes at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from trainables.math import uniform


def crop_flip(raw: Tensor, seeds: Tensor, *counters: int, padding: int) -> Tensor:
    """Pad with zeros, crop the original size at a uniform offset, flip left-right with probability 1/2.

    Args:
        raw: (B, C, H, W) shared by the lanes, or (P, B, C, H, W).
        seeds: int64 (P,), one per lane; lane p depends on its own seed, the counters and its images only.
        padding: pixels on each side.

    Returns:
        (P, B, C, H, W), of the dtype of `raw`.

    Reference: He et al., "Deep residual learning for image recognition" (2016), section 4.2.
    """
    images = raw if raw.dim() == 5 else raw.unsqueeze(0)
    lanes, (_, batch, _, height, width) = len(seeds), images.shape
    device = images.device
    draws = uniform(seeds.to(device), (batch, 3), *counters)
    top, left = (draws[..., :2] * (2 * padding + 1)).long().unbind(-1)
    flip = (draws[..., 2] < 0.5).long()
    padded = pad(images, (padding,) * 4)
    windows = torch.stack([padded, padded.flip(-1)]).unfold(4, height, 1).unfold(5, width, 1)
    lane = torch.arange(lanes, device=device).clamp(max=len(images) - 1).unsqueeze(1)
    # (flip, lane, image, top, left) choose from a view; only the chosen windows (C, H, W) are copied
    return windows.movedim(3, 5)[flip, lane, torch.arange(batch, device=device), top, left]
