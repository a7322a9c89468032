"""Batches of shapes that are easily confused, and alignment on them.

In OpenShape's second round (arXiv 2305.10764, section 3.2) a batch of 200 is made of 40 seeds with
neighbours out of the 31 nearest. A mined neighbour may fit the seed's text as well as the seed does
("a chair" beside "a wooden chair"). OpenShape then drops the pair: ``i`` and ``j`` of one seed are
no negatives of each other if ``h_i^I . h_j^T + margin >= h_i^I . h_i^T``. Here a dropped pair's
logit is -inf, so that it has no part in the softmax; the released code multiplies it by zero, which
leaves it there with the logit 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info, get_world_size, sync_random_seed
from mmengine.logging import print_log
from mmengine.registry import DATA_SAMPLERS, MODELS
from torch import Tensor, nn
from torch.utils.data import Sampler

from mrd_plugin.datasets.shapes.neighbours import read_neighbours
from mrd_plugin.methods.contrast.info_nce import info_nce, same_rows
from mrd_plugin.methods.contrast.triplets import Triplets, normalise
from mrd_plugin.utils.errors import ConfigError


@DATA_SAMPLERS.register_module()
class HardNegativeSampler(Sampler):
    """Draw seeds at random, and behind each seed some of its nearest neighbours.

    The samples come in groups of ``group_size``: a seed and ``group_size - 1`` different neighbours
    of it. Make ``batch_size`` a multiple of it, so that no group is cut, and use
    ``HardNegativeAlignLoss`` with the same ``group_size``: a neighbour may be no negative at all.
    An epoch has as many samples as the data set, rounded down to whole groups on every rank; a seed
    occurs once, a neighbour perhaps more often. (INTERPRETATION: that the seed counts among the
    ``group_size``, and the length of an epoch.)

    A shape with fewer neighbours than needed (one without a text, in a table over texts) is joined
    by random shapes.

    Args:
        dataset: The training set; has ``get_data_info(i)['sample_id']``.
        neighbours: Table of ``tools/build_hard_negatives.py``, or OpenShape's
            ``point_feat_knn.npy``.
        group_size: Samples in a group, >= 2. Defaults to 5.
        num_neighbours: Draw from so many nearest ones. Defaults to 31.
        seed: The same on all ranks. Defaults to None, a common random one.
    """

    def __init__(
        self,
        dataset: Any,
        neighbours: str,
        group_size: int = 5,
        num_neighbours: int = 31,
        seed: int | None = None,
    ) -> None:
        if group_size < 2 or num_neighbours < group_size - 1:
            raise ConfigError(
                f'HardNegativeSampler group_size={group_size}, num_neighbours={num_neighbours}: '
                'expected group_size >= 2 and at least group_size - 1 neighbours.'
            )
        self.size = len(dataset)
        if self.size < group_size:
            raise ConfigError(
                f'HardNegativeSampler group_size={group_size}: the data set has {self.size} '
                'samples.'
            )
        self.rank, self.world_size = get_dist_info()
        self.group_size = group_size
        ids = [dataset.get_data_info(row)['sample_id'] for row in range(self.size)]
        table = read_neighbours(neighbours)
        self.near = [near[:num_neighbours] for near in table.rows_for(ids)]
        alone = sum(len(near) < group_size - 1 for near in self.near)
        if alone:
            print_log(
                f'HardNegativeSampler: {alone} of {self.size} shapes have fewer than '
                f'{group_size - 1} neighbours in {neighbours}; random shapes join them.',
                'current',
                level=logging.WARNING,
            )
        self.groups = self.size // group_size // self.world_size
        if self.groups == 0:
            raise ConfigError(
                f'HardNegativeSampler: {self.size} samples are too few for one group of '
                f'{group_size} on each of {self.world_size} ranks.'
            )
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        """Return this rank's samples of an epoch, group after group."""
        rng = np.random.default_rng((self.seed, self.epoch))
        seeds = rng.permutation(self.size)[: self.groups * self.world_size]
        own = np.random.default_rng((self.seed, self.epoch, self.rank))
        for seed in seeds[self.rank :: self.world_size]:
            yield from self._group(int(seed), own)

    def _group(self, seed: int, rng: np.random.Generator) -> list[int]:
        near = rng.permutation(self.near[seed])[: self.group_size - 1]
        group = [seed, *(int(row) for row in near)]
        while len(group) < self.group_size:
            row = int(rng.integers(self.size))
            if row not in group:
                group.append(row)
        return group

    def __len__(self) -> int:
        """Return samples of this rank in an epoch."""
        return self.groups * self.group_size

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass draw anew."""
        self.epoch = epoch


@MODELS.register_module()
class HardNegativeAlignLoss(nn.Module):
    """Two-directional InfoNCE with images and texts, in which false negatives are -inf.

    A pair is dropped, in both directions,

    - in both terms, if the two samples are of one group, both have a text, the first has an image
      and the rule above holds;
    - in the text term if the two texts are the same, in the image term if the two images are (the
      same shape may be the neighbour of two seeds), whatever the group.

    Every term lives on the samples that have its modality. Where a text or image that the rule
    needs is missing, the pair stays a negative (INTERPRETATION: no source says). Without any
    dropped pair this is ``AlignLoss``. Computed on whole ``n x n`` matrices, in fp32: batches of
    this kind are small (200 in the paper).

    Args:
        image_weight: Weight of the image term.
        text_weight: Weight of the text term.
        group_size: Consecutive samples that belong to one seed; that of ``HardNegativeSampler``.
        margin: See above; the larger, the more pairs are dropped. Defaults to 0.1.
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
        self, batch: Triplets, scale_image: Tensor, scale_text: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch; arguments as in :class:`AlignLoss`.

        Returns:
            ``loss``, and detached ``align_image``, ``align_text``, ``match_image``, ``match_text``
            and ``dropped`` (share of the pairs within groups that are no negatives).

        Raises:
            ConfigError: If the batch does not consist of whole groups on every rank.
        """
        points, image, text, has_image, has_text = batch
        if len(points) % (self.group_size * get_world_size()):
            raise ConfigError(
                f'model.loss.group_size={self.group_size}: a batch of {len(points)} from '
                f'{get_world_size()} rank(s) does not consist of whole groups on each; make '
                'train_dataloader.batch_size a multiple of it, with '
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
            image: ``(n, D)`` unit rows.
            text: ``(n, D)`` unit rows.
            has_image: ``(n,)`` bool.
            has_text: ``(n,)`` bool.

        Returns:
            ``(n, n)`` bool with a False diagonal, and the share of True among the pairs within
            groups, a scalar.
        """
        fit = image @ text.T
        known = (has_image & has_text)[:, None] & has_text[None, :]
        group = torch.arange(len(image), device=image.device) // self.group_size
        pairs = (group[:, None] == group[None, :]).fill_diagonal_(False)
        found = pairs & known & (fit + self.margin >= fit.diagonal()[:, None])
        return found, found.sum() / pairs.sum().clamp(min=1)


def masked_info_nce(
    points: Tensor, teacher: Tensor, scale: Tensor, excluded: Tensor
) -> tuple[Tensor, Tensor]:
    """Half row, half column cross-entropy in which excluded pairs are no candidates.

    Args:
        points: ``(n, D)`` unit rows, with gradient.
        teacher: ``(n, D)`` unit rows.
        scale: Logit scale, with gradient.
        excluded: ``(n, n)`` bool, False on the diagonal.

    Returns:
        The loss, exactly zero for ``n = 0``, and the rate of points whose own teacher row is the
        most similar candidate.
    """
    sim = points @ teacher.T
    loss = info_nce(sim, scale, excluded)
    if len(sim) == 0:
        return loss, loss.detach()
    candidates = sim.detach().masked_fill(excluded, -torch.inf)
    return loss, (candidates.diagonal() >= candidates.amax(1)).float().mean()
