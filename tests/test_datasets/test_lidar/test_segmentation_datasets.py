import json
from pathlib import Path
from types import SimpleNamespace

import mmdet3d
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from nuscenes.eval.lidarseg.utils import LidarsegClassMapper
from nuscenes.utils.color_map import get_colormap

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets import NuScenesPairs, NuScenesSegmentation, SemanticKITTI
from mrd_plugin.datasets.lidar import pair_dataset
from mrd_plugin.datasets.lidar.nuscenes_segmentation import sweep_tokens
from mrd_plugin.datasets.lidar.splits import evenly
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.lidar import KEYFRAME, make_nuscenes, real_data
from tests.helpers.segmentation import labelled_keyframe, make_lidarseg, make_semantickitti

LOAD = [dict(type='LoadSweep'), dict(type='LoadPointLabels'), dict(type='PackSweep')]


@pytest.fixture(scope='module')
def nuscenes(tmp_path_factory):
    return make_lidarseg(tmp_path_factory.mktemp('lidarseg') / 'nuscenes')


@pytest.fixture(scope='module')
def kitti(tmp_path_factory):
    return make_semantickitti(tmp_path_factory.mktemp('semantickitti') / 'kitti')


def test_nuscenes_classes_are_those_of_the_devkit():
    names = list(get_colormap())  # 32, in the order of their numbers
    assert len(names) == len(NuScenesSegmentation.label_table) == 32
    coarse = LidarsegClassMapper.get_fine2coarse(SimpleNamespace(ignore_class=dict(name='ignore')))
    for number, name in enumerate(names):
        found = NuScenesSegmentation.label_table[number]
        expected = coarse[name]
        assert (NuScenesSegmentation.classes[found] if found >= 0 else 'ignore') == expected
    assert len(NuScenesSegmentation.classes) == 16


def test_semantickitti_classes_are_those_of_mmdet3d():
    configs = Path(mmdet3d.__file__).parent / '.mim/configs'
    meta = Config.fromfile(configs / '_base_/datasets/semantickitti.py').metainfo
    table = SemanticKITTI.label_table
    known = {
        number: index if index < 19 else -1 for number, index in meta.seg_label_mapping.items()
    }
    for number in range(260):
        assert table[number] == known.get(number, -2)
    assert len(table) == 260 and len(SemanticKITTI.classes) == 19


def test_boxes_of_the_real_keyframe_hold_the_points_that_nuscenes_counts():
    points, numbers, boxes, counts = labelled_keyframe()
    assert len(points) == len(numbers) == 34688
    differ = [abs(box['num_lidar_pts'] - n) for box, n in zip(boxes, counts)]
    # nuScenes counted in boxes of its own time stamps, so that points on a face may differ
    assert sum(d == 0 for d in differ) >= 0.85 * len(boxes) and sum(differ) < 0.03 * sum(counts)
    assert {17, 23, 2, 9, 24, 28} <= set(numbers.tolist())


def test_each_point_has_the_class_of_its_number(nuscenes):
    data = NuScenesSegmentation(data_root=str(nuscenes), pipeline=LOAD)
    assert [data.get_data_info(i)['sample_id'] for i in range(4)] == ['1-1', '1-0', '0-1', '0-0']
    packed = data[3]
    raw = np.fromfile(nuscenes / 'samples/LIDAR_TOP/n015__LIDAR_TOP__00.pcd.bin', np.float32)
    numbers = np.fromfile(nuscenes / 'lidarseg/v1.0-mini/data0-0_lidarseg.bin', np.uint8)
    scale = np.array([1, 1, 1, 1 / 255], np.float32)
    np.testing.assert_array_equal(packed['inputs']['points'], raw.reshape(-1, 5)[:, :4] * scale)
    labels = packed['data_samples'].point_labels.numpy()
    by_hand = {17: 3, 23: 9, 2: 6, 9: 0, 24: 10, 28: 14, 31: -1, 12: 7, 16: 2, 14: 1, 18: 4}
    assert labels.tolist() == [by_hand[n] for n in numbers.tolist()]
    assert 'images' not in packed['inputs'] and packed['data_samples'].num_views == 0


