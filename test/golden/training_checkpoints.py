"""Writes checkpoints of training as PyTorch programs save them, for training-checkpoints.slow.test.ts.

python training_checkpoints.py OUT: makes two small models of transformers, `model` and `ema`, and saves them in many
ways. OUT/NAME holds pytorch_model.bin and config.json; OUT/model and OUT/ema hold model.safetensors with the right
values. OUT/cases.json says which of the two an import of NAME gives, or which words a refusal has.
"""

import copy
import json
import sys
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

out = Path(sys.argv[1])
torch.manual_seed(14)
config = ImageGPTConfig(vocab_size=9, n_positions=16, n_embd=16, n_layer=2, n_head=2)


def random_model():
    model = ImageGPTForCausalImageModeling(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


model, ema = random_model(), random_model()
for name, one in (("model", model), ("ema", ema)):
    (out / name).mkdir()
    save_file({key: value.contiguous() for key, value in one.state_dict().items()}, out / name / "model.safetensors")

cases = {}


def case(name, content, expected="model", **options):
    folder = out / name
    folder.mkdir()
    config.save_pretrained(folder)
    torch.save(content, folder / "pytorch_model.bin", **options)
    cases[name] = expected


def prefixed(prefix, one=model):
    return OrderedDict((prefix + key, value) for key, value in one.state_dict().items())


def renamed(old, new):
    return {key.replace(old, new): value for key, value in model.state_dict().items()}


def changed(change):
    """The state dict with every weight changed, and with one weight changed."""
    state = model.state_dict()
    return {key: change(value) for key, value in state.items()}


state, average = model.state_dict(), ema.state_dict()
loss = torch.tensor(0.25)
# The state of an optimizer after a step, of a copy: the step changes the weights.
copied = copy.deepcopy(model)
optimizer = torch.optim.AdamW(copied.parameters())
copied(torch.zeros(1, 16, dtype=torch.long)).logits.sum().backward()
optimizer.step()
training = {
    "epoch": 3,
    "loss": loss,
    "best_metric": torch.tensor([71.5]),
    "per_class": torch.rand(10),
    "optimizer": optimizer.state_dict(),
    "scheduler": torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 4]).state_dict(),
    "rng": torch.get_rng_state(),
    "shape": torch.Size([3, 32]),
    "dtype": torch.float32,
    "milestones": Counter([1, 1, 2]),
    "seen": {1, 2},
    "digest": b"\x00\xff",
}

for key in ("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights", "generator", "x"):
    case(f"under-{key}", {**training, key: state})
    case(f"under-{key}-legacy", {**training, key: state}, _use_new_zipfile_serialization=False)
case("protocol-4", {**training, "net": state}, pickle_protocol=4)
case("two-levels", {"checkpoint": {"state_dict": state, "loss": loss}, "loss": loss})
case("in-a-list", {"models": [state], "loss": loss})
case("in-a-tuple", (3, state, optimizer.state_dict()))
case("compiled-alias", {**prefixed("model."), **prefixed("compiled._orig_mod.")})
case("wrapper-alias", {**state, **prefixed("module.")})
case("callbacks", {"state_dict": prefixed("model."), "callbacks": {"EMA": {"ema_weights": average}, "Best": {"score": loss}}})
case("best-model", {"model": state, "best_model": average}, "several models: model, best_model")
case("name-under-model", {"model": "imagegpt", "state_dict": state})
case("name-under-state-dict", {"state_dict": "see model", "model": state, "loss": loss})
case("number-under-model", {"model": 3, "net": state})
case("twice", {"model": state, "state_dict": OrderedDict(state)})
case("loss-inside", {**state, "loss": loss, "epoch": torch.tensor(3)})

case("averaged", AveragedModel(model).state_dict())
case("averaged-buffers", {"epoch": 1, "model": AveragedModel(model, use_buffers=True).state_dict()})
case("averaged-ema-function", AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9)).state_dict())
for name in ("ema", "model_ema", "ema_state_dict", "swa_model", "averaged", "ema.shadow"):
    case(f"beside-{name}", {name: average, "model": state})
case("only-ema", {"ema": average, "loss": loss}, "ema")
case("ema-in-lightning", {"state_dict": {**prefixed("model."), **prefixed("ema_model.module.", ema), "ema_model.n_averaged": torch.tensor(3)}})
case("ema-inside-model", {**prefixed("model."), **prefixed("model.ema.", ema)})
case("lit-ema", {**prefixed("model."), **{f"model_ema.{k.replace('.', '')}": v for k, v in average.items()}, "model_ema.decay": torch.tensor(0.9)})
case("two-models", {"student": state, "teacher": average}, "several models: student, teacher")
case("two-averages", {"ema": state, "ema2": average}, "several models")

for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.", "model._orig_mod.", "_fsdp_wrapped_module.", "lit.model.module."):
    case(f"prefix-{prefix}", prefixed(prefix))
    case(f"prefix-in-state-dict-{prefix}", {"state_dict": prefixed(prefix), "loss": loss})
