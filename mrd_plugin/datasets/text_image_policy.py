"""Which text and which image stand for a shape: one policy for training, one for evaluation."""

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
        texts: Texts; an empty string stands for a text that could not be made.
        original: Features ``(len(texts), D)`` of the texts themselves, or None.
        prompt_avg: Features ``(len(texts), D)`` averaged over prompt templates, or None.
    """

    texts: Sequence[str] = ()
    original: np.ndarray | None = None
    prompt_avg: np.ndarray | None = None

    def feature(self, index: int, prompt_average: bool) -> np.ndarray | None:
        """The feature ``(D,)`` of one text; the prompt average if asked for and stored."""
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
        retrieval: Captions of similar pictures.
        images: Picture files.
        thumbnail_feat: Feature ``(D,)`` of the creator's own picture.
        image_feat: Features ``(V, D)`` of the renderings.
    """

    dataset: str = ''
    raw: Texts = field(default_factory=Texts)
    captions: Texts = field(default_factory=Texts)
    retrieval: Texts = field(default_factory=Texts)
    images: Sequence[str] = ()
    thumbnail_feat: np.ndarray | None = None
    image_feat: np.ndarray | None = None


class TextChoice(NamedTuple):
    """A text and its stored feature ``(D,)``; each may be None."""

    text: str | None
    feature: np.ndarray | None


class ImageChoice(NamedTuple):
    """A picture file and a stored feature ``(D,)``; each may be None."""

    path: str | None
    feature: np.ndarray | None


class TextImagePolicy:
    """Chooses one text and one image of a shape.

    Training follows OpenShape (Liu et al., NeurIPS 2023, section 3.1). Each source offers at most one
    candidate, and one of the candidates is drawn uniformly:

    - ``raw``: Objaverse gives its first text, unless the GPT filter rejects it; other sets any text;
    - ``caption``: one of the captions (BLIP or MSFT, half and half); nothing if that one is empty;
    - ``retrieval``: one of the retrieved texts.

    A shape without a candidate has no text, and the losses leave it out of their text terms. The
    image of an Objaverse shape is its thumbnail with probability ``thumbnail_prob`` and otherwise a
    random rendering; other shapes have renderings alone.

    Args:
        text (str): ``'random'`` as above; ``'name'`` takes the shape's name, for evaluation;
            ``'none'`` takes no text. Defaults to 'random'.
        image (str): ``'random'`` as above; ``'first'`` takes the thumbnail if there is one and the
            first rendering otherwise, for evaluation; ``'none'`` takes no image. Defaults to 'random'.
        sources (Sequence[str]): Sources to draw from. Defaults to ('raw', 'caption', 'retrieval').
        gpt_filter (bool): Honour the GPT filter on Objaverse's raw texts. Defaults to True.
        thumbnail_prob (float): See above. Defaults to 0.5.
        prompt_average (bool): Use prompt-averaged features of raw texts and captions where stored.
            Retrieved texts always use their own. Defaults to True.
        feature_dim (int, optional): Length every stored feature must have. Defaults to None, any.

    Raises:
        ConfigError: If an argument is none of those listed.
    """

    def __init__(
        self,
        text: str = 'random',
        image: str = 'random',
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
        self.text = text
        self.image = image
        self.sources = tuple(sources)
        self.gpt_filter = gpt_filter
        self.thumbnail_prob = thumbnail_prob
        self.prompt_average = prompt_average
        self.feature_dim = feature_dim

    def choose_text(self, shape: Candidates, name: str, raw_text_ok: bool = True) -> TextChoice:
        """Choose a text.

        Args:
            shape: What there is.
            name: Name of the shape.
            raw_text_ok: What the GPT filter says of the first raw text.

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
        """The candidate of one source: its texts, the index and whether prompts are averaged."""
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

    def choose_image(self, shape: Candidates) -> ImageChoice:
        """Choose a picture file and a stored image feature, each if there is one.

        Raises:
            BadSampleError: If the stored feature has another length than ``feature_dim``.
        """
        if self.image == 'none':
            return ImageChoice(None, None)
        random = self.image == 'random'
        path = None
        if len(shape.images):
            path = shape.images[np.random.randint(len(shape.images)) if random else 0]
        feature = None
        views, thumbnail = shape.image_feat, shape.thumbnail_feat
        if thumbnail is not None and (
            views is None or not random or np.random.random() < self.thumbnail_prob
        ):
            feature = thumbnail
        elif views is not None:
            feature = views[np.random.randint(len(views)) if random else 0]
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
