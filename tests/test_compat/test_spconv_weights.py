"""Kernels in spconv's layout survive mmdet3d's conversion of MMCV's; MMCV's are still converted."""

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.compat.spconv_weights import keep_kernels
from tests.test_engine.test_checkpoints.test_wrong_checkpoints import (
    MINKUNET,
    downstream,
    pretraining,
    take,
)
from tests.test_engine.toy import train


def make_layer():
    import_mmdet3d('models.backbones', 'MinkUNetBackbone')
    import spconv.pytorch as spconv

    torch.manual_seed(0)
    return spconv.SubMConv3d(4, 6, 3, bias=False), spconv.SubMConv3d(4, 6, 3, bias=False)


def test_kernels_without_a_version_are_taken_as_they_are():
    one, other = make_layer()
    keep_kernels()  # a second time changes nothing
    other.load_state_dict(dict(one.state_dict()))
    assert torch.equal(other.weight, one.weight)
    other.weight.data.zero_()
    other.load_state_dict(one.state_dict())  # with its metadata
    assert torch.equal(other.weight, one.weight)


def test_kernels_of_mmcv_are_turned_round():
    one, other = make_layer()
    old = one.weight.data.permute(1, 2, 3, 4, 0).contiguous()  # (kernel, in, out)
    other.load_state_dict({'weight': old})
    assert torch.equal(other.weight, one.weight)


def test_pretrained_with_a_prefix_loads_sparse_kernels(tmp_path):
    """MMEngine's ``init_cfg`` takes the prefix off and with it the version."""
    small = dict(
        in_channels=2,
        encoder_channels=[4, 4, 4, 4],
        decoder_channels=[4, 4, 4, 4],
        base_channels=4,
    )
    source = MODELS.build(dict(type='MinkUNetStudent', depth=18, **small))
    state = {f'backbone.{k}': v for k, v in source.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'pretrained.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'pretrained.pth'), prefix='backbone.')
    theirs = MODELS.build(
        dict(
            type='MinkUNetBackbone',
            sparseconv_backend='spconv',
            encoder_blocks=[2, 2, 2, 2],
            decoder_blocks=[2, 2, 2, 2],
            init_cfg=init,
            **small,
        )
    )
    assert isinstance(theirs, BaseModule)
    theirs.init_weights()
    loaded = theirs.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in source.state_dict().items())


def test_a_stock_backbone_is_loaded_although_mmdet3d_came_after_us(tmp_path, monkeypatch):
    """In a stock config mmdet3d is imported after this package; the hook keeps the kernels then."""
    make_layer()
    from mmdet3d.models.layers.spconv.overwrite_spconv import write_spconv2
    from spconv.pytorch.modules import SparseModule

    theirs = write_spconv2._load_from_state_dict
    monkeypatch.setattr(SparseModule, '_load_from_state_dict', theirs)
    stock = dict(
        MINKUNET,
        type='MinkUNetBackbone',
        sparseconv_backend='spconv',
        encoder_blocks=[2, 2, 2, 2],
        decoder_blocks=[2, 2, 2, 2],
    )
    del stock['depth']
    stock.update({key: list(stock[key]) for key in ('encoder_channels', 'decoder_channels')})
    content = pretraining(downstream(tmp_path, stock))
    torch.save(content, tmp_path / 'a.pth')
    for way in ('init_cfg', 'hook'):
        cfg = take(downstream(tmp_path / way, stock), way, tmp_path / 'a.pth')
        state = train(cfg)[0].model.backbone.state_dict()
        assert all(torch.equal(content['state_dict'][f'backbone.{k}'], state[k]) for k in state)
