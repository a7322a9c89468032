"""A quick teacher and bare samples."""

from __future__ import annotations

import numpy as np
import torch

from mrd_plugin.models.teachers import Teacher
from mrd_plugin.structures import ShapeDataSample


class HashTeacher(Teacher):
    """A quick deterministic encoder that counts its calls."""

    def __init__(self, dim=8, batch_size=2, salt=0):
        super().__init__(dim, batch_size=batch_size)
        self.salt = salt
        self.encoded = []

    def _vectors(self, items):
        self.encoded += items
        rows = [
            np.random.default_rng([self.salt, *item.encode()]).normal(size=self.dim)
            for item in items
        ]
        return torch.tensor(np.stack(rows))

    def _encode_images(self, paths):
        return self._vectors([str(path).rsplit('/', 1)[-1] for path in paths])

    def _encode_texts(self, texts):
        return self._vectors(list(texts))

    def describe(self):
        return dict(
            type='HashTeacher', dim=self.dim, weights_sha256={'salt': self.salt}, preprocessing={}
        )


def make_sample(**meta):
    return ShapeDataSample(metainfo=dict(dict(text=None, image_path=None), **meta))


class PatchHashTeacher(HashTeacher):
    """The same with three patch tokens per image."""

    def _encode_tokens(self, paths):
        names = [str(path).rsplit('/', 1)[-1] for path in paths]
        tokens = [self._vectors([name, *(f'{name}@{k}' for k in range(3))]) for name in names]
        return torch.stack(tokens)
