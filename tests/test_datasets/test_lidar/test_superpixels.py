import numpy as np
import pytest
from PIL import Image

from mrd_plugin.datasets.lidar.superpixels import SLIC, LabelFolder, encode_labels, read_labels
from mrd_plugin.datasets.transforms import LoadSuperpixels, SLICSuperpixels
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.lidar import SIZE, make_nuscenes, write_image

W, H = SIZE


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'images/one.png'
    write_image(path)
    return path


def slic(tmp_path, **kwargs):
    return SLIC(**{'n_segments': 12, 'cache_dir': str(tmp_path / 'cache'), **kwargs})


def test_segments_are_those_of_scikit_image_and_cached(tmp_path, image, monkeypatch):
    from skimage.segmentation import slic as theirs

    ours = slic(tmp_path, sigma=1.0)
    labels = ours.labels(image)
    colours = np.array(Image.open(image))
    expected = theirs(colours, n_segments=12, compactness=6, sigma=1.0, start_label=0)
    np.testing.assert_array_equal(labels, expected)
    assert labels.shape == (H, W) and labels.dtype == np.int32 and labels.min() == 0
    assert len(list((tmp_path / 'cache').rglob('*.png'))) == 1
    monkeypatch.setattr(SLIC, '_segment', lambda *_: pytest.fail('computed twice'))
    np.testing.assert_array_equal(ours.labels(image), labels)
    copied = tmp_path / 'elsewhere.png'
    copied.write_bytes(image.read_bytes())
    np.testing.assert_array_equal(ours.labels(copied), labels)  # by content, not by name


def test_the_cache_is_keyed_by_content_and_parameters(tmp_path, image):
    names = {
        slic(tmp_path, **change).file_of(image)
        for change in (dict(), dict(n_segments=13), dict(compactness=5), dict(sigma=2))
    }
    before = slic(tmp_path).file_of(image)
    write_image(image, seed=1)
    assert len(names | {slic(tmp_path).file_of(image)}) == 5 and before in names
    assert slic(tmp_path, sigma=3).file_of(image) == slic(tmp_path, sigma=3.0).file_of(image)


def test_a_cache_file_cut_short_is_made_again(tmp_path, image):
    ours = slic(tmp_path)
    labels = ours.labels(image)
    path = ours.file_of(image)
    path.write_bytes(path.read_bytes()[:40])
    np.testing.assert_array_equal(ours.labels(image), labels)
    np.testing.assert_array_equal(read_labels(path), labels)
    with pytest.raises(BadSampleError, match='there is no such image'):
        ours.labels(tmp_path / 'none.png')


def test_more_than_255_segments_survive(tmp_path):
    few, many = np.arange(256).reshape(16, 16), np.arange(600).reshape(20, 30)
    for labels, mode in ((few, 'L'), (many, 'I;16')):
        path = tmp_path / 'map.png'
        path.write_bytes(encode_labels(labels))
        assert Image.open(path).mode == mode
        np.testing.assert_array_equal(read_labels(path), labels)
    with pytest.raises(ValueError, match='do not fit into a PNG'):
        encode_labels(many * 1000)


def test_a_folder_of_maps_plugs_in(tmp_path):
    labels = np.arange(600).reshape(20, 30)
    (tmp_path / 'a.png').write_bytes(encode_labels(labels))
    np.save(tmp_path / 'b.npy', np.where(labels < 3, -7, labels * 1000))
    Image.fromarray(labels.astype(np.uint8) % 50).convert('P').save(tmp_path / 't0-cam.png')
    folder = LabelFolder(str(tmp_path))
    np.testing.assert_array_equal(folder.labels(dict(stem='a')), labels)
    read = folder.labels(dict(stem='b'))
    assert read.dtype == np.int32 and set(np.unique(read[labels < 3])) == {-1}
    assert read.max() == 599000
    zero = LabelFolder(str(tmp_path), none=0).labels(dict(stem='a'))
    assert zero[0, 0] == -1 and (zero.ravel()[1:] == labels.ravel()[1:]).all()
    named = LabelFolder(str(tmp_path), name='{token}-{camera}')
    assert named.labels(dict(token='t0', camera='cam')).shape == (20, 30)
    with pytest.raises(ConfigError, match=r"name='\{token\}-\{camera\}' .*may name \['stem'\]"):
        named.labels(dict(stem='a'))
    with pytest.raises(BadSampleError, match='c: there is no label map of this name'):
        folder.labels(dict(stem='c'))


@pytest.mark.parametrize('what', ['colours', 'floats', 'cut', 'pickle'])
def test_a_file_that_is_no_label_map_is_refused(tmp_path, what):
    path = tmp_path / ('m.png' if what in ('colours', 'cut') else 'm.npy')
    if what == 'colours':
        write_image(path)
    elif what == 'cut':
        path.write_bytes(encode_labels(np.arange(600).reshape(20, 30))[:60])
    elif what == 'floats':
        np.save(path, np.zeros((3, 3)))
    else:
        np.save(path, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(BadSampleError, match=f'{path.name}.*'):
        read_labels(path)


def sample(root):
    """A sample of two images, read."""
    cameras = [
        dict(name=name, path=str(root / f'samples/{name}/0-0.png'), token=f'{name}-token')
        for name in ('CAM_FRONT', 'CAM_BACK')
    ]
    images = [np.array(Image.open(camera['path'])) for camera in cameras]
    return dict(sample_id='0-0', cameras=cameras, images=images)


def test_maps_come_to_their_images(tmp_path):
    root = make_nuscenes(tmp_path)
    slic = SLICSuperpixels(10, 0.5, 0.5, cache_dir=str(tmp_path / 'cache'))
    done = slic(sample(root))
    assert [one.shape for one in done['superpixels']] == [(H, W)] * 2
    assert not np.array_equal(*done['superpixels'])
    maps = tmp_path / 'maps'
    for place, name in enumerate(('CAM_FRONT', 'CAM_BACK')):
        (maps / name).mkdir(parents=True)
        np.save(maps / name / '0-0.npy', np.full((H, W), place))
        np.save(maps / f'{name}-token.npy', np.full((H, W), 5 + place))
    done = LoadSuperpixels(str(maps), '{camera}/{stem}')(sample(root))
    assert [one.max() for one in done['superpixels']] == [0, 1]
    done = LoadSuperpixels(str(maps), '{token}')(sample(root))
    assert [one.max() for one in done['superpixels']] == [5, 6]
    np.save(maps / 'CAM_BACK/0-0.npy', np.zeros((H, W // 2), int))
    with pytest.raises(BadSampleError) as error:
        LoadSuperpixels(str(maps), '{camera}/{stem}')(sample(root))
    assert str(error.value) == (
        f'{root}/samples/CAM_BACK/0-0.png: its superpixel map has (48, 32) rows and columns and '
        'the image (48, 64); make the maps of these very images, before any crop.'
    )
    with pytest.raises(ConfigError, match='there is no such folder'):
        LoadSuperpixels(str(tmp_path / 'none'))
