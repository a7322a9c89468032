import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from mrd_plugin.models.teachers.images.efficientnet_lite import (
    LITE0_WEIGHTS,
    efficientnet_lite0,
    package_file,
)


def test_folded_norms_and_paddings_change_nothing():
    plain = EfficientNet.from_name('efficientnet-lite0').eval()
    plain.load_state_dict(torch.load(package_file(*LITE0_WEIGHTS), weights_only=True))
    folded = efficientnet_lite0()
    assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm2d)]
    images = torch.rand(2, 3, 96, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        expected, found = plain.extract_features(images), folded.extract_features(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(folded(images), plain(images), atol=1e-4, rtol=1e-4)
