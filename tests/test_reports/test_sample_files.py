import json
import re
import sys

import numpy as np
import pytest
import torch
import trimesh
from mmengine.config import Config
from PIL import Image

from mrd_plugin.datasets.transforms import PackShapeInputs
from mrd_plugin.reports.samples.sample_files import (
    drawn_sample,
    project_orthographic,
    save_ply,
    save_png,
)
from mrd_plugin.reports.samples.sample_writers import save_page
from tests.test_datasets.test_shapes.samples import cloud, furniture_folder, pipeline
from tools.misc import browse_dataset


@pytest.fixture
def drawn(tmp_path):
    Image.new('RGB', (16, 16), (250, 20, 20)).save(tmp_path / 'icon.png')
    results = dict(
        sample_id='a',
        name='<b>chair</b>',
        text=None,
        image_path=str(tmp_path / 'icon.png'),
        label=1,
        **cloud(0, 300),
    )
    pack = PackShapeInputs(channels=('rgb', 'size', 'xyz'))
    return drawn_sample(pack(results), 'z', pack.columns, ('bed', 'chair')), results


def test_columns_are_found_in_any_order(drawn):
    sample, results = drawn
    np.testing.assert_array_equal(sample.xyz, results['xyz'])
    np.testing.assert_array_equal(sample.rgb, results['rgb'])
    assert 'label 1 (chair)' in sample.caption[3]
    data = dict(inputs=torch.zeros(5, 3), data_samples=sample.sample)
    grey = drawn_sample(data, 'z', {'xyz': slice(0, 3)})
    assert (grey.rgb == np.float32(0.4)).all() and 'none of the classes' in grey.caption[3]


def test_ply_can_be_read_back(drawn, tmp_path):
    sample, results = drawn
    save_ply(tmp_path / 'a.ply', sample.xyz, sample.rgb)
    cloud_read = trimesh.load(tmp_path / 'a.ply')
    np.testing.assert_allclose(cloud_read.vertices, results['xyz'], atol=1e-6)
    np.testing.assert_allclose(cloud_read.colors[:, :3], results['rgb'] * 255, atol=0.51)


def test_png_shows_the_colours_and_the_image(drawn, tmp_path):
    save_png(tmp_path / 'a.png', drawn[0])
    pixels = np.asarray(Image.open(tmp_path / 'a.png').convert('RGB'))
    assert pixels.shape == (460, 1200, 3)
    assert (pixels[100, 1000] == [250, 20, 20]).all()
    assert len(np.unique(pixels[:360, :800].reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize('axis', 'xyz')
def test_up_is_up_and_nearer_is_in_front(axis):
    point = np.zeros((1, 3))
    point[0, 'xyz'.index(axis)] = 1
    flat, depth = project_orthographic(point, axis, yaw=30, pitch=0)
    np.testing.assert_allclose(flat, [[0, 1]], atol=1e-12)
    _, from_above = project_orthographic(point, axis, yaw=30, pitch=60)
    assert depth[0] == pytest.approx(0) and from_above[0] > 0.8


def test_page_is_whole_in_itself(drawn, tmp_path):
    save_page(tmp_path / 'a.html', [drawn[0], drawn[0]], 'two')
    page = (tmp_path / 'a.html').read_text()
    assert '&lt;b&gt;chair' in page and '<b>chair' not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    clouds = json.loads(re.search(r'id="clouds">(.*?)</script>', page, re.S)[1])
    assert [clouds[key]['n'] for key in ('0', '1')] == [300, 300]


def test_tool_writes_all_formats(tmp_path, monkeypatch, capsys):
    root = furniture_folder(tmp_path / 'f')
    dataset = dict(
        type='FurnitureDataset', data_root=str(root), ann_file='split.json', pipeline=pipeline(30)
    )
    Config(dict(train_dataloader=dict(dataset=dataset))).dump(tmp_path / 'c.py')
    call = ['browse_dataset.py', str(tmp_path / 'c.py'), '-n', '2', '--output-dir']
    monkeypatch.setattr(sys, 'argv', [*call, str(tmp_path / 'out')])
    browse_dataset.main()
    assert '2 samples' in capsys.readouterr().out
    found = sorted(path.name for path in (tmp_path / 'out').iterdir())
    stems = ['train-00000-bed-0', 'train-00003-bed-3']
    assert found == sorted([f'{s}.{e}' for s in stems for e in ('png', 'ply')] + ['train.html'])
    monkeypatch.setattr(sys, 'argv', [*call, str(tmp_path / 'out'), '--phase', 'val'])
    with pytest.raises(SystemExit, match='no val_dataloader'):
        browse_dataset.main()
