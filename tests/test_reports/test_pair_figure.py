import sys

import numpy as np
import pytest
import torch
import trimesh
from mmengine.config import Config
from PIL import Image

from mrd_plugin.reports.samples.pair_figure import caption, drawn_pair, save_pair_png
from tests.helpers.lidar import make_zod
from tests.helpers.pairs import make_pair
from tools.misc import browse_dataset


def pair(**fields):
    data = make_pair(num_points=60, num_views=2, num_pairs=40, size=(48, 64), **fields)
    data['data_samples'].set_metainfo(dict(view_names=['left', 'right']))
    return data


def test_points_get_the_colours_of_their_pixels():
    data = pair()
    sample, images = data['data_samples'], data['inputs']['images']
    sample.pair_points = torch.arange(40)
    colours = drawn_pair(data).colours()
    for point, (view, row, column) in enumerate(sample.pair_pixels.tolist()):
        np.testing.assert_allclose(colours[point], images[view, :, row, column] / 255)
    assert (colours[40:] == 0.75).all()


def test_the_caption_counts():
    drawn = drawn_pair(pair())
    counts = np.bincount(drawn.sample.pair_pixels[:, 0], minlength=2)
    lines = caption(drawn)
    assert f'40 pairs: left {counts[0]}, right {counts[1]}' in lines
    assert lines[0] == 'sweep0' and lines[1].startswith('60 points, ')
    assert 'superpixels per view: 5, 5' in lines
    assert 'queries: [3, 3, 3] (behind, in front, far)' in lines
    bare = pair(superpixels=None, image_masks=None, query_kind=None, query_xyz=None)
    assert len(caption(drawn_pair(bare))) == 4


def reds(path):
    """How many pixels of a PNG are plainly red."""
    pixels = np.asarray(Image.open(path).convert('RGB')).astype(int)
    return int(((pixels[..., 0] > 180) & (pixels[..., 1:] < 70).all(-1)).sum())


def test_the_drawing_shows_what_there_is(tmp_path):
    data = pair(image_masks=torch.ones(2, 48, 64, dtype=torch.bool))
    data['inputs']['images'][:] = torch.tensor([250, 250, 250], dtype=torch.uint8)[:, None, None]
    save_pair_png(tmp_path / 'all.png', drawn_pair(data))
    whole = np.asarray(Image.open(tmp_path / 'all.png').convert('L'))
    assert (whole < 10).sum() > 0.2 * whole.size  # the masked images are black
    save_pair_png(tmp_path / 'some.png', drawn_pair(pair(image_masks=None, query_kind=None)))
    some = Image.open(tmp_path / 'some.png')
    assert some.size[1] < Image.open(tmp_path / 'all.png').size[1] and some.size[0] > 1000
    assert reds(tmp_path / 'all.png') > 20  # queries behind returns


def config(tmp_path, pipeline):
    root = make_zod(tmp_path / 'zod')
    data = dict(type='ZODSamplePairs', data_root=str(root), split='all', pipeline=pipeline)
    Config(dict(train_dataloader=dict(dataset=data))).dump(tmp_path / 'c.py')
    return str(tmp_path / 'c.py')


def test_the_tool_browses_sweeps(tmp_path, monkeypatch, capsys):
    path = config(tmp_path, [dict(type='LoadPair'), dict(type='PackPairs')])
    call = ['browse_dataset.py', path, '-n', '2', '--output-dir', str(tmp_path / 'out')]
    monkeypatch.setattr(sys, 'argv', call)
    browse_dataset.main()
    assert '2 samples' in capsys.readouterr().out
    found = sorted(file.name for file in (tmp_path / 'out').iterdir())
    stems = ['train-00000-frame_000000', 'train-00003-frame_000003']
    assert found == [f'{stem}.{end}' for stem in stems for end in ('ply', 'png')]
    cloud = trimesh.load(tmp_path / 'out' / found[0])
    assert len(np.unique(cloud.colors, axis=0)) > 100
    monkeypatch.setattr(sys, 'argv', [*call, '--formats', 'html'])
    with pytest.raises(SystemExit, match="--formats html: expected some of .'png', 'ply'"):
        browse_dataset.main()


def test_a_pipeline_without_its_end_is_refused(tmp_path, monkeypatch):
    path = config(tmp_path, [dict(type='LoadPair')])
    monkeypatch.setattr(sys, 'argv', ['browse_dataset.py', path])
    with pytest.raises(SystemExit, match='must end with PackPairs'):
        browse_dataset.main()
