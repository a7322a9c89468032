"""The embedded furniture set, on a tiny catalogue made here, and the committed split files."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shutil
import sys
import tarfile
import zipfile
from concurrent.futures.process import BrokenProcessPool
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrd_plugin.data_preparation.furniture import convert as convert_module
from mrd_plugin.data_preparation.furniture import source as source_module
from mrd_plugin.data_preparation.furniture.captions import (
    captions,
    frequent_nouns,
    head_noun,
    useful_tags,
)
from mrd_plugin.data_preparation.furniture.catalogue import (
    PROPERTIES,
    read_catalogue,
    read_catalogues,
)
from mrd_plugin.data_preparation.furniture.clusters import ClusterShape, find_clusters, quarter_turn
from mrd_plugin.data_preparation.furniture.convert import convert_furniture
from mrd_plugin.data_preparation.furniture.openshape import shape_features, write_meta
from mrd_plugin.data_preparation.furniture.sampling import load_parts, sample_entry, sample_parts
from mrd_plugin.data_preparation.furniture.source import deb_members, find_catalogues
from mrd_plugin.data_preparation.furniture.splits import default_split, fold_splits
from mrd_plugin.datasets.shapes.shape_file import read_shape
from mrd_plugin.utils.atomic import DiskFullError, Journal, write_atomically
from mrd_plugin.utils.errors import BadSampleError, SourceError

ROOT = Path(__file__).resolve().parents[2]
SPLITS = ROOT / 'configs/_base_/datasets/furniture_splits'

# Two squares in the plane z = 0: a textured one of area 1, a red one of area 3: x-y-z = 2 x 2.
OBJ = """
mtllib thing.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 2 0 0
v 5 0 0
v 5 1 0
v 2 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl painted
f 1/1 2/2 3/3
f 1/1 3/3 4/4
usemtl red
f 5 6 7
f 5 7 8
"""
MTL = 'newmtl painted\nKd 1 1 1\nmap_Kd paint.png\nnewmtl red\nKd 1 0 0\n'


def png(size: tuple[int, int], paint: dict[tuple[int, int], tuple[int, ...]]) -> bytes:
    """A PNG whose pixels are `paint`, transparent elsewhere."""
    image = Image.new('RGBA', size, (0, 0, 0, 0))
    for at, colour in paint.items():
        image.putpixel(at, colour)
    buffer = io.BytesIO()
    image.save(buffer, 'PNG')
    return buffer.getvalue()


# Left half green, upper right blue, lower right a hole (the row 0 of an image is its upper one).
PAINT = png((2, 2), {(0, 0): (0, 255, 0, 255), (0, 1): (0, 255, 0, 255), (1, 0): (0, 0, 255, 255)})


def catalogue_text(shapes: int) -> str:
    """Properties of `shapes` shapes; the second is turned and has escapes."""
    lines = ['# a comment', 'id=Tiny', 'license=Creative Commons Attribution 3.0 license']
    for i in range(1, shapes + 1):
        lines += [
            f'name#{i}=' + ('Caf\\u00e9 table (2 seats)' if i == 2 else 'Armchair'),
            f'tags#{i}=Blend Swap, Seat, SCPTS, 4',
            f'category#{i}=Living room',
            f'model#{i}=/tiny/thing/thing.obj',
            f'icon#{i}=/tiny/thing.png',
            f'creator#{i}=J\\u00f6',
            f'width#{i}=50',
            f'depth#{i}=1',
            f'height#{i}=10.5',
        ]
    if shapes > 1:
        lines.append('modelRotation#2=1 0 0 0 0 1 0 -1 0')
    return '\r\n'.join(lines) + '\r\n'


@pytest.fixture
def sh3f(tmp_path: Path) -> Path:
    path = tmp_path / 'Tiny.sh3f'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(PROPERTIES, catalogue_text(4).encode('latin-1'))
        archive.writestr('tiny/thing/thing.obj', OBJ)
        archive.writestr('tiny/thing/thing.mtl', MTL)
        archive.writestr('tiny/thing/paint.png', PAINT)
        archive.writestr('tiny/thing.png', png((128, 128), {(3, 4): (10, 20, 30, 255)}))
    return path


def sample(sh3f: Path, which: int, points: int = 4000):
    entry = read_catalogue(sh3f)[which]
    with zipfile.ZipFile(sh3f) as archive:
        return sample_entry(entry, archive, points)


class TestCatalogue:
    def test_reads_escapes_rotation_and_licence(self, sh3f):
        entries = read_catalogue(sh3f)
        assert [e.number for e in entries] == [1, 2, 3, 4]
        assert entries[0].sample_id == 'tiny-0001-armchair'
        assert entries[1].name == 'Café table (2 seats)'
        assert entries[1].sample_id == 'tiny-0002-cafe-table-2-seats'
        assert entries[1].creator == 'Jö'
        assert entries[1].rotation == ((1, 0, 0), (0, 0, 1), (0, -1, 0))
        assert entries[0].size_cm == (50, 1, 10.5)
        assert entries[0].licence == 'CC-BY-3.0'

    def test_missing_key_is_named(self, tmp_path):
        path = tmp_path / 'Bad.sh3f'
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr(PROPERTIES, 'name#7=Bed\ncategory#7=Bedroom\n')
        with pytest.raises(BadSampleError, match='number 7 has no model, icon'):
            read_catalogue(path)

    def test_no_catalogue(self, tmp_path):
        path = tmp_path / 'Bad.sh3f'
        path.write_bytes(b'not a zip')
        with pytest.raises(BadSampleError, match='Bad.sh3f is not a readable'):
            read_catalogue(path)

    def test_ids_must_be_unique(self, sh3f, tmp_path):
        copy = tmp_path / 'other' / sh3f.name
        copy.parent.mkdir()
        shutil.copy(sh3f, copy)
        with pytest.raises(BadSampleError, match='share shape ids'):
            read_catalogues([sh3f, copy])


class TestSampling:
    def test_density_follows_area_and_colours_their_source(self, sh3f):
        rgb = sample(sh3f, 0).rgb
        # Holes hold no points: of the painted area 3/4 is drawn again, so it keeps its share
        # only of what is left: green 0.5, blue 0.25, red 3 of 3.75.
        share = {
            name: (rgb == colour).all(1).mean()
            for name, colour in dict(red=(255, 0, 0), green=(0, 255, 0), blue=(0, 0, 255)).items()
        }
        assert sum(share.values()) == pytest.approx(1)
        assert share['red'] == pytest.approx(3 / 3.75, abs=0.03)
        assert share['green'] == pytest.approx(0.5 / 3.75, abs=0.03)
        assert share['blue'] == pytest.approx(0.25 / 3.75, abs=0.03)

    def test_colours_are_where_they_are_painted(self, sh3f):
        xyz, rgb = sample(sh3f, 0)
        x, y = xyz[:, 0] * 2.5 + 2.5, xyz[:, 1] * 2.5 + 0.5
        blue = (rgb == (0, 0, 255)).all(1)
        assert blue.any()
        assert (x[blue] >= 0.45).all() and (x[blue] <= 1.05).all()
        assert (y[blue] >= 0.45).all()

    def test_box_is_centred_and_scaled(self, sh3f):
        xyz = sample(sh3f, 0).xyz
        assert xyz.dtype == np.float32
        np.testing.assert_allclose(xyz.min(0), [-1, -0.2, 0], atol=0.01)
        np.testing.assert_allclose(xyz.max(0), [1, 0.2, 0], atol=0.01)

    def test_rotation_is_applied(self, sh3f):
        # (x, y, z) -> (x, z, -y): what stood upright lies flat.
        xyz = sample(sh3f, 1).xyz
        np.testing.assert_allclose(np.ptp(xyz, axis=0), [2, 0, 0.4], atol=0.02)
        blue = (sample(sh3f, 1).rgb == (0, 0, 255)).all(1)
        assert xyz[blue, 2].max() < 0.05  # the upper half of y went to negative z

    def test_same_seed_same_points_other_shape_other_points(self, sh3f):
        first, again, third = sample(sh3f, 0), sample(sh3f, 0), sample(sh3f, 2)
        assert (first.xyz == again.xyz).all() and (first.rgb == again.rgb).all()
        assert not (first.xyz == third.xyz).all()

    def test_undefined_material_is_grey_and_missing_texture_is_main_colour(self, tmp_path):
        path = tmp_path / 'a.sh3f'
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('m/a.obj', OBJ.replace('usemtl red', 'usemtl nowhere'))
            archive.writestr('m/thing.mtl', 'newmtl painted\nKd 0 0 1\nmap_Kd gone.png\n')
        with zipfile.ZipFile(path) as archive:
            parts = load_parts(archive, 'm/a.obj')
        _, rgb = sample_parts(parts, 500, np.random.default_rng(0))
        assert {tuple(row) for row in rgb.tolist()} == {(0, 0, 255), (204, 204, 204)}

    @pytest.mark.parametrize('obj', ['', 'v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n'])
    def test_mesh_without_surface(self, tmp_path, obj):
        path = tmp_path / 'Tiny.sh3f'
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr(PROPERTIES, catalogue_text(1).encode('latin-1'))
            archive.writestr('tiny/thing/thing.obj', obj)
        with pytest.raises(BadSampleError, match='tiny-0001-armchair'):
            sample(path, 0)


class TestCaptions:
    @pytest.mark.parametrize(
        ('name', 'noun'),
        [
            ('Armchair', 'armchair'),
            ('Glass door cabinet', 'cabinet'),
            ('Chair with cushion', 'chair'),
            ('Café table (2 seats)', 'table'),
            ('Concept Sedan 02', 'sedan'),
            ('Air conditioning - External unit', 'conditioning'),
            ('Shower head and faucet', 'head'),
            ("Captain's bed", 'bed'),
            ('Vertical shelves', 'shelf'),
            ('Glasses', 'glass'),
            ('Glass', 'glass'),
            ('Ficus', 'ficus'),
            ('Folded clothes', 'clothes'),
            ('Sandwich boxes', 'box'),
        ],
    )
    def test_head_noun(self, name, noun):
        assert head_noun(name) == noun

    def test_housekeeping_and_repetition_are_dropped(self):
        tags = ['Blend Swap', 'SCPTS', 'Adjustable', '4', 'Seat', 'seat', 'Chair']
        assert useful_tags('Deck chair', tags) == ['seat']

    def test_captions(self):
        assert captions('Deck chair', ['Seat', 'Blend Swap'], 'Exterior') == [
            'deck chair',
            'deck chair, seat',
            'deck chair outdoors',
            'deck chair outdoors, seat',
        ]
        assert captions('Book', ['Blend Swap'], 'Miscellaneous') == ['book']

    def test_frequent_nouns(self):
        assert frequent_nouns(['bed'] * 3 + ['a'] * 2 + ['b'] * 3, at_least=3) == ['b', 'bed']


def cloud(rng, kind: str, points: int = 1200) -> np.ndarray:
    """Random points on a surface with the longest side spanning [-1, 1]."""
    flat = rng.uniform(-1, 1, (points, 3))
    if kind == 'box':
        axis = rng.integers(0, 3, points)
        flat[np.arange(points), axis] = rng.choice([-1, 1], points)
        return flat * [1, 0.5, 0.3]
    if kind == 'ball':
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)
    angle = flat[:, 0] * np.pi
    if kind == 'pipe':
        return np.stack([0.3 * np.cos(angle), flat[:, 1], 0.3 * np.sin(angle)], 1)
    return np.stack([flat[:, 0], np.abs(flat[:, 0]) - 0.5, flat[:, 2] * 0.2], 1)


class TestClusters:
    def test_finds_duplicates_and_nothing_else(self):
        rng = np.random.default_rng(0)
        red, blue = (np.tile(np.uint8([c]), (1200, 1)) for c in ((200, 0, 0), (0, 0, 200)))
        shapes = [
            ClusterShape('box-a', 'g', 'crate', cloud(rng, 'box'), red),
            ClusterShape('box-b', 'g', 'crate', quarter_turn(cloud(rng, 'box'), 1), blue),
            ClusterShape('box-c', 'h', 'chest', quarter_turn(cloud(rng, 'box'), 2), red),
            ClusterShape('box-d', 'h', 'bench', cloud(rng, 'box') * [1, 0.9, 1.3], red),
            ClusterShape('ball-a', 'g', 'ball', cloud(rng, 'ball'), red),
            ClusterShape('ball-b', 'g', 'globe', cloud(rng, 'ball'), blue),
            ClusterShape('pipe', 'g', 'crate', cloud(rng, 'pipe'), red),
            ClusterShape('roof', 'g', 'crate', cloud(rng, 'roof'), red),
        ]
        # a and b: same catalogue and noun; a and c: same colour; the balls: neither.
        assert find_clusters(shapes, pairs=28, points=600) == [['box-a', 'box-b', 'box-c']]

    def test_quarter_turn(self):
        point = np.array([[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(quarter_turn(point, 0), point)
        np.testing.assert_array_equal(quarter_turn(point, 1), [[3, 2, -1]])
        np.testing.assert_array_equal(quarter_turn(quarter_turn(point, 1), 3), point)


class TestSplitRule:
    ids = [f's{i}' for i in range(100)]
    clusters = [ids[:8], ids[8:11], ids[40:42]]
    stratum = {i: ('bed' if n < 50 else 'chair' if n < 90 else 'lamp') for n, i in enumerate(ids)}

    def parts_whole(self, split):
        for cluster in self.clusters:
            assert len({p for p, ids in split.items() for i in ids if i in cluster}) == 1

    def test_default(self):
        split = default_split(self.ids, self.clusters, self.stratum)
        assert {p: len(ids) for p, ids in split.items()} == {'train': 70, 'val': 10, 'test': 20}
        self.parts_whole(split)
        assert set(self.clusters[0]) <= set(split['train'])
        assert split == default_split(self.ids, self.clusters, self.stratum)
        assert split != default_split(self.ids, self.clusters, self.stratum, seed=1)

    def test_folds(self):
        splits = fold_splits(self.ids, self.clusters, self.stratum)
        assert sorted(i for s in splits for i in s['test']) == sorted(self.ids)
        for split in splits:
            self.parts_whole(split)
            assert len(split['test']) == 20
            chairs = sum(self.stratum[i] == 'chair' for i in split['test'])
            assert 5 <= chairs <= 9  # 40 chairs over the room that the large cluster leaves


class TestCommittedSplits:
    @staticmethod
    def load(name):
        return json.loads((SPLITS / f'{name}.json').read_text(encoding='utf-8'))

    @pytest.fixture
    def splits(self):
        return {n: self.load(n) for n in ('default', *(f'fold{i}' for i in range(5)))}

    def test_disjoint_and_complete(self, splits):
        every = sorted(i for part in splits['default'].values() for i in part)
        assert len(every) == len(set(every)) == 820
        for split in splits.values():
            assert list(split) == ['train', 'val', 'test']
            assert sorted(i for part in split.values() for i in part) == every
            assert [len(split[part]) for part in split] == [574, 82, 164]

    def test_every_shape_is_tested_once(self, splits):
        tested = [i for n, s in splits.items() if n != 'default' for i in s['test']]
        assert len(tested) == len(set(tested)) == 820

    def test_clusters_are_whole(self, splits):
        clusters = self.load('clusters')
        assert len(clusters) == 25 and sum(map(len, clusters)) == 83
        for name, split in splits.items():
            for cluster in clusters:
                parts = {part for part, ids in split.items() if set(cluster) & set(ids)}
                assert len(parts) == 1, (name, cluster)
                if len(cluster) > 4:
                    assert parts <= ({'train'} if name == 'default' else {'train', 'test'})

    def test_nouns(self, splits):
        nouns = self.load('nouns')
        assert nouns == sorted(nouns) and len(nouns) == 25
        for split in splits.values():
            for part in ('train', 'val', 'test'):
                text = ' '.join(split[part])
                for noun in ('chair', 'table', 'lamp', 'bed', 'sofa', 'cabinet'):
                    assert re.search(rf'\b{noun}\b', text), (part, noun)


class TestConvert:
    def run(self, sh3f, out, **kwargs):
        kwargs = {'points': 300, 'workers': 1, 'progress': False, **kwargs}
        return convert_furniture(read_catalogue(sh3f), out, **kwargs)

    def test_plain_folder(self, sh3f, tmp_path):
        out = tmp_path / 'out'
        assert self.run(sh3f, out) == (4, 0)
        records = json.loads((out / 'index.json').read_text(encoding='utf-8'))
        second = records[1]
        assert second['id'] == 'tiny-0002-cafe-table-2-seats'
        assert second['noun'] == 'table' and second['category'] == 'Living room'
        assert second['tags'] == ['seat'] and second['captions'][0] == 'café table (2 seats)'
        assert second['creator'] == 'Jö' and second['licence'] == 'CC-BY-3.0'
        assert second['size_cm'] == [50, 1, 10.5] and second['up_axis'] == 'y'
        with np.load(out / second['shape'], allow_pickle=False) as arrays:
            assert arrays['xyz'].shape == (300, 3) and arrays['xyz'].dtype == np.float32
            assert arrays['rgb'].shape == (300, 3) and arrays['rgb'].dtype == np.uint8
            assert str(arrays['id']) == second['id'] and str(arrays['group']) == 'tiny'
        image = Image.open(out / second['image'])
        assert image.mode == 'RGB' and image.size == (128, 128)
        assert image.getpixel((3, 4)) == (10, 20, 30)
        assert image.getpixel((0, 0)) == (255, 255, 255)
        page = (out / 'ATTRIBUTION.md').read_text(encoding='utf-8')
        assert '| Jö | CC-BY-3.0 | 4 |' in page and page.count('| tiny-000') == 4

    def test_number_of_processes_changes_nothing(self, sh3f, tmp_path):
        self.run(sh3f, tmp_path / 'one')
        self.run(sh3f, tmp_path / 'two', workers=2)
        for path in (tmp_path / 'one' / 'shapes').iterdir():
            assert path.read_bytes() == (tmp_path / 'two' / 'shapes' / path.name).read_bytes()

    def test_stopped_run_continues(self, sh3f, tmp_path, monkeypatch):
        out = tmp_path / 'out'
        real = convert_module.ShapeJob.make
        calls = []

        def dies_at_third(job):
            calls.append(job.entry.sample_id)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return real(job)

        monkeypatch.setattr(convert_module.ShapeJob, 'make', dies_at_third)
        with pytest.raises(KeyboardInterrupt):
            self.run(sh3f, out)
        assert not (out / 'index.json').exists()
        with (out / 'progress.jsonl').open('a') as journal:
            journal.write('\n["cut sho')
        (out / 'shapes' / 'left.npz.1.tmp').write_bytes(b'half')
        (out / 'shapes' / 'mine.tmp').write_bytes(b'of another program')
        monkeypatch.setattr(convert_module.ShapeJob, 'make', real)
        assert self.run(sh3f, out) == (2, 2)
        assert [path.name for path in out.rglob('*.tmp')] == ['mine.tmp']
        assert self.run(sh3f, out) == (0, 4)

    def test_truncated_changed_and_deleted_files_are_made_anew(self, sh3f, tmp_path):
        out = tmp_path / 'out'
        self.run(sh3f, out)
        shapes = sorted((out / 'shapes').iterdir())
        whole = shapes[0].read_bytes()
        shapes[0].write_bytes(whole[: len(whole) // 2])
        shapes[1].unlink()
        (out / 'images' / f'{shapes[2].stem}.png').write_bytes(b'')
        assert self.run(sh3f, out) == (3, 1)
        assert shapes[0].read_bytes() == whole

    def test_other_parameters_are_made_anew(self, sh3f, tmp_path):
        out = tmp_path / 'out'
        self.run(sh3f, out)
        assert self.run(sh3f, out, points=200) == (4, 0)
        assert self.run(sh3f, out, points=200, seed=1) == (4, 0)

    def test_full_disk_is_one_sentence_and_leaves_nothing(self, tmp_path, monkeypatch):
        def full(descriptor):
            raise OSError(28, 'No space left on device')

        monkeypatch.setattr(os, 'fsync', full)
        with pytest.raises(DiskFullError, match=r'No room is left on the disk for .*a\.npz; free'):
            write_atomically(tmp_path / 'a.npz', b'x')
        assert list(tmp_path.iterdir()) == []

    def test_damaged_member_is_named(self, sh3f, tmp_path):
        content = bytearray(sh3f.read_bytes())
        at = content.index(b'usemtl painted')
        content[at : at + 4] = b'xxxx'
        sh3f.write_bytes(content)
        with pytest.raises(BadSampleError, match='tiny-0001-armchair: tiny/thing/thing.obj in'):
            self.run(sh3f, tmp_path / 'out')
        assert not (tmp_path / 'out' / 'index.json').exists()

    def test_journal_notices_another_key(self, tmp_path):
        write_atomically(tmp_path / 'a', b'abc')
        Journal(tmp_path).add('a', 'key', 3, 891568578)
        assert Journal(tmp_path).has(['a'], 'key')
        assert not Journal(tmp_path).has(['a'], 'other')
        assert not Journal(tmp_path).has(['a', 'b'], 'key')


class FakeTeacher:
    def encode_image(self, paths):
        return np.array([[len(p), 1, 2] for p in paths], np.float64)

    def encode_text(self, texts):
        return np.array([[len(t), 3, 4] for t in texts], np.float64)


class TestOpenShapeForm:
    def test_files(self, sh3f, tmp_path):
        out = tmp_path / 'out'
        entries = read_catalogue(sh3f)
        features = shape_features(entries, FakeTeacher())
        convert_furniture(entries, out, 'openshape', 300, 0, 1, features, progress=False)
        path = out / 'Objaverse/tiny/tiny-0001-armchair.npy'
        content = np.load(path, allow_pickle=True).item()
        assert (content['dataset'], content['group']) == ('Objaverse', 'tiny')
        assert content['id'] == 'tiny-0001-armchair'
        assert content['xyz'].shape == (300, 3) and content['xyz'].dtype == np.float32
        assert content['rgb'].dtype == np.float32 and content['rgb'].max() == 1
        assert content['image_feat'].shape == (1, 3) and content['thumbnail_feat'].shape == (3,)
        assert content['text'] == ['Armchair']
        assert content['blip_caption'] == 'armchair, seat'
        assert content['msft_caption'] == 'armchair for the living room, seat'
        assert content['text_feat'][0]['original'].tolist() == [[8, 3, 4]]
        assert content['blip_caption_feat']['prompt_avg'].tolist() == [[14, 3, 4]]
        assert len(content['retrieval_text_feat']) == len(content['retrieval_text'])
        # both forms hold the same points
        convert_furniture(entries, tmp_path / 'plain', 'plain', 300, 0, 1, progress=False)
        with np.load(tmp_path / 'plain/shapes/tiny-0001-armchair.npz') as plain:
            np.testing.assert_array_equal(plain['xyz'], content['xyz'])
            np.testing.assert_allclose(plain['rgb'] / 255, content['rgb'], rtol=1e-6)

    def test_the_reader_takes_it(self, sh3f, tmp_path):
        entries = read_catalogue(sh3f)
        features = shape_features(entries, FakeTeacher())
        convert_furniture(entries, tmp_path, 'openshape', 50, 0, 1, features, progress=False)
        shape = read_shape(tmp_path / 'Objaverse/tiny/tiny-0001-armchair.npy')
        assert shape.xyz.shape == shape.rgb.shape == (50, 3)
        assert list(shape.candidates.raw.texts) == ['Armchair']
        assert shape.candidates.retrieval.original.shape == (4, 3)

    def test_features_of_views_are_the_renderings(self, sh3f, tmp_path):
        entries = read_catalogue(sh3f)
        features = shape_features(entries, FakeTeacher(), views=5)
        convert_furniture(entries, tmp_path, 'openshape', 50, 0, 1, features, progress=False)
        candidates = read_shape(tmp_path / 'Objaverse/tiny/tiny-0001-armchair.npy').candidates
        view = 'views/tiny-0001-armchair/00.png'
        assert candidates.image_feat.tolist() == [[len(view), 1, 2]] * 5
        assert candidates.thumbnail_feat.tolist() == [len('images/tiny-0001-armchair.png'), 1, 2]

    def test_without_features_there_are_no_feature_keys(self, sh3f, tmp_path):
        convert_furniture(read_catalogue(sh3f), tmp_path, 'openshape', 50, 0, 1, progress=False)
        path = tmp_path / 'Objaverse/tiny/tiny-0001-armchair.npy'
        content = np.load(path, allow_pickle=True).item()
        assert not [key for key in content if key.endswith('feat')]

    def test_meta(self, sh3f, tmp_path):
        entries = read_catalogue(sh3f)
        ids = [e.sample_id for e in entries]
        split = {'train': ids[:1], 'val': ids[3:], 'test': ids[1:3]}
        write_meta(tmp_path, entries, split, ['table', 'bed'], FakeTeacher())
        meta = tmp_path / 'meta_data'
        train = json.loads((meta / 'split/train_all.json').read_text())
        prefix = '/mnt/data/objaverse-processed/merged_for_training_final'
        assert train == [
            {
                'id': ids[0],
                'dataset': 'Objaverse',
                'group': 'tiny',
                'data_path': f'{prefix}/Objaverse/tiny/{ids[0]}.npy',
            }
        ]
        lvis = json.loads((meta / 'split/lvis.json').read_text())
        assert [(row['uid'], row['category']) for row in lvis] == [(ids[1], 'table')]
        assert np.load(meta / 'lvis_cat_name_pt_feat.npy').tolist() == [[5, 3, 4]]


def make_deb(path: Path, members: dict[str, bytes]) -> Path:
    """A Debian package with the files `members`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:xz') as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f'./usr/share/{name}')
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    parts = {'debian-binary': b'2.0\n', 'control.tar.xz': b'odd', 'data.tar.xz': packed.getvalue()}
    raw = b'!<arch>\n'
    for name, content in parts.items():
        raw += f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n'.encode()
        raw += content + b'\n' * (len(content) % 2)
    path.write_bytes(raw)
    return path


