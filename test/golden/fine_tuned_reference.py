"""Computes the class logits of a model directory of igpt train with transformers' classifier.

python fine_tuned_reference.py MODEL TOKENS OUT
TOKENS is [N, n] without SOS; OUT gets the class logits [N, C]. Fails if transformers misses weights or classes.
"""

import sys

import numpy as np
import torch
from transformers import ImageGPTForImageClassification

directory, tokens, out = sys.argv[1:]
model, found = ImageGPTForImageClassification.from_pretrained(directory, output_loading_info=True)
if found["missing_keys"]:
    raise SystemExit(f"transformers misses {found['missing_keys']}")
if [model.config.id2label[i] for i in range(2)] != ["blue", "red"]:
    raise SystemExit(f"transformers reads the classes {model.config.id2label}")
x = torch.from_numpy(np.load(tokens).astype(np.int64))
sos = torch.full((len(x), 1), model.config.vocab_size - 1)
with torch.no_grad():
    np.save(out, model.eval()(torch.cat([sos, x[:, :-1]], dim=1)).logits.numpy())
