"""What published weights of the LiDAR family cannot tell: as ``facts.py`` for shapes."""

from __future__ import annotations

from mrd_plugin.engine.published.facts import Facts

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
        where='minkunet_slidr_1gpu.pt, among the releases of the repository valeoai/SLidR on GitHub',
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
