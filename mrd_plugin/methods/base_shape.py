"""The bases of all pre-trainers of shapes, and their learnt inverse temperature.

:class:`TaughtModel` is any model beside a frozen teacher; :class:`BasePretrainer` adds a student
with a head; :class:`TripletPretrainer` a loss on points, image and text of the global batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.models.heads import PromptClassifier
from mrd_plugin.models.teachers import Teacher, TeacherTargets
from mrd_plugin.models.three_modes import ThreeModes
from mrd_plugin.ops import gather_rows
from mrd_plugin.structures import ShapeDataSample


class TaughtModel(ThreeModes):
    """A model beside a frozen ``teacher`` and an optional ``classifier``.

    Subclasses write :meth:`embed`, :meth:`loss` and :meth:`predict`; ``embed`` gives embeddings in
    the teacher's space, ``(B, D)``, not normalised.
    """

    teacher: Teacher
    classifier: PromptClassifier | None

    def annotate(
        self, data_samples: Sequence[ShapeDataSample], embedding: Tensor, targets: TeacherTargets
    ) -> list[ShapeDataSample]:
        """Write embeddings ``(B, D)``, targets and class scores into the samples."""
        scores = self.classifier(embedding, self.teacher) if self.classifier else None
        for i, sample in enumerate(data_samples):
            # Clones: a row of a batch would drag the whole batch into every saved sample.
            sample.embedding = embedding[i].clone()
            if targets.has_image[i]:
                sample.teacher_image = targets.image[i].clone()
            if targets.has_text[i]:
                sample.teacher_text = targets.text[i].clone()
            if scores is not None:
                sample.scores = scores[i].clone()
        return list(data_samples)


class BasePretrainer(TaughtModel):
    """A student (backbone, head) beside a frozen teacher.

    Subclasses write :meth:`loss`; everything else is here. ``FEATURES`` are the names that
    :meth:`features` knows; a method with more branches adds them to both.

    Args:
        backbone: The student; maps points ``(B, N, C)`` to ``(B, out_channels)``. It is the part
            that is kept after pre-training.
        head: From the backbone's width to the teacher's space.
        teacher: A frozen teacher; see ``mrd_plugin.models.teachers``.
        classifier: ``PromptClassifier`` for zero-shot scores in ``predict``.
        num_test_views: In ``predict``, cut the cloud into so many disjoint parts, encode each and
            average their unit embeddings; the test pipeline then samples ``num_test_views`` times
            the training number of points. Defaults to 1.
        data_preprocessor: Defaults to ``ShapeDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.
    """

    FEATURES: ClassVar[tuple[str, ...]] = ('backbone', 'embedding')

    def __init__(
        self,
        backbone: dict,
        head: dict,
        teacher: dict,
        classifier: dict | None = None,
        num_test_views: int = 1,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='ShapeDataPreprocessor'), init_cfg)
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)
        self.teacher = MODELS.build(teacher)
        self.classifier = MODELS.build(classifier) if classifier else None
        self.num_test_views = num_test_views
        if self.head.out_channels != self.teacher.dim:
            raise ValueError(
                f'model.head.out_channels is {self.head.out_channels} but model.teacher gives '
                f'{self.teacher.dim}-d features; set model.head.out_channels={self.teacher.dim}.'
            )

    def embed(self, inputs: Tensor) -> Tensor:
        """Embed points ``(B, N, C)`` in the teacher's space, ``(B, D)``, not normalised."""
        return self.head(self.backbone(inputs))

    def features(self, inputs: Tensor, name: str = 'backbone') -> Tensor:
        """Return what a probe is trained on.

        Args:
            inputs: Points ``(B, N, C)``.
            name: One of ``FEATURES``: ``'backbone'`` (B, F) or ``'embedding'`` (B, D). Defaults to
                'backbone'.

        Returns:
            Not normalised.
        """
        return self.embed(inputs) if name == 'embedding' else self.backbone(inputs)

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Add ``embedding``, the teacher's features and, if wanted, ``scores`` to each sample."""
        embedding = self.average_views(inputs, self.embed)
        return self.annotate(data_samples, embedding, self.teacher(data_samples))

    def average_views(self, inputs: Tensor, embed: Callable[[Tensor], Tensor]) -> Tensor:
        """Mean of the unit embeddings ``(B, ..., D)`` of the cloud's parts, unit length."""
        views = inputs.chunk(self.num_test_views, dim=1)
        parts = torch.stack([F.normalize(embed(view), dim=-1) for view in views])
        return F.normalize(parts.sum(0), dim=-1)


class TripletPretrainer(BasePretrainer):
    """A loss over the features of points, image and text of the global batch.

    Args:
        loss: Loss module over :class:`Triplets`.
        init_logit_scale: Initial inverse temperature. Defaults to 1 / 0.07.
        max_logit_scale: Upper clamp of the inverse temperature. Defaults to 100.
        separate_logit_scales: One temperature for the image and one for the text term (MixCon3D)
            instead of a shared one (OpenShape). Defaults to False.
        **kwargs: See :class:`BasePretrainer`.
    """

    def __init__(
        self,
        *args,
        loss: dict,
        init_logit_scale: float = 1 / 0.07,
        max_logit_scale: float = 100.0,
        separate_logit_scales: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.criterion = MODELS.build(loss)
        count = 2 if separate_logit_scales else 1
        self.log_logit_scale = nn.Parameter(torch.full((count,), math.log(init_logit_scale)))
        self.max_logit_scale = max_logit_scale

    def logit_scales(self) -> tuple[Tensor, Tensor]:
        """Inverse temperatures of the image and the text term, clamped."""
        scale = inverse_temperature(self.log_logit_scale, self.max_logit_scale)
        return scale[0], scale[-1]

    def logit_scale_log(self) -> dict[str, Tensor]:
        """Return the inverse temperatures to log: one, or one each for image and text."""
        scales = self.log_logit_scale.detach().exp().unbind()
        names = ('logit_scale_image', 'logit_scale_text') if len(scales) == 2 else ('logit_scale',)
        return dict(zip(names, scales))

    def triplets(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> Triplets:
        """Embed this rank's shapes, ask the teacher, join all ranks."""
        points = F.normalize(self.embed(inputs).float(), dim=-1)
        targets = self.teacher(data_samples)
        return Triplets(
            points=gather_rows(points),
            image=gather_rows(targets.image),
            text=gather_rows(targets.text),
            has_image=gather_rows(targets.has_image),
            has_text=gather_rows(targets.has_text),
        )

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs: Points ``(B, N, C)`` of this rank.
            data_samples: The shapes' texts and images.

        Returns:
            ``loss``, and scalars to log: terms, weights, logit scales.
        """
        batch = self.triplets(inputs, data_samples)
        scale_image, scale_text = self.logit_scales()
        log = self.criterion(batch, scale_image, scale_text)
        return {**log, **self.logit_scale_log()}


def inverse_temperature(log_scale: nn.Parameter, maximum: float) -> Tensor:
    """Exponentiate a logarithmic scale after moving it back below its bound, as CLIP does.

    The parameter itself is moved: a clamp inside the graph has no gradient beyond the bound, and a
    scale that an optimiser's step carried there would never come down again.

    Args:
        log_scale: Natural logarithm, any shape; changed in place if it is too large.
        maximum: Upper bound of the inverse temperature.

    Returns:
        ``exp(log_scale)``, at most ``maximum``, same shape, with gradient.
    """
    with torch.no_grad():
        log_scale.clamp_(max=math.log(maximum))
    return log_scale.exp()
