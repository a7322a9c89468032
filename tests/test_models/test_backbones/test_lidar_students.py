"""Students of the LiDAR family: values and gradients, weights under mmdet3d's names, traps."""

import builtins
import copy

import pytest
import torch
from mmengine.registry import MODELS

from mrd_plugin.models.backbones import MinkUNetStudent, SparseEncoderStudent
from mrd_plugin.utils.errors import ConfigError

from .dense_twin import minkunet

SMALL = dict(
    in_channels=2,
    depth=18,
    base_channels=4,
    encoder_channels=[4, 6, 8, 8],
    decoder_channels=[8, 6, 5, 5],
)
SHAPE = (16, 32, 16)
SECOND = dict(in_channels=4, sparse_shape=[41, 64, 48])
CENTERPOINT = dict(
    in_channels=4,
    sparse_shape=[41, 64, 48],
    encoder_channels=[[16, 16, 32], [32, 32, 64], [64, 64, 128], [128, 128]],
    encoder_paddings=[[0, 0, 1], [0, 0, 1], [0, 0, [0, 1, 1]], [0, 0]],
    block_type='basicblock',
)


def voxels(shape=SHAPE, share=0.02, channels=2, seed=0, batch_size=2):
    generator = torch.Generator().manual_seed(seed)
    occupied = torch.rand(batch_size, *shape, generator=generator) < share
    coords = occupied.nonzero().int().contiguous()
    return torch.randn(len(coords), channels, generator=generator), coords, batch_size


@pytest.mark.parametrize('training', [True, False])
def test_minkunet_equals_dense_convolutions(training):
    torch.manual_seed(0)
    network = MinkUNetStudent(**SMALL).train(training)
    features, coords, batch_size = voxels()
    coords = coords[(coords[:, 1:] < torch.tensor([13, 27, 15])).all(1)]  # sides that are odd
    features = features[: len(coords)].requires_grad_()
    out = network(features, coords, batch_size)
    assert out.shape == (len(coords), 5) == (len(coords), network.out_channels)
    grid = minkunet(network, features, coords, SHAPE, batch_size)
    expected = grid.values.permute(0, 2, 3, 4, 1)[tuple(coords.long().T)]
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-3)
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    inputs = [features, *network.parameters()]
    ours = torch.autograd.grad(out, inputs, grad)
    dense = torch.autograd.grad(expected, inputs, grad)
    for a, b in zip(ours, dense):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=1e-2)


def test_order_of_voxels_and_empty_last_sample_play_no_part():
    network = MinkUNetStudent(**SMALL).eval()
    features, coords, _ = voxels()
    with torch.no_grad():
        out = network(features, coords, 2)
        order = torch.randperm(len(coords), generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(
            network(features[order], coords[order], 2), out[order], atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(network(features, coords, 5), out, atol=1e-5, rtol=1e-5)


def test_minkunet_weights_fit_mmdet3d():
    """Its MinkUNet configs take the weights under ``backbone.`` as they are."""
    from mmdet3d.models.backbones import MinkUNetBackbone

    lists = dict(
        encoder_channels=[32, 64, 128, 256],
        encoder_blocks=[2, 3, 4, 6],
        decoder_channels=[256, 128, 96, 96],
        decoder_blocks=[2, 2, 2, 2],
    )
    theirs = MinkUNetBackbone(in_channels=1, sparseconv_backend='spconv', **copy.deepcopy(lists))
    ours = MinkUNetStudent(in_channels=1)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert ours.out_channels == 96
    assert sum(p.numel() for p in ours.parameters()) == 37_870_688


def test_building_twice_from_one_dict_gives_the_same_network():
    """mmdet3d's class inserts into the lists it is given."""
    cfg = dict(type='MinkUNetStudent', **SMALL)
    first, second = (MODELS.build(cfg) for _ in range(2))
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (first, second)]
    assert shapes[0] == shapes[1] and cfg['encoder_channels'] == [4, 6, 8, 8]
    default = [MinkUNetStudent().state_dict().keys() for _ in range(2)]
    assert default[0] == default[1]


def test_published_stem_and_momentum():
    network = MinkUNetStudent(**SMALL, stem_convs=1, norm_momentum=0.05)
    assert len(network.conv_input) == 1
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert {m.momentum for m in norms} == {0.05}
    with pytest.raises(ConfigError, match='depth=50'):
        MinkUNetStudent(depth=50)


@pytest.mark.parametrize('cfg', [SECOND, CENTERPOINT])
def test_encoder_reads_its_stages_at_the_voxels(cfg):
    torch.manual_seed(0)
    network = SparseEncoderStudent(**cfg).eval()
    features, coords, batch_size = voxels((48, 64, 40), 0.002, 4)
    with torch.no_grad():
        out = network(features, coords, batch_size)
    assert out.shape == (len(coords), network.out_channels)
    assert network.out_channels == (304 if cfg is SECOND else 480)
    # The last map, dense: the cell of each voxel by its definition, one sixteenth along z.
    spconv = __import__('spconv.pytorch').pytorch
    cells = coords[:, [0, 3, 2, 1]].contiguous()
    with torch.no_grad():
        x = network.conv_input(spconv.SparseConvTensor(features, cells, cfg['sparse_shape'], 2))
        for layer in network.encoder_layers:
            x = layer(x)
        last = network.conv_out(x).dense()
    b, z, y, x = cells.long().T
    expected = last.permute(0, 2, 3, 4, 1)[b, (z // 16).clamp(max=1), y // 8, x // 8]
    torch.testing.assert_close(out[:, -128:], expected)
    assert (out[:, -128:].abs().sum(1) > 0).all()


def test_encoder_gradients_reach_every_weight():
    network = SparseEncoderStudent(**SECOND)
    features, coords, batch_size = voxels((48, 64, 40), 0.002, 4)
    network(features, coords, batch_size).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert all(p.grad.abs().sum() > 0 for p in network.parameters() if p.dim() > 1)


def test_encoder_weights_fit_mmdet3d():
    from mmdet3d.models.middle_encoders import SparseEncoder

    theirs = SparseEncoder(4, [41, 1600, 1408]).state_dict()
    ours = SparseEncoderStudent().state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_voxels_outside_the_grid_are_refused():
    network = SparseEncoderStudent(**SECOND)
    features, coords, _ = voxels((64, 48, 40), 0.002, 4)
    with pytest.raises(ValueError, match=r'sparse_shape is \[41, 64, 48\]'):
        network(features, coords, 2)


def test_missing_mmdet3d_names_the_command(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('mmdet3d'):
            raise ImportError(f'No module named {name}')
        return real(name, *args, **kwargs)

    import importlib

    monkeypatch.setattr(importlib, 'import_module', lambda name: without(name))
    with pytest.raises(ImportError, match=r"pip install .*'.\[mmdet3d\]'"):
        MinkUNetStudent(**SMALL)
