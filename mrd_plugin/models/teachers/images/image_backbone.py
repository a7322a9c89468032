"""Frozen image backbones that give a feature map: what image-to-LiDAR methods distil."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.frozen import FrozenModule
from mrd_plugin.models.teachers.images.image_checkpoints import (
    load_image_weights,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageBackboneTeacher(FrozenModule):
    """A frozen network from images to feature maps.

    A subclass hands its network to :meth:`freeze` and writes :meth:`encode`.

    Args:
        dim: Channels of the maps.
        mean: What is subtracted from R, G, B in [0, 1]. Defaults to ImageNet's.
        std: What they are divided by then. Defaults to ImageNet's.
        batch_size: Images that are encoded at once. It doesn't change the result. Defaults to 16.
    """

    def __init__(
        self,
        dim: int,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        batch_size: int = 16,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.batch_size = batch_size
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def encode(self, pixels: Tensor) -> Tensor:
        """Return maps ``(n, dim, h, w)`` of normalised images ``(n, 3, H, W)``."""
        raise NotImplementedError

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: RGB in [0, 1], ``(V, 3, H, W)``, V at least 1.

        Returns:
            ``(V, dim, h, w)`` float32; the map covers the whole image.
        """
        parts = images.to(self.device).split(self.batch_size)
        return torch.cat([self.encode((part - self.mean) / self.std).float() for part in parts])


@MODELS.register_module()
class ResNetImageTeacher(ImageBackboneTeacher):
    """ResNet-50 up to its last stage, 2048 channels.

    Args:
        weights: A local file, see :func:`load_image_weights`: MoCo v2's (what PPKT, SLidR and CMCR
            distil: ``moco_v2_800ep_pretrain.pth.tar``), SwAV's, DINO's or oBoW's (also ST-SLidR),
            torchvision's, or another ResNet-50; ``'imagenet'`` lets torchvision fetch its own.
            Defaults to None: random, for tests.
        dilated: Replace the strides of the last three stages by dilation, so that the map has a
            quarter of the image's size (SLidR) instead of a thirty-second (PPKT, CMCR). Defaults
            to False.
        batch_size: See :class:`ImageBackboneTeacher`. Defaults to 16.

    Raises:
        ConfigError: If the file is missing or is of another network.
    """

    def __init__(
        self, weights: str | None = None, dilated: bool = False, batch_size: int = 16
    ) -> None:
        import torchvision  # late: most runs do without it

        super().__init__(2048, batch_size=batch_size)
        published = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
        network = torchvision.models.resnet50(
            weights=published if weights == 'imagenet' else None,
            replace_stride_with_dilation=[dilated] * 3,
        )
        network.fc = torch.nn.Identity()
        if weights not in (None, 'imagenet'):
            load_image_weights(network, str(weights), ('fc.', 'projection_head.', 'prototypes.'))
        self.freeze('resnet', network)

    def encode(self, pixels: Tensor) -> Tensor:
        """Return maps of normalised images."""
        network = self.network('resnet')
        x = network.maxpool(network.relu(network.bn1(network.conv1(pixels))))
        return network.layer4(network.layer3(network.layer2(network.layer1(x))))
