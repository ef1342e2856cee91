"""Saves a random image classifier with transformers, and what its pipeline says about pictures.

python pipeline_reference.py OUT COUNT [PICTURE...]
OUT gets classifier/ (a checkpoint directory), pictures/ (COUNT generated pictures, unless pictures are given) and
pipeline.json: the probability of each class for each picture, by pipeline("image-classification") with the processor's
PIL backend.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from transformers import AutoImageProcessor, ImageGPTConfig, ImageGPTForImageClassification, pipeline
from transformers.models.imagegpt.image_processing_pil_imagegpt import ImageGPTImageProcessorPil

out = Path(sys.argv[1])
count = int(sys.argv[2])
pictures = [Path(name) for name in sys.argv[3:]]
torch.set_num_threads(1)
torch.manual_seed(9)
random = np.random.default_rng(9)

if not pictures:
    (out / "pictures").mkdir()
    for i in range(count):
        width, height = random.integers(20, 90, 2)
        noise = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        blurred = noise.filter(ImageFilter.GaussianBlur(i % 6))
        tint = Image.new("RGB", blurred.size, tuple(int(level) for level in random.integers(0, 256, 3)))
        pictures.append(out / "pictures" / f"{i:03}.png")
        Image.blend(blurred, tint, 0.1 * (i % 8)).save(pictures[-1])

# Heads of size 64, as in iGPT-S: transformers 5.18 truncates the root of the head size, and this one is exact.
config = ImageGPTConfig(vocab_size=129, n_positions=256, n_embd=192, n_layer=2, n_head=3, num_labels=10)
model = ImageGPTForImageClassification(config).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        # New weights are so small that every picture would get the same class; new biases are 0 and new gains are 1.
        scale = 0.4 if name == "score.weight" else 0.02 if name.endswith("bias") or "ln_" in name else 0.06
        parameter.add_(scale * torch.randn_like(parameter))
directory = out / "classifier"
model.save_pretrained(directory)
clusters = random.uniform(-1, 1, (128, 3)).astype(np.float32).tolist()
ImageGPTImageProcessorPil(clusters=clusters, size={"height": 16, "width": 16}).save_pretrained(directory)

processor = AutoImageProcessor.from_pretrained(directory, backend="pil")
classify = pipeline("image-classification", model=str(directory), image_processor=processor, top_k=10)
result = {}
for picture in pictures:
    scores = {entry["label"]: entry["score"] for entry in classify(str(picture))}
    result[str(picture)] = [scores[f"LABEL_{i}"] for i in range(10)]
(out / "pipeline.json").write_text(json.dumps(result))
