"""Points from the file of a mesh or a point cloud."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np

from mrd_plugin.datasets.shapes.shape_file import read_shape
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.safe_pickle import load_npy

_TEXT = ('.txt', '.xyz', '.csv', '.pts')


def read_shape_points(
    path: str | Path, num_points: int, colour_range: float | None = None, seed: str = ''
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a point cloud, or sample a mesh evenly over its surface.

    Args:
        path: File; its ending tells the format.
        num_points: Points drawn from a mesh. Point clouds keep theirs.
        colour_range: See :class:`~mrd_plugin.datasets.ShapeFolderDataset`.
        seed: The same seed draws the same points.

    Returns:
        ``xyz (N, 3)`` and ``rgb (N, 3)``, uint8 or float in [0, 1]; None if the file has no colour.

    Raises:
        BadSampleError: If the file can't be used; the message names it.
        ConfigError: If columns need a ``colour_range`` and there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise BadSampleError(f'{path}: there is no such file.')
    suffix = path.suffix.lower()
    if suffix == '.npz':
        shape = read_shape(path)
        return shape.xyz, shape.rgb
    if suffix == '.npy':
        table = load_npy(path)
        if table.dtype == object:
            shape = read_shape(path)
            return shape.xyz, shape.rgb
        return _columns(table, path, colour_range)
    if suffix in _TEXT:
        text = path.read_text(encoding='utf-8', errors='replace').replace(',', ' ')
        try:
            table = np.loadtxt(io.StringIO(text), dtype=np.float32, ndmin=2)
        except ValueError as error:
            raise BadSampleError(f'{path}: expected one point per line, got {error}.') from error
        return _columns(table, path, colour_range)
    return _from_trimesh(path, num_points, seed)


def _columns(
    table: np.ndarray, path: Path, colour_range: float | None
) -> tuple[np.ndarray, np.ndarray | None]:
    if table.ndim != 2 or table.shape[1] < 3:
        raise BadSampleError(f'{path}: it is {table.shape}, expected (N, 3) or (N, 6).')
    if table.shape[1] == 3 or colour_range == 0:
        return table[:, :3], None
    if colour_range is None:
        raise ConfigError(
            f'{path} has {table.shape[1]} columns: say what columns 4 to 6 are, colour_range=1 or '
            '255 for colours up to that value, colour_range=0 for none.'
        )
    if table.shape[1] < 6:
        raise BadSampleError(f'{path}: it is {table.shape}, expected (N, 6) with colours.')
    return table[:, :3], table[:, 3:6].astype(np.float32) / np.float32(colour_range)


def _from_trimesh(path: Path, num_points: int, seed: str) -> tuple[np.ndarray, np.ndarray | None]:
    import trimesh

    from mrd_plugin.datasets.shapes.mesh_sampling import has_colour, sample_parts, sample_seed

    logging.getLogger('trimesh').setLevel(logging.ERROR)
    try:
        geometries = list(trimesh.load_scene(path, process=False).dump())
    except Exception as error:  # trimesh's readers fail in their own ways on damaged files
        reason = str(error) or type(error).__name__
        raise BadSampleError(f'{path}: trimesh can not read it ({reason}).') from error
    parts = [g for g in geometries if isinstance(g, trimesh.Trimesh) and len(g.faces)]
    if not parts:
        clouds = [g for g in geometries if isinstance(g, (trimesh.PointCloud, trimesh.Trimesh))]
        if not clouds or not sum(len(cloud.vertices) for cloud in clouds):
            raise BadSampleError(f'{path}: it has neither triangles nor points.')
        return _from_cloud(clouds)
    rng = np.random.default_rng(sample_seed(seed))
    try:
        xyz, rgb = sample_parts(parts, num_points, rng)
    except BadSampleError as error:
        raise BadSampleError(f'{path}: {error}') from error
    return xyz, rgb if any(has_colour(part) for part in parts) else None


def _from_cloud(clouds: list) -> tuple[np.ndarray, np.ndarray | None]:
    xyz = np.concatenate([np.asarray(cloud.vertices) for cloud in clouds])
    colours = [np.asarray(getattr(cloud, 'colors', ())) for cloud in clouds]
    if any(len(c) != len(cloud.vertices) for c, cloud in zip(colours, clouds)):
        return xyz, None
    return xyz, np.concatenate(colours)[:, :3].astype(np.uint8)