class TestSource:
    @pytest.fixture(params=['dpkg', 'no dpkg'])
    def unpacker(self, request, monkeypatch):
        if request.param == 'no dpkg':
            monkeypatch.setattr(source_module.shutil, 'which', lambda name: None)

    def test_package_is_read(self, tmp_path, unpacker):
        deb = make_deb(tmp_path / 'a.deb', {'a.sh3f': b'abc', 'doc/copyright': b'free'})
        assert dict(deb_members(deb)) == {'a.sh3f': b'abc', 'copyright': b'free'}

    @pytest.mark.parametrize('keep', [0, 50, 200, -60])
    def test_truncated_package(self, tmp_path, unpacker, keep):
        deb = make_deb(tmp_path / 'a.deb', {'a.sh3f': bytes(range(256)) * 40})
        deb.write_bytes(deb.read_bytes()[:keep])
        with pytest.raises(SourceError, match=r'a\.deb can not be unpacked .*damaged or cut short'):
            list(deb_members(deb))

    def test_deb_is_verified_unpacked_once_and_repaired(self, tmp_path, monkeypatch):
        files = {'a.sh3f': b'abc', 'b.sh3f': b'def'}
        deb = make_deb(tmp_path / 'a.deb', files)
        known = {name: sha256(content).hexdigest() for name, content in files.items()}
        monkeypatch.setattr(source_module, 'CATALOGUES', known)
        found = find_catalogues(deb, tmp_path / 'cache')
        assert [p.name for p in found] == ['a.sh3f', 'b.sh3f']
        found[0].write_bytes(b'ab')
        assert find_catalogues(deb, tmp_path / 'cache')[0].read_bytes() == b'abc'
        monkeypatch.setattr(
            source_module, 'download_furniture', lambda cache: pytest.fail('downloads')
        )
        assert find_catalogues(None, tmp_path / 'cache') == found

    def test_wrong_checksum(self, tmp_path):
        deb = make_deb(tmp_path / source_module.DEB, {'Scopia.sh3f': b'something else'})
        message = r'has sha256 \w+, expected 3ccb90c6\w+, and its BlendSwap-CC-0.sh3f is missing'
        with pytest.raises(SourceError, match=message):
            find_catalogues(deb, tmp_path / 'cache')
        assert not (tmp_path / 'cache').exists()
        (tmp_path / 'Scopia.sh3f').write_bytes(b'cut')
        with pytest.raises(SourceError, match=r'Scopia.sh3f has sha256 \w+, expected b4505451'):
            find_catalogues(tmp_path, tmp_path / 'cache')

    def test_folder_and_zip(self, sh3f, tmp_path):
        assert find_catalogues(sh3f.parent, tmp_path / 'cache') == [sh3f]
        packed = tmp_path / 'set.zip'
        with zipfile.ZipFile(packed, 'w') as archive:
            archive.write(sh3f, 'models/Tiny.sh3f')
        found = find_catalogues(packed, tmp_path / 'cache')
        assert found[0].read_bytes() == sh3f.read_bytes()

    @pytest.mark.parametrize(
        ('name', 'message'),
        [('gone.deb', 'does not exist'), ('a.txt', 'is no .deb'), ('empty', 'holds no .sh3f')],
    )
    def test_unusable_source(self, tmp_path, name, message):
        (tmp_path / 'a.txt').write_text('x')
        (tmp_path / 'empty').mkdir()
        with pytest.raises(SourceError, match=message):
            find_catalogues(tmp_path / name, tmp_path / 'cache')

    def test_no_apt(self, tmp_path, monkeypatch):
        monkeypatch.setattr(source_module.shutil, 'which', lambda name: None)
        with pytest.raises(SourceError, match='apt-get was not found.*--source'):
            find_catalogues(None, tmp_path)

    def test_no_network(self, tmp_path, monkeypatch):
        monkeypatch.setattr(source_module.shutil, 'which', lambda name: name)
        monkeypatch.setattr(source_module, '_apt', lambda *a: 'E: Could not resolve host')
        with pytest.raises(SourceError, match='Could not resolve host.*check the network'):
            find_catalogues(None, tmp_path)
        assert not list(tmp_path.glob('.apt-*'))


