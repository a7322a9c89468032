import json

import numpy as np
import pytest

from mrd_plugin.datasets import (
    ModelNet40Dataset,
    ObjaverseLVISDataset,
    ScanObjectNNDataset,
    load_class_features,
)
from mrd_plugin.datasets.shapes.scanobjectnn import SCANOBJECTNN_CLASSES
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.test_datasets.test_shapes.samples import (
    DIM,
    cloud,
    openshape_folder,
    record,
    save_pickled,
)

STEPS = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='name', image='first')),
    dict(type='SamplePoints', num_points=100, seed=0),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PackShapeInputs'),
]


def features(names):
    return {
        n: {'open_clip_text_feat': np.full((1, DIM), i, np.float32)} for i, n in enumerate(names)
    }


@pytest.fixture
def modelnet(tmp_path):
    categories = ['chair', 'bed', 'chair', 'flower_pott']
    rows = [dict(name=f'{c}_{i}', category=c) for i, c in enumerate(categories)]
    (tmp_path / 'test_split.json').write_text(json.dumps(rows))
    clouds = np.empty(4, dtype=object)
    clouds[:] = [{**cloud(i, 120), 'rgb': np.full((120, 3), 100.0)} for i in range(4)]
    np.save(tmp_path / 'test_pc.npy', clouds, allow_pickle=True)
    save_pickled(tmp_path / 'cat_name_pt_feat.npy', features(['flower_pot', 'chair', 'bed']))
    return tmp_path


def test_modelnet40(modelnet):
    dataset = ModelNet40Dataset(str(modelnet), pipeline=STEPS)
    assert dataset.metainfo['classes'] == ('bed', 'chair', 'flower_pot') and dataset.test_mode
    assert [int(dataset[i]['data_samples'].label) for i in range(4)] == [1, 0, 1, -1]
    inputs = dataset[0]['inputs']
    assert inputs.shape == (100, 6) and (inputs[:, 3:] == np.float32(0.4)).all()
    assert dataset[0]['data_samples'].name == 'chair'
    np.testing.assert_array_equal(dataset.class_features()[:, 0], [2, 1, 0])
    assert (dataset[1]['inputs'] == dataset[1]['inputs']).all()
    own = ModelNet40Dataset(str(modelnet), class_feat_file=None, pipeline=STEPS)
    assert own.metainfo['classes'] == ('bed', 'chair', 'flower_pott')
    with pytest.raises(ConfigError, match='class_feat_file'):
        own.class_features()


def test_modelnet40_files_that_do_not_fit_together(modelnet):
    clouds = np.empty(2, dtype=object)
    clouds[:] = [cloud(0), cloud(1)]
    np.save(modelnet / 'test_pc.npy', clouds, allow_pickle=True)
    with pytest.raises(ConfigError, match='2 point clouds.*4 shapes'):
        ModelNet40Dataset(str(modelnet))
    np.save(modelnet / 'test_pc.npy', np.zeros((4, 10, 3)))
    with pytest.raises(BadSampleError, match='object array'):
        ModelNet40Dataset(str(modelnet))


def test_a_bad_cloud_is_named(modelnet):
    clouds = np.empty(4, dtype=object)
    clouds[:] = [cloud(0), dict(xyz=np.full((5, 3), np.nan)), cloud(1), cloud(2)]
    np.save(modelnet / 'test_pc.npy', clouds, allow_pickle=True)
    dataset = ModelNet40Dataset(str(modelnet), pipeline=STEPS)
    with pytest.raises(BadSampleError, match=r'test_pc.npy\[1\]'):
        dataset[1]


def test_scanobjectnn_resamples_with_replacement(tmp_path):
    xyz = np.random.default_rng(0).normal(size=(3, 48, 3))
    save_pickled(tmp_path / 'xyz_label.npy', dict(xyz=xyz, label=np.array([4, 14, 0])))
    save_pickled(tmp_path / 'cat_name_pt_feat.npy', features(SCANOBJECTNN_CLASSES))
    dataset = ScanObjectNNDataset(str(tmp_path), pipeline=STEPS)
    assert len(dataset) == 3 and len(dataset.metainfo['classes']) == 15
    sample = dataset[1]
    assert sample['inputs'].shape == (100, 6) and (sample['inputs'][:, 3:] == np.float32(0.4)).all()
    assert len(np.unique(sample['inputs'].numpy(), axis=0)) <= 48
    assert sample['data_samples'].name == 'toilet' and sample['data_samples'].label == 14
    np.testing.assert_array_equal(dataset.class_features()[:, 0], np.arange(15))
    save_pickled(tmp_path / 'xyz_label.npy', dict(xyz=xyz, label=np.array([4, 15, 0])))
    with pytest.raises(ConfigError, match='0 to 14'):
        ScanObjectNNDataset(str(tmp_path))


def test_objaverse_lvis_sorts_its_classes_and_keeps_colour(tmp_path):
    root = openshape_folder(tmp_path, [record(f'u{i}', i, points=100) for i in range(3)])
    rows = json.loads((root / 'meta_data/split/train_all.json').read_text())
    lvis = [
        dict(uid=r['id'], group=r['group'], data_path=r['data_path'], category=c)
        for r, c in zip(rows, ['zebra', 'apple', 'mug'])
    ]
    (root / 'meta_data/split/lvis.json').write_text(json.dumps(lvis))
    np.save(root / 'meta_data/lvis_cat_name_pt_feat.npy', np.eye(3, DIM))
    dataset = ObjaverseLVISDataset(str(root), pipeline=STEPS)
    assert dataset.metainfo['classes'] == ('apple', 'mug', 'zebra')
    assert [int(dataset[i]['data_samples'].label) for i in range(3)] == [2, 0, 1]
    assert dataset[0]['inputs'][:, 3:].std() > 0.1
    assert dataset[0]['data_samples'].name == 'zebra'
    np.testing.assert_array_equal(dataset.class_features(), np.eye(3, DIM))


def test_class_features(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(6).reshape(3, 2))
    got = load_class_features(tmp_path / 'a.npy', ('c', 'a', 'b'))  # rows are a, b, c
    np.testing.assert_array_equal(got, [[4, 5], [0, 1], [2, 3]])
    with pytest.raises(ConfigError, match='one row for 2'):
        load_class_features(tmp_path / 'a.npy', ('a', 'b'))
    save_pickled(tmp_path / 'd.npy', features(['x']))
    with pytest.raises(ConfigError, match="'y'"):
        load_class_features(tmp_path / 'd.npy', ('x', 'y'))


def test_missing_files_say_what_to_fetch(tmp_path):
    with pytest.raises(ConfigError, match='ModelNet40Dataset data_root.*meta_data.zip'):
        ModelNet40Dataset(str(tmp_path / 'none'))
    with pytest.raises(ConfigError, match="ann_file='xyz_label.npy'"):
        ScanObjectNNDataset(str(tmp_path))
