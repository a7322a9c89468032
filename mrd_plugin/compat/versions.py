"""Versions of the packages below this one: outside of a range there is a warning, no error.

Packages of this family refuse to be imported beside versions that they were not tested with, and
so fail where they would work. Here a version below the range or above the newest tested one is
named in a warning, and the import goes on.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from typing import Callable

from mmengine.utils import digit_version

# package: (lowest that setup.py admits, newest that the tests ran with)
SUPPORTED = {
    'torch': ('2.1', '2.14'),
    'mmengine': ('0.10.3', '0.10'),
    'numpy': ('1.24', '1.26'),
    'open_clip_torch': ('2.24', '3.3'),
    'mmcv': ('2.0.0', '2.1'),
    'mmdet': ('3.3.0', '3.3'),
    'mmdet3d': ('1.4.0', '1.4'),
    'spconv': ('2.3.6', '2.3'),
}


def outside_of_range(version: str, lowest: str, newest: str) -> str | None:
    """Say in which way a version lies outside of the tested range.

    Args:
        version: The installed version; a local part such as `+cpu` is ignored.
        lowest: The lowest supported version.
        newest: Major and minor number of the newest tested one; any patch of it is inside.

    Returns:
        'older than ...' or 'newer than ...', or None if it lies inside.
    """
    number = version.split('+')[0]
    if digit_version(number) < digit_version(lowest):
        return f'older than {lowest}, the lowest supported version'
    series = '.'.join(number.split('.')[: newest.count('.') + 1])
    if digit_version(series) > digit_version(newest):
        return f'newer than {newest}, the newest tested version'
    return None


def check_versions(
    version_of: Callable[[str], str] = importlib.metadata.version,
) -> list[str]:
    """One sentence for each installed package that lies outside of its range.

    Args:
        version_of: Returns the version of a package; raises `PackageNotFoundError` if it is absent.
    """
    sentences = []
    for package, (lowest, newest) in SUPPORTED.items():
        try:
            version = version_of(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        how = outside_of_range(version, lowest, newest)
        if how is not None:
            sentences.append(
                f'{package} {version} is {how}; if something breaks, '
                f'pip install -c requirements/constraints.txt {package}'
            )
    return sentences


def warn_about_versions() -> None:
    """Warn about each package outside of its range."""
    for sentence in check_versions():
        warnings.warn(sentence, stacklevel=2)
