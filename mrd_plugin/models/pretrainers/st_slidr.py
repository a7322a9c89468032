"""ST-SLidR: SLidR with a semantically tolerant, class-balanced loss (arXiv 2301.05709)."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.losses import Contrast, tolerant_info_nce
from mrd_plugin.models.pretrainers.slidr import SLidR, Superpixels
from mrd_plugin.ops import superpixel_pool
from mrd_plugin.structures import PairBatch


@MODELS.register_module()
class STSLidR(SLidR):
    """Superpixels that the frozen teacher finds alike are no full negatives, and the rare count more.

    Args:
        form (str): ``'zeroed'`` (published) or ``'masked'``; see ``losses.tolerant_info_nce``. Defaults
            to 'zeroed'.
        quantile (float, optional): Share of tolerated negatives; None weights them all. Defaults to
            0.01.
        balance (bool): Weight rows by class balance. Defaults to True.
        **kwargs: See :class:`SLidR`.
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
        """The loss of the superpixels of the global batch."""
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
        """The teacher's features averaged over superpixels, at the resolution of its maps.

        A superpixel that has no cell of the map takes no part, as in the released code.
        """
        assert batch.superpixels is not None
        labels = F.interpolate(batch.superpixels[:, None].double(), maps.shape[2:], mode='nearest')
        means, cells = superpixel_pool(maps, labels[:, 0].long(), number)
        return means, cells > 0
