"""Slow, plain versions of the operators: what the fast ones must equal."""

import torch


def furthest_point_sample(xyz, k, start=0):
    out = torch.empty(len(xyz), k, dtype=torch.int64)
    for b, cloud in enumerate(xyz):
        chosen = [start]
        while len(chosen) < k:
            dist = torch.stack([((cloud - cloud[c]) ** 2).sum(-1) for c in chosen]).amin(0)
            chosen.append(int(dist.argmax()))
        out[b] = torch.tensor(chosen)
    return out


def ball_query(xyz, centres, radius, k):
    out = torch.empty(*centres.shape[:2], k, dtype=torch.int64)
    for b in range(len(xyz)):
        for s, centre in enumerate(centres[b]):
            diff = xyz[b] - centre
            dist = diff[:, 0] ** 2 + diff[:, 1] ** 2 + diff[:, 2] ** 2
            hits = torch.nonzero(dist <= radius * radius).flatten().tolist()[:k]
            if not hits:
                hits = [int(dist.argmin())]
            out[b, s] = torch.tensor(hits + [hits[0]] * (k - len(hits)))
    return out


def three_interpolate(target, source, features, eps=1e-8):
    out = torch.zeros(*target.shape[:2], features.shape[-1], dtype=features.dtype)
    for b in range(len(target)):
        for n, point in enumerate(target[b]):
            dist = (source[b] - point).norm(dim=-1)
            near = dist.argsort()[:3]
            weight = 1 / (dist[near] + eps)
            out[b, n] = (features[b, near] * (weight / weight.sum())[:, None]).sum(0)
    return out
