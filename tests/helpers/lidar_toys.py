"""Students and teachers of a few numbers, and batches, for the pre-trainers of the LiDAR family."""

import torch
from mmengine.registry import MODELS
from torch import nn

from mrd_plugin.models.preprocessors import PairDataPreprocessor
from mrd_plugin.models.teachers import ImageBackboneTeacher
from tests.helpers.pairs import make_pair


@MODELS.register_module()
class ToyVoxelStudent(nn.Module):
    """Every voxel by itself: no batch norm, so that ranks can be compared with one process."""

    def __init__(self, in_channels=4, out_channels=6):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.layers = nn.Sequential(
            nn.Linear(in_channels, 16), nn.Tanh(), nn.Linear(16, out_channels)
        )

    def forward(self, voxel_features, voxel_coords, batch_size):
        return self.layers(voxel_features)


@MODELS.register_module()
class ToyImageTeacher(ImageBackboneTeacher):
    """A frozen convolution whose cells are ``stride`` pixels large."""

    def __init__(self, dim=5, stride=4):
        super().__init__(dim)
        generator = torch.Generator().manual_seed(7)
        conv = nn.Conv2d(3, dim, stride, stride)
        conv.weight.data = torch.randn(conv.weight.shape, generator=generator)
        self.freeze('net', nn.Sequential(conv, nn.BatchNorm2d(dim), nn.Dropout(0.5)))

    def encode(self, pixels):
        return self.network('net')(pixels)


COMMON = dict(
    backbone=dict(type='ToyVoxelStudent'),
    teacher=dict(type='ToyImageTeacher'),
    data_preprocessor=dict(
        type='PairDataPreprocessor', voxel_size=(0.5, 0.5, 0.5), voxel_features=('xyz', 'intensity')
    ),
)
HEADS = dict(
    point_head=dict(type='ProjectionHead', out_channels=4),
    image_head=dict(type='ImageHead', out_channels=4),
)
METHODS = {
    'PPKT': dict(type='PPKT', **COMMON, **HEADS),
    'SLidR': dict(type='SLidR', **COMMON, **HEADS),
    'STSLidR': dict(type='STSLidR', quantile=0.2, **COMMON, **HEADS),
    'ScaLR': dict(type='ScaLR', point_head=dict(type='ProjectionHead', out_channels=5), **COMMON),
    'CMCR': dict(
        type='CMCR',
        point_specific_head=dict(type='ProjectionHead', out_channels=4),
        image_specific_head=dict(type='ImageHead', out_channels=4),
        codebook=dict(type='Codebook', num_codes=9, dim=4, decay=0.9),
        image_decoder=dict(type='ImageDecoder', in_channels=4, stride=2),
        occupancy_decoder=dict(
            type='OccupancyDecoder', in_channels=4, hidden_channels=8, radius=2.0
        ),
        weights=dict(orthogonality_2d=0.1, kl=0.1),
        **COMMON,
        **HEADS,
    ),
}


def build(name, **changes):
    torch.manual_seed(0)
    return MODELS.build({**METHODS[name], **changes})


def collated(samples):
    """A list of ``make_pair`` samples as ``pseudo_collate`` joins them."""
    return dict(
        inputs={k: [s['inputs'][k] for s in samples] for k in ('points', 'images')},
        data_samples=[s['data_samples'] for s in samples],
    )


def make_data(*pairs, **fields):
    """Samples with the given numbers of pairs, collated."""
    pairs = pairs or (30, 20)
    return collated([make_pair(num_pairs=n, seed=i, **fields) for i, n in enumerate(pairs)])


def make_batch(*pairs, **fields):
    options = {k: v for k, v in COMMON['data_preprocessor'].items() if k != 'type'}
    return PairDataPreprocessor(**options)(make_data(*pairs, **fields))['inputs']
