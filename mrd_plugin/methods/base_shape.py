"""The learnt inverse temperature of the contrastive losses."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.heads import PromptClassifier
from mrd_plugin.models.teachers import Teacher, TeacherTargets
from mrd_plugin.structures import ShapeDataSample


class ThreeModes(BaseModel, metaclass=ABCMeta):
    """MMEngine's three modes over a frozen ``teacher`` and an optional ``classifier``.

    Subclasses write :meth:`embed`, :meth:`loss` and :meth:`predict`.
    """

    teacher: Teacher
    classifier: PromptClassifier | None

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[ShapeDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[ShapeDataSample] | Tensor:
        """Run one of MMEngine's three modes.

        Args:
            inputs (Tensor): Points ``(B, N, C)``.
            data_samples (Sequence[ShapeDataSample], optional): One a shape; needed by ``'loss'`` and
                ``'predict'``.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            dict, list or Tensor: Named losses, samples with predictions, or embeddings ``(B, D)``.
        """
        if mode == 'tensor':
            return self.embed(inputs)
        assert data_samples is not None
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}.")

    @abstractmethod
    def embed(self, inputs: Tensor) -> Tensor:
        """Embed inputs in the teacher's space, ``(B, D)``, not normalised."""

    @abstractmethod
    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the training losses; names that hold ``loss`` are summed, the rest is logged."""

    @abstractmethod
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Give each sample its ``embedding``, the teacher's features and, if asked for, ``scores``."""

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


class BasePretrainer(ThreeModes):
    """A student (backbone, head) beside a frozen teacher.

    Subclasses write :meth:`loss`; everything else is here. ``FEATURES`` are the names that
    :meth:`features` knows; a method with more branches adds them to both.

    Args:
        backbone (dict): The student; maps points ``(B, N, C)`` to ``(B, out_channels)``. It is the part
            that is kept after pre-training.
        head (dict): From the backbone's width to the teacher's space.
        teacher (dict): A frozen teacher; see ``mrd_plugin.models.teachers``.
        classifier (dict, optional): ``PromptClassifier`` for zero-shot scores in ``predict``.
        num_test_views (int): In ``predict``, cut the cloud into so many disjoint parts, encode each and
            average their unit embeddings; the test pipeline then samples ``num_test_views`` times the
            training number of points. Defaults to 1.
        data_preprocessor (dict, optional): Defaults to ``ShapeDataPreprocessor``.
        init_cfg (dict, optional): MMEngine's initialisation config.
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
        """What a probe is trained on.

        Args:
            inputs (Tensor): Points ``(B, N, C)``.
            name (str): One of ``FEATURES``: ``'backbone'`` (B, F) or ``'embedding'`` (B, D).
                Defaults to 'backbone'.

        Returns:
            Tensor: Not normalised.
        """
        return self.embed(inputs) if name == 'embedding' else self.backbone(inputs)

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Give each sample its ``embedding``, the teacher's features and, if asked for, ``scores``."""
        embedding = self.average_views(inputs, self.embed)
        return self.annotate(data_samples, embedding, self.teacher(data_samples))

    def average_views(self, inputs: Tensor, embed: Callable[[Tensor], Tensor]) -> Tensor:
        """Mean of the unit embeddings ``(B, ..., D)`` of the cloud's parts, unit length."""
        views = inputs.chunk(self.num_test_views, dim=1)
        parts = torch.stack([F.normalize(embed(view), dim=-1) for view in views])
        return F.normalize(parts.sum(0), dim=-1)


def inverse_temperature(log_scale: nn.Parameter, maximum: float) -> Tensor:
    """Exponentiate a logarithmic scale after moving it back below its bound, as CLIP does.

    The parameter itself is moved: a clamp inside the graph has no gradient beyond the bound, and a
    scale that an optimiser's step carried there would never come down again.

    Args:
        log_scale (nn.Parameter): Natural logarithm, any shape; changed in place if it is too large.
        maximum (float): Upper bound of the inverse temperature.

    Returns:
        Tensor: ``exp(log_scale)``, at most ``maximum``, same shape, with gradient.
    """
    with torch.no_grad():
        log_scale.clamp_(max=math.log(maximum))
    return log_scale.exp()
