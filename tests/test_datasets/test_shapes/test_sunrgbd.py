import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, MODELS
from PIL import Image

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets import SUNRGBDPairs
from mrd_plugin.datasets.transforms import FrustumCrop
from mrd_plugin.datasets.transforms.lidar.points import project_to_image
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.lidar import real_data
from tests.helpers.sunrgbd import DEPTH2IMG, make_rooms

PIPELINE = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='none')),
    dict(type='FrustumCrop', min_scale=0.5, min_points=100),
    dict(type='SamplePoints', num_points=200),
    dict(type='RandomRotationZ', max_angle=30.0),
    dict(type='PackShapeInputs'),
]


@pytest.fixture(scope='module')
def rooms(tmp_path_factory):
    return make_rooms(tmp_path_factory.mktemp('sunrgbd'))


@pytest.fixture(scope='module')
def real():
    """The folder with the real pair."""
    return real_data('keyframes/sunrgbd')


def real_pairs(real, **kwargs):
    return SUNRGBDPairs(
        data_root=str(real),
        ann_file='sunrgbd_000017_infos.pkl',
        data_prefix=dict(pts='', img=''),
        **kwargs,
    )


def colours_at(image, pixels):
    width, height = image.size
    columns = pixels.astype(int).clip(0, (width - 1, height - 1))
    return np.asarray(image)[columns[:, 1], columns[:, 0]] / 255


def test_samples_of_the_info_file(rooms):
    data = DATASETS.build(dict(type='SUNRGBDPairs', data_root=str(rooms), pipeline=PIPELINE))
    assert len(data) == 4 and data.metainfo['up_axis'] == 'z'
    sample = data[0]
    assert sample['inputs'].shape == (200, 6)
    told = sample['data_samples']
    assert told.sample_id == '000001' and told.text is None and int(told.label) == -1
    assert 'sunrgbd_trainval/image/000001.png#xywh=' in told.image_path
    assert SUNRGBDPairs(str(rooms), 'sunrgbd_infos_val.pkl', pipeline=PIPELINE).metainfo == (
        data.metainfo
    )


def test_cache_in_memory_gives_the_same(rooms):
    pipeline = [*PIPELINE[:1], PIPELINE[1], dict(type='PackShapeInputs')]
    plain, cached = (
        SUNRGBDPairs(str(rooms), pipeline=pipeline, cache_in_memory=keep)[2]['inputs']
        for keep in (False, True)
    )
    assert plain.shape == (3000, 6) and torch.equal(plain, cached)


def test_projection_by_hand():
    xyz = np.array([[0, 2, 0], [1, 2, 0.5], [0, -1, 0]], dtype=np.float32)
    np.testing.assert_allclose(project_to_image(xyz, DEPTH2IMG), [[30, 20], [50, 10], [-1, -1]])


def crop_of(results):
    _, box = results['image_path'].split('#xywh=')
    return tuple(int(number) for number in box.split(','))


def cropped(rooms, transform):
    data = SUNRGBDPairs(str(rooms), pipeline=PIPELINE[:2])
    info = data.get_data_info(0)
    whole = data.pipeline(data.complete(info))
    return whole, transform(dict(whole))


@pytest.mark.parametrize('seed', range(3))
def test_crop_keeps_what_the_crop_shows(rooms, seed):
    np.random.seed(seed)
    whole, part = cropped(rooms, FrustumCrop(0.4, min_points=10))
    left, top, width, height = crop_of(part)
    assert width == height and 0.4 * 40 - 1 <= width <= 40
    assert left + width <= 60 and top + height <= 40
    pixels = project_to_image(part['xyz'], DEPTH2IMG)
    assert (pixels >= (left, top)).all() and (pixels < (left + width, top + height)).all()
    others = {tuple(row) for row in whole['xyz']} - {tuple(row) for row in part['xyz']}
    outside = project_to_image(np.array(sorted(others)), DEPTH2IMG) - (left, top)
    assert ((outside < 0) | (outside >= width)).any(1).all()
    # the points have the colours of the cropped image, at their place in it
    image = load_rgb(part['image_path'])
    np.testing.assert_allclose(colours_at(image, pixels - (left, top)), part['rgb'], atol=1e-6)


def test_crop_for_evaluation_is_the_square_in_the_middle(rooms):
    _, part = cropped(rooms, FrustumCrop(random=False))
    assert crop_of(part) == (10, 0, 40, 40)


