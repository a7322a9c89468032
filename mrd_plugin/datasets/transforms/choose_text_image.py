"""Chooses the text and the image of a sample."""

from __future__ import annotations

from typing import Any

from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.text_image_policy import Candidates, TextImagePolicy
from mrd_plugin.utils.errors import BadSampleError


@TRANSFORMS.register_module()
class ChooseTextImage:
    """Set ``text``, ``text_feat``, ``image_path`` and ``image_feat``, each None if there is none.

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
            image = self.policy.choose_image(shape)
        except BadSampleError as error:
            raise BadSampleError(f'{results.get("path")}: {error}') from error
        results['text'], results['text_feat'] = text
        results['image_path'], results['image_feat'] = image
        return results
