"""Draws coloured surface points from a catalogue mesh (OBJ, MTL and textures inside a zip)."""

from __future__ import annotations

import io
import logging
import posixpath
import zipfile
import zlib
from typing import NamedTuple

import numpy as np
import trimesh
from trimesh.resolvers import ZipResolver

from mrd_plugin.data_preparation.furniture.catalogue import CatalogueEntry
from mrd_plugin.datasets.shapes.mesh_sampling import sample_parts, sample_seed
from mrd_plugin.utils.errors import BadSampleError


class Sample(NamedTuple):
    """Points on a surface.

    Attributes:
        xyz: float32 (N, 3), box-centred and scaled so that the longest side spans [-1, 1].
        rgb: uint8 (N, 3).
    """

    xyz: np.ndarray
    rgb: np.ndarray


def load_parts(archive: zipfile.ZipFile, model: str) -> list[trimesh.Trimesh]:
    """Load an OBJ file of a zip as one mesh per material, textures read from the same zip.

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


def sample_entry(
    entry: CatalogueEntry, archive: zipfile.ZipFile, count: int, seed: int = 0
) -> Sample:
    """Sample one catalogue shape in the catalogue's frame (y up, facing +z).

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
