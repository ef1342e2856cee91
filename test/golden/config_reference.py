"""What transformers makes of the keys of config.json, of activations, of other names, and of problem types.

python config_reference.py OUT
OUT gets facts.json, tokens.npy [2, 16], labels.npy [2], and checkpoint directories, each with logits.npy [2, 16, 8] or
classes.npy [2, C] computed in float64: activation-NAME for each activation, with gradients.safetensors of the mean loss
of the tokens; aliases; and problem-N.
"""

import dataclasses
import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    GenerationConfig,
    ImageClassificationPipeline,
    ImageGPTConfig,
    ImageGPTForCausalImageModeling,
    ImageGPTForImageClassification,
    PreTrainedConfig,
)
from transformers.activations import ACT2CLS

out = Path(sys.argv[1])
torch.manual_seed(31)
x = torch.randint(0, 8, (2, 16))
ids = torch.cat([torch.full((2, 1), 8), x[:, :-1]], dim=1)
np.save(out / "tokens.npy", x.numpy())

# Heads of size 6 show whether the scale of attention is the true root. n_inner is not 4 x n_embd.
shape = dict(vocab_size=9, n_positions=16, n_embd=24, n_layer=2, n_head=4, n_inner=40)


def random_model(kind, **other):
    model = kind(ImageGPTConfig(**{**shape, **other})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def logits_of(model, tokens=ids):
    with torch.no_grad():
        return model.double()(tokens).logits


def edit(directory, change):
    path = directory / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


for name in ACT2CLS:
    if name in ("prelu", "xielu"):  # they have parameters of their own
        continue
    model = random_model(ImageGPTForCausalImageModeling, activation_function=name)
    directory = out / f"activation-{name}"
    model.save_pretrained(directory)
    np.save(directory / "logits.npy", logits_of(model).numpy())
    loss = torch.nn.functional.cross_entropy(model(ids).logits.flatten(0, 1), x.flatten())
    loss.backward()
    save_file({name: p.grad.float() for name, p in model.named_parameters()}, directory / "gradients.safetensors")

# The other names alone, as transformers reads them.
model = random_model(ImageGPTForCausalImageModeling)
aliases = out / "aliases"
model.save_pretrained(aliases)
edit(aliases, lambda config: [config.__setitem__(alias, config.pop(key)) for alias, key in ImageGPTConfig.attribute_map.items()])
np.save(aliases / "logits.npy", logits_of(ImageGPTForCausalImageModeling.from_pretrained(aliases).eval()).numpy())

# Odd values of the keys that should change nothing.
plain = logits_of(model)
odd = {
    "reorder_and_upcast_attn": True,
    "is_decoder": True,
    "is_encoder_decoder": True,
    "cross_attention_hidden_size": 7,
    "tie_encoder_decoder": True,
    "chunk_size_feed_forward": 3,
    "resid_pdrop": 0.5,
    "embd_pdrop": 0.5,
    "attn_pdrop": 0.5,
    "initializer_range": 9.0,
    "function_to_apply": "none",
    "task_specific_params": {"image-classification": {"n_head": 2}},
    "use_cache": False,
    "output_hidden_states": True,
    "output_attentions": True,
    "tie_last_hidden_states": False,
    "pad_token_id": 1,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "sep_token_id": 1,
    "decoder_start_token_id": 1,
    "temperature": 9.0,
    "gradient_checkpointing": True,
    "finetuning_task": "x",
    "rope_theta": 3.0,
    "n_heads": 2,
    "hidden_act": "relu",
}
trials = {}
trial = out / "trial"
for key, value in odd.items():
    model.float().save_pretrained(trial)
    edit(trial, lambda config: config.update({key: value}))
    other = ImageGPTForCausalImageModeling.from_pretrained(trial).eval()
    trials[key] = (logits_of(other) - plain).abs().max().item()
shutil.rmtree(trial)

problems = []
for problem, labels in (
    (None, 1),
    (None, 3),
    ("single_label_classification", 3),
    ("multi_label_classification", 1),
    ("multi_label_classification", 3),
    ("regression", 1),
    ("regression", 3),
):
    directory = out / f"problem-{len(problems)}"
    model = random_model(ImageGPTForImageClassification, num_labels=labels, problem_type=problem)
    model.save_pretrained(directory)
    logits = logits_of(model, x)  # without SOS, as the pipeline gives them
    np.save(directory / "classes.npy", logits.numpy())
    found = [
        ImageClassificationPipeline.postprocess(SimpleNamespace(model=model), {"logits": logits[i : i + 1]}) for i in (0, 1)
    ]
    problems.append({"problem": problem, "labels": labels, "found": found})

try:
    ImageGPTConfig(problem_type="single_label_classification", num_labels=1)
    refused = False
except Exception:
    refused = True

keys = {
    *ImageGPTConfig().to_dict(),
    *PreTrainedConfig().to_dict(),
    *(field.name for field in dataclasses.fields(ImageGPTConfig)),
    *inspect.signature(ImageGPTConfig.__init__).parameters,
    *ImageGPTConfig.attribute_map,
    *GenerationConfig._get_default_generation_params(),
    *re.findall(r'kwargs\.(?:pop|get)\("(\w+)"', inspect.getsource(PreTrainedConfig.__post_init__)),
    *re.findall(r"^        (\w+) \(`", PreTrainedConfig.__doc__, re.MULTILINE),
} - {"self", "kwargs"}
facts = {
    "version": transformers.__version__,
    "keys": sorted(keys),
    "activations": list(ACT2CLS),
    "trials": trials,
    "problems": problems,
    "single_label_of_one_is_refused": refused,
}
(out / "facts.json").write_text(json.dumps(facts))
