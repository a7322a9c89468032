"""Train, validation and test lists: clusters stay whole, head nouns are spread evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

LARGE_CLUSTER = 4
"""Clusters of more shapes than this never serve for validation, and in the default split not for
testing either: one answer counted that many times would decide the score."""

Split = dict[str, list[str]]


def strata(
    nouns: Mapping[str, str], categories: Mapping[str, str], frequent: Sequence[str]
) -> dict:
    """Stratum of each shape: its head noun if that is a frequent one, else its category."""
    return {
        i: noun if noun in frequent else f'category {categories[i]}' for i, noun in nouns.items()
    }


def deal(
    units: Sequence[Sequence[str]],
    room: Mapping[str, int],
    stratum: Mapping[str, str],
    rng: np.random.Generator,
) -> dict[str, list[str]]:
    """Deal whole units to parts so that every stratum is shared out in proportion to the room.

    Large units come first, then rare strata; each unit goes where its stratum is furthest below its
    share, and among equals where most room is left.

    Args:
        units: Lists of ids that must stay together.
        room: Number of shapes that each part shall get.
        stratum: Stratum of each id.
        rng: Decides the order among units of one size and stratum.
    """
    sizes = Counter(stratum[i] for unit in units for i in unit)
    main = [Counter(stratum[i] for i in unit).most_common(1)[0][0] for unit in units]
    chance = rng.permutation(len(units))
    order = sorted(
        range(len(units)), key=lambda u: (-len(units[u]), sizes[main[u]], main[u], chance[u])
    )
    total = sum(room.values())
    wanted = {(p, s): sizes[s] * room[p] / total for p in room for s in sizes}
    left = dict(room)
    parts: dict[str, list[str]] = {p: [] for p in room}
    for u in order:
        unit = units[u]
        fitting = [p for p in room if left[p] >= len(unit)] or list(room)
        best = max(fitting, key=lambda p: (round(wanted[p, main[u]], 6), left[p] / room[p]))
        parts[best].extend(unit)
        left[best] -= len(unit)
        for i in unit:
            wanted[best, stratum[i]] -= 1
    return parts


def _units(ids: Sequence[str], clusters: Sequence[Sequence[str]]) -> list[list[str]]:
    """Clusters and single shapes that together are `ids`; clusters partly in `ids` are an error."""
    wanted = set(ids)
    inside = [list(c) for c in clusters if wanted.issuperset(c)]
    if any(wanted & set(c) for c in clusters if not wanted.issuperset(c)):
        raise ValueError('a cluster is only partly among the ids, expected whole clusters.')
    clustered = {i for c in inside for i in c}
    return inside + [[i] for i in ids if i not in clustered]


def hold_out(
    ids: Sequence[str],
    clusters: Sequence[Sequence[str]],
    stratum: Mapping[str, str],
    share: Mapping[str, float],
    rng: np.random.Generator,
) -> Split:
    """Deal shapes to a train part and others; large clusters go to train.

    Args:
        ids: Shapes.
        clusters: Near duplicates.
        stratum: Stratum of each id.
        share: Share of each part but train, of all `ids`.
        rng: Source of chance.
    """
    units = _units(ids, clusters)
    large = [i for unit in units if len(unit) > LARGE_CLUSTER for i in unit]
    small = [unit for unit in units if len(unit) <= LARGE_CLUSTER]
    room = {part: round(s * len(ids)) for part, s in share.items()}
    room = {'train': len(ids) - len(large) - sum(room.values()), **room}
    parts = deal(small, room, stratum, rng)
    parts['train'] += large
    return {part: [i for i in ids if i in set(chosen)] for part, chosen in parts.items()}


def default_split(
    ids: Sequence[str],
    clusters: Sequence[Sequence[str]],
    stratum: Mapping[str, str],
    seed: int = 0,
) -> Split:
    """One split: 70 % train, 10 % validation, 20 % test; large clusters only in train."""
    rng = np.random.default_rng(seed)
    return hold_out(ids, clusters, stratum, {'val': 0.1, 'test': 0.2}, rng)


def fold_splits(
    ids: Sequence[str],
    clusters: Sequence[Sequence[str]],
    stratum: Mapping[str, str],
    folds: int = 5,
    seed: int = 0,
) -> list[Split]:
    """Cross-validation: every shape is tested once, validation is carved out of the training side.

    Large clusters are tested too, each in one fold as a whole. They are dealt first, and the other
    shapes are then spread over the room that is left.

    Args:
        ids: All shapes, in catalogue order.
        clusters: Near duplicates.
        stratum: Stratum of each id.
        folds: Number of folds.
        seed: Seed of the dealing.

    Returns:
        One split per fold; the test part has 1/`folds` of all shapes, validation 10 %.
    """
    rng = np.random.default_rng(seed)
    names = [str(f) for f in range(folds)]
    room = {f: len(ids) * (int(f) + 1) // folds - len(ids) * int(f) // folds for f in names}
    tested: dict[str, list[str]] = {f: [] for f in names}
    units = _units(ids, clusters)
    for unit in (unit for unit in units if len(unit) > LARGE_CLUSTER):
        roomiest = max(names, key=lambda f: room[f])
        tested[roomiest] += unit
        room[roomiest] -= len(unit)
    small = [unit for unit in units if len(unit) <= LARGE_CLUSTER]
    for fold, chosen in deal(small, room, stratum, rng).items():
        tested[fold] += chosen
    splits = []
    for fold in names:
        test = set(tested[fold])
        rest = [i for i in ids if i not in test]
        share = {'val': 0.1 * len(ids) / len(rest)}
        inside = [c for c in clusters if not test & set(c)]
        split = hold_out(rest, inside, stratum, share, rng)
        splits.append({**split, 'test': [i for i in ids if i in test]})
    return splits