class TestTool:
    def call(self, monkeypatch, capsys, *arguments):
        tool = ROOT / 'tools/prepare/furniture.py'
        monkeypatch.setattr(sys, 'argv', ['furniture.py', *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(tool), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        return code, capsys.readouterr()

    def test_writes_and_reuses(self, sh3f, tmp_path, monkeypatch, capsys):
        arguments = ('--source', sh3f, '--out', tmp_path / 'o', '--points', 50, '--workers', 1)
        code, text = self.call(monkeypatch, capsys, *arguments)
        assert code == 0 and '4 shapes, 4 written, 0 reused' in text.out
        code, text = self.call(monkeypatch, capsys, *arguments)
        assert code == 0 and '4 shapes, 0 written, 4 reused' in text.out

    def test_failure_is_one_sentence(self, tmp_path, monkeypatch, capsys):
        code, text = self.call(monkeypatch, capsys, '--source', tmp_path / 'gone.deb')
        assert code.startswith('Error: ') and 'does not exist; give the .deb' in code
        assert '\n' not in code and text.out == text.err == ''

    def test_a_stopped_run_says_that_it_continues(self, monkeypatch, capsys):
        def stopped(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr('mrd_plugin.data_preparation.furniture.source.find_catalogues', stopped)
        code, text = self.call(monkeypatch, capsys)
        assert code == 130 and text.err == 'stopped; the same command continues.\n'

    def test_a_killed_worker_is_one_sentence(self, monkeypatch, capsys):
        def killed(*_):
            raise BrokenProcessPool

        monkeypatch.setattr('mrd_plugin.data_preparation.furniture.source.find_catalogues', killed)
        code, _ = self.call(monkeypatch, capsys)
        assert code.startswith('Error: a worker process was killed') and '--workers' in code

    def test_help_has_examples(self, monkeypatch, capsys):
        code, text = self.call(monkeypatch, capsys, '--help')
        assert code == 0 and 'examples:' in text.out and '--format openshape' in text.out
