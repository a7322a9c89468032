"""Small sweeps with images, made up, for the tests of the LiDAR family."""

import torch

from mrd_plugin.structures import PairDataSample


def make_pair(
    num_points=60, num_views=2, num_pairs=20, size=(16, 24), num_queries=9, seed=0, **fields
):
    """Pack one sample with every optional field; ``fields`` replaces some (None leaves one out)."""
    random = torch.Generator().manual_seed(seed)
    height, width = size

    def integers(high, *shape):
        return torch.randint(high, shape, generator=random)

    points = torch.rand(num_points, 4, generator=random) * torch.tensor([8.0, 8.0, 2.0, 1.0])
    views = (integers(n, num_pairs) for n in (num_views, height, width))
    made = dict(
        pair_points=integers(num_points, num_pairs),
        pair_pixels=torch.stack(list(views), dim=1),
        superpixels=integers(6, num_views, height, width).int() - 1,
        image_masks=integers(2, num_views, height, width).bool(),
        query_xyz=torch.rand(num_queries, 3, generator=random) * 8,
        query_kind=torch.arange(num_queries) % 3,
        query_occupied=(torch.arange(num_queries) % 3 == 0).float(),
        query_intensity=torch.rand(num_queries, generator=random),
        point_labels=integers(5, num_points) - 1,
    )
    sample = PairDataSample(metainfo=dict(sample_id=f'sweep{seed}', num_views=num_views))
    for key, value in {**made, **fields}.items():
        if value is not None:
            sample.set_field(value, key)
    images = integers(256, num_views, 3, height, width).to(torch.uint8)
    return dict(inputs=dict(points=points, images=images), data_samples=sample)
