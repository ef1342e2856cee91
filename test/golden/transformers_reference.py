"""Saves checkpoints with transformers, and what transformers computes with them.

python transformers_reference.py OUT MODEL PICTURE...
OUT gets causal/ and classifier/ (checkpoint directories), tokens.npy [3, 64], logits.npy [3, 64, 32],
classes_sos.npy and classes_plain.npy [3, 5], and picture_tokens.json: the tokens of each picture by Hugging Face's processor of MODEL.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    ImageGPTConfig,
    ImageGPTForCausalImageModeling,
    ImageGPTForImageClassification,
)

out, model_directory, *pictures = map(Path, sys.argv[1:])
torch.manual_seed(20)

# Heads of size 24: the scale of attention is the true root, which is no integer.
config = ImageGPTConfig(
    vocab_size=33,
    n_positions=64,
    n_embd=96,
    n_layer=3,
    n_head=4,
    num_labels=5,
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
)


def random_model(kind):
    model = kind(config).eval()
    with torch.no_grad():
        # New biases are 0 and new gains are 1: change them, so that the test notices a lost one.
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


x = torch.randint(0, 32, (3, 64))
ids = torch.cat([torch.full((3, 1), 32), x[:, :-1]], dim=1)
np.save(out / "tokens.npy", x.numpy())
for name, kind, results in (
    ("causal", ImageGPTForCausalImageModeling, {"logits": ids}),
    ("classifier", ImageGPTForImageClassification, {"classes_sos": ids, "classes_plain": x}),
):
    model = random_model(kind)
    model.save_pretrained(out / name)
    with torch.no_grad():
        for result, read in results.items():
            np.save(out / f"{result}.npy", model(read).logits.numpy())

processor = AutoImageProcessor.from_pretrained(model_directory)
tokens = {}
for picture in pictures:
    with Image.open(picture) as image:
        tokens[picture.name] = processor(images=image, return_tensors="np")["input_ids"][0].tolist()
(out / "picture_tokens.json").write_text(json.dumps(tokens))
