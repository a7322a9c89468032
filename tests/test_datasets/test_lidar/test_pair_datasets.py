import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS
from PIL import Image

import mrd_plugin  # noqa: F401
from mrd_plugin.data_preparation import zod as zod_source
from mrd_plugin.datasets import NuScenesPairs, ZODSamplePairs
from mrd_plugin.datasets.lidar import pair_dataset
from mrd_plugin.datasets.lidar.splits import HOLD_OUT, evenly, scenes_of
from mrd_plugin.datasets.transforms import LoadPair
from mrd_plugin.structures import PairDataSample
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.lidar import (
    P2,
    VELO,
    lines_of,
    make_kitti_object,
    make_kitti_raw,
    make_nuscenes,
    real_data,
    turn,
)

TWO = ('CAM_FRONT', 'CAM_BACK')


def pack(results):
    """The end of a pipeline, as short as can be."""
    sample = PairDataSample(metainfo=dict(sample_id=results['sample_id']))
    return dict(inputs=dict(points=torch.from_numpy(results['points'])), data_samples=sample)


def nuscenes(root, **kwargs):
    return NuScenesPairs(**{**dict(data_root=str(root), cameras=TWO), **kwargs})


def kitti(root, **kwargs):
    settings = dict(type='KITTIPairs', data_root=str(root), pipeline=[LoadPair(), pack])
    return DATASETS.build({**settings, **kwargs})


# nuScenes


def test_keyframes_of_the_info_file(tmp_path):
    data = nuscenes(make_nuscenes(tmp_path), pipeline=[LoadPair()])
    assert len(data) == 6 and data.metainfo['cameras'] == TWO
    pair = data[0]
    assert pair['sample_id'] == '2-1'  # the order of the file
    assert pair['points'].shape == (400, 4) and pair['points'].dtype == np.float32
    assert 0.9 < pair['points'][:, 3].max() <= 1  # 0 to 255 in the file
    ahead = pair['points'][pair['pair_points'][pair['pair_pixels'][:, 0] == 0]]
    behind = pair['points'][pair['pair_points'][pair['pair_pixels'][:, 0] == 1]]
    assert (ahead[:, 1] > 1).all() and (behind[:, 1] < -1).all() and len(ahead) and len(behind)
    x, y, z = ahead[:, :3].T.astype(np.float64)
    expected = np.stack([24 - 40 * z / y, 32 + 40 * x / y], axis=1).round()
    np.testing.assert_array_equal(pair['pair_pixels'][: len(ahead), 1:], expected)


def test_splits_of_scenes(tmp_path):
    root = make_nuscenes(tmp_path)
    ids = {
        split: [entry['sample_id'] for entry in nuscenes(root, split=split)]
        for split in ('train', 'val', 'parametrize', 'verify')
    }
    assert ids['train'] == ['0-0', '0-1', '2-0', '2-1']  # scene by scene
    assert ids['val'] == ['1-0', '1-1']
    assert ids['parametrize'] == ['0-0', '0-1'] and ids['verify'] == ['2-0', '2-1']
    with pytest.raises(ConfigError, match="split='test': v1.0-mini has no scene"):
        len(nuscenes(root, split='test'))
    with pytest.raises(ConfigError, match="split='half': expected one of"):
        len(nuscenes(root, split='half'))
    with pytest.raises(ConfigError, match='keyframe 2-1 is not in the tables of v9'):
        (root / 'v9').mkdir()
        for name in ('scene', 'sample'):
            (root / f'v9/{name}.json').write_text('[]')
        len(nuscenes(root, split='val', version='v9'))
    with pytest.raises(ConfigError, match=r"scene.json: there is no such table.*split='all'"):
        len(nuscenes(root, split='val', version='v1.0-trainval'))


def test_published_splits_have_their_sizes():
    assert len(set(HOLD_OUT)) == 100
    train = scenes_of('train', 'v1.0-trainval')
    assert len(train) == 700 and set(HOLD_OUT) <= train
    assert len(scenes_of('parametrize', 'v1.0-trainval')) == 600
    assert len(scenes_of('verify', 'v1.0-trainval')) == 100
    assert len(scenes_of('val', 'v1.0-trainval')) == 150
    assert len(scenes_of('parametrize', 'v1.0-mini')) == 7
    assert len(scenes_of('val', 'v1.0-mini')) == 2


