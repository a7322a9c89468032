"""Finds shapes of the same geometry under other names, so that no split separates them.

Hashes find none of them: files, vertex lists and face counts all differ. Two shapes are compared by
the two-way Chamfer distance of their points, at four yaws, as a multiple of the *sampling-noise
floor*: the same distance between two independent halves of one shape's points. A ratio of 1 means
that the two can't be told from two samples of one surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import lil_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

YAWS = (0, 1, 2, 3)
"""Quarter turns about the up axis (y) that are tried."""


@dataclass(frozen=True)
class ClusterShape:
    """What the search needs to know of a shape.

    Attributes:
        sample_id: Its id.
        group: Catalogue it comes from.
        noun: Head noun.
        xyz: Float (N, 3), y up, box-centred, longest side spanning [-1, 1], in random order.
        rgb: uint8 (N, 3).
    """

    sample_id: str
    group: str
    noun: str
    xyz: np.ndarray
    rgb: np.ndarray


def descriptor(xyz: np.ndarray) -> np.ndarray:
    """Histogram descriptor that quarter turns about y leave unchanged, float (112,).

    Cumulative histograms of height, of distance to the y axis, of distance to the centre and of
    the distance between random pairs (the order of the points is the chance), and the sides of the
    bounding box with x and z sorted.

    Args:
        xyz: Float (N, 3), in random order.
    """
    half = len(xyz) // 2
    radial = np.hypot(xyz[:, 0], xyz[:, 2])
    pairs = np.linalg.norm(xyz[:half] - xyz[half : 2 * half], axis=1)
    spans = [
        (xyz[:, 1], -1.0, 1.0, 24),
        (radial, 0.0, np.sqrt(2), 24),
        (np.linalg.norm(xyz, axis=1), 0.0, np.sqrt(3), 24),
        (pairs, 0.0, 2 * np.sqrt(3), 37),
    ]
    parts = []
    for values, low, high, bins in spans:
        counts, _ = np.histogram(values, bins=bins, range=(low, high))
        parts.append(np.cumsum(counts) / len(values))
    side_x, side_y, side_z = np.ptp(xyz, axis=0)
    parts.append(np.array([min(side_x, side_z), max(side_x, side_z), side_y]))
    return np.concatenate(parts)


def shortlist(descriptors: np.ndarray, pairs: int) -> np.ndarray:
    """Return the `pairs` pairs with the smallest L1 distance between descriptors, nearest first.

    Args:
        descriptors: Float (n, D).
        pairs: Length of the list.

    Returns:
        int (P, 2), first index smaller than the second.
    """
    first, second = np.triu_indices(len(descriptors), 1)
    distance = np.concatenate(
        [np.abs(descriptors[i] - descriptors[i + 1 :]).sum(1) for i in range(len(descriptors))]
    )
    order = np.argsort(distance, kind='stable')[:pairs]
    return np.stack([first[order], second[order]], axis=1)


def quarter_turn(xyz: np.ndarray, turns: int) -> np.ndarray:
    """Turn points (N, 3) about y by `turns` quarter turns."""
    x, y, z = xyz.T
    turned = [(x, z), (z, -x), (-x, -z), (-z, x)][turns % 4]
    return np.stack([turned[0], y, turned[1]], axis=1)


def chamfer(a: np.ndarray, b: np.ndarray, tree_a: cKDTree, tree_b: cKDTree) -> float:
    """Two-way Chamfer distance: mean of the two mean nearest-point distances."""
    return float((tree_b.query(a)[0].mean() + tree_a.query(b)[0].mean()) / 2)


def noise_ratios(shapes: Sequence[ClusterShape], pairs: np.ndarray, points: int) -> np.ndarray:
    """Chamfer distance of each pair over the noise floor, smallest over four yaws.

    Args:
        shapes: All shapes; each needs ``2 * points`` points or more.
        pairs: Int (P, 2) indices.
        points: Points of each cloud.

    Returns:
        float (P,); 1 is indistinguishable, the floor being the mean of the two shapes' own.
    """
    front = [shape.xyz[:points].astype(np.float64) for shape in shapes]
    back = [shape.xyz[points : 2 * points].astype(np.float64) for shape in shapes]
    used = np.unique(pairs)
    front_tree = {i: cKDTree(front[i]) for i in used}
    turned = {i: [quarter_turn(back[i], t) for t in YAWS] for i in used}
    turned_tree = {i: [cKDTree(cloud) for cloud in turned[i]] for i in used}
    floor = {
        i: chamfer(front[i], turned[i][0], front_tree[i], turned_tree[i][0]) + 1e-12 for i in used
    }
    ratios = np.empty(len(pairs))
    for row, (i, j) in enumerate(pairs):
        best = min(chamfer(front[i], turned[j][t], front_tree[i], turned_tree[j][t]) for t in YAWS)
        ratios[row] = 2 * best / (floor[i] + floor[j])
    return ratios


def like_colour(a: ClusterShape, b: ClusterShape, tolerance: float = 0.1) -> bool:
    """Whether the mean colours differ by less than `tolerance` (of 1) in every channel."""
    return bool((np.abs(a.rgb.mean(0) - b.rgb.mean(0)) < 255 * tolerance).all())


def find_clusters(
    shapes: Sequence[ClusterShape],
    pairs: int = 4000,
    points: int = 2048,
    same: float = 1.15,
    akin: float = 1.3,
) -> list[list[str]]:
    """Group near duplicates.

    Two shapes are joined if their ratio to the noise floor is below `akin` and they share catalogue
    and head noun, or if it is below `same` and their colours are alike.

    Args:
        shapes: All shapes.
        pairs: Number of nearest pairs by descriptor that are compared.
        points: Points of each compared cloud.
        same: Ratio below which colour decides.
        akin: Ratio below which catalogue and noun decide.

    Returns:
        Clusters of two shapes or more, the largest first, ids sorted inside each.
    """
    candidates = shortlist(np.stack([descriptor(shape.xyz) for shape in shapes]), pairs)
    # Fewer points hide differences, so the quick look only throws away what is surely different.
    quick = noise_ratios(shapes, candidates, points // 4)
    candidates = candidates[quick < 1.2 * akin]
    ratios = noise_ratios(shapes, candidates, points)
    joined = lil_matrix((len(shapes), len(shapes)), dtype=bool)
    for (i, j), ratio in zip(candidates, ratios):
        a, b = shapes[i], shapes[j]
        kin = (a.group, a.noun) == (b.group, b.noun)
        joined[i, j] = (ratio < akin and kin) or (ratio < same and like_colour(a, b))
    members: dict[int, list[str]] = {}
    for shape, number in zip(shapes, connected_components(joined, directed=False)[1]):
        members.setdefault(number, []).append(shape.sample_id)
    clusters = [sorted(ids) for ids in members.values() if len(ids) > 1]
    return sorted(clusters, key=lambda ids: (-len(ids), ids))
