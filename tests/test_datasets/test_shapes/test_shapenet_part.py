import numpy as np
import pytest

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets import ShapeNetPart
from mrd_plugin.datasets.shapes.shapenet_part import NUM_PARTS, PARTS, parts_of
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.parts import SYNSETS, make_shapenetpart

PACK = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=50),
    dict(type='SwapYZ'),
    dict(type='PackShapeInputs'),
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_shapenetpart(tmp_path_factory.mktemp('parts') / 'shapenetpart')


def test_parts_are_numbered_through():
    # fmt: off
    published = dict(Earphone=16, Motorbike=30, Rocket=41, Car=8, Laptop=28, Cap=6, Skateboard=44,
                     Mug=36, Guitar=19, Bag=4, Lamp=24, Table=47, Airplane=0, Pistol=38, Chair=12,
                     Knife=22)
    # fmt: on
    assert {name: parts_of(name).start for name in PARTS} == published
    assert NUM_PARTS == 50 and len(PARTS) == 16
    assert [part for name in PARTS for part in parts_of(name)] == list(range(50))


def test_splits_and_categories(root):
    counts = dict(train=6, val=2, trainval=8, test=4)
    for split, count in counts.items():
        assert len(ShapeNetPart(str(root), split)) == count
    mugs = ShapeNetPart(str(root), 'trainval', classes=['Mug'])
    assert len(mugs) == 4 and {mugs.get_data_info(i)['category'] for i in range(4)} == {'Mug'}


def test_points_keep_their_parts_through_the_pipeline(root):
    data = ShapeNetPart(str(root), 'train', pipeline=PACK)
    for index in (0, 3):
        packed = data[index]
        points, sample = packed['inputs'], packed['data_samples']
        parts = parts_of(sample.category)
        height = points[:, 2].numpy()  # z is up behind SwapYZ
        expected = parts.start + np.floor(height * len(parts))
        assert sample.point_labels.tolist() == expected.tolist() and points.shape == (50, 6)
        assert sample.parts.tolist() == list(parts)
        assert int(sample.label) == list(PARTS).index(sample.category)
        assert (points[:, 3:] == 0.4).all()


def test_shapes_in_memory_are_the_same(root):
    still = [PACK[0], dict(type='SamplePoints', num_points=60, seed=0), *PACK[2:]]
    disk = ShapeNetPart(str(root), 'val', pipeline=still)[1]
    memory = ShapeNetPart(str(root), 'val', cache_in_memory=True, pipeline=still)[1]
    assert (disk['inputs'] == memory['inputs']).all()
    labels = [found['data_samples'].point_labels.tolist() for found in (disk, memory)]
    assert labels[0] == labels[1]


class TestBadInput:
    @pytest.fixture
    def root(self, tmp_path):
        return make_shapenetpart(tmp_path / 'parts', shapes=(1, 1, 1), count=5)

    def read(self, root, **kwargs):
        return ShapeNetPart(str(root), 'test', test_mode=True, pipeline=PACK, **kwargs)[0]

    def test_a_part_of_another_category(self, root):
        path = root / SYNSETS['Mug'] / 'test0.txt'
        path.write_text('0 0 0 0 0 1 36\n0 0 1 0 0 1 47\n')
        with pytest.raises(
            BadSampleError, match='1 of 2 points.* 47; a Mug has the parts 36 to 37'
        ):
            self.read(root)

    @pytest.mark.parametrize(
        'text, words',
        [('0 0 0 0 0 1\n', '6 numbers'), ('0 0 0 0 0 1 36.5\n', 'whole'), ('a b\n', 'no table')],
    )
    def test_a_file_of_another_kind(self, root, text, words):
        (root / SYNSETS['Mug'] / 'test0.txt').write_text(text)
        with pytest.raises(BadSampleError, match=f'test0.txt.*{words}'):
            self.read(root)

    def test_a_missing_file(self, root):
        (root / SYNSETS['Mug'] / 'test0.txt').unlink()
        with pytest.raises(BadSampleError, match='test0.txt: there is no such file'):
            self.read(root)

    def test_unknown_categories(self, root):
        with pytest.raises(ConfigError, match=r"classes: \['Teapot'\] are none"):
            self.read(root, classes=['Mug', 'Teapot'])
        (root / 'synsetoffset2category.txt').write_text('Mug\t03797390\n')
        with pytest.raises(ConfigError, match='04379243/test0.* is of no category'):
            self.read(root)
        (root / 'synsetoffset2category.txt').write_text('Teapot\t03797390\n')
        with pytest.raises(ConfigError, match="'Teapot 03797390' is no category"):
            self.read(root)

    def test_missing_lists_and_folders(self, root, tmp_path):
        (root / 'train_test_split/shuffled_test_file_list.json').unlink()
        with pytest.raises(ConfigError, match='no such list of shapes; fetch shapenetcore'):
            self.read(root)
        with pytest.raises(ConfigError, match='no such folder; fetch shapenetcore'):
            ShapeNetPart(str(tmp_path / 'nowhere'))
        with pytest.raises(ConfigError, match="split='all': expected one of"):
            ShapeNetPart(str(root), 'all')
