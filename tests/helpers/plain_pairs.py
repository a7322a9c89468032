"""The losses of the LiDAR family written as loops, from their formulas."""

import math

import torch


def info_nce(points, pixels, temperature):
    total = 0.0
    for i in range(len(points)):
        scores = [torch.dot(points[i], pixel) / temperature for pixel in pixels]
        total = total - torch.log(scores[i].exp() / sum(s.exp() for s in scores))
    return total / len(points)


def tolerant(points, pixels, semantics, temperature, form, quantile, balance):
    n = len(points)
    unit = [row / row.norm() for row in semantics]
    c = [[float(torch.dot(a, b).clamp(0, 1)) for b in unit] for a in unit]
    votes = [sum(v for v in row if v >= 0.5) for row in c]
    low, high = min(votes), max(votes)
    total, weights = 0.0, 0.0
    for i in range(n):
        distance = [0.0 if j == i else 1 - c[i][j] for j in range(n)]
        row = torch.tensor(distance, dtype=torch.float64).float()
        bound = None if quantile is None else float(torch.quantile(row, quantile))
        distance[i] = 1.0
        terms = []
        for j in range(n):
            logit = torch.dot(points[i], pixels[j]) / temperature
            if bound is None:
                logit = logit * distance[j]
            elif j != i and distance[j] < bound:
                if form == 'masked':
                    continue
                logit = logit * 0
            terms.append(logit.exp())
        own = torch.dot(points[i], pixels[i]) / temperature
        weight = 1 - (votes[i] - low) / (high - low) if balance else 1.0
        total = total + weight * (torch.log(sum(terms)) - own)
        weights += weight
    return total / weights


def unit_distance(points, pixels):
    return sum((f / f.norm() - g / g.norm()).norm() for f, g in zip(points, pixels)) / len(points)


def choices(features, codes):
    rows = []
    for f in features:
        scores = torch.stack([torch.exp(-(f - e).norm()) for e in codes])
        rows.append(scores / scores.sum())
    return rows


def code_matching(points, pixels, codes):
    """Row by row, as the released code does it, without its two faults."""
    p, q = choices(points, codes), choices(pixels, codes)
    total = 0.0
    for i in range(len(p)):
        row = [sum(p[i] * q[j].log() + q[i] * p[j].log()) for j in range(len(p))]
        total = total - torch.log(row[i].exp() / sum(s.exp() for s in row))
    return total / len(p)


def commitment(f, g, codes_f, codes_g, beta=0.25):
    """``L_p + L_v``."""
    total, count = 0.0, f.numel()
    for a, b, k, m in zip(f, g, codes_f, codes_g):
        total = total + 2 * beta * ((a - k) ** 2).sum() + beta * ((a - m) ** 2).sum()
        total = total + 2 * beta * ((b - m) ** 2).sum() + beta * ((b - k) ** 2).sum()
    return total / count


def orthogonality(shared, specific):
    dim = shared.shape[1]
    moment = torch.zeros(dim, dim, dtype=shared.dtype)
    for f, g in zip(shared, specific):
        moment = moment + torch.outer(f, g / g.norm())
    return (moment**2).sum().sqrt() / len(shared)


def occupancy(predicted, occupied, intensity):
    """Mean cross entropy, mean intensity error."""
    entropy, error, known = 0.0, 0.0, 0
    for (logit, value), target, wanted in zip(predicted, occupied, intensity):
        probability = 1 / (1 + torch.exp(-logit))
        entropy = entropy - (probability if target else 1 - probability).log()
        if wanted >= 0:
            error, known = error + (value - wanted).abs(), known + 1
    return entropy / len(predicted), error / known


def psnr(predicted, images, masks):
    errors = [
        float((predicted[v, c, row, column] - images[v, c, row, column]) ** 2)
        for v, row, column in masks.nonzero().tolist()
        for c in range(3)
    ]
    return 10 * math.log10(1 / (sum(errors) / len(errors)))
