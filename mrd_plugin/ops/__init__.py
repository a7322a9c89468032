"""Point operators: plain functions that choose the fastest right path for the tensor's device."""

from mrd_plugin.ops.furthest_point_sample import furthest_point_sample
from mrd_plugin.ops.gather_rows import gather_rows
from mrd_plugin.ops.grouping import gather_points, three_interpolate
from mrd_plugin.ops.neighbours import ball_query, knn, radius_neighbours
from mrd_plugin.ops.render_points import render_points
from mrd_plugin.ops.row_ops import max_linear, row_moments
from mrd_plugin.ops.sample_pixels import sample_pixels
from mrd_plugin.ops.segments import replace_masked_cells, segment_mean
from mrd_plugin.ops.superpixel_pool import superpixel_pool
from mrd_plugin.ops.unit_pixel_pool import unit_pixel_pool
from mrd_plugin.ops.voxelize import PointVoxels, voxelize

__all__ = [
    'PointVoxels',
    'ball_query',
    'furthest_point_sample',
    'gather_points',
    'gather_rows',
    'knn',
    'max_linear',
    'radius_neighbours',
    'render_points',
    'replace_masked_cells',
    'row_moments',
    'sample_pixels',
    'segment_mean',
    'superpixel_pool',
    'three_interpolate',
    'unit_pixel_pool',
    'voxelize',
]