def test_labels_come_with_images_too_and_move_with_the_points(tmp_path):
    root = make_nuscenes(tmp_path / 'nuscenes')
    random = np.random.default_rng(0)
    (root / 'lidarseg/v1.0-mini').mkdir(parents=True)
    records = []
    for sweep in sorted((root / 'samples/LIDAR_TOP').iterdir()):
        token = sweep.name.partition('.')[0]
        random.integers(0, 32, 400, dtype=np.uint8).tofile(
            root / f'lidarseg/v1.0-mini/sd{token}_lidarseg.bin'
        )
        records.append(
            dict(token=f'sd{token}', sample_token=token, is_key_frame=True,
                 filename=f'samples/LIDAR_TOP/{sweep.name}')
        )  # fmt: skip
    (root / 'v1.0-mini/sample_data.json').write_text(json.dumps(records))
    steps = [dict(type='LoadPair'), dict(type='LoadPointLabels')]
    drop = [dict(type='CuboidDrop', max_size=0.5, min_pairs=4)]
    pack = [dict(type='PackPairs')]
    settings = dict(data_root=str(root), cameras=['CAM_FRONT', 'CAM_BACK'])
    whole = NuScenesSegmentation(pipeline=steps + pack, **settings)[0]
    np.random.seed(3)
    part = NuScenesSegmentation(pipeline=steps + drop + pack, **settings)[0]
    assert whole['inputs']['images'].shape[0] == 2
    label = {
        tuple(p): c
        for p, c in zip(
            whole['inputs']['points'].tolist(), whole['data_samples'].point_labels.tolist()
        )
    }
    points, labels = part['inputs']['points'].tolist(), part['data_samples'].point_labels.tolist()
    assert len(points) < 400 and labels == [label[tuple(point)] for point in points]


@pytest.mark.parametrize('step, scenes', [(1, 700), (0.25, 175), (0.1, 70), (0.05, 35), (0.01, 7)])
def test_fractions_count_scenes_and_are_never_empty(step, scenes):
    kept = evenly(range(700), step, last=True)
    every = round(1 / step)
    assert kept == list(range(every - 1, 700, every)) and len(kept) == scenes
    assert len(evenly(range(8), step, last=True)) >= 1  # nuScenes-mini


def test_the_log_says_which_part_is_kept(nuscenes, kitti, monkeypatch):
    said = []
    monkeypatch.setattr(pair_dataset, 'print_log', lambda text, **_: said.append(text))
    data = NuScenesSegmentation(data_root=str(nuscenes), fraction=0.01, pipeline=LOAD)
    other = SemanticKITTI(data_root=str(kitti), fraction=0.01, pipeline=LOAD)
    assert [data.get_data_info(i)['scene'] for i in range(len(data))] == ['scene-0553'] * 2
    assert [other.get_data_info(i)['sample_id'] for i in range(len(other))] == ['00/000000']
    assert '1 of 2 scenes are kept, 2 of 4 sweeps' in said[0]
    assert '1 of 4 samples are kept, 1 of 4 sweeps' in said[1]


def test_semantickitti_by_folder_and_by_info_file_are_the_same(kitti):
    fixture = real_data('mmdet3d_fixtures', 'semantickitti')
    prefix = dict(pts='sequences/00/velodyne', pts_semantic_mask='sequences/00/labels')
    listed = SemanticKITTI(
        data_root=str(fixture),
        ann_file='semantickitti_infos.pkl',
        data_prefix=prefix,
        pipeline=LOAD,
    )
    found = SemanticKITTI(data_root=str(fixture), pipeline=LOAD)
    assert len(listed) == len(found) == 1
    one, other = listed[0], found[0]
    assert one['data_samples'].sample_id == other['data_samples'].sample_id == '00/000000'
    assert torch.equal(one['inputs']['points'], other['inputs']['points'])
    raw = np.fromfile(fixture / 'sequences/00/labels/000000.label', np.uint32) % 65536
    labels = SemanticKITTI.label_table[raw]
    assert one['data_samples'].point_labels.tolist() == labels.tolist()
    assert len(SemanticKITTI(data_root=str(kitti), split='val', pipeline=LOAD)) == 1
    lower = SemanticKITTI(data_root=str(kitti), pipeline=LOAD)[0]['data_samples'].point_labels
    assert set(lower.tolist()) == {0, 8, 14}  # moving car, road, vegetation; instances are gone


