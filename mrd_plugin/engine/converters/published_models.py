"""What published weights cannot tell of themselves: geometry, settings, where they come from.

``FACTS`` holds the checkpoints of shape encoders, ``LIDAR_FACTS`` those of the LiDAR family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Facts:
    """One family of checkpoints.

    Attributes:
        title: Its usual name.
        sizes: What the published weights have; ``out_channels`` is the width of the head.
        backbone: Settings of the backbone that the weights do not hold.
        geometry: What the points looked like in training, as in ``meta['geometry']``.
        embedding: The space of the head's output.
        ask: Settings that differ between files of the family: key to the choices.
        hub: Repository, file and repository type on Hugging Face, if it is there.
        where: Where the file is, or others of the family are, in words.
    """

    title: str
    sizes: Mapping[str, Any]
    backbone: Mapping[str, Any]
    geometry: Mapping[str, Any]
    embedding: str | None = None
    ask: Mapping[str, str] = field(default_factory=dict)
    hub: tuple[str, str, str] | None = None
    where: str = ''


def _geometry(up_axis: str, num_points: int | None, colour: bool = True) -> dict[str, Any]:
    """Return the geometry of a shape encoder: the unit ball, and 0.4 for a missing colour."""
    channels = ['xyz', 'rgb'] if colour else ['xyz']
    geometry = dict(up_axis=up_axis, normalisation='unit_ball', channels=channels)
    optional = dict(num_points=num_points, no_colour=0.4 if colour else None)
    return {**geometry, **{key: value for key, value in optional.items() if value is not None}}


_PATCH_384 = dict(num_patches=384, radius=0.2, num_neighbours=64)
_PATCH_64 = dict(num_patches=64, radius=0.4, num_neighbours=256)
_SCALING_4 = dict(
    in_channels=6, dim=512, depth=12, num_heads=8, mlp_dim=1536, sa_dim=256, sa_hidden=64
)
_NARROW = dict(_SCALING_4, mlp_dim=1024, sa_dim=128)
_POINT_BERT = dict(in_channels=3, dim=384, depth=12, num_heads=6, encoder_dim=256)
_UNI3D_SHORT = dict(tiny='ti', small='s', base='b', large='l', giant='g')
_BIGG = 'OpenCLIP ViT-bigG-14 laion2b_s39b_b160k'

FACTS: dict[str, Facts] = {
    'openshape-pointbert-vitg14': Facts(
        'OpenShape PointBERT, ViT-bigG-14',
        sizes=dict(_SCALING_4, out_channels=1280),
        backbone=_PATCH_384,
        geometry=_geometry('z', 10000),
        embedding=_BIGG,
        hub=('OpenShape/openshape-pointbert-vitg14-rgb', 'model.pt', 'model'),
        where='also openshape-pointbert-no-lvis and openshape-pointbert-shapenet',
    ),
    'openshape-pointbert-vitl14': Facts(
        'OpenShape PointBERT, CLIP ViT-L/14',
        sizes=dict(_NARROW, out_channels=768),
        backbone=_PATCH_64,
        geometry=_geometry('y', 10000),
        embedding='OpenAI CLIP ViT-L/14',
        hub=('OpenShape/openshape-pointbert-vitl14-rgb', 'model.pt', 'model'),
    ),
    'openshape-pointbert-vitb32': Facts(
        'OpenShape PointBERT, CLIP ViT-B/32 (no projection)',
        sizes=_NARROW,
        backbone=_PATCH_64,
        geometry=_geometry('y', 10000),
        embedding='OpenAI CLIP ViT-B/32',
        hub=('OpenShape/openshape-pointbert-vitb32-rgb', 'model.pt', 'model'),
    ),
    'openshape-spconv': Facts(
        'OpenShape SparseConv (MinkResNet34)',
        sizes=dict(
            type='SparseResNet34', in_channels=6, tail_channels=[1024, 1024], out_channels=1280
        ),
        backbone=dict(voxel_size=0.02),
        geometry=_geometry('z', 10000),
        embedding=_BIGG,
        hub=('OpenShape/openshape-spconv-all', 'model.pt', 'model'),
        where='also openshape-spconv-shapenet-only',
    ),
    'tamm-pointbert': Facts(
        'TAMM PointBERT',
        sizes=dict(_SCALING_4, out_channels=1280),
        backbone=_PATCH_384,
        geometry=_geometry('z', 10000),
        embedding=_BIGG,
        hub=('zhihao406/tamm-models', 'tamm_pointbert_ensemble.pt', 'model'),
        where='also tamm_pointbert_no_lvis.pt and tamm_pointbert_shapenet.pt',
    ),
    'ulip': Facts(
        'ULIP PointBERT',
        sizes=dict(_POINT_BERT, out_channels=512),
        backbone=dict(num_groups=512, group_size=32, pool='cls_max'),
        geometry=_geometry('y', 8192, colour=False),
        embedding='SLIP ViT-B/16',
        where='checkpoint_pointbert.pt, among the files of the data set SFXX/ulip on Hugging Face',
    ),
    'ulip2': Facts(
        'ULIP-2 PointBERT, 10k coloured points',
        sizes=dict(_POINT_BERT, in_channels=6, depth=18, out_channels=1280),
        backbone=dict(num_groups=512, group_size=32, pool='cls_max'),
        geometry=_geometry('y', 10000),
        embedding=_BIGG,
        hub=(
            'SFXX/ulip',
            'ULIP-2/models/ULIP-2-PointBERT-10k-colored-pc-pretrained.pt',
            'dataset',
        ),
    ),
    'point-bert': Facts(
        'Point-BERT, pre-trained on ShapeNet',
        sizes=_POINT_BERT,
        backbone=dict(num_groups=64, group_size=32, pool='cls_max'),
        geometry=_geometry('y', 1024, colour=False),
        where='Point-BERT.pth, linked in the README of the Point-BERT repository',
    ),
    'point-bert-finetuned': Facts(
        'Point-BERT, fine-tuned classifier',
        sizes=_POINT_BERT,
        backbone=dict(group_size=32, pool='cls_max'),
        geometry=_geometry('y', None, colour=False),
        ask=dict(num_groups='64 for 1,024 points, 256 for 4,096, 512 for 8,192'),
        where='the classification files linked in the README of the Point-BERT repository',
    ),
    **{
        f'uni3d-{size}': Facts(
            f'Uni3D-{short}',
            sizes=dict(in_channels=6, size=size, encoder_dim=512, out_channels=1024),
            backbone=dict(num_groups=512, group_size=64),
            geometry=_geometry('y', 10000),
            embedding='OpenCLIP EVA02-E-14-plus laion2b_s9b_b144k',
            hub=('BAAI/Uni3D', f'modelzoo/uni3d-{short}/model.pt', 'model'),
            where=f'also modelzoo/uni3d-{short}-no-lvis',
        )
        for size, short in _UNI3D_SHORT.items()
    },
}


_RES16UNET34C = dict(
    in_channels=1,
    depth=34,
    stem_convs=1,
    base_channels=32,
    encoder_channels=[32, 64, 128, 256],
    decoder_channels=[256, 128, 96, 96],
    out_channels=64,
)
_MOMENTUM = dict(norm_momentum=0.05)

# PPKT's and ST-SLidR's files cannot be told from SLidR's, and their points look the same.
LIDAR_FACTS: dict[str, Facts] = {
    'slidr-minkunet34': Facts(
        'SLidR, PPKT or ST-SLidR, MinkUNet-34 (Res16UNet34C)',
        sizes=_RES16UNET34C,
        backbone=_MOMENTUM,
        geometry=dict(
            voxel_size=[0.1, 1.0, 0.1],  # radius in metres, azimuth in degrees, z in metres
            coordinates='cylindrical',
            voxel_features=['intensity'],
            intensity_scale=1.0,  # nuScenes gives 0 to 255
        ),
        where='minkunet_slidr_1gpu.pt, among the releases of valeoai/SLidR on GitHub',
    ),
    'cmcr-minkunet34': Facts(
        'CMCR, MinkUNet-34 (Res16UNet34C)',
        sizes=_RES16UNET34C,
        backbone=_MOMENTUM,
        geometry=dict(
            voxel_size=[0.1, 0.1, 0.1],
            coordinates='cartesian',
            voxel_features=['intensity'],
            intensity_scale=1 / 255,
        ),
        where='model.pt, which the released code of CMCR writes; its authors have published none',
    ),
}
