"""The interface of every teacher, and the targets that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.models.teachers.frozen import FrozenModule
from mrd_plugin.models.teachers.prompts import fill_prompts, get_templates
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError


class TeacherTargets(NamedTuple):
    """Unit-length targets of one batch.

    Attributes:
        image: ``(B, D)`` float32, zeros where ``has_image`` is False.
        has_image: ``(B,)`` bool.
        text: ``(B, D)`` float32, zeros where ``has_text`` is False.
        has_text: ``(B,)`` bool.
    """

    image: Tensor
    has_image: Tensor
    text: Tensor
    has_text: Tensor


class PatchTargets(NamedTuple):
    """Unit-length targets of one batch, with what the images hold in each place.

    Attributes:
        image: ``(B, D)`` float32, zeros where ``has_image`` is False.
        patches: ``(B, L, D)`` float32, likewise; L is 0 if no sample has an image.
        has_image: ``(B,)`` bool.
    """

    image: Tensor
    patches: Tensor
    has_image: Tensor


class ViewTargets(NamedTuple):
    """Unit-length targets of several images per shape.

    Attributes:
        image: ``(B, V, D)`` float32, zeros where ``has_image`` is False.
        has_image: ``(B, V)`` bool.
    """

    image: Tensor
    has_image: Tensor


def pad_views(shown: Sequence[Sequence[Any]], count: int) -> list[Any]:
    """Images of all samples in one list, ``count`` each, filled up with None.

    Raises:
        ConfigError: A sample has more.
    """
    most = max(len(images) for images in shown)
    if most > count:
        raise ConfigError(
            f'the samples have {most} images each, but model.num_views is {count}; set it to the '
            'policy.num_images of ChooseTextImage.'
        )
    return [image for images in shown for image in [*images, *[None] * (count - len(images))]]


class Teacher(FrozenModule):
    """A frozen image and text encoder into one space of ``dim`` numbers.

    A subclass encodes one batch in ``_encode_images`` and ``_encode_texts`` and hands its networks
    to :meth:`freeze`. Networks are always in eval mode and never in the state dict: their identity
    is in :meth:`describe`.

    Args:
        dim: Length of an embedding.
        templates: Prompt templates of the samples' texts: the name of a set in ``prompts.py`` or a
            sequence of strings that contain ``{}`` once. Defaults to 'identity', the bare text.
        batch_size: Images or texts that are encoded at once. It doesn't change the result.
            Defaults to 64.
    """

    def __init__(
        self, dim: int, templates: str | Sequence[str] = 'identity', batch_size: int = 64
    ) -> None:
        super().__init__()
        self.dim = dim
        self.templates = get_templates(templates)
        self.batch_size = batch_size

    def _encode_images(self, paths: Sequence[str]) -> Tensor:
        """Embeddings ``(n, dim)`` of at most ``batch_size`` images, any length."""
        raise NotImplementedError

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings ``(n, dim)`` of at most ``batch_size`` texts, any length."""
        raise NotImplementedError

    def _encode_tokens(self, paths: Sequence[str]) -> Tensor:
        """Each image's embedding, then its L patch tokens, ``(n, 1 + L, dim)``, any length."""
        raise ConfigError(
            f'model.teacher: {type(self).__name__} gives no patch tokens; use OpenCLIPTeacher, '
            'ConSETeacher or a cache of one of them that was written with --patches.'
        )

    def describe(self) -> dict[str, Any]:
        """Identity for manifests: ``type``, ``dim``, ``weights_sha256`` and ``preprocessing``."""
        raise NotImplementedError

    def _chunks(self, items: Sequence[str]) -> Iterator[Sequence[str]]:
        for start in range(0, len(items), self.batch_size):
            yield items[start : start + self.batch_size]

    def _run(
        self,
        encode: Callable[[Sequence[str]], Tensor],
        items: Sequence[str],
        nothing: tuple[int, ...] = (0,),
    ) -> Tensor:
        if len(items) == 0:
            return torch.zeros(*nothing, self.dim, device=self.device)
        parts = [encode(chunk).to(self.device, torch.float32) for chunk in self._chunks(items)]
        return F.normalize(torch.cat(parts), dim=-1)

    @torch.no_grad()
    def encode_image(self, paths: Sequence[str]) -> Tensor:
        """Encode images.

        Args:
            paths: ``n`` files that Pillow can read.

        Returns:
            ``(n, dim)`` float32 of unit length.

        Raises:
            BadSampleError: An image is missing or broken.
        """
        return self._run(self._encode_images, paths)

    @torch.no_grad()
    def encode_tokens(self, paths: Sequence[str]) -> Tensor:
        """Encode images as a whole and place by place, in one pass.

        Args:
            paths: ``n`` files that Pillow can read.

        Returns:
            ``(n, 1 + L, dim)`` float32 of unit length: the embedding of :meth:`encode_image`, then
            the patch tokens, row by row of the image, in the same space.

        Raises:
            BadSampleError: An image is missing or broken.
            ConfigError: The teacher has no patch tokens.
        """
        return self._run(self._encode_tokens, paths, (0, 1))

    def encode_patches(self, paths: Sequence[str]) -> Tensor:
        """Patch tokens ``(n, L, dim)`` of ``n`` images; see :meth:`encode_tokens`."""
        return self.encode_tokens(paths)[:, 1:]

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode texts as they are.

        Args:
            texts: ``n`` strings.

        Returns:
            ``(n, dim)`` float32 of unit length.
        """
        return self._run(self._encode_texts, texts)

    @torch.no_grad()
    def encode_prompts(self, names: Sequence[str], templates: str | Sequence[str]) -> Tensor:
        """Encode names as the mean over prompts (the prompt ensemble of arXiv 2103.00020, 3.1.4).

        Args:
            names: ``K`` names or texts.
            templates: ``T`` strings that contain ``{}`` once, or the name of a set in
                ``prompts.py``.

        Returns:
            ``(K, dim)``: every prompt's embedding is normalised, averaged over the templates and
            normalised again.
        """
        templates = get_templates(templates)
        each = self.encode_text(fill_prompts(names, templates))
        mean = each.view(len(names), len(templates), self.dim).mean(dim=1)
        return F.normalize(mean, dim=-1)

    @torch.no_grad()
    def forward(self, data_samples: Sequence[ShapeDataSample]) -> TeacherTargets:
        """Targets of a batch, from ``image_path`` and ``text`` of its samples.

        Args:
            data_samples: ``B`` samples. One without image or text is allowed.

        Returns:
            Rows in the order of the samples.
        """
        paths = [sample.get('image_path') for sample in data_samples]
        image, has_image = self._scatter(paths, self.encode_image)
        return TeacherTargets(image, has_image, *self.text_targets(data_samples))

    @torch.no_grad()
    def text_targets(self, data_samples: Sequence[ShapeDataSample]) -> tuple[Tensor, Tensor]:
        """Return the text half of :meth:`forward`: ``text (B, D)`` and ``has_text (B,)``."""
        texts = [sample.get('text') for sample in data_samples]
        return self._scatter(texts, lambda unique: self.encode_prompts(unique, self.templates))

    @torch.no_grad()
    def view_targets(self, data_samples: Sequence[ShapeDataSample], count: int) -> ViewTargets:
        """Targets of all images of a batch, from ``image_paths`` of its samples.

        Args:
            data_samples: ``B`` samples; one without ``image_paths`` shows its ``image_path``.
            count: Images of a sample, V; what is missing is marked in ``has_image``.

        Returns:
            Rows in the order of the samples and of their images.

        Raises:
            ConfigError: A sample has more images.
        """
        shown = [sample.get('image_paths') or [sample.get('image_path')] for sample in data_samples]
        image, has_image = self._scatter(pad_views(shown, count), self.encode_image)
        return ViewTargets(image.unflatten(0, (-1, count)), has_image.unflatten(0, (-1, count)))

    @torch.no_grad()
    def forward_patches(self, data_samples: Sequence[ShapeDataSample]) -> PatchTargets:
        """Targets of a batch from ``image_path`` of its samples, patch tokens included.

        Args:
            data_samples: ``B`` samples. One without image is allowed. Texts are not looked at.

        Returns:
            Rows in the order of the samples.
        """
        paths = [sample.get('image_path') for sample in data_samples]
        tokens, has_image = self._scatter(paths, self.encode_tokens)
        return PatchTargets(tokens[:, 0], tokens[:, 1:], has_image)

    def _scatter(
        self, keys: Sequence[str | None], encode: Callable[[list[str]], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Encode each distinct key once and put it into its rows; None and '' stay zero."""
        unique = {key: row for row, key in enumerate(dict.fromkeys(k for k in keys if k))}
        has = torch.tensor([bool(key) for key in keys], dtype=torch.bool, device=self.device)
        rows = torch.tensor(
            [unique[key] for key in keys if key], dtype=torch.long, device=self.device
        )
        encoded = encode(list(unique))
        out = encoded.new_zeros(len(keys), *encoded.shape[1:])
        out[has] = encoded[rows]
        return out, has
