"""TAMM, stage 1: re-aligning CLIP's image features of renderings with texts.

CLIP was trained on photographs. TAMM (Zhang et al., CVPR 2024, arXiv 2402.18490, section 3.2) first
trains a small residual adapter on its frozen image features, so that the renderings of shapes lie
nearer to the shapes' texts. It fits the training pairs within a few epochs and then overfits:
choose the checkpoint by a retrieval metric on a validation part (``save_best`` of the checkpoint
hook).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.base_shape import TaughtModel, inverse_temperature
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.ops import gather_rows
from mrd_plugin.structures import ShapeDataSample


@MODELS.register_module()
class TAMMImageAdapter(TaughtModel):
    """Contrast adapted image features with text features, over the samples that have both.

    Points are never looked at: a pipeline that ends in ``PackImageText`` is enough.

    Args:
        adapter: ``CLIPImageAdapter`` of the teacher's dim.
        teacher: Gives image and text features; frozen.
        classifier: ``PromptClassifier``, for the zero-shot accuracy of the adapted images.
        loss: Options of ``AlignLoss``, such as ``mask_duplicates``.
        init_logit_scale: Initial inverse temperature. Defaults to 1 / 0.07.
        max_logit_scale: Its upper clamp. Defaults to 100.
        data_preprocessor: Defaults to ``ShapeDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        adapter: dict,
        teacher: dict,
        classifier: dict | None = None,
        loss: dict | None = None,
        init_logit_scale: float = 1 / 0.07,
        max_logit_scale: float = 100.0,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='ShapeDataPreprocessor'), init_cfg)
        self.adapter = MODELS.build(adapter)
        self.teacher = MODELS.build(teacher)
        self.classifier = MODELS.build(classifier) if classifier else None
        if self.adapter.dim != self.teacher.dim:
            raise ValueError(
                f'model.adapter.dim is {self.adapter.dim} but model.teacher gives '
                f'{self.teacher.dim}-d features; set model.adapter.dim={self.teacher.dim}.'
            )
        self.criterion = MODELS.build(
            dict(dict(type='AlignLoss', image_weight=0.0, text_weight=1.0), **(loss or {}))
        )
        self.log_logit_scale = nn.Parameter(torch.full((1,), math.log(init_logit_scale)))
        self.max_logit_scale = max_logit_scale

    def embed(self, inputs: Tensor) -> Tensor:
        """Adapt image features ``(B, D)``, not normalised."""
        return self.adapter(inputs)

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the loss of a batch from images and texts of its samples; inputs are not read.

        Returns:
            ``loss``; ``match``, the rate of images whose own text is the nearest of the batch;
            ``logit_scale``.
        """
        targets = self.teacher(data_samples)
        image = gather_rows(F.normalize(self.embed(targets.image).float(), dim=-1))
        text = gather_rows(targets.text)
        has_both = gather_rows(targets.has_image & targets.has_text)
        scale = inverse_temperature(self.log_logit_scale, self.max_logit_scale)
        pairs = Triplets(image, text, text, torch.zeros_like(has_both), has_both)
        log = self.criterion(pairs, scale[0], scale[0])
        return dict(loss=log['loss'], match=log['match_text'], logit_scale=scale[0].detach())

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Give each sample its adapted image as ``embedding``, its text's feature and ``scores``.

        ``CrossModalRetrieval`` then measures image -> text and text -> image under the names
        ``shape_to_text`` and ``text_to_shape``; there is no third modality to ask with.
        """
        targets = self.teacher(data_samples)
        embedding = F.normalize(self.embed(targets.image), dim=-1)
        nothing = torch.zeros_like(targets.has_image)
        return self.annotate(data_samples, embedding, targets._replace(has_image=nothing))
