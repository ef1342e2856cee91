"""iGPT in PyTorch: transformers without changes, and the fastest block of PyTorch's own operators.

Every case takes its options and returns a function without arguments, which is timed.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


def input_ids(tokens, sos):
    """[SOS, x_0 .. x_(n-2)] of every picture, [batch, n]: the inputs that an iGPT was trained on."""
    x = torch.tensor(tokens, dtype=torch.long)
    return torch.cat([torch.full((x.shape[0], 1), sos), x[:, :-1]], dim=1)


def eager(checkpoint, tokens, layer):
    """transformers as in its documentation: all layers with output_hidden_states, then the mean of one of them."""
    from transformers import ImageGPTModel

    model = ImageGPTModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
    ids = input_ids(tokens, model.config.vocab_size - 1)

    def run():
        with torch.no_grad():
            return model(ids, output_hidden_states=True).hidden_states[layer].mean(dim=1).tolist()

    return run


def load(checkpoint):
    config = json.loads((Path(checkpoint) / "config.json").read_text())
    weights = load_file(Path(checkpoint) / "model.safetensors")
    return config, {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}


def features(config, weights, layer):
    """Features of the layer: [batch, n] -> [batch, d]. Computes no further layers; uses the true attention scale."""
    d, heads, epsilon = config["n_embd"], config["n_head"], config["layer_norm_epsilon"]

    def norm(x, gain):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * gain

    def linear(x, name):
        return torch.addmm(weights[f"{name}.bias"], x.reshape(-1, x.shape[-1]), weights[f"{name}.weight"]).view(
            *x.shape[:-1], -1
        )

    def block(h, i):
        batch, n, _ = h.shape
        q, k, v = linear(norm(h, weights[f"h.{i}.ln_1.weight"]), f"h.{i}.attn.c_attn").split(d, dim=-1)
        q, k, v = (x.view(batch, n, heads, d // heads).transpose(1, 2) for x in (q, k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + linear(a.transpose(1, 2).reshape(batch, n, d), f"h.{i}.attn.c_proj")
        m = linear(norm(h, weights[f"h.{i}.ln_2.weight"]), f"h.{i}.mlp.c_fc")
        return h + linear(m * torch.sigmoid(1.702 * m), f"h.{i}.mlp.c_proj")

    def forward(ids):
        h = weights["wte.weight"][ids] + weights["wpe.weight"][: ids.shape[1]]
        for i in range(layer):
            h = block(h, i)
        return h.mean(dim=1)

    return forward


def sdpa(checkpoint, tokens, layer):
    """The hand-written block with scaled_dot_product_attention, not compiled."""
    config, weights = load(checkpoint)
    forward = features(config, weights, layer)
    ids = input_ids(tokens, config["vocab_size"] - 1)

    def run():
        with torch.no_grad():
            return forward(ids).tolist()

    return run


def compiled(checkpoint, tokens, layer, dtype="float32"):
    """The same block under torch.compile with fixed shapes. The warm-up run compiles it."""
    config, weights = load(checkpoint)
    weights = {name: tensor.to(getattr(torch, dtype)) for name, tensor in weights.items()}
    forward = torch.compile(features(config, weights, layer), dynamic=False, fullgraph=True)
    ids = input_ids(tokens, config["vocab_size"] - 1)

    def run():
        with torch.no_grad():
            return forward(ids).tolist()

    return run


def generate(checkpoint, prefix, count):
    """transformers' cached, greedy generate: returns `count` new tokens after SOS and the prefix [batch, k]."""
    from transformers import ImageGPTForCausalImageModeling

    model = ImageGPTForCausalImageModeling.from_pretrained(checkpoint, dtype=torch.float32).eval()
    x = torch.tensor(prefix, dtype=torch.long)
    ids = torch.cat([torch.full((x.shape[0], 1), model.config.vocab_size - 1), x], dim=1)

    def run():
        with torch.no_grad():
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=count,
                do_sample=False,
                pad_token_id=0,
            )
        return out[:, ids.shape[1] :].tolist()

    return run


CASES = {"eager": eager, "sdpa": sdpa, "compiled": compiled, "generate": generate}
