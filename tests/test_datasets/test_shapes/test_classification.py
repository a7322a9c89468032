import builtins

import h5py
import numpy as np
import pytest

from mrd_plugin.datasets import ModelNet40Classification, ScanObjectNNClassification
from mrd_plugin.datasets.shapes import labelled_clouds
from mrd_plugin.datasets.shapes.labelled_clouds import read_h5
from mrd_plugin.utils.errors import BadSampleError, ConfigError

STEPS = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=50, seed=0),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PackShapeInputs'),
]


def write_modelnet_txt(root):
    """Three classes, four training and two test shapes of 60 lines x,y,z,nx,ny,nz."""
    root.mkdir()
    rng = np.random.default_rng(0)
    (root / 'modelnet40_shape_names.txt').write_text('bed\nchair\nnight_stand\n')
    train = ['bed_0001', 'bed_0002', 'chair_0001', 'night_stand_0001']
    test = ['chair_0890', 'night_stand_0201']
    for split, names in (('train', train), ('test', test)):
        (root / f'modelnet40_{split}.txt').write_text('\n'.join(names) + '\n')
        for name in names:
            folder = root / name.rpartition('_')[0]
            folder.mkdir(exist_ok=True)
            np.savetxt(folder / f'{name}.txt', rng.uniform(-1, 1, (60, 6)), '%.6f', delimiter=',')
    return root


def write_modelnet_h5(root):
    """Two training files, one test file, named as in the published lists."""
    root.mkdir()
    rng = np.random.default_rng(0)
    (root / 'shape_names.txt').write_text('bed\nchair\nnight_stand\n')
    for split, count in (('train', 2), ('test', 1)):
        names = [f'ply_data_{split}{i}.h5' for i in range(count)]
        listed = [f'data/modelnet40_ply_hdf5_2048/{name}' for name in names]
        (root / f'{split}_files.txt').write_text('\n'.join(listed) + '\n')
        for i, name in enumerate(names):
            with h5py.File(root / name, 'w') as file:
                file['data'] = rng.uniform(-1, 1, (3, 40, 3)).astype(np.float32) + 10 * i
                file['label'] = np.array([[2], [0], [1]], dtype=np.uint8)
    return root


