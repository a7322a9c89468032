"""Any model of open_clip as a teacher."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.base import Teacher
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb
from mrd_plugin.models.teachers.vision_language.open_clip_patches import encode_tokens
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256

_PREPROCESSING = ('mean', 'std', 'interpolation', 'resize_mode')


@MODELS.register_module()
class OpenCLIPTeacher(Teacher):
    """Image and text tower of a CLIP-like model (arXiv 2103.00020) that open_clip knows.

    Weights are read without running anything in the file (safetensors, or a pickle of plain
    tensors). A local file doesn't say how its images were normalised, so the normalisation of the
    model's published weights is taken. Mind the activation: weights trained by OpenAI need the
    model names that end in ``-quickgelu``.

    Args:
        model: Architecture, for instance 'ViT-bigG-14'; ``open_clip.list_models()`` names all.
        pretrained: A local weight file, or a tag of ``open_clip.list_pretrained()`` that is
            downloaded once and kept.
        preprocess: Only for a local file: the tag whose normalisation it shares, or a dict of
            ``mean``, ``std``, ``interpolation`` and ``resize_mode`` that replaces entries. Defaults
            to None, the one that all published weights of the model share.
        templates: See :class:`Teacher`. Defaults to 'identity'.
        batch_size: See :class:`Teacher`. Defaults to 64.

    Raises:
        ConfigError: The model or tag is unknown, weights are missing, unsafe or of another model,
            or the normalisation is ambiguous.
    """

    def __init__(
        self,
        model: str,
        pretrained: str | Path,
        preprocess: str | Mapping[str, Any] | None = None,
        templates: str | Sequence[str] = 'identity',
        batch_size: int = 64,
    ) -> None:
        import open_clip  # imports timm and torchvision, which other teachers do without
        from open_clip.transform import PreprocessCfg, image_transform_v2

        if model not in open_clip.list_models():
            near = get_close_matches(model, open_clip.list_models()) or ['ViT-B-32', 'ViT-L-14']
            raise ConfigError(f"OpenCLIPTeacher: open_clip has no model='{model}'; near it: {near}")
        weights, normalisation = _find_weights(model, pretrained, preprocess)
        try:
            network = open_clip.create_model(
                model,
                pretrained=str(weights),
                force_preprocess_cfg=normalisation,
                weights_only=True,
            )
        except pickle.UnpicklingError as error:
            raise ConfigError(
                f'OpenCLIPTeacher: {weights} is damaged or holds more than tensors and is not run '
                'for safety; save its state dict as safetensors and point pretrained at it'
            ) from error
        except (RuntimeError, OSError, EOFError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"OpenCLIPTeacher: {weights} doesn't hold weights of model='{model}' "
                f'({_first_words(error)}); choose the model that the file was made for'
            ) from error
        self._model_name = model
        self._weights = weights
        self._image_settings: dict[str, Any] = network.visual.preprocess_cfg
        self._transform = image_transform_v2(PreprocessCfg(**self._image_settings), is_train=False)
        self._tokenizer = open_clip.get_tokenizer(model)
        with torch.no_grad():
            dim = network.eval().encode_text(self._tokenizer(['a'])).shape[-1]
        super().__init__(dim, templates, batch_size)
        self.freeze('clip', network)

    def _encode_images(self, paths: Sequence[str]) -> Tensor:
        return self.network('clip').encode_image(self._pixels(paths))

    def _encode_tokens(self, paths: Sequence[str]) -> Tensor:
        return encode_tokens(self.network('clip').visual, self._pixels(paths))

    def _pixels(self, paths: Sequence[str]) -> Tensor:
        return torch.stack([self._transform(load_rgb(path)) for path in paths]).to(self.device)

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        return self.network('clip').encode_text(self._tokenizer(list(texts)).to(self.device))

    def describe(self) -> dict[str, Any]:
        """Identity for manifests, see :meth:`Teacher.describe`."""
        config = self._image_settings
        size = config['size']
        return {
            'type': 'OpenCLIPTeacher',
            'dim': self.dim,
            'weights_sha256': {self._model_name: file_sha256(self._weights)},
            'preprocessing': {
                'image': 'on white',
                'size': list(size) if isinstance(size, (tuple, list)) else size,
                **{
                    key: list(config[key]) if key in ('mean', 'std') else config[key]
                    for key in _PREPROCESSING
                },
            },
        }


def _find_weights(
    model: str, pretrained: str | Path, preprocess: str | Mapping[str, Any] | None
) -> tuple[Path, dict[str, Any]]:
    """Return the weight file, downloaded if need be, and the normalisation of its images."""
    from open_clip.pretrained import (
        download_pretrained,
        get_pretrained_cfg,
        list_pretrained_tags_by_model,
    )

    tags = list_pretrained_tags_by_model(model)
    of_tag = {tag: _normalisation(get_pretrained_cfg(model, tag)) for tag in tags}
    if Path(pretrained).is_file():
        return Path(pretrained), _choose_normalisation(model, of_tag, preprocess)
    if str(pretrained) not in of_tag:
        raise ConfigError(
            f"OpenCLIPTeacher: pretrained='{pretrained}' is neither a file nor a tag of {model}; "
            f'its tags are {tags}'
        )
    try:
        path = download_pretrained(get_pretrained_cfg(model, str(pretrained)))
    except Exception as error:  # whatever the hub's client raises without a network
        raise ConfigError(
            f"OpenCLIPTeacher: the weights '{pretrained}' of {model} can't be downloaded "
            f'({_first_words(error)}); fetch the file elsewhere and set pretrained to its path'
        ) from error
    return Path(path), of_tag[str(pretrained)]


def _choose_normalisation(
    model: str, of_tag: Mapping[str, dict[str, Any]], preprocess: str | Mapping[str, Any] | None
) -> dict[str, Any]:
    if isinstance(preprocess, str):
        if preprocess not in of_tag:
            raise ConfigError(
                f"OpenCLIPTeacher: preprocess='{preprocess}' is no tag of {model}; its tags are "
                f'{list(of_tag)}'
            )
        return of_tag[preprocess]
    if preprocess is not None:
        unknown = sorted(set(preprocess) - set(_PREPROCESSING))
        if unknown:
            raise ConfigError(
                f'OpenCLIPTeacher: preprocess has {unknown}, expected keys of {_PREPROCESSING}'
            )
        return dict(preprocess)
    distinct = {repr(config): config for config in of_tag.values()}
    if len(distinct) > 1:
        raise ConfigError(
            f'OpenCLIPTeacher: published weights of {model} are normalised in different ways; set '
            f'preprocess to the tag that your file comes from, one of {list(of_tag)}'
        )
    return next(iter(distinct.values()), {})


def _normalisation(tag_config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tag_config[key] for key in _PREPROCESSING if tag_config.get(key) is not None}


def _first_words(error: Exception) -> str:
    return ' '.join(str(error).split())[:160]
