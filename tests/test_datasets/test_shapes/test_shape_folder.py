import json

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from mrd_plugin.datasets import ShapeFolderDataset
from mrd_plugin.datasets.shapes.mesh_file import read_shape_points
from mrd_plugin.datasets.shapes.shape_file import write_shape
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.test_datasets.test_shapes.samples import cloud, pipeline, record, save_pickled


def box(extents=(1, 2, 3)):
    return trimesh.creation.box(extents=extents)


def coloured(kind):
    mesh = box()
    if kind == 'vertex':
        mesh.visual.vertex_colors = np.tile([200, 10, 30, 255], (len(mesh.vertices), 1))
    elif kind == 'face':
        mesh.visual.face_colors = np.tile([200, 10, 30, 255], (len(mesh.faces), 1))
    elif kind == 'texture':
        image = Image.new('RGB', (4, 4), (200, 10, 30))
        uv = np.random.default_rng(0).random((len(mesh.vertices), 2))
        material = PBRMaterial(baseColorTexture=image)
        mesh.visual = TextureVisuals(uv=uv, material=material)
    return mesh


@pytest.mark.parametrize('ending', ['stl', 'off', 'obj', 'glb', 'ply'])
def test_meshes_without_colour_are_sampled_evenly(tmp_path, ending):
    path = tmp_path / f'a.{ending}'
    box().export(path)
    xyz, rgb = read_shape_points(path, 6000)
    assert xyz.shape == (6000, 3) and rgb is None
    np.testing.assert_allclose(np.abs(xyz).max(axis=0), [0.5, 1, 1.5], atol=1e-6)
    on_top = np.isclose(np.abs(xyz[:, 2]), 1.5).mean()
    assert on_top == pytest.approx(2 * 1 * 2 / 22, abs=0.02)  # its share of the surface


@pytest.mark.parametrize(
    ('kind', 'ending'), [('vertex', 'ply'), ('vertex', 'obj'), ('face', 'ply'), ('texture', 'glb')]
)
def test_meshes_keep_their_colour(tmp_path, kind, ending):
    path = tmp_path / f'a.{ending}'
    coloured(kind).export(path)
    _, rgb = read_shape_points(path, 100)
    np.testing.assert_array_equal(rgb, np.tile(np.uint8([200, 10, 30]), (100, 1)))


def test_a_mesh_gives_the_same_points_for_the_same_seed(tmp_path):
    box().export(tmp_path / 'a.ply')
    one, same, other = (read_shape_points(tmp_path / 'a.ply', 50, seed=s)[0] for s in 'aab')
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_point_clouds(tmp_path):
    points = cloud(0)
    table = np.hstack([points['xyz'], points['rgb'] * 255])
    np.save(tmp_path / 'a.npy', table)
    np.savetxt(tmp_path / 'a.txt', table)
    np.savetxt(tmp_path / 'a.xyz', table, delimiter=',')
    for ending in ('npy', 'txt', 'xyz'):
        xyz, rgb = read_shape_points(tmp_path / f'a.{ending}', 10, colour_range=255)
        np.testing.assert_allclose(xyz, points['xyz'], atol=1e-6)
        np.testing.assert_allclose(rgb, points['rgb'], atol=1e-6)
        assert read_shape_points(tmp_path / f'a.{ending}', 10, colour_range=0)[1] is None
        with pytest.raises(ConfigError, match='colour_range=1 or 255'):
            read_shape_points(tmp_path / f'a.{ending}', 10)
    np.save(tmp_path / 'b.npy', points['xyz'])
    assert read_shape_points(tmp_path / 'b.npy', 10)[1] is None
    write_shape(tmp_path / 'c.npz', record('c'))
    save_pickled(tmp_path / 'd.npy', record('c'))
    for name in ('c.npz', 'd.npy'):
        np.testing.assert_array_equal(read_shape_points(tmp_path / name, 10)[1], record('c')['rgb'])
    colours = np.tile([9, 8, 7, 255], (64, 1)).astype(np.uint8)
    trimesh.PointCloud(points['xyz'], colors=colours).export(tmp_path / 'p.ply')
    xyz, rgb = read_shape_points(tmp_path / 'p.ply', 10)
    np.testing.assert_allclose(xyz, points['xyz'], atol=1e-6)
    np.testing.assert_array_equal(rgb, colours[:, :3])
    trimesh.PointCloud(points['xyz']).export(tmp_path / 'q.ply')
    assert read_shape_points(tmp_path / 'q.ply', 10)[1] is None


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.obj', b'# nothing\n', 'neither triangles nor points|can not read'),
        ('a.glb', b'glTF cut', 'can not read'),
        ('a.txt', b'one two three\n', 'one point per line'),
        ('a.npy', b'\x93NUMPY', 'truncated'),
        ('a.stl', b'', 'can not read|neither'),
        ('a.doc', b'x', 'can not read'),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadSampleError, match=message) as error:
        read_shape_points(path, 10)
    assert str(path) in str(error.value)
    with pytest.raises(BadSampleError, match='no such file'):
        read_shape_points(tmp_path / 'none.obj', 10)


