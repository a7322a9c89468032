"""The similarity matrices of one block of rows."""

from __future__ import annotations

from torch import Tensor, zeros_like

from mrd_plugin.models.losses.samples import RowBlock, SampleOrder

_COLUMNS = {'p': 'all', 'i': 'image', 't': 'text'}


class SimilarityBlock:
    """Similarities of one block of rows, each made on first use, and the gradients by them.

    A pair names the modalities of rows and columns: 'p' points, 'i' image, 't' text.

    Args:
        features (dict[str, Tensor]): All rows ``(n_m, D)`` of each modality, normalised.
        order (SampleOrder): Which samples these rows belong to.
        rows (RowBlock): The block.
    """

    def __init__(self, features: dict[str, Tensor], order: SampleOrder, rows: RowBlock) -> None:
        self.features = features
        self.order = order
        self.rows = rows
        self.sims: dict[str, Tensor] = {}
        self.grads: dict[str, Tensor] = {}

    def _own_rows(self, modality: str) -> Tensor:
        offset = self.order.span(_COLUMNS[modality])[0]
        return self.features[modality][self.rows.start - offset : self.rows.stop - offset]

    def _columns(self, pair: str, samples: str) -> slice:
        offset = self.order.span(_COLUMNS[pair[1]])[0]
        start, stop = self.order.span(samples)
        return slice(start - offset, stop - offset)

    def sim(self, pair: str, strip: RowBlock, samples: str | None = None) -> Tensor:
        """View of a strip's similarities with all columns of a modality, or with some samples'."""
        if pair not in self.sims:
            self.sims[pair] = self._own_rows(pair[0]) @ self.features[pair[1]].T
        sim = self.sims[pair][strip.start - self.rows.start : strip.stop - self.rows.start]
        return sim if samples is None else sim[:, self._columns(pair, samples)]

    def add_grad(self, pair: str, strip: RowBlock, grad: Tensor, samples: str) -> None:
        """Add a strip's gradient by the columns of ``samples``."""
        if pair not in self.grads:
            self.grads[pair] = zeros_like(self.sims[pair])
        rows = self.grads[pair][strip.start - self.rows.start : strip.stop - self.rows.start]
        rows[:, self._columns(pair, samples)] += grad

    def push(self, grad_points: Tensor) -> None:
        """Carry the gradients by similarities over to the points."""
        own = slice(self.rows.start, self.rows.stop)
        for pair, grad in self.grads.items():
            if pair[0] == 'p':
                grad_points[own].addmm_(grad, self.features[pair[1]])
            if pair[1] == 'p':
                grad_points.addmm_(grad.T, self._own_rows(pair[0]))
