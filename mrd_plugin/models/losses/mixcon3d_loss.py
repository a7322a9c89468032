"""Alignment of points, and of points and image together, with text."""

from __future__ import annotations

from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.losses.align_loss import AlignLoss


@MODELS.register_module()
class MixCon3DLoss(AlignLoss):
    """``AlignLoss`` plus InfoNCE between a joint embedding of points and image, and the text.

    ``image_weight InfoNCE(P, I) + text_weight InfoNCE(P, T) + joint_weight InfoNCE(J, T)`` (MixCon3D,
    arXiv 2311.01734, section 3.2; all of one weight). Its image-text term has no gradient where image
    and text are frozen and not projected, so there is none here. The joint term is over the samples
    with image and text.

    Args:
        joint_weight (float): Weight of the joint term. Defaults to 0.5.
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
        points: Tensor,
        image: Tensor,
        text: Tensor,
        has_image: Tensor,
        has_text: Tensor,
        scale_image: Tensor,
        scale_text: Tensor,
        joint: Tensor,
        scale_joint: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            points (Tensor): As in :class:`AlignLoss`, like all arguments up to ``scale_text``.
            image (Tensor): ``(N, D)``.
            text (Tensor): ``(N, D)``.
            has_image (Tensor): ``(N,)`` bool.
            has_text (Tensor): ``(N,)`` bool.
            scale_image (Tensor): Scalar.
            scale_text (Tensor): Scalar.
            joint (Tensor): ``(N, D)`` joint embeddings, with gradient; rows without an image are not
                read.
            scale_joint (Tensor): Scalar, its logit scale, with gradient.

        Returns:
            dict[str, Tensor]: ``loss`` and scalars to log, with ``align_joint`` and ``match_joint``.
        """
        found = super().forward(points, image, text, has_image, has_text, scale_image, scale_text)
        nobody = has_image & False
        both = has_image & has_text
        more = self.joint(joint, image, text, nobody, both, scale_joint, scale_joint)
        found['loss'] = found['loss'] + more['loss']
        found['align_joint'], found['match_joint'] = more['align_text'], more['match_text']
        return found
