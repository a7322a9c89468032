"""The MRD loss once more, slowly: whole matrices, boolean subsets, plain autograd."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from mrd_plugin.methods.mrd import formulas


def batch(n=11, dim=6, without_image=(), without_text=(), seed=0, dtype=torch.float64):
    """Random features of a batch and its masks; student rows ask for a gradient."""
    generator = torch.Generator().manual_seed(seed)
    points, image, text = (
        torch.randn(n, dim, generator=generator, dtype=torch.float64).to(dtype) for _ in range(3)
    )
    has_image, has_text = torch.ones(2, n, dtype=torch.bool)
    has_image[list(without_image)] = False
    has_text[list(without_text)] = False
    return points.requires_grad_(), image, text, has_image, has_text


def scales(dtype=torch.float64):
    return tuple(torch.tensor([4.0, 7.0], dtype=dtype).requires_grad_().unbind())


def divergence(log_p, log_q, distance, symmetric_scale=1.0):
    """Distance of each row, (n,)."""
    gone = torch.isneginf(log_p) & torch.isneginf(log_q)
    log_p, log_q = log_p.masked_fill(gone, 0), log_q.masked_fill(gone, 0)
    p, q = log_p.exp().masked_fill(gone, 0), log_q.exp().masked_fill(gone, 0)
    forward = (p * (log_p - log_q)).sum(1)
    if distance == 'kl':
        return forward
    return symmetric_scale * (forward + (q * (log_q - log_p)).sum(1))


def raw(a, b, distance, drop_self):
    """Raw-similarity distance of each row, (n,)."""
    error = F.smooth_l1_loss if distance == 'smooth_l1' else F.mse_loss
    values = error(a, b, reduction='none')
    if drop_self:
        values = values.masked_fill(torch.eye(len(a), dtype=torch.bool), 0)
    return values.sum(1) / (len(a) - drop_self)


def relation_rows(student, teachers, alpha, drop_self, tau, tau_teacher, distance, scale):
    """Rows of one term: similarities (n, n) in, distances (n,) out."""
    if distance in ('smooth_l1', 'mse'):
        mixed = teachers[0] if alpha is None else alpha * teachers[0] + (1 - alpha) * teachers[1]
        return raw(student, mixed, distance, drop_self)
    own = torch.eye(len(student), dtype=torch.bool) & drop_self
    log_q = F.log_softmax((student / tau).masked_fill(own, -torch.inf), 1)
    log_ps = [F.log_softmax((t / tau_teacher).masked_fill(own, -torch.inf), 1) for t in teachers]
    log_p = log_ps[0] if alpha is None else formulas.mix(*log_ps, alpha)
    return divergence(log_p, log_q, distance, scale)


def info_nce(points, keys, scale, mask_duplicates=False):
    """The formula of formulas.info_nce, with duplicates left out."""
    logits = scale * points @ keys.T
    if mask_duplicates:
        same = (keys[:, None] == keys[None, :]).all(-1)
        same &= ~torch.eye(len(keys), dtype=torch.bool)
        logits = logits.masked_fill(same, -torch.inf)
    own = torch.arange(len(points))
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))


def terms(
    points,
    image,
    text,
    has_image,
    has_text,
    scale_image,
    scale_text,
    distance='jeffrey',
    symmetric_scale=1.0,
    tau_intra=(0.3, 0.2),
    tau_cross=(0.4, 0.25),
    mixed=False,
    alpha=(0.5, 0.5),
    transposed=False,
    mask_duplicates=False,
    row_weights=None,
):
    """Every term unweighted, by slot."""
    p, i, t = (F.normalize(x, dim=1) for x in (points, image, text))
    both = has_image & has_text
    weights = torch.ones(len(p), dtype=p.dtype) if row_weights is None else row_weights

    def intra(samples, teachers, a):
        if samples.sum() < 3:
            return torch.zeros(len(p), dtype=p.dtype)
        rows = torch.zeros(len(p), dtype=p.dtype)
        q = p[samples]
        found = relation_rows(
            q @ q.T,
            [x[samples] @ x[samples].T for x in teachers],
            a,
            True,
            *tau_intra,
            distance,
            symmetric_scale,
        )
        return rows.masked_scatter(samples, found) * weights

    def cross(student, teachers, a):
        if both.sum() < 2:
            return p.sum() * 0
        found = relation_rows(
            student[0][both] @ student[1][both].T,
            [x[both] @ y[both].T for x, y in teachers],
            a,
            False,
            *tau_cross,
            distance,
            symmetric_scale,
        )
        return (found * weights[both]).mean()

    out = {
        'align_image': info_nce(p[has_image], i[has_image], scale_image, mask_duplicates)
        if has_image.any()
        else p.sum() * 0,
        'align_text': info_nce(p[has_text], t[has_text], scale_text, mask_duplicates)
        if has_text.any()
        else p.sum() * 0,
    }
    if not mixed:
        for name, samples, teacher in (('image', has_image, i), ('text', has_text, t)):
            out[f'intra_{name}'] = intra(samples, [teacher], None).sum() / samples.sum().clamp_min(
                1
            )
        out['cross_image'] = cross((p, t), [(i, t)], None)
        out['cross_text'] = cross((p, i), [(t, i)], None)
        if transposed:
            out['cross_image'] = (out['cross_image'] + cross((t, p), [(t, i)], None)) / 2
            out['cross_text'] = (out['cross_text'] + cross((i, p), [(i, t)], None)) / 2
        return out
    mixture = intra(both, [i, t], alpha[0])
    alone = torch.where(has_image, intra(has_image, [i], None), intra(has_text, [t], None))
    rows = torch.where(both, mixture, alone)
    out['intra'] = rows.sum() / (has_image | has_text).sum()
    students = [(p, t), (p, i)] + ([(t, p), (i, p)] if transposed else [])
    out['cross'] = sum(cross(s, [(i, t), (t, i)], alpha[1]) for s in students) / len(students)
    return out