def write_scanobjectnn(root, labels=(4, 14, 0, 4)):
    """All six files; the first number of each says which one it is."""
    rng = np.random.default_rng(0)
    for code, (folder, suffix) in enumerate(
        [('main_split_nobg', ''), ('main_split', ''), ('main_split', '_augmentedrot_scale75')]
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for stem in ('training', 'test'):
            with h5py.File(root / folder / f'{stem}_objectdataset{suffix}.h5', 'w') as file:
                points = rng.uniform(-1, 1, (len(labels), 48, 3)).astype(np.float32)
                points[:, 0, 0] = code + (10 if stem == 'test' else 0)
                file['data'], file['label'] = points, np.array(labels, dtype=np.int32)
                file['mask'] = np.zeros((len(labels), 48), np.float32)
    return root


@pytest.mark.parametrize('write', [write_modelnet_txt, write_modelnet_h5])
def test_modelnet40_in_both_forms(write, tmp_path):
    root = write(tmp_path / 'data')
    train = ModelNet40Classification(str(root), 'train', pipeline=STEPS)
    test = ModelNet40Classification(str(root), 'test', pipeline=STEPS, test_mode=True)
    assert train.metainfo['classes'] == ('bed', 'chair', 'night_stand')
    assert (len(train), len(test)) == ((6, 3) if train.hdf5 else (4, 2))
    labels = [int(train[i]['data_samples'].label) for i in range(len(train))]
    assert labels == ([2, 0, 1, 2, 0, 1] if train.hdf5 else [0, 0, 1, 2])
    for dataset in (train, test):
        ids = {dataset[i]['data_samples'].sample_id for i in range(len(dataset))}
        assert len(ids) == len(dataset)
        inputs = dataset[0]['inputs']
        assert inputs.shape == (50, 6)
        assert (inputs[:, 3:] == np.float32(0.4)).all()  # in training as in testing


def test_modelnet40_reads_the_points_and_not_the_normals(tmp_path):
    root = write_modelnet_txt(tmp_path / 'data')
    dataset = ModelNet40Classification(str(root), 'train', up_axis='y', pipeline=[])
    stored = np.loadtxt(root / 'chair' / 'chair_0001.txt', delimiter=',')
    info = dataset.get_data_info(2)
    np.testing.assert_allclose(dataset.complete(info)['xyz'], stored[:, :3], atol=1e-6)
    cached = ModelNet40Classification(str(root), 'train', cache_in_memory=True, pipeline=[])
    (root / 'chair' / 'chair_0001.txt').unlink()
    assert cached.complete(cached.get_data_info(2))['xyz'].shape == (60, 3)
    with pytest.raises(BadSampleError, match='chair_0001.txt: there is no such file'):
        dataset.complete(info)
    (root / 'chair' / 'chair_0001.txt').write_text('1,2\n3,4\n')
    with pytest.raises(BadSampleError, match='expected lines of x,y,z'):
        dataset.complete(info)


def test_h5_rows_are_their_own(tmp_path):
    root = write_modelnet_h5(tmp_path / 'data')
    dataset = ModelNet40Classification(str(root), 'train', pipeline=[])
    means = [dataset.complete(dataset.get_data_info(i))['xyz'].mean() for i in range(6)]
    assert (np.abs(means[:3]) < 1).all() and (np.abs(np.array(means[3:]) - 10) < 1).all()


@pytest.mark.parametrize(('code', 'variant'), [(0, 'OBJ_ONLY'), (1, 'OBJ_BG'), (2, 'PB_T50_RS')])
def test_scanobjectnn_variants_are_their_own_files(code, variant, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(labelled_clouds, 'print_log', lambda text, **kwargs: said.append(text))
    root = write_scanobjectnn(tmp_path)
    for split, shift in (('train', 0), ('test', 10)):
        dataset = ScanObjectNNClassification(str(root), split, variant, pipeline=[])
        assert dataset.complete(dataset.get_data_info(1))['xyz'][0, 0] == code + shift
        assert [dataset.get_data_info(i)['label'] for i in range(4)] == [4, 14, 0, 4]
        assert dataset.get_data_info(1)['name'] == 'toilet'
        known = {'OBJ_ONLY': (2309, 581), 'OBJ_BG': (2309, 581), 'PB_T50_RS': (11416, 2882)}
        assert said[-1].startswith(f'ScanObjectNN {variant}, {split}: N = 4 shapes, 15 classes')
        assert f'the published set has {known[variant][split == "test"]}' in said[-1]


def test_what_is_wrong_is_said(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="variant='PB': expected one of"):
        ScanObjectNNClassification(str(tmp_path), variant='PB')
    with pytest.raises(ConfigError, match=r"split='val': expected one of \('train', 'test'\)"):
        ModelNet40Classification(str(tmp_path), 'val')
    with pytest.raises(ConfigError, match="ann_file='modelnet40_train.txt'"):
        ModelNet40Classification(str(tmp_path))
    root = write_scanobjectnn(tmp_path / 'scan', labels=(0, 15))
    with pytest.raises(ConfigError, match='labels span 0 to 15, expected 0 to 14'):
        ScanObjectNNClassification(str(root), variant='OBJ_BG')
    path = root / 'main_split' / 'test_objectdataset.h5'
    with pytest.raises(BadSampleError, match="it has no 'normal'"):
        read_h5(path, ('data', 'normal'))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(BadSampleError, match='truncated or damaged'):
        read_h5(path, ('data',))
    with pytest.raises(BadSampleError, match='no such file'):
        read_h5(tmp_path / 'none.h5', ('data',))

    real = builtins.__import__

    def without_h5py(name, *args, **kwargs):
        if name == 'h5py':
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_h5py)
    with pytest.raises(ConfigError, match='needs h5py; pip install'):
        read_h5(path, ('data',))
