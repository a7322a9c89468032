"""Cross-modal retrieval between shapes, texts and images: recall at k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.registry import METRICS

TIE = 1e-6
"""Cosines closer than this are a tie. It is above the rounding of fp32 products, so that the result
does not depend on how the work was cut into blocks."""


class _Row(NamedTuple):
    """One shape: its embeddings as images and as texts meet it, and its teacher features."""

    name: str
    facing_image: np.ndarray
    facing_text: np.ndarray
    image: np.ndarray | None
    text: np.ndarray | None


@METRICS.register_module()
class CrossModalRetrieval(BaseMetric):
    """Recall at k between shapes, texts and images.

    - ``text_to_shape``: each different name asks with its teacher text; a hit is any shape of that
      name among the first k of all shapes;
    - ``image_to_shape``: each image asks; a hit is that very shape among the first k of all shapes;
    - ``shape_to_text``: each shape with a text asks; a hit is its name among the first k of all
      different names.

    A sample has ``embedding (D,)`` and ``name``. A model with a sub-space for each modality (TAMM)
    adds ``embedding_image`` and ``embedding_text``; images are then compared with the one, texts
    with the other. If a sample has an image or a text, it has ``teacher_image (D,)`` or
    ``teacher_text (D,)``; one that is missing, None, all zero or marked by ``has_image`` /
    ``has_text`` False is left out as a query. The text of a name is the mean of the texts of its
    shapes. Everything is L2-normalised here.

    Ties count against the query: its rank is the number of wrong answers that score at least as
    high as the best right one, less 1e-6. A collapsed embedding thus gets no credit.

    Returns for each direction, as ``<direction>/<key>``: ``n`` (queries, always logged),
    ``gallery``, ``r<k>`` and ``chance_r<k>`` (a random order of the gallery), as fractions.

    Args:
        recall_k: The k of recall at k. Defaults to (1, 5, 10).
        block: Queries compared at once; memory grows with block x gallery. Never changes the
            result. Defaults to 512.
        **kwargs: ``collect_device``, ``prefix``, ``collect_dir`` of ``BaseMetric``.
    """

    default_prefix = 'retrieval'

    def __init__(
        self, recall_k: Sequence[int] = (1, 5, 10), block: int = 512, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.recall_k = tuple(recall_k)
        self.block = block

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep name, embedding and teacher features of each sample."""
        for sample in data_samples:
            embedding = _unit(sample['embedding'])
            self.results.append(
                _Row(
                    sample['name'],
                    *(_own(sample, kind, embedding) for kind in ('image', 'text')),
                    *(_feature(sample, kind) for kind in ('image', 'text')),
                )
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Recalls of all samples together."""
        rows = [_Row(*row) for row in results]  # tuples, once they have crossed ranks
        names = np.array([row.name for row in rows])
        facing_image = np.stack([row.facing_image for row in rows])
        facing_text = np.stack([row.facing_text for row in rows])
        has_image = np.array([row.image is not None for row in rows])
        has_text = np.array([row.text is not None for row in rows])
        metrics: dict[str, float] = {}

        gallery, which = np.unique(names[has_text], return_inverse=True)
        if len(gallery):
            texts = np.stack([row.text for row in rows if row.text is not None])
            sums = np.zeros((len(gallery), texts.shape[1]))
            np.add.at(sums, which, texts)
            bank = np.stack([_unit(row) for row in sums])
            position = np.searchsorted(gallery, names).clip(max=len(gallery) - 1)
            name_id = np.where(gallery[position] == names, position, -1)
            ids = np.arange(len(gallery))
            metrics.update(self._direction('text_to_shape', bank, ids, facing_text, name_id))
            asking = facing_text[has_text]
            metrics.update(self._direction('shape_to_text', asking, name_id[has_text], bank, ids))
        if has_image.any():
            images = np.stack([row.image for row in rows if row.image is not None])
            own = np.arange(len(rows))
            metrics.update(
                self._direction('image_to_shape', images, own[has_image], facing_image, own)
            )
        return metrics

    def _direction(
        self,
        name: str,
        queries: np.ndarray,
        query_ids: np.ndarray,
        gallery: np.ndarray,
        gallery_ids: np.ndarray,
    ) -> dict[str, float]:
        """Recalls of one direction; an answer is right if it carries the id of the query."""
        ranks = best_ranks(queries, query_ids, gallery, gallery_ids, self.block)
        ids, counts = np.unique(gallery_ids, return_counts=True)
        right = counts[np.searchsorted(ids, query_ids)]
        found: dict[str, float] = {'n': len(queries), 'gallery': len(gallery)}
        for k in self.recall_k:
            found[f'r{k}'] = float((ranks < k).mean())
            found[f'chance_r{k}'] = float(chance_of_hit(len(gallery), right, k).mean())
        recalls = ', '.join(
            f'R@{k} {100 * found[f"r{k}"]:.1f} % (chance {100 * found[f"chance_r{k}"]:.1f})'
            for k in self.recall_k
        )
        print_log(
            f'{name}: N = {len(queries)} queries, {len(gallery)} candidates: {recalls}',
            logger='current',
        )
        return {f'{name}/{key}': value for key, value in found.items()}


def best_ranks(
    queries: np.ndarray,
    query_ids: np.ndarray,
    gallery: np.ndarray,
    gallery_ids: np.ndarray,
    block: int = 512,
) -> np.ndarray:
    """Rank (0 = first) of the best right answer of each query, ties counted against it.

    Args:
        queries: Unit vectors ``(Q, D)``.
        query_ids: ``(Q,)``; each id occurs in the gallery.
        gallery: Unit vectors ``(G, D)``.
        gallery_ids: ``(G,)``.
        block: Queries compared at once.

    Returns:
        ``(Q,)`` int64. A query whose scores are NaN ranks last.
    """
    ranks = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        scores = queries[part] @ gallery.T
        wrong = query_ids[part, None] != gallery_ids[None]
        best = np.where(wrong, -np.inf, scores).max(axis=1, keepdims=True)
        ranks[part] = np.count_nonzero(wrong & ~(scores < best - TIE), axis=1)
    return ranks


def chance_of_hit(gallery: int, right: np.ndarray, k: int) -> np.ndarray:
    """Probability that a random order has one of ``right`` answers among its first ``k``.

    Args:
        gallery: Number of candidates.
        right: Numbers of right answers ``(Q,)``.
        k: Length of the list.
    """
    miss = np.ones(len(right))
    for i in range(min(k, gallery)):
        miss *= np.clip(gallery - right - i, 0, None) / (gallery - i)
    return 1 - miss


def _unit(vector: Any) -> np.ndarray:
    """L2-normalised fp32 copy ``(D,)`` of a tensor or array."""
    if hasattr(vector, 'detach'):
        vector = vector.detach().float().cpu().numpy()
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)


def _own(sample: dict, kind: str, embedding: np.ndarray) -> np.ndarray:
    """Return the shape's embedding in the sub-space of a modality, or the only one."""
    own = sample.get(f'embedding_{kind}')
    return embedding if own is None else _unit(own)


def _feature(sample: dict, kind: str) -> np.ndarray | None:
    """Return the teacher feature of one kind, None if the sample has none."""
    feature = sample.get(f'teacher_{kind}')
    if feature is None or not sample.get(f'has_{kind}', True) or not bool(feature.any()):
        return None
    return _unit(feature)
