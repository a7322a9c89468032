"""What travels with one sweep's points and pictures through a model."""

from __future__ import annotations

from mmengine.structures import BaseDataElement


class PairDataSample(BaseDataElement):
    """Everything about one sweep of ``N`` points and its ``V`` pictures beside these themselves.

    Meta information: ``sample_id`` (str), ``num_views`` (int), ``view_names`` (list of the cameras) and,
    if samples before it were bad, ``skipped`` (list of their names).

    Data fields: ``pair_points (M,)`` long, rows of the points, and ``pair_pixels (M, 3)`` long, the
    pixels that see them as (view, row, column). Optional, where the pipeline makes them:
    ``superpixels (V, H, W)`` int32, ids from 0 on that are local to a view, -1 = none;
    ``image_masks (V, H, W)`` bool, True = to be blacked out by the model that reconstructs pictures (the
    pictures themselves stay whole, they are its target);
    ``query_xyz (Q, 3)`` in metres in the LiDAR frame, ``query_occupied (Q,)`` 0 or 1, ``query_kind (Q,)``
    long (0 behind a return, 1 in front of it, 2 far in front), ``query_intensity (Q,)`` (-1 = none);
    ``point_labels (N,)`` long, -1 = ignored.
    """
