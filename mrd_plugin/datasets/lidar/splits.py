"""Which sweeps a benchmark trains and tests on, and evenly spaced parts of them.

A part is never empty, so that a fraction of a small data set still trains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import read_json

HOLD_OUT = tuple(
    f'scene-{number:04d}'
    for number in (
        *(8, 9, 19, 29, 32, 42, 45, 49, 52, 54, 56, 66, 67, 73, 131, 152, 166, 168, 183, 190),
        *(194, 208, 210, 211, 241, 243, 248, 259, 260, 261, 287, 292, 297, 305, 306, 350, 352),
        *(358, 361, 365, 368, 377, 388, 391, 395, 413, 427, 428, 438, 444, 452, 453, 459, 463),
        *(464, 475, 513, 533, 544, 575, 587, 589, 642, 652, 658, 669, 678, 687, 701, 703, 706),
        *(710, 715, 726, 735, 740, 758, 786, 790, 804, 806, 847, 856, 868, 882, 897, 899, 976),
        *(996, 1012, 1015, 1016, 1018, 1020, 1024, 1044, 1058, 1094, 1098, 1107),
    )
)
"""The 100 training scenes that the image-to-LiDAR methods keep for choosing their settings (Sautier
et al. 2022, arXiv 2203.16258, and all that followed); the other 600 are for pre-training."""

SPLITS = ('all', 'train', 'val', 'test', 'parametrize', 'verify')


def scenes_of(split: str, version: str) -> frozenset[str]:
    """Names of the scenes of a split.

    Args:
        split: ``'train'``, ``'val'`` and ``'test'`` as nuScenes defines them, for its mini version
            ``'train'`` (8 scenes) and ``'val'`` (2); ``'parametrize'``, the training scenes without
            :data:`HOLD_OUT`, and ``'verify'``, those in it.
        version: ``'v1.0-trainval'``, ``'v1.0-mini'`` or ``'v1.0-test'``.

    Raises:
        ConfigError: If there is no such split, it is empty, or nuscenes-devkit is missing.
    """
    if split not in SPLITS[1:]:
        raise ConfigError(f'NuScenesPairs split={split!r}: expected one of {SPLITS}.')
    try:
        from nuscenes.utils import splits as devkit
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'NuScenesPairs split={split!r} needs the lists of nuscenes-devkit ({error.name} is '
            "missing); install it with `pip install -e '.[mmdet3d]'`."
        ) from error
    mini = 'mini_' if version.endswith('mini') else ''
    name = 'train' if split in ('parametrize', 'verify') else split
    names = set(getattr(devkit, f'{mini}{name}', ()))
    if split == 'parametrize':
        names -= set(HOLD_OUT)
    elif split == 'verify':
        names &= set(HOLD_OUT)
    if not names:
        raise ConfigError(f'NuScenesPairs split={split!r}: {version} has no scene of it.')
    return frozenset(names)


def scene_of_samples(tables: Path) -> dict[str, str]:
    """Names of the scenes of all keyframes, in the order of nuScenes' own table of scenes.

    Args:
        tables: Folder of nuScenes' tables, e.g. ``data/nuscenes/v1.0-mini``.

    Returns:
        From the token of a keyframe to the name of its scene.

    Raises:
        ConfigError: If the tables are missing or broken.
    """
    scenes, samples = _table(tables / 'scene.json'), _table(tables / 'sample.json')
    try:
        names = {scene['token']: scene['name'] for scene in scenes}
        order = {token: place for place, token in enumerate(names)}
        samples = sorted(samples, key=lambda sample: order[sample['scene_token']])
        return {sample['token']: names[sample['scene_token']] for sample in samples}
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f'{tables}: scene.json and sample.json do not fit together ({error}); get the tables '
            'again.'
        ) from error


def _table(path: Path) -> list[dict[str, Any]]:
    try:
        return read_json(path, 'get the table again')
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such table, and without it the scenes are unknown; put nuScenes' "
            f"metadata into {path.parent}, or set split='all' and fraction_of='sample'."
        ) from None


Item = TypeVar('Item')


def evenly(items: Sequence[Item], fraction: float, last: bool = False) -> list[Item]:
    """Every k-th of some items, k = 1 / fraction.

    Args:
        items: What to choose from, in a fixed order.
        fraction: Part to keep, in (0, 1].
        last: Whether the last of every k is kept, as the label fractions of nuScenes are counted,
            or the first, as those of SemanticKITTI are (Sautier et al. 2022, arXiv 2203.16258).

    Returns:
        At least one of them if there are any, in their order.

    Raises:
        ConfigError: If the fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise ConfigError(
            f'fraction={fraction}: it would keep nothing or more than there is; expected a number '
            'in (0, 1].'
        )
    block = 1 / fraction
    ends = (round(i * block, 6) for i in range(len(items) + 1))
    kept = [math.ceil(end) - 1 if last else math.floor(end) for end in ends]
    chosen = [items[i] for i in kept if 0 <= i < len(items)]
    return chosen or list(items[-1:])
