"""Writes and reads checkpoints with PyTorch and transformers, for import.slow.test.ts.

python import_reference.py write OUT: saves one model (a causal head, heads of size 24, non-zero biases) in every format,
each in its own folder of OUT. Adds tokens.npy [2, 64] and the logits of each number format, logits-{f32,bf16,f16}.npy
[2, 64, 32].
python import_reference.py read MODEL...: opens each MODEL with transformers, runs MODEL/tokens.npy, and writes
MODEL/logits.npy.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

action, *paths = sys.argv[1], *map(Path, sys.argv[2:])


def logits(model, tokens):
    sos = torch.full((len(tokens), 1), model.config.vocab_size - 1)
    ids = torch.cat([sos, tokens[:, :-1]], dim=1)
    with torch.no_grad():
        return model.float().eval()(ids).logits.numpy()


if action == "write":
    (out,) = paths
    torch.manual_seed(6)
    config = ImageGPTConfig(
        vocab_size=33, n_positions=64, n_embd=96, n_layer=3, n_head=4
    )
    model = ImageGPTForCausalImageModeling(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    tokens = torch.randint(0, 32, (2, 64))
    np.save(out / "tokens.npy", tokens.numpy())
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16), ("f16", torch.float16)):
        saved = ImageGPTForCausalImageModeling(config)
        saved.load_state_dict(model.state_dict())
        saved = saved.to(dtype)
        folder = out / f"safetensors-{name}"
        saved.save_pretrained(folder)
        saved.save_pretrained(out / f"sharded-{name}", max_shard_size="200KB")
        for form, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})):
            folder = out / f"{form}-{name}"
            folder.mkdir()
            saved.config.save_pretrained(folder)
            # Old versions of transformers saved causal masks among the weights.
            state = dict(saved.state_dict())
            for i in range(3):
                state[f"transformer.h.{i}.attn.bias"] = torch.tril(torch.ones(64, 64, dtype=torch.uint8)).view(1, 1, 64, 64)
                state[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
            torch.save(state, folder / "pytorch_model.bin", **options)
        np.save(out / f"logits-{name}.npy", logits(saved, tokens))
else:
    for path in paths:
        model, info = ImageGPTForCausalImageModeling.from_pretrained(path, output_loading_info=True)
        # The class head belongs to another class of transformers.
        assert not info["missing_keys"] and not info["unexpected_keys"] - {"score.weight"}, info
        np.save(path / "logits.npy", logits(model, torch.from_numpy(np.load(path / "tokens.npy"))))
