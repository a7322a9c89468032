"""Draws coloured surface points from a catalogue mesh (OBJ, MTL and textures inside a zip)."""

from __future__ import annotations

import hashlib
import io
import logging
import posixpath
import zipfile
import zlib
from typing import NamedTuple

import numpy as np
import trimesh
from trimesh.resolvers import ZipResolver
from trimesh.visual.texture import TextureVisuals

from mrd_plugin.datasets.furniture.catalogue import CatalogueEntry
from mrd_plugin.utils import BadSampleError

NO_MATERIAL = (0.8, 0.8, 0.8)
"""RGB of a part whose material the MTL file does not define."""

SEE_THROUGH = 128
"""Texels with an alpha below this (of 255) are holes, such as the air between painted leaves."""

MAX_ROUNDS = 20
"""How often points that fell into holes are drawn anew before they are kept where they are."""


class Sample(NamedTuple):
    """Points on a surface.

    Attributes:
        xyz: float32 (N, 3), box-centred and scaled so that the longest side spans [-1, 1].
        rgb: uint8 (N, 3).
    """

    xyz: np.ndarray
    rgb: np.ndarray


def sample_seed(sample_id: str, seed: int = 0) -> int:
    """Seed of one shape: depends on its id and the general seed, not on order or processes."""
    digest = hashlib.sha256(f'{seed}/{sample_id}'.encode()).digest()
    return int.from_bytes(digest[:8], 'little')


def load_parts(archive: zipfile.ZipFile, model: str) -> list[trimesh.Trimesh]:
    """Loads an OBJ file of a zip as one mesh a material, textures read from the same zip.

    Args:
        archive: Open zip file.
        model: Path of the OBJ file in it.

    Raises:
        BadSampleError: If the file is missing or damaged or holds no triangle.
    """
    where = f'{model} in {archive.filename}'
    folder = posixpath.dirname(model)
    logging.getLogger('trimesh').setLevel(logging.ERROR)  # missing textures are ordinary here
    try:
        scene = trimesh.load_scene(
            io.BytesIO(archive.read(model)),
            file_type='obj',
            resolver=ZipResolver(archive=_members(archive, folder), namespace=folder),
            group_material=True,
            process=False,
        )
    except (KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadSampleError(f'{where} can not be read as an OBJ mesh: {error}.') from error
    parts = [p for p in scene.dump() if isinstance(p, trimesh.Trimesh) and len(p.faces)]
    if not parts:
        raise BadSampleError(f'{where} has no triangles, expected a mesh.')
    return parts


def _members(archive: zipfile.ZipFile, folder: str) -> dict[str, io.BytesIO]:
    names = [n for n in archive.namelist() if n.startswith(folder + '/') and not n.endswith('/')]
    return {name: io.BytesIO(archive.read(name)) for name in names}


def part_colours(
    part: trimesh.Trimesh, faces: np.ndarray, barycentric: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colour and opacity of points on one part.

    Args:
        part: Mesh with one material.
        faces: int (n,) face of each point.
        barycentric: float (n, 3) weights of the face's corners.

    Returns:
        ``(rgb, solid)``: uint8 (n, 3) from the texture (repeated outside [0, 1], nearest texel),
        else the material's main colour; bool (n,), False where the texture is see-through.
    """
    n = len(faces)
    solid = np.ones(n, bool)
    grey = np.tile(np.round(np.array(NO_MATERIAL) * 255).astype(np.uint8), (n, 1))
    visual = part.visual
    material = getattr(visual, 'material', None)
    if not isinstance(visual, TextureVisuals) or material is None:
        return grey, solid
    image = getattr(material, 'image', None)
    if image is None or visual.uv is None or len(visual.uv) != len(part.vertices):
        main = np.asarray(material.main_color, np.uint8)[:3]
        return np.tile(main, (n, 1)), solid
    uv = np.einsum('nk,nkd->nd', barycentric, visual.uv[part.faces[faces]][:, :, :2])
    texels = np.asarray(image.convert('RGBA'))
    height, width = texels.shape[:2]
    uv = np.nan_to_num(uv % 1.0)
    column = np.minimum((uv[:, 0] * width).astype(int), width - 1)
    row = np.minimum(((1.0 - uv[:, 1]) * height).astype(int), height - 1)
    found = texels[row, column]
    return found[:, :3], found[:, 3] >= SEE_THROUGH


def sample_parts(
    parts: list[trimesh.Trimesh], count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws points with equal density over the surface of all parts together.

    Points that fall on see-through texels are drawn anew, so holes painted into a texture stay
    empty; a surface that is see-through everywhere keeps its points.

    Args:
        parts: Meshes, one a material.
        count: Number of points.
        rng: Source of chance.

    Returns:
        ``(xyz, rgb)``: float64 (count, 3) in model units and uint8 (count, 3).

    Raises:
        BadSampleError: If the surface has no area or coordinates that are not finite.
    """
    areas = np.concatenate([part.area_faces for part in parts])
    owner = np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts])
    first = np.cumsum([0] + [len(part.faces) for part in parts])
    if not np.isfinite(areas).all() or areas.sum() <= 0:
        raise BadSampleError(f'surface area is {areas.sum()}, expected a positive number.')
    cumulative = np.cumsum(areas)
    xyz = np.empty((count, 3))
    rgb = np.empty((count, 3), np.uint8)
    open_slots = np.arange(count)
    for _ in range(MAX_ROUNDS):
        n = len(open_slots)
        faces = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side='right')
        faces = np.minimum(faces, len(areas) - 1)
        root, second = np.sqrt(rng.random(n)), rng.random(n)
        weights = np.stack([1 - root, root * (1 - second), root * second], axis=1)
        solid = np.ones(n, bool)
        for index in np.unique(owner[faces]):
            rows = np.flatnonzero(owner[faces] == index)
            local = faces[rows] - first[index]
            part = parts[index]
            slots = open_slots[rows]
            xyz[slots] = np.einsum('nk,nkd->nd', weights[rows], part.triangles[local])
            rgb[slots], solid[rows] = part_colours(part, local, weights[rows])
        open_slots = open_slots[~solid]
        if not len(open_slots):
            break
    if not np.isfinite(xyz).all():
        raise BadSampleError('sampled coordinates are not finite.')
    return xyz, rgb


def sample_entry(
    entry: CatalogueEntry, archive: zipfile.ZipFile, count: int, seed: int = 0
) -> Sample:
    """Samples one catalogue shape in the catalogue's frame (y up, facing +z).

    Args:
        entry: The shape.
        archive: Its catalogue, open.
        count: Number of points N.
        seed: General seed; the same seed gives the same points in every run.

    Raises:
        BadSampleError: If the mesh can't be used; the message names it.
    """
    rng = np.random.default_rng(sample_seed(entry.sample_id, seed))
    try:
        parts = load_parts(archive, entry.model)
        xyz, rgb = sample_parts(parts, count, rng)
    except BadSampleError as error:
        raise BadSampleError(f'{entry.sample_id}: {error}') from error
    xyz = xyz @ np.array(entry.rotation).T
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-9)
    return Sample(((xyz - (low + high) / 2) / half).astype(np.float32), rgb)
