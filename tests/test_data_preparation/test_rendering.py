"""Images of meshes: what is seen, where, in which colour."""

import io
import json
import sys
import zipfile

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.material import SimpleMaterial
from trimesh.visual.texture import TextureVisuals

from mrd_plugin.data_preparation.furniture.catalogue import read_catalogue
from mrd_plugin.data_preparation.furniture.convert import convert_furniture
from mrd_plugin.data_preparation.furniture.views import count_views, render_views
from mrd_plugin.data_preparation.rendering import MARGIN, MeshRenderer, ring_of_cameras
from mrd_plugin.utils.errors import BadSampleError, ConfigError

from .test_furniture import sh3f  # noqa: F401

UPRIGHT = np.eye(3)
RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 200, 0), (0, 0, 200), (120, 120, 120)


def slab(low, high, colour):
    """A box of one colour."""
    box = trimesh.creation.box(bounds=[low, high])
    material = SimpleMaterial(diffuse=[*colour, 255])
    box.visual = TextureVisuals(uv=np.zeros((len(box.vertices), 2)), material=material)
    return box


def hue(pixels):
    """Strongest channel of each pixel: 0 red, 1 green, 2 blue, -1 white or grey."""
    pixels = np.asarray(pixels, dtype=int)
    spread = np.ptp(pixels, axis=-1)
    return np.where(spread > 20, pixels.argmax(axis=-1), -1)


def test_front_sides_and_top_are_where_they_belong():
    parts = [
        slab((-1, -1, 0.9), (1, 0.9, 1), RED),  # front, +z
        slab((0.9, -1, -1), (1, 0.9, 0.9), GREEN),  # right, +x
        slab((-1, 0.9, -1), (1, 1, 1), BLUE),  # top, +y
        slab((-0.9, -1, -1), (0.9, 0.9, 0.9), GREY),
    ]
    scene = MeshRenderer(parts, UPRIGHT)
    front, right = scene.render(0, 0.35, 64), scene.render(np.pi / 2, 0.35, 64)
    assert hue(front[40, 32]) == 0 and hue(right[40, 32]) == 1
    for image in (front, right):
        assert hue(image[8, 32]) == 2
        columns = hue(image)[3:61, 32]
        assert np.flatnonzero(columns == 2).max() < np.flatnonzero(columns != 2).min()
    oblique = hue(scene.render(np.pi / 4, 0.35, 64))
    assert (
        oblique[40, 22] == 0 and oblique[40, 42] == 1
    )  # seen from +x +z, the front is on the left


def test_edges_of_a_box_are_sharp_and_a_ball_is_smooth():
    box = trimesh.creation.box(bounds=[(-1, -0.5, -1), (1, 0.5, 1)]).subdivide()
    box.visual = slab((-1, -1, -1), (1, 1, 1), RED).visual
    box.visual.uv = np.zeros((len(box.vertices), 2))
    face = MeshRenderer([box], UPRIGHT).render(0, 0, 100)[30:70, 10:90, 0].astype(int)
    assert np.ptp(face) <= 3  # what perspective leaves
    ball = trimesh.creation.icosphere(subdivisions=2)
    ball.visual = TextureVisuals(uv=np.zeros((len(ball.vertices), 2)), material=box.visual.material)
    line = MeshRenderer([ball], UPRIGHT).render(0, 0, 200)[60:140, 100, 0].astype(int)
    assert np.abs(np.diff(line)).max() <= 4 and np.ptp(line) > 20


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_the_whole_shape_is_in_the_image_and_fills_it(seed):
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.02, 1, 3) * 7
    scene = MeshRenderer([slab(5 - size, 5 + size, RED)], UPRIGHT)
    for camera in ring_of_cameras(12):
        seen = hue(scene.render(*camera, 100)) == 0
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        reach = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 0 < min(rows[0], columns[0]) and max(rows[-1], columns[-1]) < 99
        assert reach <= 100 * MARGIN + 2 and reach >= 75
        middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
        assert np.abs(np.array(middle) - 49.5).max() < 10


def slow_mask(triangles, origin, rays):
    """Nearest triangle of each ray by Cramer's rule, one ray and one triangle at a time."""
    nearest = np.full(len(rays), -1)
    for i, ray in enumerate(rays):
        best = np.inf
        for j, (a, b, c) in enumerate(triangles):
            matrix = np.stack([b - a, c - a, -ray], axis=1)
            if abs(np.linalg.det(matrix)) < 1e-12:
                continue
            u, v, t = np.linalg.solve(matrix, origin - a)
            if u >= 0 and v >= 0 and u + v <= 1 and 0 < t < best:
                best, nearest[i] = t, j
    return nearest


