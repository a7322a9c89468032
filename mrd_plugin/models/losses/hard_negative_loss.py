"""Alignment on batches of mined neighbours, some of which are no negatives at all.

A mined neighbour may fit the seed's text as well as the seed does ("a chair" beside "a wooden
chair"). OpenShape (arXiv 2305.10764, section 3.2) then drops the pair: ``i`` and ``j`` of one seed
are no negatives of each other if ``h_i^I . h_j^T + margin >= h_i^I . h_i^T``. Here a dropped pair's
logit is -inf, so that it has no part in the softmax; the released code multiplies it by zero, which
leaves it there with the logit 0.
"""

from __future__ import annotations

import torch
from mmengine.dist import get_world_size
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mrd_plugin.models.losses.align_loss import normalise
from mrd_plugin.models.losses.contrastive import duplicate_groups
from mrd_plugin.utils.errors import ConfigError


@MODELS.register_module()
class HardNegativeAlignLoss(nn.Module):
    """Two-directional InfoNCE with images and texts, in which false negatives are -inf.

    A pair is dropped, in both directions,

    - in both terms, if the two samples are of one group, both have a text, the first has an image and
      the rule above holds;
    - in the text term if the two texts are the same, in the image term if the two images are (the
      same shape may be the neighbour of two seeds), whatever the group.

    Every term lives on the samples that have its modality. Where a text or image that the rule needs
    is missing, the pair stays a negative (INTERPRETATION: no source says). Without any dropped pair
    this is ``AlignLoss``. Computed on whole ``n x n`` matrices, in fp32: batches of this kind are
    small (200 in the paper).

    Args:
        image_weight (float): Weight of the image term.
        text_weight (float): Weight of the text term.
        group_size (int): Consecutive samples that belong to one seed; that of
            ``HardNegativeSampler``.
        margin (float): See above; the larger, the more pairs are dropped. Defaults to 0.1.
    """

    def __init__(
        self,
        image_weight: float = 0.5,
        text_weight: float = 0.5,
        group_size: int = 5,
        margin: float = 0.1,
    ) -> None:
        super().__init__()
        self.image_weight = image_weight
        self.text_weight = text_weight
        self.group_size = group_size
        self.margin = margin

    def forward(
        self,
        points: Tensor,
        image: Tensor,
        text: Tensor,
        has_image: Tensor,
        has_text: Tensor,
        scale_image: Tensor,
        scale_text: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch; arguments as in :class:`AlignLoss`.

        Returns:
            dict[str, Tensor]: ``loss``, and detached ``align_image``, ``align_text``, ``match_image``,
            ``match_text`` and ``dropped`` (share of the pairs within groups that are no negatives).

        Raises:
            ConfigError: If the batch does not consist of whole groups on every rank.
        """
        if len(points) % (self.group_size * get_world_size()):
            raise ConfigError(
                f'model.loss.group_size={self.group_size}: a batch of {len(points)} from '
                f'{get_world_size()} rank(s) does not consist of whole groups on each; make train_dataloader.batch_size a multiple of it, with '
                'drop_last=True, and use HardNegativeSampler with the same group_size.'
            )
        with torch.autocast(points.device.type, enabled=False):
            points = normalise(points)
            image, text = normalise(image.detach()), normalise(text.detach())
            unfit, dropped = self.false_negatives(image, text, has_image, has_text)
            terms = {}
            for name, rows, has, scale in (
                ('image', image, has_image, scale_image),
                ('text', text, has_text, scale_text),
            ):
                out = unfit[has][:, has] | same_rows(rows[has])
                terms[name] = masked_info_nce(points[has], rows[has], scale.reshape(()), out)
        loss = self.image_weight * terms['image'][0] + self.text_weight * terms['text'][0]
        log = {f'align_{name}': value.detach() for name, (value, _) in terms.items()}
        log.update({f'match_{name}': match for name, (_, match) in terms.items()})
        return {'loss': loss, **log, 'dropped': dropped}

    def false_negatives(
        self, image: Tensor, text: Tensor, has_image: Tensor, has_text: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pairs of a group of which the second's text fits the first's image too.

        Args:
            image (Tensor): ``(n, D)`` unit rows.
            text (Tensor): ``(n, D)`` unit rows.
            has_image (Tensor): ``(n,)`` bool.
            has_text (Tensor): ``(n,)`` bool.

        Returns:
            tuple[Tensor, Tensor]: ``(n, n)`` bool with a False diagonal, and the share of True among
            the pairs within groups, a scalar.
        """
        fit = image @ text.T
        known = (has_image & has_text)[:, None] & has_text[None, :]
        group = torch.arange(len(image), device=image.device) // self.group_size
        pairs = (group[:, None] == group[None, :]).fill_diagonal_(False)
        found = pairs & known & (fit + self.margin >= fit.diagonal()[:, None])
        return found, found.sum() / pairs.sum().clamp(min=1)


def same_rows(rows: Tensor) -> Tensor:
    """Which different samples have the very same row: ``(n, D)`` to ``(n, n)`` bool."""
    groups = duplicate_groups(rows)
    return (groups[:, None] == groups[None, :]).fill_diagonal_(False)


def masked_info_nce(
    points: Tensor, teacher: Tensor, scale: Tensor, excluded: Tensor
) -> tuple[Tensor, Tensor]:
    """Half row, half column cross-entropy in which excluded pairs are no candidates.

    Args:
        points (Tensor): ``(n, D)`` unit rows, with gradient.
        teacher (Tensor): ``(n, D)`` unit rows.
        scale (Tensor): Logit scale, with gradient.
        excluded (Tensor): ``(n, n)`` bool, False on the diagonal.

    Returns:
        tuple[Tensor, Tensor]: The loss, exactly zero for ``n = 0``, and the rate of points whose own
        teacher row is the most similar candidate.
    """
    if len(points) == 0:
        nothing = (points.sum() + scale) * 0
        return nothing, nothing.detach()
    logits = (scale * points @ teacher.T).masked_fill(excluded, -torch.inf)
    own = torch.arange(len(points), device=points.device)
    loss = 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
    match = (logits.diagonal() >= logits.amax(1)).float().mean()
    return loss, match.detach()
