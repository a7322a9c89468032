"""The base of all data sets of sweeps with images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mrd_plugin.datasets.bad_samples import BadSampleDataset
from mrd_plugin.datasets.lidar.splits import evenly
from mrd_plugin.utils.errors import ConfigError


class PairDataset(BadSampleDataset):
    """Sweeps of a LiDAR and the images that cameras took of the same place.

    A sub-class writes ``load_data_list``. Its entries hold ``sample_id``, ``scene`` (what belongs
    together, for fractions), ``points_path``, ``num_features`` (float32 numbers per point) and
    ``cameras``, a list of dicts with ``name`` and ``path``. Its :meth:`complete` adds to each
    camera ``lidar2img (3, 4)``, the projection of a point in the LiDAR frame in metres.

    ``metainfo`` holds ``classes`` (of the point labels, if there are any), ``cameras`` and
    ``intensity_scale``.

    Args:
        cameras: Cameras to use, in this order.
        intensity_scale: Factor that brings the intensities of the files to [0, 1]. Defaults to 1.
        min_depth: Points nearer to a camera, in metres, have no pixel. Defaults to 1.
        fraction: Part of the data to use, in (0, 1]; at least one of the units is kept. Defaults to
            1.
        fraction_of: The unit, ``'scene'`` or ``'sample'``. Defaults to None: what is usual for the
            data set.
        **kwargs: See :class:`BadSampleDataset`.

    Raises:
        ConfigError: If a key is out of range or the data are not there.
    """

    fraction_unit = 'sample'
    fraction_keeps_last = False
    classes: tuple[str, ...] = ()

    def __init__(
        self,
        cameras: Sequence[str] = (),
        intensity_scale: float = 1.0,
        min_depth: float = 1.0,
        fraction: float = 1.0,
        fraction_of: str | None = None,
        **kwargs: Any,
    ) -> None:
        if fraction_of not in (None, 'scene', 'sample'):
            raise ConfigError(
                f"{type(self).__name__} fraction_of={fraction_of!r}: expected 'scene' or 'sample'."
            )
        evenly([], fraction)  # an impossible fraction is refused before anything is read
        self.cameras = tuple(cameras)
        self.intensity_scale = intensity_scale
        self.min_depth = min_depth
        self.fraction = fraction
        if fraction_of is not None:
            self.fraction_unit = fraction_of
        super().__init__(**kwargs)

    @property
    def metainfo(self) -> dict:
        """Meta information: ``classes``, ``cameras``, ``intensity_scale`` and what was given."""
        own = dict(classes=self.classes, cameras=self.cameras, intensity_scale=self.intensity_scale)
        return {**own, **super().metainfo}

    def full_init(self) -> None:
        """Check that the data are there and read the list of samples.

        Raises:
            ConfigError: If they are not, or the list is of another kind.
        """
        if self._fully_initialized:
            return
        self.check_data_root()
        super().full_init()

    def filter_data(self) -> list[dict]:
        """Return the list as loaded, or a fraction of it; an empty one is an error."""
        entries = self.data_list
        if not entries:
            raise ConfigError(
                f'{type(self).__name__} data_root={self.data_root!r}: no sample is left; check '
                'ann_file and split.'
            )
        if self.fraction == 1:
            return entries
        key = 'scene' if self.fraction_unit == 'scene' else 'sample_id'
        units = list(dict.fromkeys(entry[key] for entry in entries))
        chosen = set(evenly(units, self.fraction, self.fraction_keeps_last))
        kept = [entry for entry in entries if entry[key] in chosen]
        print_log(
            f'{type(self).__name__} fraction={self.fraction:g}: {len(chosen)} of {len(units)} '
            f'{self.fraction_unit}s are kept, {len(kept)} of {len(entries)} sweeps',
            logger='current',
        )
        return kept

    def get_data_info(self, idx: int) -> dict:
        """Return the entry of one sample."""
        settings = dict(intensity_scale=self.intensity_scale, min_depth=self.min_depth)
        return {**super().get_data_info(idx), **settings}


class LabelledSweeps(PairDataset):
    """Sweeps whose points have classes, in a file of one number per point beside each sweep.

    A sub-class's entries hold ``point_labels_path`` beside what :class:`PairDataset` asks for.
    ``LoadPointLabels`` reads them.

    Attributes:
        label_table: Class of each number of the files, see
            :func:`mrd_plugin.datasets.lidar.files.label_table`.
        label_dtype: Numpy's name of the numbers' type.
    """

    label_table: np.ndarray
    label_dtype: str

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the entry of one sample."""
        labels = dict(label_table=self.label_table, label_dtype=self.label_dtype)
        return {**super().get_data_info(idx), **labels}
