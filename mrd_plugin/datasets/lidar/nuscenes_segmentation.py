"""nuScenes-lidarseg: keyframe sweeps with a class for each point."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.files import label_table
from mrd_plugin.datasets.lidar.nuscenes_pairs import NuScenesPairs
from mrd_plugin.datasets.lidar.pair_dataset import LabelledSweeps
from mrd_plugin.utils.errors import ConfigError

# Class of the challenge -> numbers of the files (nuScenes' 32 names in their order).
CLASSES: dict[str, tuple[int, ...]] = {
    'barrier': (9,),
    'bicycle': (14,),
    'bus': (15, 16),
    'car': (17,),
    'construction_vehicle': (18,),
    'motorcycle': (21,),
    'pedestrian': (2, 3, 4, 6),
    'traffic_cone': (12,),
    'trailer': (22,),
    'truck': (23,),
    'driveable_surface': (24,),
    'other_flat': (25,),
    'sidewalk': (26,),
    'terrain': (27,),
    'manmade': (28,),
    'vegetation': (30,),
}
IGNORED = (0, 1, 5, 7, 8, 10, 11, 13, 19, 20, 29, 31)
_RECORD = re.compile(rb'\{[^{}]*\}')
_BLOCK = 1 << 24


@DATASETS.register_module()
class NuScenesSegmentation(LabelledSweeps, NuScenesPairs):
    """Keyframe sweeps of nuScenes with the 16 classes of its segmentation challenge.

    The labels are nuScenes-lidarseg's, ``lidarseg/<version>/<token>_lidarseg.bin`` with the token
    of the sweep. MMDetection3D's info files do not name them: unless a row has
    ``pts_semantic_mask_path``, the token is looked up in nuScenes' own ``sample_data.json``.

    Args:
        cameras: Cameras whose images are wanted too. Defaults to (), none.
        data_prefix: As of :class:`NuScenesPairs`, and ``pts_semantic_mask``, the folder of labels,
            'lidarseg' unless given.
        **kwargs: See :class:`NuScenesPairs`: ``ann_file``, ``split``, ``fraction`` (by scene: 0.01
            are 7 of the 700 training scenes), ``intensity_scale``, ``pipeline``, ...

    Raises:
        ConfigError: If the sweeps, the labels or the tables are missing.
    """

    classes = tuple(CLASSES)
    label_table = label_table(CLASSES, IGNORED)
    label_dtype = 'uint8'
    how_to_get = (
        'get nuScenes and nuScenes-lidarseg from https://www.nuscenes.org, unpack both there, and '
        "make the info files as MMDetection3D's documentation says."
    )

    def __init__(
        self,
        cameras: Sequence[str] = (),
        data_prefix: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        folders = {'pts_semantic_mask': 'lidarseg', **(data_prefix or {})}
        super().__init__(cameras=cameras, data_prefix=folders, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each keyframe of the split, with its file of labels."""
        entries = super().load_data_list()
        folder = Path(self.data_root) / self.data_prefix['pts_semantic_mask'] / self.info_version
        if not folder.is_dir():
            raise ConfigError(
                f'NuScenesSegmentation: {folder} with the labels of points does not exist; get '
                f'nuScenes-lidarseg of {self.info_version} and unpack it into {self.data_root}.'
            )
        unnamed = [entry for entry in entries if not entry['point_labels_path']]
        tokens = sweep_tokens(Path(self.data_root) / self.info_version) if unnamed else {}
        for entry in entries:
            name = entry['point_labels_path']
            if not name:
                if entry['sample_id'] not in tokens:
                    raise ConfigError(
                        f'{self.ann_file}: its keyframe {entry["sample_id"]} is not in '
                        f'sample_data.json of {self.info_version}; set version to that of the info '
                        'file.'
                    )
                name = f'{tokens[entry["sample_id"]]}_lidarseg.bin'
            entry['point_labels_path'] = str(folder / name)
        return entries

    def _entry(self, row: dict[str, Any], scene: str) -> dict[str, Any]:
        labels = Path(row.get('pts_semantic_mask_path') or '').name
        return {**super()._entry(row, scene), 'point_labels_path': labels}


def sweep_tokens(tables: Path) -> dict[str, str]:
    """Tokens of the keyframes' sweeps.

    Args:
        tables: Folder of nuScenes' tables. ``sample_data.json`` has 2.6 million records there (1.2
            GB) and is read in blocks.

    Returns:
        From the token of a keyframe to that of its sweep.

    Raises:
        ConfigError: If the table is missing or of another kind.
    """
    path = tables / 'sample_data.json'
    try:
        return {
            record['sample_token']: record['token']
            for record in map(json.loads, _sweep_records(path))
            if record['is_key_frame']
        }
    except FileNotFoundError:
        raise ConfigError(
            f'{path}: there is no such table, and without it the labels of a sweep are unknown; '
            f"put nuScenes' metadata into {tables}."
        ) from None
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"{path}: a record is not as nuScenes' are ({error}); get the table again."
        ) from error


def _sweep_records(path: Path) -> Iterator[bytes]:
    """Return the records of the top LiDAR, as JSON; no record holds another."""
    rest = b''
    with open(path, 'rb') as file:
        while block := file.read(_BLOCK):
            rest += block
            end = 0
            for match in _RECORD.finditer(rest):
                end = match.end()
                if b'/LIDAR_TOP/' in match.group():
                    yield match.group()
            rest = rest[end:]
