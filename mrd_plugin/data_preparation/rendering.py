"""Draws images of coloured meshes on a CPU without a screen or a graphics driver.

Embree (through ``embreex``, the ray caster that trimesh uses) finds what each pixel sees; colours
come from :func:`~mrd_plugin.datasets.shapes.mesh_sampling.part_colours`, so an image and the
sampled points of a shape agree on textures, materials and painted holes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import trimesh

from mrd_plugin.data_preparation.parallel import note_native_threads
from mrd_plugin.datasets.shapes.mesh_sampling import part_colours
from mrd_plugin.utils.errors import BadSampleError, ConfigError

HALF_FOV = np.deg2rad(15.0)
"""Half the field of view; small, so that perspective distorts little."""

MARGIN = 0.92
"""Part of the image's side that the shape may fill."""

OVERSAMPLING = 2
"""Rays along each side of a pixel."""

MAX_LAYERS = 8
"""See-through surfaces that a ray passes at most."""

CREASE = np.cos(np.deg2rad(30.0))
"""A corner whose smooth normal turns further from its face keeps the face's: a sharp edge."""


def ring_of_cameras(count: int) -> list[tuple[float, float]]:
    """Where ``count`` cameras stand: evenly around the shape, by turns 20 and 40 degrees above it.

    The first stands half a step beside the front, so that of twelve none sees a flat shape edge-on.

    Returns:
        ``(azimuth, elevation)`` in radians; azimuth 0 looks at the front (+z) and grows towards +x.
    """
    heights = np.deg2rad((20.0, 40.0))
    return [(2 * np.pi * (k + 0.5) / count, float(heights[k % 2])) for k in range(count)]