def test_against_a_slow_ray_caster():
    rng = np.random.default_rng(0)
    parts = []
    for colour in (RED, GREEN, BLUE):
        triangle = trimesh.Trimesh(rng.normal(size=(3, 3)), [[0, 1, 2]], process=False)
        material = SimpleMaterial(diffuse=[*colour, 255])
        triangle.visual = TextureVisuals(uv=np.zeros((3, 2)), material=material)
        parts.append(triangle)
    scene = MeshRenderer(parts, UPRIGHT)
    seen = {}
    trace = scene._trace
    scene._trace = lambda origin, rays, light: (
        seen.update(origin=origin, rays=rays, colours=trace(origin, rays, light)) or seen['colours']
    )
    scene.render(0.7, 0.4, 16)
    expected = slow_mask(scene.corners.astype(float), seen['origin'], seen['rays'].astype(float))
    found = np.where(seen['colours'].min(axis=1) == 255, -1, seen['colours'].argmax(axis=1))
    assert (expected >= 0).sum() > 60
    np.testing.assert_array_equal(found, expected)


def test_painted_holes_let_see_what_is_behind():
    paint = Image.new('RGBA', (2, 1), (0, 200, 0, 255))
    paint.putpixel((1, 0), (0, 0, 0, 0))
    square = trimesh.Trimesh(
        [[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    square.visual = TextureVisuals(uv=uv, material=SimpleMaterial(image=paint))
    wall = slab((-1, -1, -1), (1, 1, -0.9), RED)
    image = hue(MeshRenderer([square, wall], UPRIGHT).render(0, 0.0, 64))
    assert image[32, 20] == 1 and image[32, 44] == 0


def test_rotation_turns_the_shape_before_the_camera_looks():
    parts = [slab((-1, -0.5, -0.2), (1, 0.5, 0.2), RED), slab((-1, 0.5, -0.2), (0, 0.9, 0.2), BLUE)]
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    turned = [part.copy() for part in parts]
    for part in turned:
        part.vertices = part.vertices @ turn.T
    by_matrix = MeshRenderer(parts, turn).render(0.3, 0.4, 48)
    by_hand = MeshRenderer(turned, UPRIGHT).render(0.3, 0.4, 48)
    assert np.abs(by_matrix.astype(int) - by_hand).max() <= 1


def test_cameras_go_all_around():
    cameras = ring_of_cameras(12)
    turns = np.diff([azimuth for azimuth, _ in cameras])
    np.testing.assert_allclose(turns, np.pi / 6)
    assert {round(np.rad2deg(height)) for _, height in cameras} == {20, 40}
    edge_on = [np.rad2deg(azimuth) % 90 for azimuth, _ in cameras]
    assert min(edge_on) > 14


def test_a_shape_without_extent_is_named():
    point = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    with pytest.raises(BadSampleError, match='expected a finite size'):
        MeshRenderer([point], UPRIGHT)


def test_missing_renderer_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'embreex', None)
    with pytest.raises(ConfigError, match=r"embreex.*pip install .*'\.\[render\]'"):
        render_views([], tmp_path)


def test_views_of_a_catalogue_are_written_once(sh3f, tmp_path):  # noqa: F811
    entries, out = read_catalogue(sh3f), tmp_path / 'data'
    # Embree's threads run in this process from here on: a forked worker would wait for their locks.
    MeshRenderer([trimesh.creation.box()], UPRIGHT).render(0.0, 0.0, 16)
    assert render_views(entries, out, 3, 32, workers=2, progress=False) == (4, 0)
    files = sorted((out / 'views').rglob('*.png'))
    assert len(files) == 12
    before = {file: file.read_bytes() for file in files}
    pixels = np.asarray(Image.open(io.BytesIO(before[files[0]])))
    assert pixels.shape == (32, 32, 3) and (hue(pixels) == 0).any() and (pixels[0] == 255).all()
    files[5].write_bytes(b'damaged')
    assert count_views(out) == 3
    assert render_views(entries, out, 3, 32, workers=1, progress=False) == (1, 3)
    assert {file: file.read_bytes() for file in files} == before
    convert_furniture(entries, out, points=20, workers=1, progress=False)
    index = json.loads((out / 'index.json').read_text())
    assert index[0]['views'] == [f'views/{index[0]["id"]}/{k:02d}.png' for k in range(3)]
    assert all((out / view).is_file() for record in index for view in record['views'])
    assert render_views(entries, out, 2, 32, workers=1, progress=False) == (4, 0)
    assert count_views(out) == 2


def test_an_unfinished_rendering_is_not_in_the_index(sh3f, tmp_path):  # noqa: F811
    entries, out = read_catalogue(sh3f), tmp_path / 'data'
    render_views(entries, out, 2, 16, workers=1, progress=False)
    with zipfile.ZipFile(sh3f, 'a') as archive:
        archive.writestr('later.txt', 'another catalogue')
    entries = read_catalogue(sh3f)[:1]
    broken = [entries[0], entries[0].__class__(**{**vars(entries[0]), 'model': 'nowhere.obj'})]
    with pytest.raises(BadSampleError, match='nowhere.obj'):
        render_views(broken, out, 4, 16, workers=1, progress=False)
    assert count_views(out) == 0
    convert_furniture(entries, out, points=20, workers=1, progress=False)
    assert 'views' not in json.loads((out / 'index.json').read_text())[0]
