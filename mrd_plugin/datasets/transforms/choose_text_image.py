"""Chooses the text and the images of a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.text_image_policy import Candidates, TextImagePolicy
from mrd_plugin.utils.errors import BadSampleError


@TRANSFORMS.register_module()
class ChooseTextImage:
    """Set ``text``, ``text_feat``, ``image_path`` and ``image_feat``, each None if there is none.

    With a policy of several images, ``image_paths`` (a tuple) and ``image_feats (V, D)`` hold all of
    them, and the other two the first.

    Args:
        policy (dict | TextImagePolicy, optional): Arguments of
            :class:`~mrd_plugin.datasets.text_image_policy.TextImagePolicy`. Defaults to None, the
            training rules.
    """

    def __init__(self, policy: dict | TextImagePolicy | None = None) -> None:
        if not isinstance(policy, TextImagePolicy):
            policy = TextImagePolicy(**(policy or {}))
        self.policy = policy

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose for one sample.

        Raises:
            BadSampleError: If a stored feature has the wrong length; the message names the file.
        """
        shape = results.pop('candidates', None) or Candidates()
        raw_text_ok = results.get('raw_text_ok', True)
        name = results.setdefault('name', results['sample_id'])
        try:
            text = self.policy.choose_text(shape, name, raw_text_ok)
            images = self.policy.choose_images(shape)
        except BadSampleError as error:
            raise BadSampleError(f'{results.get("path")}: {error}') from error
        results['text'], results['text_feat'] = text
        results['image_path'], results['image_feat'] = images[0] if images else (None, None)
        if self.policy.num_images > 1:
            paths = [image.path for image in images if image.path is not None]
            features = [image.feature for image in images if image.feature is not None]
            results['image_paths'] = tuple(paths)
            results['image_feats'] = np.stack(features) if features else None
        return results
