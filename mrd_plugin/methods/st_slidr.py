"""ST-SLidR: SLidR with a semantically tolerant, class-balanced loss.

Mahmoud et al. 2023, arXiv 2301.05709, sections 3.2 and 3.3; details from the released code.
Superpixel InfoNCE that tolerates negatives of the same kind and balances the classes: the frozen
image encoder's own features ``h``, averaged over superpixels, tell how much two superpixels are of
a kind, ``c_ij = clip(cos(h_i, h_j), 0, 1)``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.contrast.point_pixel import Contrast, contrast_of_logits
from mrd_plugin.methods.contrast.superpixels import SuperpixelPretrainer, Superpixels
from mrd_plugin.ops import superpixel_pool
from mrd_plugin.structures import PairBatch
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.precision import in_full_precision

FORMS = ('zeroed', 'masked')
_SAME_KIND = 0.5  # a superpixel votes for those that are at least as similar


def affinity(semantics: Tensor) -> Tensor:
    """Similarity ``(N, N)`` in [0, 1] of superpixels by their frozen features ``(N, C)``."""
    unit = F.normalize(semantics, dim=1)
    return (unit @ unit.T).clamp(0, 1)


def tolerated(similarity: Tensor, quantile: float) -> Tensor:
    """Negatives that are most like their row, ``(N, N)`` bool; never the diagonal.

    Args:
        similarity: ``(N, N)`` from :func:`affinity`.
        quantile: Those whose ``1 - c`` lies below this quantile of the row's, its own zero
            included, as in the released code.
    """
    distance = 1 - similarity
    distance = distance.clone().fill_diagonal_(0)
    # Row by row blocks: torch.quantile takes at most 16 million numbers at once.
    bounds = [
        torch.quantile(block.float(), quantile, dim=1, keepdim=True)
        for block in distance.split(256)
    ]
    return (distance < torch.cat(bounds).to(distance)).fill_diagonal_(False)


def class_balance(similarity: Tensor) -> Tensor:
    """Weight ``(N,)`` in [0, 1] of each row: little for a kind that many superpixels share.

    Votes ``v_i = sum_j c_ij [c_ij >= 0.5]`` are brought to [0, 1]; the weight is ``1 - v_i``. Where
    all have equally many votes, all weights are 1.
    """
    votes = (similarity * (similarity >= _SAME_KIND)).sum(1)
    span = votes.max() - votes.min()
    return torch.where(span > 0, 1 - (votes - votes.min()) / span.clamp(min=1e-12), 1.0)


@in_full_precision
def tolerant_info_nce(
    points: Tensor,
    pixels: Tensor,
    semantics: Tensor,
    temperature: float = 0.07,
    form: str = 'zeroed',
    quantile: float | None = 0.01,
    balance: bool = True,
) -> Contrast:
    """InfoNCE over superpixels with both re-weightings.

    Args:
        points: ``(N, D)`` mean features of the points in each superpixel.
        pixels: ``(N, D)`` mean features of its pixels.
        semantics: ``(N, C)`` mean features of the frozen encoder.
        temperature: Defaults to 0.07.
        form: What happens to a tolerated negative. ``'zeroed'``, as published: its logit becomes 0,
            which leaves ``exp(0) = 1`` in the denominator. ``'masked'``: it leaves the denominator.
            Defaults to 'zeroed'.
        quantile: Share of the negatives that is tolerated, see :func:`tolerated`. None multiplies
            every negative's logit by ``1 - c_ij`` instead (only 'zeroed'). Defaults to 0.01.
        balance: Weight rows by :func:`class_balance`. Defaults to True.

    Returns:
        Loss, match rate (of the plain logits) and chance level.

    Raises:
        ConfigError: If the form is unknown or masks without a quantile.
    """
    if form not in FORMS or (form == 'masked' and quantile is None):
        raise ConfigError(
            f'tolerant_info_nce: form={form!r}, quantile={quantile}: expected one of {FORMS}, and '
            'a quantile with masked.'
        )
    logits = points @ pixels.T / temperature
    if len(logits) == 0:
        return contrast_of_logits(logits)
    similarity = affinity(semantics.detach())
    weights = class_balance(similarity) if balance else None
    if quantile is None:
        changed = logits * (1 - similarity).fill_diagonal_(1)
    else:
        value = 0.0 if form == 'zeroed' else -torch.inf
        changed = logits.masked_fill(tolerated(similarity, quantile), value)
    contrast = contrast_of_logits(changed, weights)
    return contrast._replace(match=contrast_of_logits(logits.detach()).match)


@MODELS.register_module()
class STSLidR(SuperpixelPretrainer):
    """InfoNCE in which superpixels that the teacher finds alike repel less, and rare ones more.

    Args:
        form: ``'zeroed'`` (published) or ``'masked'``; see :func:`tolerant_info_nce`. Defaults to
            'zeroed'.
        quantile: Share of tolerated negatives; None weights them all. Defaults to 0.01.
        balance: Weight rows by class balance. Defaults to True.
        **kwargs: See :class:`SuperpixelPretrainer`.
    """

    def __init__(
        self,
        *,
        form: str = 'zeroed',
        quantile: float | None = 0.01,
        balance: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.form = form
        self.quantile = quantile
        self.balance = balance

    def compare(self, superpixels: Superpixels) -> Contrast:
        """Return the loss of the superpixels of the global batch."""
        assert superpixels.semantics is not None
        return tolerant_info_nce(
            superpixels.points,
            superpixels.pixels,
            superpixels.semantics,
            self.temperature,
            self.form,
            self.quantile,
            self.balance,
        )

    def describe(self, batch: PairBatch, maps: Tensor, number: int) -> tuple[Tensor | None, Tensor]:
        """Return the teacher's features averaged over superpixels, at the resolution of its maps.

        A superpixel that has no cell of the map takes no part, as in the released code.
        """
        assert batch.superpixels is not None
        labels = F.interpolate(batch.superpixels[:, None].double(), maps.shape[2:], mode='nearest')
        means, cells = superpixel_pool(maps, labels[:, 0].long(), number)
        return means, cells > 0
