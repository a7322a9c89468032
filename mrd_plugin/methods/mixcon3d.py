"""MixCon3D (arXiv 2311.01734, 3.2): points and image are joined before they meet the text.

Points are aligned with image and text, and the joint embedding of points and image with the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.base_shape import TripletPretrainer, inverse_temperature
from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.structures import ShapeDataSample


@MODELS.register_module()
class MixCon3D(TripletPretrainer):
    """Align points with image and text, and points and image together with text.

    The point embedding and the teacher's image feature enter ``g`` at unit length (INTERPRETATION;
    the released code joins them as they are). ``predict`` gives ``embedding`` and ``scores`` of the
    points alone, and for samples with an image ``joint_embedding`` and ``joint_scores``, which only
    ``JointZeroShotAccuracy`` reads.

    Args:
        loss: Defaults to ``MixCon3DLoss``.
        separate_logit_scales: Defaults to True, as in the paper's recipe; the joint term always has
            a scale of its own.
        **kwargs: See :class:`TripletPretrainer`.
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
        """Join unit rows ``(n, D)`` of points and images to unit embeddings ``(n, D)``."""
        return F.normalize(self.joint_head(torch.cat([points, image], dim=-1)).float(), dim=-1)

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch; see :meth:`TripletPretrainer.loss`."""
        batch = self.triplets(inputs, data_samples)
        scale_image, scale_text = self.logit_scales()
        scale_joint = inverse_temperature(self.log_logit_scale_joint, self.max_logit_scale)
        joint = self.join(batch.points, batch.image)
        log = self.criterion(batch, scale_image, scale_text, joint, scale_joint)
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


@MODELS.register_module()
class MixCon3DLoss(AlignLoss):
    """``AlignLoss`` plus InfoNCE between a joint embedding of points and image, and the text.

    ``image_weight InfoNCE(P, I) + text_weight InfoNCE(P, T) + joint_weight InfoNCE(J, T)``
    (MixCon3D, arXiv 2311.01734, section 3.2; all of one weight). Its image-text term has no
    gradient where image and text are frozen and not projected, so there is none here. The joint
    term is over the samples with image and text.

    Args:
        joint_weight: Weight of the joint term. Defaults to 0.5.
        **kwargs: See :class:`AlignLoss`.
    """

    def __init__(self, joint_weight: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.joint_weight = joint_weight
        self.joint = AlignLoss(
            image_weight=0.0,
            text_weight=joint_weight,
            mask_duplicates=self.mask_duplicates,
            block_size=self.block_size,
        )

    def forward(  # type: ignore[override]
        self,
        batch: Triplets,
        scale_image: Tensor,
        scale_text: Tensor,
        joint: Tensor,
        scale_joint: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            batch: As in :class:`AlignLoss`, like the two scales.
            scale_image: Scalar.
            scale_text: Scalar.
            joint: ``(N, D)`` joint embeddings, with gradient; rows without an image are not read.
            scale_joint: Scalar, its logit scale, with gradient.

        Returns:
            ``loss`` and scalars to log, with ``align_joint`` and ``match_joint``.
        """
        found = super().forward(batch, scale_image, scale_text)
        both = batch.has_image & batch.has_text
        joined = batch._replace(points=joint, has_image=both & False, has_text=both)
        more = self.joint(joined, scale_joint, scale_joint)
        found['loss'] = found['loss'] + more['loss']
        found['align_joint'], found['match_joint'] = more['align_text'], more['match_text']
        return found
