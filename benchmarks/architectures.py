"""Networks to try things on: small random ones of the `transformers` library, and the project's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainables import models

LABELS = 3

SMALL: dict[str, Any] = {
    "hidden_size": 32, "d_model": 32, "n_embd": 32, "dim": 32, "embed_dim": 32, "emb_dim": 32, "embedding_size": 32,
    "num_hidden_layers": 2, "num_layers": 2, "n_layer": 2, "n_layers": 2, "encoder_layers": 2, "decoder_layers": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "d_kv": 8, "intermediate_size": 48,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "d_ff": 48, "ffn_dim": 48, "hidden_dim": 48, "d_inner": 48,
    "vocab_size": 64, "max_position_embeddings": 64, "image_size": 32, "patch_size": 8, "num_labels": LABELS,
    "pad_token_id": 0, "eos_token_id": 2, "use_cache": False, "n_positions": 64, "n_inner": 48, "drop_path_rate": 0.0,
}  # fmt: skip
"""Keys that a configuration gets if it has them."""

ALWAYS = (
    "image_size",
    "num_labels",
    "use_cache",
    "eos_token_id",
    "vocab_size",
    "pad_token_id",
    "hidden_size",
    "max_position_embeddings",
)
"""Those that one with keys of its own gets too."""

TOWER = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "image_size": 32,
    "patch_size": 8, "projection_dim": 16,
}  # fmt: skip

SPECIAL: dict[str, dict[str, Any]] = {
    "bit": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1], "embedding_size": 32, "num_groups": 4},
    "clip": {"vision_config": TOWER, "text_config": {}, "projection_dim": 16},
    "metaclip_2": {"vision_config": TOWER, "text_config": {}, "projection_dim": 16},
    "siglip": {"vision_config": TOWER, "text_config": {}},
    "convnext": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1], "patch_size": 4},
    "convnextv2": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1], "patch_size": 4},
    "cvt": {"embed_dim": [16, 24, 32], "num_heads": [1, 2, 4], "depth": [1, 1, 2], "hidden_size": 32},
    "donut-swin": {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "patch_size": 2},
    "efficientnet": {"width_coefficient": 0.5, "depth_coefficient": 0.3, "hidden_dim": 640},
    "focalnet": {"embed_dim": 16, "depths": [1, 1], "focal_levels": [2, 2], "focal_windows": [3, 3], "patch_size": 4},
    "hgnet_v2": {
        "embedding_size": 16, "hidden_sizes": [16, 24], "depths": [1, 1], "stem_channels": [3, 8, 16],
        "stage_in_channels": [16, 16], "stage_mid_channels": [8, 12], "stage_out_channels": [16, 24],
        "stage_num_blocks": [1, 1], "stage_downsample": [False, True], "stage_light_block": [False, True],
        "stage_kernel_size": [3, 3], "stage_numb_of_layers": [2, 2],
    },
    "hiera": {"embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "patch_size": [4, 4], "patch_stride": [4, 4],
              "patch_padding": [1, 1], "query_stride": [2, 2], "masked_unit_size": [2, 2], "num_query_pool": 1,
              "image_size": [32, 32]},
    "imagegpt": {"n_positions": 64},
    "levit": {"hidden_sizes": [16, 24, 32], "depths": [1, 1, 1], "num_attention_heads": [2, 2, 2],
              "key_dim": [8, 8, 8], "patch_size": 16, "image_size": 64},
    "mobilevit": {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 12, 16, 20, 24, 28, 32], "patch_size": 2,
                  "image_size": 64},
    "mobilevitv2": {"image_size": 64, "width_multiplier": 0.5, "patch_size": 2},
    "poolformer": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1]},
    "pvt": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 4, 4],
            "sequence_reduction_ratios": [4, 2, 1, 1], "patch_sizes": [4, 2, 2, 2], "num_encoder_blocks": 4},
    "pvt_v2": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 4, 4]},
    "regnet": {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1], "groups_width": 8},
    "resnet": {"embedding_size": 16, "hidden_sizes": [32, 48, 64, 80], "depths": [1, 1, 2, 1]},
    "segformer": {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 4, 4]},
    "swiftformer": {"depths": [1, 1, 1, 1], "embed_dims": [16, 24, 32, 40], "image_size": 64},
    "swin": {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "patch_size": 2},
    "swinv2": {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "patch_size": 2},
    "dinat": {"embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4]},
    "textnet": {"hidden_sizes": [16, 16, 24, 32, 40]},
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.35},
    "distilbert": {"hidden_dim": 48, "dim": 32, "n_heads": 4, "n_layers": 2},
    "flaubert": {"emb_dim": 32, "n_heads": 4, "n_layers": 2}, "xlm": {"emb_dim": 32, "n_heads": 4, "n_layers": 2},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
    "albert": {"embedding_size": 16, "num_attention_heads": 4, "intermediate_size": 48},
    "funnel": {"block_sizes": [1, 1], "d_model": 32, "n_head": 4, "d_head": 8},
    "openai-gpt": {}, "xlnet": {"d_head": 8},
    "deberta": {"num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 48},
    "longformer": {"attention_window": 4},
    "mobilebert": {"true_hidden_size": 16, "intra_bottleneck_size": 16, "embedding_size": 16},
    "reformer": {"attn_layers": ["local", "local"], "is_decoder": False, "axial_pos_embds": False,
                 "attention_head_size": 8, "feed_forward_size": 48, "local_attn_chunk_length": 4},
    "perceiver": {"num_latents": 4, "d_latents": 16, "num_blocks": 1, "num_self_attends_per_block": 1},
}  # fmt: skip

MOST = 5_000_000
"""Parameters: architectures whose small configuration is larger have keys that are not known here."""

ZOO: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "mlp": ((64,), {}), "convnet": ((1, 8, 8), {"batch_norm": True}), "lenet300": ((1, 28, 28), {}),
    "lenet5": ((1, 28, 28), {}), "lenet5_caffe": ((1, 28, 28), {}), "moons_mlp": ((100,), {}),
    "linear_regression": ((20,), {}), "dwork_cnn": ((3, 32, 32), {}), "resnet20": ((3, 32, 32), {}),
    "resnet56": ((3, 32, 32), {}), "resnet110": ((3, 32, 32), {}),
    "dec3": ((1, 24, 24), {}), "dec8": ((1, 16, 16), {"width": 24, "narrow": [16], "pools": [1, 2]}),
    "bnet_c": ((1, 32, 32), {"channels": [8, 16, 24, 32, 32]}),
}  # fmt: skip


@dataclass(frozen=True)
class Network:
    name: str
    kind: str
    """"images", "text" or "zoo"."""
    module: nn.Module
    example: Tensor
    outputs: int

    def inputs(self, count: int, seed: int) -> Tensor:
        """(count, *input shape)."""
        generator = torch.Generator().manual_seed(seed)
        shape = (count, *self.example.shape[1:])
        if self.example.is_floating_point():
            return torch.randn(shape, generator=generator)
        ids = torch.randint(3, 60, shape, generator=generator)
        ids[:, -1] = 2
        return ids


def networks() -> dict[str, Callable[[], Network]]:
    """All of them by name, each to be made when it is wanted."""
    import transformers
    from transformers.models.auto import modeling_auto

    transformers.logging.set_verbosity_error()
    found: dict[str, Callable[[], Network]] = {name: partial(_zoo, name) for name in ZOO}
    for kind, mapping in (
        ("images", modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES),
        ("text", modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES),
    ):
        for name, classes in mapping.items():
            model = classes[0] if isinstance(classes, tuple) else classes
            found[name if name not in found else f"{name}-{kind}"] = partial(_theirs, name, kind, model)
    return found


def _zoo(name: str) -> Network:
    shape, options = ZOO[name]
    torch.manual_seed(0)
    return Network(name, "zoo", models.build(name, shape, 10, **options).eval(), torch.randn(1, *shape), 10)


def _theirs(name: str, kind: str, model: str) -> Network:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    make, config = getattr(transformers, model), configuration(name, CONFIG_MAPPING[name])
    with torch.device("meta"):
        size = sum(p.numel() for p in make(config).parameters())
    if size > MOST:
        raise ValueError(f"{size} parameters are more than {MOST}")
    torch.manual_seed(0)
    network = make(config).eval()
    module = models.Plain(network).eval()
    x = torch.zeros(1, 8, dtype=torch.int64)
    if kind == "images" and name != "imagegpt":
        side = getattr(getattr(config, "vision_config", config), "image_size", 32)
        side = side[0] if isinstance(side, list | tuple) else side
        x = torch.zeros(1, getattr(config, "num_channels", 3), side, side)
    found = Network(name, kind, module, x, LABELS)
    with torch.no_grad():
        module(found.inputs(2, 0))
    return found


def configuration(name: str, kind: Any) -> Any:
    """A configuration with few and narrow layers."""
    default = kind()
    own = SPECIAL.get(name)
    keys = {key: value for key, value in SMALL.items() if hasattr(default, key) and (own is None or key in ALWAYS)}
    keys = {key: value for key, value in keys.items() if not isinstance(getattr(default, key), list | tuple)}
    config = kind(**keys | (own or {}))
    config.num_labels = LABELS
    config._attn_implementation = "eager"
    return config
