"""Which text and which image represent a shape: one policy for training, one for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mrd_plugin.utils.errors import BadSampleError, ConfigError

SOURCES = ('raw', 'caption', 'retrieval')


@dataclass
class Texts:
    """Texts of one source with their stored features.

    Attributes:
        texts: Texts; an empty string represents a text that could not be made.
        original: Features ``(len(texts), D)`` of the texts themselves, or None.
        prompt_avg: Features ``(len(texts), D)`` averaged over prompt templates, or None.
    """

    texts: Sequence[str] = ()
    original: np.ndarray | None = None
    prompt_avg: np.ndarray | None = None

    def feature(self, index: int, prompt_average: bool) -> np.ndarray | None:
        """Return the feature ``(D,)`` of one text; the prompt average if asked for and stored."""
        table = self.original
        if prompt_average and self.prompt_avg is not None:
            table = self.prompt_avg
        return None if table is None else np.asarray(table[index], dtype=np.float32)


@dataclass
class Candidates:
    """Everything a text and an image may be chosen from.

    Attributes:
        dataset: Where the shape is from; ``'Objaverse'`` has rules of its own.
        raw: Names and descriptions as its creator wrote them.
        captions: Captions; an entry may be empty.
        retrieval: Captions of similar images.
        images: Image files, of the renderings if there is a thumbnail too.
        thumbnail: File of the creator's own image.
        thumbnail_feat: Feature ``(D,)`` of the creator's own image.
        image_feat: Features ``(V, D)`` of the renderings.
    """

    dataset: str = ''
    raw: Texts = field(default_factory=Texts)
    captions: Texts = field(default_factory=Texts)
    retrieval: Texts = field(default_factory=Texts)
    images: Sequence[str] = ()
    thumbnail: str | None = None
    thumbnail_feat: np.ndarray | None = None
    image_feat: np.ndarray | None = None


class TextChoice(NamedTuple):
    """A text and its stored feature ``(D,)``; each may be None."""

    text: str | None
    feature: np.ndarray | None


class ImageChoice(NamedTuple):
    """An image file and a stored feature ``(D,)``; each may be None."""

    path: str | None
    feature: np.ndarray | None


class TextImagePolicy:
    """Chooses one text and one or several images of a shape.

    Training follows OpenShape (Liu et al., NeurIPS 2023, section 3.1). Each source offers at most
    one candidate, and one of the candidates is drawn uniformly:

    - ``raw``: Objaverse gives its first text, unless the GPT filter rejects it; other sets any;
    - ``caption``: one of the captions (BLIP or MSFT, half and half); nothing if that one is empty;
    - ``retrieval``: one of the retrieved texts.

    A shape without a candidate has no text, and the losses leave it out of their text terms. The
    image of a shape with a thumbnail (Objaverse) is that with probability ``thumbnail_prob`` and
    otherwise a random rendering; other shapes have renderings alone. With ``num_images`` above 1
    (TAMM, Zhang et al., CVPR 2024) the thumbnail, if there is one, is always the first image and
    the others are random renderings, all different where there are enough of them.

    Args:
        text: ``'random'`` as above; ``'name'`` takes the shape's name, for evaluation; ``'none'``
            takes no text. Defaults to 'random'.
        image: ``'random'`` as above; ``'first'`` takes the thumbnail if there is one and the first
            rendering otherwise, for evaluation; ``'none'`` takes no image. Defaults to 'random'.
        num_images: Images of a shape. Defaults to 1.
        sources: Sources to draw from. Defaults to ('raw', 'caption', 'retrieval').
        gpt_filter: Honour the GPT filter on Objaverse's raw texts. Defaults to True.
        thumbnail_prob: See above. Defaults to 0.5.
        prompt_average: Use prompt-averaged features of raw texts and captions where stored.
            Retrieved texts always use their own. Defaults to True.
        feature_dim: Length every stored feature must have. Defaults to None, any.

    Raises:
        ConfigError: If an argument is none of those listed.
    """

    def __init__(
        self,
        text: str = 'random',
        image: str = 'random',
        num_images: int = 1,
        sources: Sequence[str] = SOURCES,
        gpt_filter: bool = True,
        thumbnail_prob: float = 0.5,
        prompt_average: bool = True,
        feature_dim: int | None = None,
    ) -> None:
        for key, value, known in (
            ('text', text, ('random', 'name', 'none')),
            ('image', image, ('random', 'first', 'none')),
        ):
            if value not in known:
                raise ConfigError(f'policy {key}={value!r}: expected one of {known}.')
        unknown = [source for source in sources if source not in SOURCES]
        if unknown or not sources:
            raise ConfigError(f'policy sources={tuple(sources)}: expected some of {SOURCES}.')
        if num_images < 1:
            raise ConfigError(f'policy num_images={num_images}: expected 1 or more.')
        self.text = text
        self.image = image
        self.num_images = num_images
        self.sources = tuple(sources)
        self.gpt_filter = gpt_filter
        self.thumbnail_prob = thumbnail_prob
        self.prompt_average = prompt_average
        self.feature_dim = feature_dim

    def choose_text(self, shape: Candidates, name: str, raw_text_ok: bool = True) -> TextChoice:
        """Choose a text; ``raw_text_ok`` is what the GPT filter says of the first raw text.

        Raises:
            BadSampleError: If the stored feature has another length than ``feature_dim``.
        """
        if self.text == 'none':
            return TextChoice(None, None)
        if self.text == 'name':
            stored = name in shape.raw.texts
            index = list(shape.raw.texts).index(name) if stored else 0
            feature = shape.raw.feature(index, self.prompt_average) if stored else None
            return TextChoice(name, self._checked(feature, 'text'))
        offers = [offer for s in self.sources if (offer := self._offer(s, shape, raw_text_ok))]
        if not offers:
            return TextChoice(None, None)
        texts, index, average = offers[np.random.randint(len(offers))]
        return TextChoice(texts.texts[index], self._checked(texts.feature(index, average), 'text'))

    def _offer(
        self, source: str, shape: Candidates, raw_text_ok: bool
    ) -> tuple[Texts, int, bool] | None:
        """Return a source's candidate: its texts, the index, whether prompts are averaged."""
        if source == 'raw':
            texts = shape.raw
            if shape.dataset == 'Objaverse':
                allowed = len(texts.texts) > 0 and (raw_text_ok or not self.gpt_filter)
                return (texts, 0, self.prompt_average) if allowed and texts.texts[0] else None
        else:
            texts = shape.captions if source == 'caption' else shape.retrieval
        if not len(texts.texts):
            return None
        index = np.random.randint(len(texts.texts))
        average = self.prompt_average and source != 'retrieval'
        return (texts, index, average) if texts.texts[index] else None

    def choose_images(self, shape: Candidates) -> list[ImageChoice]:
        """Choose ``num_images`` images of a shape, each a file or a stored feature or both.

        Returns:
            The choices, the thumbnail first; empty if the shape has no image or none is wanted.

        Raises:
            BadSampleError: If a stored feature has another length than ``feature_dim``.
        """
        views = 0 if shape.image_feat is None else len(shape.image_feat)
        views = max(views, len(shape.images))
        has_thumbnail = shape.thumbnail is not None or shape.thumbnail_feat is not None
        if self.image == 'none' or not (views or has_thumbnail):
            return []
        random = self.image == 'random'
        takes_thumbnail = has_thumbnail and (
            self.num_images > 1
            or not views
            or not random
            or np.random.random() < self.thumbnail_prob
        )
        chosen = [self._thumbnail(shape)] if takes_thumbnail else []
        wanted = self.num_images - len(chosen)
        if not views:
            return chosen * self.num_images
        return chosen + [self._rendering(shape, i) for i in _indices(views, wanted, random)]

    def _thumbnail(self, shape: Candidates) -> ImageChoice:
        return ImageChoice(shape.thumbnail, self._checked(shape.thumbnail_feat, 'image'))

    def _rendering(self, shape: Candidates, index: int) -> ImageChoice:
        path = shape.images[index] if index < len(shape.images) else None
        stored = shape.image_feat if shape.image_feat is not None else ()
        feature = stored[index] if index < len(stored) else None
        return ImageChoice(path, self._checked(feature, 'image'))

    def _checked(self, feature: np.ndarray | None, kind: str) -> np.ndarray | None:
        if feature is None:
            return None
        feature = np.asarray(feature, dtype=np.float32).reshape(-1)
        if self.feature_dim is not None and feature.size != self.feature_dim:
            raise BadSampleError(
                f'its {kind} feature has {feature.size} numbers, expected feature_dim='
                f'{self.feature_dim}; it was made by another teacher.'
            )
        if not np.isfinite(feature).all():
            raise BadSampleError(f'its {kind} feature holds NaN or infinite numbers.')
        return feature


def _indices(count: int, wanted: int, random: bool) -> Sequence[int]:
    """Which of ``count`` renderings are taken; with repeats only if there are too few."""
    if not random or not wanted:
        return [i % count for i in range(wanted)]
    if wanted == 1:
        return [int(np.random.randint(count))]
    return np.random.choice(count, wanted, replace=wanted > count).tolist()
