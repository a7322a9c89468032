"""KITTI's calibration files, of the object benchmark and of the raw recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mrd_plugin.datasets.lidar.geometry import as_matrix
from mrd_plugin.utils.errors import BadSampleError


def read_calib(path: str | Path) -> dict[str, np.ndarray]:
    """Read the lines ``key: numbers`` of a calibration file; lines that hold text are left out.

    Raises:
        BadSampleError: If the file is missing.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        raise BadSampleError(f'{path}: there is no such calibration file.') from None
    found = {}
    for line in lines:
        key, _, numbers = line.partition(':')
        try:
            found[key.strip()] = np.array([float(number) for number in numbers.split()])
        except ValueError:
            continue
    return found


def object_projection(path: str | Path, camera: int) -> np.ndarray:
    """Projection of the object benchmark: ``P2 R0_rect Tr_velo_to_cam`` for camera 2.

    Args:
        path: ``calib/000000.txt``.
        camera: 2 for the left colour camera, 3 for the right one.

    Returns:
        ``(3, 4)``, from a point in the LiDAR frame to ``(u w, v w, w)``.

    Raises:
        BadSampleError: If the file is missing or incomplete, or one of its matrices is singular.
    """
    lines = read_calib(path)
    return _chain(
        _matrix(lines, f'P{camera}', (3, 4), path),
        _matrix(lines, 'R0_rect', (3, 3), path),
        _matrix(lines, 'Tr_velo_to_cam', (3, 4), path),
    )


def raw_projection(folder: str | Path, camera: int) -> np.ndarray:
    """Projection of the raw recordings: ``P_rect_02 R_rect_00 [R | T]`` for camera 2.

    Args:
        folder: Folder of a day, with ``calib_cam_to_cam.txt`` and ``calib_velo_to_cam.txt``.
        camera: 0 to 3.

    Returns:
        ``(3, 4)``, from a point in the LiDAR frame to ``(u w, v w, w)``.

    Raises:
        BadSampleError: As in :func:`object_projection`.
    """
    cameras_path, lidar_path = (
        Path(folder) / f'calib_{name}.txt' for name in ('cam_to_cam', 'velo_to_cam')
    )
    cameras, lidar = read_calib(cameras_path), read_calib(lidar_path)
    mount = np.eye(4)
    mount[:3, :3] = _matrix(lidar, 'R', (3, 3), lidar_path)[:3, :3]
    mount[:3, 3] = _numbers(lidar, 'T', (3,), lidar_path)
    return _chain(
        _matrix(cameras, f'P_rect_{camera:02d}', (3, 4), cameras_path),
        _matrix(cameras, 'R_rect_00', (3, 3), cameras_path),
        mount,
    )


def _chain(projection: np.ndarray, rectification: np.ndarray, mount: np.ndarray) -> np.ndarray:
    return (projection @ rectification @ mount)[:3]


def _numbers(
    lines: dict[str, np.ndarray], key: str, shape: tuple[int, ...], path: str | Path
) -> np.ndarray:
    values = lines.get(key)
    if values is None or values.size != np.prod(shape):
        got = 'no such line' if values is None else f'{values.size} numbers'
        raise BadSampleError(f'{path}: {key} should have {np.prod(shape)} numbers, got {got}.')
    return values.reshape(shape)


def _matrix(
    lines: dict[str, np.ndarray], key: str, shape: tuple[int, int], path: str | Path
) -> np.ndarray:
    return as_matrix(_numbers(lines, key, shape, path), f'{path}: {key}')