case("compiled-blocks", renamed(".ln_", "._orig_mod.ln_"))
case("compiled-transformer", renamed("transformer.", "transformer._orig_mod."))
case("parallel-transformer", renamed("transformer.", "transformer.module."))
case("compiled-everywhere", {"_orig_mod.module." + k.replace("mlp.", "mlp._orig_mod._checkpoint_wrapped_module."): v for k, v in state.items()})
compiled = torch.compile(model)
case("torch-compile", compiled.state_dict())
case("alias", {**prefixed("model."), **prefixed("net.")})

metrics = {
    "train_acc.tp": torch.zeros(10, dtype=torch.long),
    "val_acc.total": torch.tensor(0),
    "mean_loss.value": torch.tensor(0.1),
    "loss_fn.weight": torch.rand(10),
    "criterion.weight": torch.rand(10),
    "val_metrics.auroc.thresholds": torch.rand(5),
}
case("lightning", {"epoch": 1, "state_dict": {**prefixed("model."), **metrics}, "pytorch-lightning_version": "2.5"})
case("lightning-without-prefix", {"state_dict": {**state, **metrics}})
case("own-head", {"state_dict": {**prefixed("model."), "classifier.weight": torch.rand(10, 16)}}, "classifier.weight")
case("own-layer", {**state, "transformer.h.0.gate.weight": torch.rand(16)}, "gate.weight")
case("own-scale", {**state, "transformer.scale": torch.tensor(2.0)}, "transformer.scale")

case("negative", changed(lambda x: torch._neg_view(-x)))
case("negative-legacy", changed(lambda x: torch._neg_view(-x)), _use_new_zipfile_serialization=False)
case("negative-imaginary", changed(lambda x: torch.complex(x, -x).conj().imag))
case("negative-transposed", changed(lambda x: torch._neg_view(-x.t().contiguous()).t() if x.dim() == 2 else x))
case("negative-parameters", changed(lambda x: torch.nn.Parameter(torch._neg_view(-x))))
case("conjugate", changed(lambda x: torch.complex(x, -x).conj()), "conj")
case("real-of-complex", changed(lambda x: torch.complex(x, x).real))
case("complex", changed(lambda x: torch.complex(x, x)), "")
case("parameters", dict(model.named_parameters()))


def attributed(x):
    parameter = torch.nn.Parameter(x.clone())
    parameter.note = "mine"
    return parameter


def attributed_tensor(x):
    tensor = x.clone()
    tensor.note = "mine"
    return tensor


case("parameters-with-state", changed(attributed))
case("tensors-with-state", changed(attributed_tensor))
case("transposed", changed(lambda x: x.t().contiguous().t() if x.dim() == 2 else x))
case("sliced", changed(lambda x: torch.stack([x, x + 1], -1)[..., 0]))
case("offset", changed(lambda x: torch.cat([x[:1] + 1, x])[1:]))
whole = torch.cat([value.reshape(-1) for value in state.values()])
ends = torch.tensor([value.numel() for value in state.values()]).cumsum(0).tolist()
case("one-storage", {key: whole[end - value.numel() : end].view(value.shape) for (key, value), end in zip(state.items(), ends)})
case("sparse", {**state, "lm_head.weight": state["lm_head.weight"].to_sparse()}, "lm_head.weight is sparse")
case("sparse-rows", {**state, "lm_head.weight": state["lm_head.weight"].to_sparse_csr()}, "lm_head.weight is sparse")
case("quantized", {**state, "lm_head.weight": torch.quantize_per_tensor(state["lm_head.weight"], 0.1, 0, torch.qint8)}, "lm_head.weight is quantized")
case("meta", {**state, "lm_head.weight": state["lm_head.weight"].to("meta")}, "lm_head.weight has no data")
case("float8", {**state, "lm_head.weight": state["lm_head.weight"].to(torch.float8_e4m3fn)}, "lm_head.weight")
case("integers", {**state, "lm_head.weight": state["lm_head.weight"].to(torch.int8)}, "lm_head.weight is I8")
case("sparse-beside", {"model": state, "graph": torch.eye(3).to_sparse(), "codes": torch.quantize_per_tensor(torch.rand(3), 0.1, 0, torch.quint8)})
case("complex-beside", {"model": state, "rotary": torch.complex(loss, loss), "neg": torch.complex(loss, loss).conj().imag})
case("complex-beside-legacy", {"model": state, "rotary": torch.complex(loss, loss)}, _use_new_zipfile_serialization=False)
case("double", changed(lambda x: x.double()))
case("numpy-inside", {"model": state, "accuracy": np.float64(0.7)}, "nothing was run")
case("no-weights", {"loss": loss, "epoch": 3}, "found loss")
case("nothing", {"epoch": 3}, "no state dict")

# A new model has biases of zeros, which may be one number, expanded.
for name, value in model.state_dict().items():
    if name.endswith(".bias"):
        value.zero_()
(out / "zeros").mkdir()
save_file({key: value.contiguous() for key, value in model.state_dict().items()}, out / "zeros" / "model.safetensors")
case("expanded", changed(lambda x: torch.zeros(1).expand(x.shape) if x.dim() == 1 and not x.any() else x), "zeros")

(out / "cases.json").write_text(json.dumps(cases))
