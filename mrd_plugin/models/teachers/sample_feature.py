"""A teacher that reads its targets from the samples' own files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.base import Teacher, TeacherTargets, ViewTargets, pad_views
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import BadSampleError, ConfigError


@MODELS.register_module()
class SampleFeatureTeacher(Teacher):
    """Reads ``image_feat`` and ``text_feat`` of the samples, as OpenShape's files carry them.

    It encodes nothing itself: a zero-shot head needs class embeddings from a file or another
    teacher.

    Args:
        dim: Length that every stored feature must have, for instance 1280 for ViT-bigG-14.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)

    def describe(self) -> dict[str, Any]:
        """Identity for manifests. The files don't say which weights made them."""
        return {
            'type': 'SampleFeatureTeacher',
            'dim': self.dim,
            'weights_sha256': None,
            'preprocessing': None,
        }

    @torch.no_grad()
    def forward(self, data_samples: Sequence[ShapeDataSample]) -> TeacherTargets:
        """Collect and normalise the stored features.

        Args:
            data_samples: ``B`` samples; each feature may be absent or None.

        Returns:
            Rows in the order of the samples.

        Raises:
            BadSampleError: A feature isn't ``(dim,)`` or isn't finite.
        """
        image, has_image = self._collect(data_samples, 'image_feat')
        return TeacherTargets(image, has_image, *self.text_targets(data_samples))

    @torch.no_grad()
    def text_targets(self, data_samples: Sequence[ShapeDataSample]) -> tuple[Tensor, Tensor]:
        """Return the text half of :meth:`forward`."""
        return self._collect(data_samples, 'text_feat')

    @torch.no_grad()
    def view_targets(self, data_samples: Sequence[ShapeDataSample], count: int) -> ViewTargets:
        """Targets of ``image_feats (V, D)``; a sample without them shows its ``image_feat``.

        Raises:
            BadSampleError: As :meth:`forward`.
            ConfigError: A sample has more than ``count`` of them.
        """
        padded = pad_views([_views(sample) for sample in data_samples], count)
        owners = [sample for sample in data_samples for _ in range(count)]
        image, has_image = self._gather(owners, padded, 'image_feats')
        return ViewTargets(image.unflatten(0, (-1, count)), has_image.unflatten(0, (-1, count)))

    def _collect(self, data_samples: Sequence[ShapeDataSample], key: str) -> tuple[Tensor, Tensor]:
        return self._gather(data_samples, [sample.get(key) for sample in data_samples], key)

    def _gather(
        self, owners: Sequence[ShapeDataSample], features: Sequence[Tensor | None], key: str
    ) -> tuple[Tensor, Tensor]:
        """Features of samples as unit rows; None stays zero."""
        out = torch.zeros(len(owners), self.dim, device=self.device)
        has = torch.zeros(len(owners), dtype=torch.bool, device=self.device)
        for row, (sample, feature) in enumerate(zip(owners, features)):
            if feature is None:
                continue
            if tuple(feature.shape) != (self.dim,):
                raise BadSampleError(
                    f"sample '{sample.get('sample_id')}': {key} has shape {tuple(feature.shape)}, "
                    f'but teacher.dim is {self.dim}; the file was made by another teacher, or '
                    'teacher.dim is wrong'
                )
            out[row] = feature
            has[row] = True
        bad = ~out.isfinite().all(dim=-1)
        if bad.any():
            names = [owners[row].get('sample_id') for row in bad.nonzero()[:3, 0].tolist()]
            raise BadSampleError(f'samples {names}: {key} is not finite; make these files again')
        return F.normalize(out, dim=-1), has

    def _encode_images(self, paths: Sequence[str]) -> Tensor:
        raise self._no_encoder('an image')

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        raise self._no_encoder(f"the text '{texts[0]}'")

    def _no_encoder(self, what: str) -> ConfigError:
        return ConfigError(
            f'SampleFeatureTeacher has no encoder for {what}: it only reads features stored with '
            'the samples; use CachedTeacher or OpenCLIPTeacher where names or images must be '
            'encoded'
        )


def _views(sample: ShapeDataSample) -> Sequence[Tensor | None]:
    """All image features of a sample, at least one entry, which may be None."""
    features = sample.get('image_feats')
    return [sample.get('image_feat')] if features is None else list(features)
