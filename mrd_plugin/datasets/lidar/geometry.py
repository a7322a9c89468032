"""From a point in the LiDAR frame to the pixel that sees it.

All of it in float64: poses in a global frame are kilometres from its origin, and a thousandth of a
pixel is a few millimetres there. Frames are right-handed; a matrix ``a2b`` turns a column of
coordinates in frame a into those in frame b. A camera looks along its z, x is right and y down.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mrd_plugin.utils.errors import BadSampleError

_LARGEST_CONDITION = 1e8


def as_matrix(values: Any, what: str) -> np.ndarray:
    """Return a transformation as ``(4, 4)``, filled up from ``(3, 3)`` or ``(3, 4)``.

    Messages call it ``what``: what it is and where it is from.

    Raises:
        BadSampleError: If it is of another shape, not finite or not invertible.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in ((3, 3), (3, 4), (4, 4)):
        raise BadSampleError(f'{what} has the shape {given.shape}, expected (3, 3) to (4, 4).')
    matrix = np.eye(4)
    matrix[: given.shape[0], : given.shape[1]] = given
    singular = not np.isfinite(matrix).all()
    if singular or np.linalg.cond(matrix[:3, :3]) > _LARGEST_CONDITION:
        raise BadSampleError(
            f'{what} is not invertible: {matrix[:3, :3].tolist()}; get the calibration again.'
        )
    return matrix


def lidar_to_camera(
    lidar2ego: np.ndarray,
    ego2global: np.ndarray,
    camera_ego2global: np.ndarray,
    cam2ego: np.ndarray,
) -> np.ndarray:
    """Chain the poses: LiDAR -> vehicle (sweep's time) -> global -> vehicle (image's) -> camera.

    Args:
        lidar2ego: Place of the LiDAR on the vehicle, ``(4, 4)``.
        ego2global: Pose of the vehicle at the time of the sweep, ``(4, 4)``.
        camera_ego2global: Its pose at the time of the image, ``(4, 4)``.
        cam2ego: Place of the camera on the vehicle, ``(4, 4)``.

    Returns:
        ``(4, 4)``.
    """
    world = ego2global @ lidar2ego
    return np.linalg.inv(cam2ego) @ np.linalg.inv(camera_ego2global) @ world


def project_points(xyz: np.ndarray, lidar2img: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points appear in an image.

    Args:
        xyz: ``(N, 3)`` in metres, LiDAR frame.
        lidar2img: ``(3, 4)`` or ``(4, 4)``, from a point to ``(u w, v w, w)``.

    Returns:
        Columns u and rows v in pixels, the centre of the first pixel at 0, ``(N, 2)``, meaningful
        where the depth is positive; and the depth w in metres, ``(N,)``. Both float64.
    """
    matrix = np.asarray(lidar2img, dtype=np.float64)[:3]
    seen = xyz.astype(np.float64) @ matrix[:, :3].T + matrix[:, 3]
    depth = seen[:, 2]
    safe = np.where(np.abs(depth) > 1e-9, depth, 1e-9)
    return seen[:, :2] / safe[:, None], depth


def match_pixels(
    xyz: np.ndarray, lidar2img: np.ndarray, size: tuple[int, int], min_depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pair points with the pixels that see them (SLidR, arXiv 2203.16258, section 3.1).

    Args:
        xyz: ``(N, 3)`` in metres, LiDAR frame.
        lidar2img: ``(3, 4)``, from a point to ``(u w, v w, w)``.
        size: Width and height of the image.
        min_depth: Nearer points, in metres, are on the vehicle itself and have no pixel.

    Returns:
        Indices of the points ``(M,)`` and their (row, column) ``(M, 2)``, int64. A point belongs to
        the nearest pixel, and to none if it falls beyond the centres of the outermost pixels.
    """
    pixels, depth = project_points(xyz, lidar2img)
    inside = (pixels > 0).all(axis=1) & (pixels < np.array(size) - 1).all(axis=1)
    seen = np.flatnonzero(inside & (depth > min_depth))
    return seen, np.round(pixels[seen, ::-1]).astype(np.int64)