def folder(root, rows=None):
    box((1, 2, 4)).export(root / 'table.ply')
    coloured('vertex').export(root / 'chair.ply')
    Image.new('RGB', (8, 8)).save(root / 'table.png')
    (root / 'shapes.csv').write_text(
        'shape,name,captions,images,category\n'
        'table.ply,A table,a big table|wooden table,table.png,table\n'
        'chair.ply,,,,sofa\n'
    )
    return str(root)


def test_csv_and_json_lists_mean_the_same(tmp_path):
    root = folder(tmp_path)
    rows = [
        dict(
            shape='table.ply',
            name='A table',
            captions=['a big table', 'wooden table'],
            images=['table.png'],
            category='table',
        ),
        dict(shape='chair.ply', category='sofa'),
    ]
    (tmp_path / 'list.json').write_text(json.dumps(rows))
    for ann_file in ('shapes.csv', 'list.json'):
        dataset = ShapeFolderDataset(
            root, 'z', ann_file, classes=('chair', 'table'), num_points=500, pipeline=pipeline(40)
        )
        table, chair = (dataset[i]['data_samples'] for i in range(2))
        assert (table.sample_id, table.name, int(table.label)) == ('table', 'A table', 1)
        assert table.text in ('A table', 'a big table', 'wooden table')
        assert table.image_path == str(tmp_path / 'table.png')
        assert (chair.name, chair.text, chair.image_path) == ('chair', None, None)
        assert chair.category == 'sofa' and chair.label == -1


@pytest.mark.parametrize('axis', 'xyz')
def test_files_are_turned_not_mirrored_to_y_up_and_brought_to_metres(tmp_path, axis):
    rng = np.random.default_rng(0)
    points = rng.random((30, 3)).astype(np.float32)
    np.save(tmp_path / 'a.npy', points)
    (tmp_path / 'shapes.csv').write_text('shape\na.npy\n')
    dataset = ShapeFolderDataset(str(tmp_path), axis, unit='cm')
    fields = dataset.complete(dataset.get_data_info(0))
    xyz = fields['xyz'] * 100
    assert fields['size'] == pytest.approx(np.ptp(points, axis=0).max() / 100)
    no_unit = ShapeFolderDataset(str(tmp_path), axis)
    assert 'size' not in no_unit.complete(no_unit.get_data_info(0))
    np.testing.assert_allclose(xyz[:, 1], points[:, 'xyz'.index(axis)], rtol=1e-5)
    turn = np.linalg.lstsq(points, xyz, rcond=None)[0]
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-4)


def test_memory_and_disk_give_the_same_points(tmp_path):
    root, steps = folder(tmp_path), pipeline(20, dict(image='none'), seed=0)[:5]
    steps += [dict(type='PackShapeInputs')]
    cold = ShapeFolderDataset(root, 'z', cache_in_memory=False, pipeline=steps)
    warm = ShapeFolderDataset(root, 'z', pipeline=steps)
    for i in range(2):
        assert (cold[i]['inputs'] == warm[i]['inputs']).all()


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    root = folder(tmp_path)
    (tmp_path / 'table.png').unlink()
    dataset = ShapeFolderDataset(root, 'y', num_points=50, pipeline=pipeline(10))
    assert dataset[0]['data_samples'].skipped == ['table']
    assert 'table.png' in dataset.bad_samples['table']
    with pytest.raises(ConfigError, match="file_up_axis='up'"):
        ShapeFolderDataset(root, 'up')
    with pytest.raises(ConfigError, match="unit='ell'"):
        ShapeFolderDataset(root, 'z', unit='ell')
    with pytest.raises(ConfigError, match='data_root'):
        ShapeFolderDataset(root + '/none', 'z')
    (tmp_path / 'shapes.csv').write_text('shape,id\na.ply,1\nb.ply,1\n')
    with pytest.raises(ConfigError, match='ids occur twice'):
        ShapeFolderDataset(root, 'z')
    (tmp_path / 'shapes.csv').write_text('file\na.ply\n')
    with pytest.raises(ConfigError, match='row 1 has no `shape`'):
        ShapeFolderDataset(root, 'z')
