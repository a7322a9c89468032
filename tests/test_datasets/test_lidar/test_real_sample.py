"""The embedded sample itself: what the docs say about its coordinates."""

from pathlib import Path

import numpy as np
import pytest

from mrd_plugin.datasets import ZODSamplePairs
from mrd_plugin.datasets.transforms import LoadPair


@pytest.fixture(scope='module')
def frames():
    root = Path('data/zod_sample')
    if not root.is_dir():
        pytest.skip(f'there is no {root}; run tools/prepare/zod_sample.py')
    data = ZODSamplePairs(str(root), split='all', step=1.0, pipeline=[LoadPair()])
    assert len(data) == 28
    return [data[index] for index in range(28)]


def test_the_lists_are_disjoint():
    root = 'data/zod_sample'
    if not Path(root).is_dir():
        pytest.skip(f'there is no {root}; run tools/prepare/zod_sample.py')
    parts = dict(train=8, validation=4, test=10, rest=6)
    ids = []
    for split, count in parts.items():
        data = ZODSamplePairs(root, split=split)
        assert len(data) == count
        ids += [data.get_data_info(index)['sample_id'] for index in range(count)]
    assert len(set(ids)) == 28


def test_counts_of_pairs_and_classes(frames):
    counts = [len(frame['pair_points']) for frame in frames]
    print(
        f'pairs of the 28 frames: {np.mean(counts):.0f} on average, {min(counts)} to {max(counts)}'
    )
    assert min(counts) == 5584 and max(counts) == 11723 and round(np.mean(counts)) == 8526
    labels = np.concatenate([frame['point_labels'] for frame in frames])
    shares = np.bincount(labels[labels >= 0], minlength=4) / (labels >= 0).sum()
    assert shares[0] > 0.8 and (shares[1:] > 0.02).all()


def test_the_road_lies_four_steps_below_in_every_frame(frames):
    for frame in frames:
        _, rows, columns = frame['pair_pixels'].T
        near = (np.abs(columns - 170) < 60) & (rows > 130)
        near &= rows >= np.percentile(rows[near], 80)
        assert np.median(frame['points'][near, 2]) == -4


def test_one_focal_length_explains_both_directions(frames):
    """Columns by left / forward, rows by up / forward: a camera that looks along x."""
    for frame in frames:
        x, y, z, _ = frame['points'].T.astype(float)
        _, rows, columns = frame['pair_pixels'].T
        middle = (x > 40) & (np.abs(y / x) < 0.3)  # the lens is not a pinhole further out
        across = np.polyfit(y[middle] / x[middle], columns[middle], 1)
        down = np.polyfit(z[middle] / x[middle], rows[middle], 1)
        assert -175 < across[0] < -130 and -175 < down[0] < -130
        assert abs(across[1] - 170) < 4 and abs(down[1] - 95) < 5
