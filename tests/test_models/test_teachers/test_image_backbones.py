"""Frozen image backbones: maps, weights under other people's names, and that they stay frozen."""

import copy

import pytest
import timm
import torch
import torchvision
from mmengine.registry import MODELS
from safetensors.torch import save_file
from torch import nn

from mrd_plugin.models.teachers import EfficientNetLiteTeacher, ResNetImageTeacher, ViTImageTeacher
from mrd_plugin.utils.errors import ConfigError

VIT = 'vit_tiny_patch16_224'


def random_images(height=64, width=96, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope='module')
def resnet_file(tmp_path_factory):
    """A ResNet-50 as MoCo v2 saves it, and the network it came from."""
    torch.manual_seed(0)
    network = torchvision.models.resnet50()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
    network.fc = nn.Sequential(nn.Linear(2048, 8), nn.ReLU(), nn.Linear(8, 4))
    state = {f'module.encoder_q.{k}': v for k, v in network.state_dict().items()}
    state.update({f'module.encoder_k.{k}': v + 1 for k, v in network.state_dict().items()})
    state['module.queue'] = torch.zeros(4, 6)
    path = tmp_path_factory.mktemp('weights') / 'moco.pth.tar'
    torch.save({'epoch': 800, 'arch': 'resnet50', 'state_dict': state, 'optimizer': {}}, path)
    return path, network


def expected_map(network, images):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    body = nn.Sequential(*list(network.eval().children())[:-2])
    with torch.no_grad():
        return body((images - mean) / std)


def test_moco_weights_give_the_query_encoders_map(resnet_file):
    path, network = resnet_file
    maps = ResNetImageTeacher(str(path), batch_size=1)(random_images())
    assert maps.shape == (2, 2048, 2, 3)
    torch.testing.assert_close(maps, expected_map(network, random_images()), atol=1e-3, rtol=1e-3)


def test_dilation_keeps_the_resolution(resnet_file):
    path, network = resnet_file
    maps = ResNetImageTeacher(str(path), dilated=True)(random_images())
    assert maps.shape == (2, 2048, 16, 24)
    twin = torchvision.models.resnet50(replace_stride_with_dilation=[True] * 3)
    twin.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not k.startswith('fc')}, strict=False
    )
    torch.testing.assert_close(maps, expected_map(twin, random_images()), atol=1e-3, rtol=1e-3)