def test_fractions_are_never_empty_and_logged(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(pair_dataset, 'print_log', lambda text, **_: said.append(text))
    root = make_nuscenes(tmp_path)
    one = nuscenes(root, fraction=0.01)
    assert [entry['scene'] for entry in one] == ['scene-1094'] * 2
    assert said.pop().endswith('fraction=0.01: 1 of 3 scenes are kept, 2 of 6 sweeps')
    assert len(nuscenes(root, fraction=0.5, fraction_of='sample')) == 3
    assert said.pop().endswith('3 of 6 samples are kept, 3 of 6 sweeps')
    for fraction in (0, -1, 1.5):
        with pytest.raises(ConfigError, match=f'fraction={fraction}: it would keep nothing'):
            nuscenes(root, fraction=fraction)
    with pytest.raises(ConfigError, match="fraction_of='drive'"):
        nuscenes(root, fraction_of='drive')


def test_evenly_is_what_the_published_fractions_are():
    scenes = list(range(700))
    assert evenly(scenes, 0.01, last=True) == [99, 199, 299, 399, 499, 599, 699]
    assert len(evenly(scenes, 0.05, last=True)) == 35
    assert evenly(scenes, 0.1) == scenes[::10] and evenly(scenes, 0.25) == scenes[::4]
    assert evenly(scenes, 1.0) == evenly(scenes, 1.0, last=True) == scenes
    assert len(evenly(scenes, 0.3)) == 210 and evenly([], 0.5) == []
    assert evenly([3, 4, 5], 0.01, last=True) == [5] and evenly([3, 4, 5], 0.01) == [3]


def test_info_files_that_do_not_fit(tmp_path):
    with pytest.raises(ConfigError, match='there is no such folder; get nuScenes'):
        len(nuscenes(tmp_path / 'none'))
    root = make_nuscenes(tmp_path)
    with pytest.raises(ConfigError, match="row has no 'CAM_LEFT'"):
        len(nuscenes(root, cameras=('CAM_LEFT',)))
    (root / 'old.pkl').write_bytes(pickle.dumps([1]))
    with pytest.raises(ConfigError, match="no 'data_list'"):
        len(nuscenes(root, ann_file='old.pkl'))
    (root / 'evil.pkl').write_bytes(pickle.dumps(print))
    with pytest.raises(BadSampleError, match='refused, because its pickle asks for builtins.print'):
        len(nuscenes(root, ann_file='evil.pkl'))
    (root / 'empty.pkl').write_bytes(pickle.dumps(dict(data_list=[])))
    with pytest.raises(ConfigError, match='no sample is left'):
        len(nuscenes(root, ann_file='empty.pkl'))


def test_an_impossible_way_of_the_vehicle_is_refused(tmp_path):
    root = make_nuscenes(tmp_path)
    infos = pickle.loads((root / 'nuscenes_infos_train.pkl').read_bytes())
    infos['data_list'][0]['images']['CAM_BACK']['lidar2cam'][2][3] = 1.5
    (root / 'shifted.pkl').write_bytes(pickle.dumps(infos))
    with pytest.raises(ConfigError, match=r'CAM_BACK the vehicle moved 1.50 m in 0.000 s'):
        len(nuscenes(root, ann_file='shifted.pkl'))


def test_the_shifted_infos_among_mmdet3ds_fixtures_are_refused():
    root = real_data('mmdet3d_fixtures', 'nuscenes')
    with pytest.raises(ConfigError, match='the vehicle moved .* its projections are wrong'):
        len(NuScenesPairs(data_root=str(root), ann_file='nus_info.pkl'))


# KITTI


def test_both_layouts_of_kitti_give_the_same_pairs(tmp_path):
    one = kitti(make_kitti_object(tmp_path / 'object'), pipeline=[LoadPair()])
    raw = kitti(make_kitti_raw(tmp_path / 'raw'), pipeline=[LoadPair()], layout='raw')
    assert len(one) == len(raw) == 3
    assert raw[1]['sample_id'] == '2011_09_26/2011_09_26_drive_0001_sync/0000000001'
    assert raw[1]['scene'] == '2011_09_26/2011_09_26_drive_0001_sync'
    projection = np.array(P2).reshape(3, 4)
    rectify, mount = turn(5), np.vstack([VELO, [0, 0, 0, 1]])
    np.testing.assert_allclose(
        raw[1]['cameras'][0]['lidar2img'], (projection @ rectify @ mount), atol=1e-12
    )
    np.testing.assert_array_equal(one[1]['pair_pixels'], raw[1]['pair_pixels'])
    assert len(one[1]['pair_points']) > 10 and one[1]['points'][:, 3].max() > 1  # as in the file


def test_lists_of_kitti(tmp_path):
    root = make_kitti_object(tmp_path)
    (root / 'train.txt').write_text('000002\n000000\n')
    data = kitti(root, ann_file='train.txt')
    assert [data.get_data_info(i)['sample_id'] for i in range(2)] == ['000002', '000000']
    assert len(kitti(root, fraction=0.01)) == 1
    with pytest.raises(ConfigError, match="layout='odometry'"):
        kitti(root, layout='odometry')
    with pytest.raises(ConfigError, match='cameras='):
        kitti(root, cameras=('left',))
    with pytest.raises(ConfigError, match='is no <day>/<drive>/<frame>'):
        kitti(root, ann_file='train.txt', layout='raw')


# bad samples, counted and named


def harm(root, what):
    """Spoil frame 000001; returns what the error must say."""
    image, sweep, calib = (
        root / f'{folder}/000001.{end}'
        for folder, end in (('image_2', 'png'), ('velodyne', 'bin'), ('calib', 'txt'))
    )
    points = np.fromfile(sweep, np.float32).reshape(-1, 4)
    if what == 'image missing':
        image.unlink()
        return 'image_2/000001.png: there is no such image'
    if what == 'image cut':
        image.write_bytes(image.read_bytes()[:-200])
        return "image_2/000001.png: the image can't be read"
    if what == 'sweep cut':
        sweep.write_bytes(sweep.read_bytes()[:-4])
        return '1599 numbers are no whole points of 4'
    if what == 'sweep empty':
        sweep.write_bytes(b'')
        return 'velodyne/000001.bin: it has zero points'
    if what == 'sweep missing':
        sweep.unlink()
        return 'velodyne/000001.bin: there is no such sweep'
    if what == 'not a number':
        points[3, 1] = np.nan
        points[9, 3] = np.inf
        points.tofile(sweep)
        return '2 of 400 points have NaN or infinite numbers'
    if what == 'all behind':
        points[:, 0] = -abs(points[:, 0]) - 2
        points.tofile(sweep)
        return r'velodyne/000001.bin: none of its 400 points is seen by a camera \(image_2\)'
    if what == 'singular':
        calib.write_text(lines_of(P2=np.zeros(12), R0_rect=np.eye(3), Tr_velo_to_cam=VELO))
        return 'calib/000001.txt: P2 is not invertible'
    if what == 'calibration missing':
        calib.unlink()
        return 'calib/000001.txt: there is no such calibration file'
    calib.write_text(lines_of(P2=P2, R0_rect=np.eye(3)))
    return 'Tr_velo_to_cam should have 12 numbers, got no such line'


@pytest.mark.parametrize(
    'what',
    [
        *('image missing', 'image cut', 'sweep cut', 'sweep empty', 'sweep missing'),
        *('not a number', 'all behind', 'singular', 'calibration missing', 'line missing'),
    ],
)
def test_a_bad_sample_is_named_and_skipped(tmp_path, what):
    root = make_kitti_object(tmp_path)
    (root / 'all.txt').write_text('000000 000001 000002')
    said = harm(root, what)
    data = kitti(root, ann_file='all.txt')
    taken = data[1]['data_samples']
    assert taken.sample_id == '000002' and taken.skipped == ['000001']
    assert list(data.bad_samples) == ['000001']
    assert 'skipped' not in data[0]['data_samples']
    with pytest.raises(BadSampleError, match=said):
        kitti(root, ann_file='all.txt', test_mode=True)[1]
    with pytest.raises(IndexError, match='KITTIPairs has 3 samples, asked for 3'):
        data[3]


# the embedded sample


def fake_wheel(path):
    """A package with two frames of 6 x 4 pixels; returns its LiDAR and class images."""
    lidar = np.zeros((4, 6, 3), np.uint8)
    lidar[1, 2] = 40, 120, 150  # forward, down, to the right
    lidar[3, 5] = 8, 131, 0  # beyond the range on the left
    lidar[0, 0] = 255, 90, 130  # beyond it in front
    lidar[2, 4] = 12, 131, 127
    classes = np.zeros((4, 6), np.uint8)
    classes[1, 2], classes[2, 4] = 5, 1
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('visin_fusion/__init__.py', 'raise SystemExit')
        for folder, values in (
            ('camera', lidar // 2),
            ('lidar_png', lidar),
            ('annotation_camera_only', classes),
        ):
            stream = io.BytesIO()
            Image.fromarray(values).save(stream, 'PNG')
            for name in ('a', 'b', 'c', 'd'):
                archive.writestr(f'{zod_source.INSIDE}{folder}/{name}.png', stream.getvalue())
        lists = dict(all='abcd', train='a', validation='b', test_snow='c')
        for name, frames in lists.items():
            text = ''.join(f'camera/{frame}.png\n' for frame in frames)
            archive.writestr(f'{zod_source.INSIDE}{name}.txt', text)
    return path


@pytest.fixture
def zod(tmp_path, monkeypatch):
    wheel = fake_wheel(tmp_path / 'fake.whl')
    monkeypatch.setattr(zod_source, 'WHEEL_SHA256', zod_source.file_sha256(wheel))
    out = tmp_path / 'zod'
    assert zod_source.unpack(wheel, out) == (16, 0)
    return wheel, out


def test_the_sample_is_unpacked_once_and_repaired(zod):
    wheel, out = zod
    assert 'CC BY-SA 4.0' in (out / 'NOTICE.txt').read_text()
    assert not (out / '__init__.py').exists()
    assert zod_source.unpack(wheel, out) == (0, 16)
    (out / 'camera/a.png').write_bytes(b'half')
    (out / 'lidar_png/b.png').unlink()
    assert zod_source.unpack(wheel, out) == (2, 14)
    wheel.write_bytes(wheel.read_bytes() + b'x')
    with pytest.raises(zod_source.SourceError, match='has sha256 .* it is damaged'):
        zod_source.unpack(wheel, out)
    with pytest.raises(zod_source.SourceError, match='does not exist'):
        zod_source.unpack(out / 'no.whl', out)


def test_points_of_the_sample(zod):
    data = ZODSamplePairs(data_root=str(zod[1]), pipeline=[LoadPair()], step=0.5)
    assert len(data) == 1 and data.metainfo['classes'] == ('background', 'vehicle', 'sign', 'human')
    pair = data[0]
    # x forward, y left, z up; the sensor is at (0, 127, 127) steps
    np.testing.assert_allclose(pair['points'], [[20, -11.5, 3.5, 1], [6, 0, -2, 1]])
    assert pair['pair_pixels'].tolist() == [[0, 1, 2], [0, 2, 4]]
    assert pair['pair_points'].tolist() == [0, 1]
    assert pair['point_labels'].tolist() == [3, -1] and not pair['has_intensity']


def test_lists_of_the_sample(zod):
    root = str(zod[1])
    assert [entry['sample_id'] for entry in ZODSamplePairs(root, split='test')] == ['c']
    both = ZODSamplePairs(root, split=['train', 'rest'])
    assert [entry['sample_id'] for entry in both] == ['a', 'd']
    with pytest.raises(ConfigError, match="split='dev': .*expected one of .*'test_snow'"):
        len(ZODSamplePairs(root, split='dev'))
    with pytest.raises(ConfigError, match='run `python tools/prepare/zod_sample.py`'):
        len(ZODSamplePairs(root + '/none'))


def test_images_of_the_sample_must_fit(zod):
    root = zod[1]
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(root / 'camera/a.png')
    data = ZODSamplePairs(str(root), pipeline=[LoadPair()], test_mode=True)
    with pytest.raises(BadSampleError, match='camera/a.png: its size .* is not that of the LiDAR'):
        data[0]
    Image.fromarray(np.full((4, 6), 9, np.uint8)).save(root / 'annotation_camera_only/a.png')
    with pytest.raises(BadSampleError, match='expected classes 0 to 5'):
        data[0]
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(root / 'lidar_png/a.png')
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(root / 'annotation_camera_only/a.png')
    with pytest.raises(BadSampleError, match='lidar_png/a.png: it has zero points'):
        data[0]


def test_tables_that_contradict_each_other(tmp_path):
    root = make_nuscenes(tmp_path)
    (root / 'v1.0-mini/scene.json').write_text(json.dumps([dict(token='t0', name='scene-0061')]))
    with pytest.raises(ConfigError, match='scene.json and sample.json do not fit together'):
        len(nuscenes(root, split='train'))
    (root / 'v1.0-mini/scene.json').write_text('[')
    with pytest.raises(ConfigError, match='scene.json is no JSON'):
        len(nuscenes(root, split='train'))