def test_too_few_points_leave_the_sample_whole(rooms):
    whole, part = cropped(rooms, FrustumCrop(min_points=3001))
    assert part['image_path'] == whole['image_path'] and len(part['xyz']) == 3000
    whole['image_path'] = None
    assert len(FrustumCrop(0.3)(whole)['xyz']) == 3000
    with pytest.raises(ConfigError, match='min_scale=0: expected'):
        FrustumCrop(0)


def test_what_is_wrong_is_named(rooms, tmp_path):
    with pytest.raises(ConfigError, match='there is no such folder; prepare it as MMDetection3D'):
        SUNRGBDPairs(str(tmp_path / 'none'), pipeline=[])
    with pytest.raises(ConfigError, match=r'a row has no .CAM1.*images.CAM1; set camera'):
        SUNRGBDPairs(str(rooms), camera='CAM1', pipeline=[])
    (tmp_path / 'old.pkl').write_bytes(pickle.dumps([dict(point_cloud={})]))
    with pytest.raises(ConfigError, match='old.pkl is no info file .*update_infos_to_v2.py'):
        SUNRGBDPairs(str(tmp_path), 'old.pkl', pipeline=[])
    (tmp_path / 'evil.pkl').write_bytes(pickle.dumps(os.getcwd))
    with pytest.raises(
        BadSampleError, match='evil.pkl: refused, because its pickle asks for posix'
    ):
        SUNRGBDPairs(str(tmp_path), 'evil.pkl', pipeline=[])
    (tmp_path / 'cut.pkl').write_bytes(pickle.dumps(dict(data_list=[]))[:-3])
    with pytest.raises(BadSampleError, match='cut.pkl: can not be read as a pickle'):
        SUNRGBDPairs(str(tmp_path), 'cut.pkl', pipeline=[])


def test_damaged_points_are_named(tmp_path):
    root = make_rooms(tmp_path / 'rooms', count=2)
    data = SUNRGBDPairs(str(root), pipeline=PIPELINE, test_mode=True)
    file = root / 'points/000001.bin'
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(
        BadSampleError, match='17999 numbers are no whole points of num_pts_feats=6'
    ):
        data[0]
    file.unlink()
    with pytest.raises(BadSampleError, match='000001.bin: there is no such file'):
        data[0]
    substitute = SUNRGBDPairs(str(root), pipeline=PIPELINE)[0]['data_samples']
    assert substitute.sample_id == '000002' and substitute.skipped == ['000001']


def test_real_points_have_the_colours_of_the_real_photograph(real):
    data = real_pairs(real, pipeline=PIPELINE[:2])
    room = data.pipeline(data.complete(data.get_data_info(0)))
    assert room['xyz'].shape == (50000, 3) and room['image_size'] == (730, 530)
    pixels = project_to_image(room['xyz'], room['depth2img'])
    assert ((pixels >= 0) & (pixels <= (730, 530))).all()
    seen = colours_at(Image.open(room['image_path']), pixels)
    assert np.corrcoef(seen.ravel(), room['rgb'].ravel())[0, 1] > 0.95
    shuffled = np.random.default_rng(0).permutation(len(seen))
    assert np.corrcoef(seen[shuffled].ravel(), room['rgb'].ravel())[0, 1] < 0.2


def test_real_pair_trains(real):
    """Crops of the real room against the same crops of its photograph."""
    torch.manual_seed(0)
    np.random.seed(0)
    data = real_pairs(real, pipeline=PIPELINE)
    model = MODELS.build(
        dict(
            type='ConceptDistiller',
            backbone=dict(
                type='PointPatchTransformer',
                dim=32,
                depth=2,
                num_heads=2,
                mlp_dim=64,
                sa_dim=32,
                sa_hidden=16,
                num_patches=16,
                radius=0.5,
                num_neighbours=16,
            ),
            head=dict(type='ConceptHead', in_channels=32, out_channels=384, num_concepts=4),
            teacher=dict(type='ConSETeacher'),
            target='concepts',
        )
    )
    batch = [data[0] for _ in range(4)]
    paths = {sample['data_samples'].image_path for sample in batch}
    assert len(paths) == 4  # four crops of one photograph
    points = torch.stack([sample['inputs'] for sample in batch])
    samples = [sample['data_samples'] for sample in batch]
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    history = []
    for _ in range(8):
        losses = model.loss(points, samples)
        optimiser.zero_grad()
        losses['loss'].backward()
        optimiser.step()
        history.append(float(losses['concept']))
    assert history[-1] < 0.7 * history[0]
