"""MixCon3D: a joint embedding of points and image beside that of the points (arXiv 2311.01734).

The image knows what the points do not (texture, thin parts) and the other way round, so the two
together are aligned with the text as well: ``j = g([p, i])`` with one linear layer ``g``. The points
alone stay aligned with image and text; they are what zero-shot and retrieval figures are made of
unless a figure names the joint embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.pretrainers.logit_scale import inverse_temperature
from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner
from mrd_plugin.structures import ShapeDataSample


@MODELS.register_module()
class MixCon3D(ShapeAligner):
    """Align points with image and text, and points and image together with text.

    The point embedding and the teacher's image feature enter ``g`` at unit length (INTERPRETATION;
    the released code joins them as they are). ``predict`` gives ``embedding`` and ``scores`` of the
    points alone, and for samples with an image ``joint_embedding`` and ``joint_scores``, which only
    ``JointZeroShotAccuracy`` reads.

    Args:
        loss (dict, optional): Defaults to ``MixCon3DLoss``.
        separate_logit_scales (bool): Defaults to True, as in the paper's recipe; the joint term always
            has a scale of its own.
        **kwargs: See :class:`ShapeAligner`.
    """

    def __init__(
        self,
        *args,
        loss: dict | None = None,
        separate_logit_scales: bool = True,
        init_logit_scale: float = 1 / 0.07,
        **kwargs,
    ) -> None:
        super().__init__(
            *args,
            loss=loss or dict(type='MixCon3DLoss'),
            separate_logit_scales=separate_logit_scales,
            init_logit_scale=init_logit_scale,
            **kwargs,
        )
        dim = self.teacher.dim
        self.joint_head = nn.Linear(2 * dim, dim)
        self.log_logit_scale_joint = nn.Parameter(torch.tensor(math.log(init_logit_scale)))

    def join(self, points: Tensor, image: Tensor) -> Tensor:
        """Joint embeddings ``(n, D)``, unit length, of unit rows ``(n, D)`` of points and images."""
        return F.normalize(self.joint_head(torch.cat([points, image], dim=-1)).float(), dim=-1)

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch; see :meth:`ShapeAligner.loss`."""
        batch = self.triplets(inputs, data_samples)
        scale_image, scale_text = self.logit_scales()
        scale_joint = inverse_temperature(self.log_logit_scale_joint, self.max_logit_scale)
        joint = self.join(batch.points, batch.image)
        log = self.criterion(*batch, scale_image, scale_text, joint, scale_joint)
        return {**log, **self.logit_scale_log(), 'logit_scale_joint': scale_joint.detach()}

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Predictions of the points alone, and joint ones under names of their own."""
        samples = super().predict(inputs, data_samples)
        with_image = [sample for sample in samples if 'teacher_image' in sample]
        if with_image:
            points = torch.stack([sample.embedding for sample in with_image])
            images = torch.stack([sample.teacher_image for sample in with_image])
            joint = self.join(points, images)
            scores = self.classifier(joint, self.teacher) if self.classifier else None
            for i, sample in enumerate(with_image):
                sample.joint_embedding = joint[i].clone()
                if scores is not None:
                    sample.joint_scores = scores[i].clone()
        return samples
