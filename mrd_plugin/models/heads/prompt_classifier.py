"""Zero-shot classification: a class is the mean of its prompts in the teacher's text space."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.base import Teacher
from mrd_plugin.models.teachers.prompts import get_templates
from mrd_plugin.utils.files import find_file, read_json


@MODELS.register_module()
class PromptClassifier(BaseModule):
    """Cosine similarity to prompt-averaged class embeddings.

    Args:
        classes: Class names in label order, or a JSON file that lists them.
        templates: Prompts with one ``{}``, or the name of a template set. Defaults to
            ``'identity'``.
    """

    def __init__(
        self, classes: Sequence[str] | str, templates: Sequence[str] | str = 'identity'
    ) -> None:
        super().__init__()
        if isinstance(classes, str):
            classes = read_json(find_file('model.classifier.classes', classes))
        self.classes = tuple(classes)
        self.templates = get_templates(templates)
        self._prototypes: Tensor | None = None

    def prototypes(self, teacher: Teacher) -> Tensor:
        """Embed the classes with the teacher's text tower, once; ``(K, D)``, unit length."""
        if self._prototypes is None:
            self._prototypes = teacher.encode_prompts(self.classes, self.templates)
        return self._prototypes

    def forward(self, embedding: Tensor, teacher: Teacher) -> Tensor:
        """Score embeddings ``(B, D)`` against all classes: cosines ``(B, K)`` in [-1, 1]."""
        prototypes = self.prototypes(teacher).to(embedding)
        return F.normalize(embedding, dim=-1) @ prototypes.T
