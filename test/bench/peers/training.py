"""Training steps in PyTorch: the block of image_gpt.py with gradients, scaled_dot_product_attention and fused Adam."""

import time

import torch
import torch.nn.functional as F

from image_gpt import input_ids, load


def step(checkpoint, tokens):
    """One Adam step on the next-token loss; returns the loss before it. Uses the faster of PyTorch's two norms."""
    trials = []
    for fused_norm in (True, False):
        run = training_run(checkpoint, tokens, fused_norm)
        run()
        start = time.perf_counter()
        run()
        trials.append((time.perf_counter() - start, fused_norm))
    return training_run(checkpoint, tokens, min(trials)[1])


def training_run(checkpoint, tokens, fused_norm):
    config, weights = load(checkpoint)
    weights = {name: tensor.clone().requires_grad_() for name, tensor in weights.items()}
    d, heads, epsilon = config["n_embd"], config["n_head"], config["layer_norm_epsilon"]
    ids = input_ids(tokens, config["vocab_size"] - 1)
    targets = torch.tensor(tokens, dtype=torch.long).reshape(-1)
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def norm(x, gain):
        if fused_norm:
            return F.rms_norm(x, (d,), gain, epsilon)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * gain

    def linear(x, name):
        return torch.addmm(weights[f"{name}.bias"], x.reshape(-1, x.shape[-1]), weights[f"{name}.weight"]).view(
            *x.shape[:-1], -1
        )

    def forward():
        batch, n = ids.shape
        h = F.embedding(ids, weights["wte.weight"]) + weights["wpe.weight"]
        for i in range(config["n_layer"]):
            q, k, v = linear(norm(h, weights[f"h.{i}.ln_1.weight"]), f"h.{i}.attn.c_attn").split(d, dim=-1)
            q, k, v = (x.view(batch, n, heads, d // heads).transpose(1, 2) for x in (q, k, v))
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + linear(a.transpose(1, 2).reshape(batch, n, d), f"h.{i}.attn.c_proj")
            m = linear(norm(h, weights[f"h.{i}.ln_2.weight"]), f"h.{i}.mlp.c_fc")
            h = h + linear(m * torch.sigmoid(1.702 * m), f"h.{i}.mlp.c_proj")
        logits = norm(h, weights["ln_f.weight"]) @ weights["lm_head.weight"].T
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets)

    def run():
        optimizer.zero_grad()
        loss = forward()
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


CASES = {"training-step": step}
