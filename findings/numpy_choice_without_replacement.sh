#!/usr/bin/env bash
# Two published generators of CIFAR-LT are taken for different draws (LDAM: shuffle, seed 0; GLMC: choice without
# replacement, seed 3407; GLMC's thread 14 calls it another "method"). One would expect that, with one seed, shuffling
# and choosing pick different images. Seen: in NumPy's legacy stream (np.random.seed, RandomState) choice(n, k,
# replace=False) is the start of the shuffle of n, so with one seed both generators keep the same images, and leave the
# stream in the same state for the next class. With the newer Generator the two calls differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np

print("numpy", np.__version__)
sizes, counts = [5000, 5000, 4321], [5000, 300, 17]
shuffling, choosing = np.random.RandomState(3407), np.random.RandomState(3407)
for size, count in zip(sizes, counts, strict=True):
    shuffled = np.arange(size)
    shuffling.shuffle(shuffled)
    chosen = choosing.choice(size, count, replace=False)
    same = bool((shuffled[:count] == chosen).all())
    print(f"RandomState: {count} of {size}, choice is the start of the shuffle: {same}")
    assert same
new = [np.random.default_rng(3407) for _ in range(2)]
shuffled = np.arange(5000)
new[0].shuffle(shuffled)
same = bool((shuffled[:300] == new[1].choice(5000, 300, replace=False)).all())
print(f"Generator: 300 of 5000, choice is the start of the shuffle: {same}")
assert not same
PYTHON