class MeshRenderer:
    """A shape that images can be taken of; y is up.

    Args:
        parts: Meshes, one per material.
        rotation: ``(3, 3)`` matrix that turns the meshes into the frame with y up, front +z.

    Raises:
        ConfigError: If embreex is not installed.
        BadSampleError: If coordinates are not finite.
    """

    def __init__(self, parts: Sequence[trimesh.Trimesh], rotation: np.ndarray) -> None:
        require_renderer()
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        corners = np.concatenate([part.triangles for part in parts]) @ np.asarray(rotation).T
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        half = float((high - low).max()) / 2
        if not np.isfinite(half) or half <= 0:
            raise BadSampleError(f'its box spans {low} to {high}, expected a finite size.')
        self.parts = list(parts)
        smooth = np.concatenate([part.vertex_normals[part.faces] for part in parts])
        self.normals = _corner_normals(corners, smooth @ np.asarray(rotation).T)
        self.first = np.cumsum([0] + [len(part.faces) for part in parts])
        self.corners = ((corners - (low + high) / 2) / half).astype(np.float32)
        note_native_threads('embree')
        self._scene = EmbreeScene()
        order = np.arange(3 * len(self.corners), dtype=np.int32).reshape(-1, 3)
        TriangleMesh(self._scene, self.corners.reshape(-1, 3), order)

    def render(self, azimuth: float, elevation: float, size: int = 224) -> np.ndarray:
        """One image on white, the whole shape in it.

        Args:
            azimuth: Of the camera about y, radians, 0 = in front (+z).
            elevation: Of the camera above the horizon, radians, below a right angle.
            size: Pixels along each side. Defaults to 224.

        Returns:
            uint8 ``(size, size, 3)``.
        """
        right, up, back = _axes(azimuth, elevation)
        origin, (wide, high) = self._frame(right, up, back)
        light = -0.45 * right + 0.75 * up + 0.5 * back
        basis = np.stack([right, up, back]).astype(np.float32)
        rows, columns = _middle(size, high), _middle(size, wide)
        fine = [slice(cut.start * OVERSAMPLING, cut.stop * OVERSAMPLING) for cut in (rows, columns)]
        rays = _pinhole(size * OVERSAMPLING)[fine[0], fine[1]] @ basis
        colours = self._trace(origin, rays.reshape(-1, 3), light / np.linalg.norm(light))
        tall, broad = rows.stop - rows.start, columns.stop - columns.start
        blocks = colours.reshape(tall, OVERSAMPLING, broad, OVERSAMPLING, 3)
        image = np.full((size, size, 3), 255, np.uint8)
        image[rows, columns] = np.round(blocks.mean(axis=(1, 3)))
        return image

    def _frame(
        self, right: np.ndarray, up: np.ndarray, back: np.ndarray
    ) -> tuple[np.ndarray, tuple[float, float]]:
        """Where the camera stands so that every corner is in view, and the part that is filled.

        Returns:
            The place ``(3,)``; the parts of the image's width and height, from its middle, that
            the shape reaches, at most MARGIN.
        """
        x, y, z = np.stack([right, up, back]).astype(np.float32) @ self.corners.reshape(-1, 3).T
        reach = np.tan(HALF_FOV) * MARGIN
        # A corner (x, y, z) is in view if |x - cx| <= reach * (distance - z), and y likewise; so
        # x + reach z and x - reach z bound cx + reach distance from below, cx - reach distance
        # from above.
        rim = [((v + reach * z).max(), (v - reach * z).min()) for v in (x, y)]
        centre = [(a + b) / 2 for a, b in rim]
        distance = max((a - b) / 2 for a, b in rim) / reach
        wide, high = (
            float((np.abs(v - c) / (distance - z)).max() / np.tan(HALF_FOV))
            for v, c in zip((x, y), centre)
        )
        return centre[0] * right + centre[1] * up + distance * back, (wide, high)

    def _trace(self, origin: np.ndarray, rays: np.ndarray, light: np.ndarray) -> np.ndarray:
        """Colours ``(n, 3)`` in [0, 255] that rays from one origin see."""
        colours = np.full((len(rays), 3), 255, np.float32)
        starts = np.tile(origin.astype(np.float32), (len(rays), 1))
        left = np.arange(len(rays))
        for layer in range(MAX_LAYERS):
            found = self._scene.run(starts, rays, output=1)
            hit = found['primID'] >= 0
            left, rays, faces = left[hit], rays[hit], found['primID'][hit]
            if not len(left):
                break
            u, v = found['u'][hit], found['v'][hit]
            weights = np.stack([1 - u - v, u, v], axis=1)
            rgb, normals, solid = self._surface(faces, weights)
            solid |= layer == MAX_LAYERS - 1
            shade = _shade(normals[solid], rays[solid], light)
            colours[left[solid]] = rgb[solid] * shade[:, None]
            holes = ~solid
            left, rays = left[holes], rays[holes]
            reached = np.einsum('nk,nkd->nd', weights[holes], self.corners[faces[holes]])
            starts = reached + np.float32(1e-4) * rays
        return colours

    def _surface(
        self, faces: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colour ``(n, 3)``, unit normal ``(n, 3)`` and opacity ``(n,)`` of points on faces."""
        rgb = np.empty((len(faces), 3), np.float32)
        solid = np.ones(len(faces), bool)
        owner = np.searchsorted(self.first, faces, side='right') - 1
        for index in np.unique(owner):
            rows = np.flatnonzero(owner == index)
            part, local = self.parts[index], faces[rows] - self.first[index]
            rgb[rows], solid[rows] = part_colours(part, local, weights[rows])
        normals = np.einsum('nk,nkd->nd', weights, self.normals[faces])
        return rgb, _unit(normals), solid


def _corner_normals(corners: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Return normals ``(F, 3, 3)`` of the corners of faces: smooth, flat beside sharp edges."""
    sides = corners[:, 1:] - corners[:, :1]
    flat = _unit(np.cross(sides[:, 0], sides[:, 1]))[:, None]
    cosine = (flat * smooth).sum(axis=-1, keepdims=True)
    smooth = np.where(cosine < 0, -smooth, smooth)  # of a neighbour that is wound the other way
    return np.where(np.abs(cosine) < CREASE, flat, smooth).astype(np.float32)


def _middle(size: int, part: float) -> slice:
    """Pixels around the middle of ``size`` that reach over ``part`` of it."""
    half = min(int(np.ceil(size / 2 * part)) + 1, size // 2)
    return slice(size // 2 - half, size - size // 2 + half)


@functools.cache
def _pinhole(pixels: int) -> np.ndarray:
    """Return unit rays ``(pixels, pixels, 3)`` row by row, as parts of right, up and back."""
    grid = ((np.arange(pixels) + 0.5) / pixels * 2 - 1) * np.tan(HALF_FOV)
    x, y = np.meshgrid(grid, -grid)
    rays = np.stack([x, y, np.full_like(x, -1)], axis=-1)
    return (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(np.float32)


def _axes(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return unit vectors to the right, up and back of a camera that looks at the origin."""
    back = np.array(
        [
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
            np.cos(elevation) * np.cos(azimuth),
        ]
    )
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    return right, np.cross(back, right), back


def _shade(normals: np.ndarray, rays: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Brightness ``(n,)`` in [0, 1]: ambient, a lamp at the camera and one above its shoulder."""
    facing = -np.einsum('nd,nd->n', normals, rays)
    normals = normals * np.where(facing < 0, -1, 1)[:, None]  # surfaces have two sides
    lamp = np.maximum(normals @ light.astype(np.float32), 0)
    return np.minimum(0.5 + 0.2 * np.abs(facing) + 0.4 * lamp, 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def require_renderer() -> None:
    """Say how to get the renderer if it is missing."""
    try:
        import embreex  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            'Images of meshes need the package embreex, which is not installed; run `pip install '
            "-c requirements/constraints.txt -e '.[render]'`."
        ) from error