def test_a_batch_without_images_reaches_the_model(nuscenes):
    data = NuScenesSegmentation(data_root=str(nuscenes), pipeline=LOAD)
    preprocessor = MODELS.build(dict(type='PairDataPreprocessor'))
    samples = [data[0], data[1]]
    batch = preprocessor(
        dict(
            inputs=dict(points=[sample['inputs']['points'] for sample in samples]),
            data_samples=[sample['data_samples'] for sample in samples],
        )
    )['inputs']
    assert batch.point_labels.shape == (3000,) and batch.images.shape == (0, 3, 0, 0)
    assert batch.pair_points.shape == (0,) and batch.pair_pixels.shape == (0, 3)


def test_tables_are_read_in_blocks(nuscenes, monkeypatch):
    whole = sweep_tokens(nuscenes / 'v1.0-mini')
    assert whole == {name: f'data{name}' for name in ('0-0', '0-1', '1-0', '1-1')}
    monkeypatch.setattr('mrd_plugin.datasets.lidar.nuscenes_segmentation._BLOCK', 7)
    assert sweep_tokens(nuscenes / 'v1.0-mini') == whole


class TestBadInput:
    @pytest.fixture
    def root(self, tmp_path):
        return make_lidarseg(tmp_path / 'nuscenes', frames=1, count=50)

    @pytest.fixture
    def labels(self, root):
        return root / 'lidarseg/v1.0-mini/data0-0_lidarseg.bin'

    def read(self, root):
        data = NuScenesSegmentation(
            data_root=str(root), ann_file='nuscenes_infos_val.pkl', test_mode=True, pipeline=LOAD
        )
        return data[0]

    def test_labels_of_another_sweep(self, root, labels):
        labels.write_bytes(bytes(49))
        with pytest.raises(BadSampleError, match=r'data0-0.*49 labels and the sweep has 50 points'):
            self.read(root)

    def test_a_number_that_no_class_has(self, root, labels):
        labels.write_bytes(bytes(48) + b'\x20\xff')
        with pytest.raises(BadSampleError, match=r'data0-0.*label 32 \(2 points'):
            self.read(root)

    def test_a_file_that_is_missing(self, root, labels):
        labels.unlink()
        with pytest.raises(BadSampleError, match='data0-0.*no such file of point labels'):
            self.read(root)

    def test_labels_that_were_never_unpacked(self, root):
        (root / 'lidarseg').rename(root / 'elsewhere')
        with pytest.raises(ConfigError, match='get nuScenes-lidarseg of v1.0-mini'):
            self.read(root)

    def test_tables_that_are_missing_or_of_other_data(self, root):
        table = root / 'v1.0-mini/sample_data.json'
        table.write_text('[]')
        with pytest.raises(ConfigError, match='keyframe 0-0 is not in sample_data.json'):
            self.read(root)
        table.unlink()
        with pytest.raises(ConfigError, match='no such table.*labels of a sweep are unknown'):
            self.read(root)

    def test_a_fraction_of_nothing(self, root):
        for fraction in (0, -0.1, 1.5):
            with pytest.raises(ConfigError, match=f'fraction={fraction}: it would keep nothing'):
                NuScenesSegmentation(data_root=str(root), fraction=fraction)

    def test_data_without_labels(self):
        root = real_data('keyframes', 'nuscenes')
        data = NuScenesPairs(data_root=str(root), pipeline=LOAD, test_mode=True, **KEYFRAME)
        with pytest.raises(ConfigError, match='a data set without labels'):
            data[0]

    def test_semantickitti(self, tmp_path):
        with pytest.raises(ConfigError, match=r"split='test': expected one of \('train', 'val'\)"):
            SemanticKITTI(split='test')
        with pytest.raises(ConfigError, match='semantic-kitti.org'):
            SemanticKITTI(data_root=str(tmp_path / 'nowhere'))
        with pytest.raises(ConfigError, match='no sample is left'):
            SemanticKITTI(data_root=str(tmp_path))
        root = make_semantickitti(tmp_path / 'kitti', frames=1, count=20)
        path = root / 'sequences/00/labels/000000.label'
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(BadSampleError, match='19 labels and the sweep has 20 points'):
            SemanticKITTI(data_root=str(root), pipeline=LOAD, test_mode=True)[0]
