"""The peer of bench/aggregate.ts: FedAvg and Krum in numpy, in the way of Flower's server (flwr/server/strategy/aggregate.py).

usage: flower-aggregate.py DELTAS REPEATS, and on standard input the shapes of a delta's tensors as JSON.
Answers {"meanMs", "krumMs"}: processor time, the least of the repeats.
"""
import json
import sys
import time
from functools import reduce

import numpy as np

count, repeats = int(sys.argv[1]), int(sys.argv[2])
shapes = json.load(sys.stdin)
rng = np.random.default_rng(1)
deltas = [[rng.uniform(-0.01, 0.01, s).astype(np.float32) for s in shapes] for _ in range(count)]
examples = [1 + i % 3 for i in range(count)]


def mean():
    """Each layer times its number of examples, summed over clients, over the number of all examples."""
    weighted = [[layer * n for layer in delta] for delta, n in zip(deltas, examples)]
    return [reduce(np.add, layers) / sum(examples) for layers in zip(*weighted)]


def krum():
    """Squared distances of all pairs of flattened deltas; the scores of Krum; the one with the least."""
    flat = np.array([np.concatenate(delta, axis=None).ravel() for delta in deltas])
    distances = np.zeros((count, count))
    for i, one in enumerate(flat):
        for j, other in enumerate(flat):
            distances[i, j] = np.linalg.norm(one - other) ** 2
    closest = max(1, count - min(3 * count // 10, (count - 3) // 2) - 2)
    scores = [np.sum(np.sort(row)[1 : closest + 1]) for row in distances]
    return deltas[int(np.argmin(scores))]


def time_of(work):
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1000


print(json.dumps({"meanMs": time_of(mean), "krumMs": time_of(krum)}))
