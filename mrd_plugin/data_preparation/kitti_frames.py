"""Info files for some frames of KITTI's object benchmark, by MMDetection3D's own converters."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.utils.errors import ConfigError

PARTS = ('train', 'val', 'test')


def prepare_kitti_frames(
    source: str | Path, target: str | Path, frames: Iterable[str] | None = None
) -> Path:
    """Make and return a folder that MMDetection3D's KITTI configs take as ``data_root``.

    Training and validation get the same frames, testing none. Files of ``source`` are linked, not
    copied; points that the left colour camera does not see are left out of
    ``training/velodyne_reduced``, as MMDetection3D does.

    Args:
        source: Folder with ``velodyne``, ``image_2``, ``calib`` and ``label_2``.
        target: Folder to make.
        frames: Names such as ``'000002'``. Defaults to None: all that have labels.

    Raises:
        ConfigError: If the source lacks a folder or has no frame.
    """
    source, target = Path(source).resolve(), Path(target)
    for folder in ('velodyne', 'image_2', 'calib', 'label_2'):
        if not (source / folder).is_dir():
            raise ConfigError(
                f'{source}: there is no folder {folder}; name the folder training/ of KITTI object.'
            )
    names = sorted(frames or (path.stem for path in (source / 'label_2').glob('*.txt')))
    if not names:
        raise ConfigError(f'{source}/label_2 holds no frame; expected files such as 000000.txt.')
    (target / 'ImageSets').mkdir(parents=True, exist_ok=True)
    training = target / 'training'
    if not training.is_symlink() and not training.exists():
        training.mkdir()
        for folder in ('velodyne', 'image_2', 'calib', 'label_2'):
            (training / folder).symlink_to(source / folder)
    for part in PARTS:
        listed = [] if part == 'test' else names
        (target / 'ImageSets' / f'{part}.txt').write_text('\n'.join(listed))
    with contextlib.redirect_stdout(io.StringIO()):  # they print a line and a bar for each file
        _convert(target)
    return target


def _convert(root: Path) -> None:
    """Write ``kitti_infos_*.pkl`` of version 1.1 and the reduced sweeps."""
    kitti, update = _converters()
    kitti.create_kitti_info_file(str(root))
    kitti.create_reduced_point_cloud(str(root), 'kitti')
    for part in ('train', 'val'):
        update.update_pkl_infos('kitti', str(root), str(root / f'kitti_infos_{part}.pkl'))


def _converters() -> tuple[ModuleType, ModuleType]:
    """Import the converters that MMDetection3D ships beside its package."""
    import_mmdet3d('registry', 'MODELS')  # names what to install where it is missing
    tools = str(Path(sys.modules['mmdet3d'].__path__[0]) / '.mim' / 'tools')
    sys.path.insert(0, tools)
    try:
        names = ('kitti_converter', 'update_infos_to_v2')
        kitti, update = (importlib.import_module(f'dataset_converters.{name}') for name in names)
    finally:
        sys.path.remove(tools)
    return kitti, update
