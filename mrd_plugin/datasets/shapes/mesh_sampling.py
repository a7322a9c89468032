"""Draws coloured points from the surface of meshes."""

from __future__ import annotations

import hashlib

import numpy as np
import trimesh
from trimesh.visual.color import ColorVisuals
from trimesh.visual.texture import TextureVisuals

from mrd_plugin.utils.errors import BadSampleError

NO_MATERIAL = (0.8, 0.8, 0.8)
"""RGB of a part whose material the MTL file does not define."""

SEE_THROUGH = 128
"""Texels with an alpha below this (of 255) are holes, such as the air between painted leaves."""

MAX_ROUNDS = 20
"""How often points that fell into holes are drawn anew before they are kept where they are."""


def sample_seed(sample_id: str, seed: int = 0) -> int:
    """Seed of one shape: depends on its id and the general seed, not on order or processes."""
    digest = hashlib.sha256(f'{seed}/{sample_id}'.encode()).digest()
    return int.from_bytes(digest[:8], 'little')


def part_colours(
    part: trimesh.Trimesh, faces: np.ndarray, barycentric: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colour and opacity of points on one part.

    Args:
        part: Mesh with one material.
        faces: Int (n,) face of each point.
        barycentric: Float (n, 3) weights of the face's corners.

    Returns:
        ``(rgb, solid)``: uint8 (n, 3) from the texture (repeated outside [0, 1], nearest texel),
        else the material's main colour, else the colours of vertices or faces, else grey; bool
        (n,), False where the texture is see-through.
    """
    n = len(faces)
    solid = np.ones(n, bool)
    visual = part.visual
    if isinstance(visual, ColorVisuals):
        return _stored_colours(visual, part.faces[faces], faces, barycentric), solid
    material = getattr(visual, 'material', None)
    if not isinstance(visual, TextureVisuals) or material is None:
        return _grey(n), solid
    image = getattr(material, 'image', None) or getattr(material, 'baseColorTexture', None)
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


def has_colour(part: trimesh.Trimesh) -> bool:
    """Whether a mesh has a texture, a material or colours of vertices or faces."""
    if isinstance(part.visual, ColorVisuals):
        return part.visual.kind in ('vertex', 'face')
    return getattr(part.visual, 'material', None) is not None


def _grey(count: int) -> np.ndarray:
    return np.tile(np.round(np.array(NO_MATERIAL) * 255).astype(np.uint8), (count, 1))


def _stored_colours(
    visual: ColorVisuals, corners: np.ndarray, faces: np.ndarray, barycentric: np.ndarray
) -> np.ndarray:
    """Colours uint8 (n, 3) of points between coloured vertices or on coloured faces, else grey.

    Args:
        visual: Colours of a mesh.
        corners: Int (n, 3) vertices around each point.
        faces: Int (n,) face of each point.
        barycentric: Float (n, 3) weights of the vertices.
    """
    if visual.kind == 'face':
        return np.asarray(visual.face_colors, np.uint8)[faces, :3]
    if visual.kind == 'vertex':
        colours = np.asarray(visual.vertex_colors)[corners][:, :, :3]
        return np.round(np.einsum('nk,nkd->nd', barycentric, colours)).astype(np.uint8)
    return _grey(len(faces))


def sample_parts(
    parts: list[trimesh.Trimesh], count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points with equal density over the surface of all parts together.

    Points that fall on see-through texels are drawn anew, so holes painted into a texture stay
    empty; a surface that is see-through everywhere keeps its points.

    Args:
        parts: Meshes, one per material.
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
