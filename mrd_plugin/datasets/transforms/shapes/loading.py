"""The start of a shape pipeline: read the points, choose the text and the images.

``SampleViews`` chooses cameras before their images are read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.shapes.shape_file import shape_fields
from mrd_plugin.datasets.shapes.text_image_policy import Candidates, TextImagePolicy
from mrd_plugin.utils.errors import BadSampleError, ConfigError


@TRANSFORMS.register_module()
class LoadShape:
    """Read ``path``, an own ``.npz`` or OpenShape's pickled-dict ``.npy``, without running pickles.

    A data set that keeps its shapes in memory puts ``xyz`` (and ``rgb``) there itself; the file is
    then not touched. Sets ``xyz (N, 3)`` float32, ``rgb (N, 3)`` (if the shape has colour) and, if
    the data set did not set them, ``candidates`` and ``name``.

    Colours stay uint8 if stored so; :class:`SamplePoints` makes them floats in [0, 1].
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one shape.

        Raises:
            BadSampleError: If the file can't be used; the message names it.
        """
        if 'xyz' not in results:
            for key, value in shape_fields(results['path']).items():
                results.setdefault(key, value)
        return results


def float_colours(rgb: np.ndarray) -> np.ndarray:
    """Colours as float32 in [0, 1], from uint8 or from floats."""
    if rgb.dtype == np.uint8:
        return rgb / np.float32(255)
    return rgb.astype(np.float32, copy=False)


@TRANSFORMS.register_module()
class ChooseTextImage:
    """Set ``text``, ``text_feat``, ``image_path`` and ``image_feat``, each None if there is none.

    With a policy of several images, ``image_paths`` (a tuple) and ``image_feats (V, D)`` hold all
    of them, and the other two the first.

    Args:
        policy: Arguments of :class:`~mrd_plugin.datasets.shapes.text_image_policy.TextImagePolicy`.
            Defaults to None, the training rules.
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


@TRANSFORMS.register_module()
class SampleViews:
    """Keep some of a sample's cameras, in random order. It stands before ``LoadPair``.

    Args:
        num_views: How many; a sample with fewer keeps all. Defaults to None, all.
    """

    def __init__(self, num_views: int | None = None) -> None:
        if num_views is not None and num_views < 1:
            raise ConfigError(f'SampleViews num_views={num_views}: expected 1 or more.')
        self.num_views = num_views

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose among ``cameras``."""
        if 'images' in results:
            raise ConfigError('SampleViews stands behind LoadPair; put it before, to read less.')
        cameras = results['cameras']
        order = np.random.permutation(len(cameras))[: self.num_views]
        results['cameras'] = [cameras[view] for view in order]
        return results
