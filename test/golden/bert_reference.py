"""Runs the Python of docs/models.md on BERT model directories, and shows what transformers does with them.

python bert_reference.py CODE MODEL...
Each MODEL holds tokens.npy and mask.npy, [N, n]; it gets logits.npy and classes.npy. Fails if transformers' AutoModel
opens it, or if ImageGPTForCausalImageModeling finds its weights.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, ImageGPTForCausalImageModeling

code, *models = map(Path, sys.argv[1:])
scope = {}
exec(compile(code.read_text(), code.name, "exec"), scope)

for model in models:
    tokens, mask = (torch.from_numpy(np.load(model / f"{name}.npy").astype(np.int64)) for name in ("tokens", "mask"))
    with torch.no_grad():
        logits, classes = scope["bert"](model, tokens, mask)
    np.save(model / "logits.npy", logits.numpy())
    np.save(model / "classes.npy", classes.numpy())
    try:
        AutoModel.from_pretrained(model)
    except ValueError:
        pass
    else:
        raise SystemExit(f"AutoModel opens {model}")
    try:
        _, found = ImageGPTForCausalImageModeling.from_pretrained(model, output_loading_info=True)
    except RuntimeError:
        continue
    if len(found["missing_keys"]) < 10:
        raise SystemExit(f"transformers takes {model} for a causal model: {found}")