def test_imagenet_file_of_torchvision(resnet_file, tmp_path):
    network = resnet_file[1]
    state = {k: v.contiguous() for k, v in network.state_dict().items()}
    save_file(state, tmp_path / 'resnet50.safetensors')
    maps = ResNetImageTeacher(str(tmp_path / 'resnet50.safetensors'))(random_images())
    torch.testing.assert_close(maps, expected_map(network, random_images()), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize('author', ['swav', 'obow'])
def test_resnets_of_st_slidr(resnet_file, tmp_path, author):
    network = resnet_file[1]
    body = {k: v for k, v in network.state_dict().items() if not k.startswith('fc.')}
    extra = {
        'module.projection_head.0.weight': torch.zeros(2, 3),
        'module.prototypes.weight': torch.zeros(3, 2),
    }
    content = {f'module.{k}': v for k, v in body.items()} | extra
    torch.save({'network': body} if author == 'obow' else content, tmp_path / 'weights.pth')
    maps = ResNetImageTeacher(str(tmp_path / 'weights.pth'))(random_images())
    torch.testing.assert_close(maps, expected_map(network, random_images()), atol=1e-3, rtol=1e-3)


def test_frozen_under_train_and_outside_of_everything(resnet_file):
    teacher = ResNetImageTeacher(str(resnet_file[0]))
    model = nn.ModuleDict({'teacher': teacher, 'head': nn.Conv2d(2048, 4, 1)})
    model.train()
    model.requires_grad_(True)
    network = teacher.network('resnet')
    before = {k: v.clone() for k, v in network.state_dict().items()}
    images = random_images().requires_grad_()
    maps = teacher(images)
    model['head'](maps).square().mean().backward()
    assert not maps.requires_grad and images.grad is None
    assert not any(module.training for module in network.modules())
    assert not any(p.requires_grad for p in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert set(model.state_dict()) == {'head.weight', 'head.bias'}
    assert len(list(model.parameters())) == 2
    assert copy.deepcopy(model)['teacher'].network('resnet') is network


def test_other_weights_are_refused(resnet_file, tmp_path):
    with pytest.raises(ConfigError, match='nowhere.pth is no file'):
        ResNetImageTeacher('nowhere.pth')
    other = tmp_path / 'other.pth'
    torch.save(torchvision.models.resnet18().state_dict(), other)
    with pytest.raises(ConfigError, match=r'other.pth is not of ResNet.*layer1'):
        ResNetImageTeacher(str(other))
    (tmp_path / 'broken.pth').write_bytes(b'no checkpoint')
    with pytest.raises(ConfigError, match='broken.pth can.t be read'):
        ResNetImageTeacher(str(tmp_path / 'broken.pth'))
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ConfigError, match='list.pth holds no state dict'):
        ResNetImageTeacher(str(tmp_path / 'list.pth'))


@pytest.mark.parametrize('final_norm', [True, False])
def test_vit_map_is_its_patch_tokens(final_norm):
    torch.manual_seed(0)
    teacher = ViTImageTeacher(VIT, final_norm=final_norm)
    network = teacher.network('vit')
    maps = teacher(random_images(64, 96))
    assert maps.shape == (2, 192, 4, 6) and teacher.dim == 192
    pixels = (random_images(64, 96) - 0.5) / 0.5  # this model's own normalisation
    tokens = network.forward_features(pixels)[:, 1:] if final_norm else None
    if final_norm:
        torch.testing.assert_close(maps.flatten(2).transpose(1, 2), tokens)
    else:
        torch.testing.assert_close(
            network.norm(maps.flatten(2).transpose(1, 2)),
            network.forward_features(pixels)[:, 1:],
        )
    assert not any(module.training for module in network.modules())


def test_vit_takes_images_of_any_size():
    teacher = ViTImageTeacher('vit_small_patch14_dinov2')
    assert teacher(random_images(50, 97, 1)).shape == (1, 384, 4, 7)
    assert teacher(random_images(5, 5, 1)).shape == (1, 384, 1, 1)
    assert teacher.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_dinov2_and_dino_files(tmp_path):
    """DINOv2 keeps a mask token, DINO a wrapped teacher with a head."""
    torch.manual_seed(0)
    source = timm.create_model('vit_small_patch14_dinov2', num_classes=0)
    state = source.state_dict()
    torch.save({**state, 'mask_token': torch.zeros(1, 384)}, tmp_path / 'dinov2.pth')
    loaded = ViTImageTeacher('vit_small_patch14_dinov2', str(tmp_path / 'dinov2.pth'))
    found = loaded.network('vit').state_dict()
    assert all(torch.equal(value, found[name]) for name, value in state.items())
    source = timm.create_model(VIT, num_classes=0)
    state = {f'module.backbone.{k}': v for k, v in source.state_dict().items()}
    state['module.head.mlp.0.weight'] = torch.zeros(3, 3)
    torch.save({'teacher': state, 'student': {}, 'epoch': 3}, tmp_path / 'dino.pth')
    found = ViTImageTeacher(VIT, str(tmp_path / 'dino.pth')).network('vit').state_dict()
    assert all(torch.equal(value, found[name]) for name, value in source.state_dict().items())
    with pytest.raises(ConfigError, match='is not of VisionTransformer'):
        ViTImageTeacher('vit_tiny_patch16_224', str(tmp_path / 'dinov2.pth'))


@pytest.mark.parametrize(
    ('strides', 'shape'),
    [((32,), (1280, 2, 3)), ((8,), (40, 8, 12)), ((8, 16, 32), (1432, 8, 12))],
)
def test_embedded_backbone(strides, shape):
    teacher = EfficientNetLiteTeacher(strides)
    maps = teacher(random_images(64, 96, 1))
    assert maps.shape == (1, *shape) and teacher.dim == shape[0]
    network = teacher.network('lite')
    assert not any(module.training for module in teacher.train().network('lite').modules())
    if strides == (32,):
        with torch.no_grad():
            expected = network.extract_features((random_images(64, 96, 1) * 255 - 127) / 128)
        torch.testing.assert_close(maps, expected, atol=1e-4, rtol=1e-4)
    if len(strides) > 1:
        lengths = [part.norm(dim=1) for part in maps.split([40, 112, 1280], dim=1)]
        torch.testing.assert_close(torch.stack(lengths), torch.ones(3, 1, 8, 12))


def test_embedded_backbone_knows_its_strides():
    with pytest.raises(ConfigError, match=r'strides=\(2,\)'):
        EfficientNetLiteTeacher((2,))
    assert MODELS.get('EfficientNetLiteTeacher') is EfficientNetLiteTeacher
