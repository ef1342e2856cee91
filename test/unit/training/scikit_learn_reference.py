"""Fits what we fit with scikit-learn, on the same numbers.

usage: scikit_learn_reference.py FOLDER
FOLDER holds features.npy [N, d], labels.npy [N], pixels.npy [P, 3] and penalties.json; reference.json is written there.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

folder = Path(sys.argv[1])
x = np.load(folder / "features.npy").astype(np.float64)
y = np.load(folder / "labels.npy")
fits = []
for penalty in json.loads((folder / "penalties.json").read_text()):
    model = LogisticRegression(C=1 / (len(y) * penalty), solver="lbfgs", tol=1e-6, max_iter=20_000).fit(x, y)
    log_probabilities = model.predict_log_proba(x)
    cross_entropy = -log_probabilities[np.arange(len(y)), y].mean()
    loss = cross_entropy + penalty / 2 * (model.coef_**2).sum()
    fits.append({"loss": loss, "cross_entropy": cross_entropy, "accuracy": model.score(x, y)})

pixels = np.load(folder / "pixels.npy").astype(np.float64) / 127.5 - 1
inertias = [KMeans(64, n_init=1, random_state=seed).fit(pixels).inertia_ for seed in range(5)]
(folder / "reference.json").write_text(json.dumps({"fits": fits, "inertias": inertias}))
