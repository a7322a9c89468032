"""Build mmcv with its compiled operators, once, and keep the wheel in the user's cache folder.

mmcv 2.1.0 (the newest that mmdet 3.3.0 admits) is on PyPI as source only, asks for C++17 where the
headers of torch >= 2.13 need C++20 (open-mmlab/mmcv issue 3341), and takes half an hour to compile
without the precompiled header of `pch_cxx.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from setup_commands import run_logged
from setup_steps import SetupError, wait_for_lock

VERSION = '2.1.0'
SDIST_SHA256 = 'd387bcab66b467479b6660310e23746cfc79c6e57acf04094680adb499a5cd3f'
HEADER = 'mmcv/ops/csrc/common/pytorch_cpp_helper.hpp'
OLDEST_GCC = 10
BUILD_GB = 2.0


def cache_folder() -> Path:
    """Where finished wheels are kept between set-ups and projects."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'mrd_plugin' / 'wheels'


def cache_key(python: Path) -> str:
    """Name of the wheel's folder: torch, Python and mmcv versions and the kind of machine."""
    code = (
        'import platform, sys, torch; '
        'print(f"torch{torch.__version__}-py{sys.version_info[0]}.{sys.version_info[1]}-"'
        f'f"mmcv{VERSION}-{{platform.machine()}}")'
    )
    result = subprocess.run([str(python), '-c', code], capture_output=True, text=True)
    if result.returncode != 0:
        raise SetupError(
            'torch does not import in .venv', 'remove the folder .venv, so that it is made anew'
        )
    return result.stdout.strip()


def find_wheel(folder: Path) -> Path | None:
    """The whole wheel in `folder`; a broken one counts as none."""
    for path in sorted(folder.glob('mmcv-*.whl')):
        if zipfile.is_zipfile(path):
            return path
    return None


def check_compiler() -> str:
    """Name of the C++ compiler.

    Raises:
        SetupError: If there is none, or gcc is too old for C++20.
    """
    compiler = os.environ.get('CXX') or 'g++'
    if shutil.which(compiler) is None:
        raise SetupError(
            f'there is no C++ compiler ("{compiler}"), and mmcv has to be compiled',
            'install one, for example: apt-get install g++',
        )
    answer = subprocess.run([compiler, '-dumpversion'], capture_output=True, text=True).stdout
    match = re.match(r'\d+', answer)
    if match and int(match[0]) < OLDEST_GCC:
        raise SetupError(
            f'{compiler} is version {answer.strip()}, and C++20 needs {OLDEST_GCC} or newer',
            'install a newer one and name it in CXX, for example: CXX=g++-12',
        )
    return compiler


def check_python_header(python: Path) -> None:
    """Look for Python.h, which an operating system may keep in a package of its own.

    Raises:
        SetupError: If it is missing.
    """
    code = 'import sysconfig; print(sysconfig.get_paths()["include"])'
    result = subprocess.run([str(python), '-c', code], capture_output=True, text=True)
    header = Path(result.stdout.strip()) / 'Python.h'
    if not header.is_file():
        raise SetupError(
            f'{header} is missing, and mmcv has to be compiled',
            "install Python's headers, for example: apt-get install python3-dev",
        )


def fetch_source(python: Path, folder: Path, log: Path) -> Path:
    """Download and unpack the source with the C++ standard patched; returns its folder.

    Raises:
        SetupError: If the download fails or has a wrong checksum.
    """
    source = folder / f'mmcv-{VERSION}'
    if source.is_dir():
        return source
    command = [str(python), '-m', 'pip', 'download', '--no-deps', '--no-binary', ':all:']
    command += ['--no-build-isolation', '-d', str(folder), f'mmcv=={VERSION}']
    run_logged(command, log)
    archive = folder / f'mmcv-{VERSION}.tar.gz'
    got = hashlib.sha256(archive.read_bytes()).hexdigest()
    if got != SDIST_SHA256:
        archive.unlink()
        raise SetupError(
            f'mmcv-{VERSION}.tar.gz has sha256 {got}, expected {SDIST_SHA256}',
            'check where pip downloads from (pip config list)',
        )
    draft = folder / 'unpacked.part'
    shutil.rmtree(draft, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(draft)
    setup = draft / source.name / 'setup.py'
    setup.write_text(setup.read_text(encoding='utf-8').replace('c++17', 'c++20'), encoding='utf-8')
    os.replace(draft / source.name, source)
    return source


def show_ninja(line: str) -> str | None:
    """Turn ninja's `[12/77] g++ ...` into a short progress line, every fifth file."""
    match = re.match(r'\[(\d+)/(\d+)\]', line)
    if match is None:
        return None
    done, total = int(match[1]), int(match[2])
    shown = done % 5 == 0 or done in (1, total)
    return f'mmcv: {done}/{total} files compiled' if shown else None


def build_environment(python: Path, source: Path, compiler: str) -> dict[str, str]:
    """Environment of the build: CPU operators, no debug symbols, our compiler front."""
    front = source / 'g++'
    script = Path(__file__).with_name('pch_cxx.py')
    front.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding='utf-8')
    front.chmod(0o755)
    flags = '-DNDEBUG -fwrapv -g0 -O2 -fPIC'
    return {
        **os.environ,
        'PATH': f'{python.parent}{os.pathsep}{os.environ.get("PATH", "")}',
        'MMCV_WITH_OPS': '1',
        'FORCE_CUDA': '0',
        'CUDA_VISIBLE_DEVICES': '',
        'MAX_JOBS': os.environ.get('MAX_JOBS', str(os.cpu_count() or 1)),
        'CFLAGS': flags,
        'CXXFLAGS': flags,
        'CXX': str(front),
        'MRD_CXX': compiler,
        'MRD_PCH_HEADER': str(source / HEADER),
    }


def build_wheel(python: Path, log_folder: Path) -> Path:
    """The mmcv wheel for this environment: from the cache, or built now.

    A build that is interrupted keeps the files compiled so far, and the next call goes on from
    there. Two builds at once wait for each other.

    Args:
        python: The environment's Python; torch, ninja, psutil and setuptools < 80 are installed.
        log_folder: Where the output of the tools goes.

    Raises:
        SetupError: If a tool is missing, the download or the compilation fails.
    """
    folder = cache_folder() / cache_key(python)
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        wait_for_lock(lock, 'another set-up is building mmcv')
        wheel = find_wheel(folder)
        if wheel is not None:
            print(f'    mmcv: using {wheel}', flush=True)
            return wheel
        return compile_wheel(python, folder, log_folder)
    finally:
        os.close(lock)


def compile_wheel(python: Path, folder: Path, log_folder: Path) -> Path:
    """Compile the wheel in `folder/build` and move it to `folder`."""
    compiler = check_compiler()
    check_python_header(python)
    free = shutil.disk_usage(folder).free / 1e9
    if free < BUILD_GB:
        raise SetupError(
            f'{folder} has {free:.1f} GB of free disk space and building mmcv needs {BUILD_GB} GB',
            'free disk space, or name another place in XDG_CACHE_HOME',
        )
    build = folder / 'build'
    build.mkdir(exist_ok=True)
    source = fetch_source(python, build, log_folder / 'mmcv_download.log')
    command = [str(python), 'setup.py', 'bdist_wheel', '--dist-dir', str(build / 'dist')]
    env = build_environment(python, source, compiler)
    run_logged(command, log_folder / 'mmcv_build.log', show_ninja, cwd=source, env=env)
    made = find_wheel(build / 'dist')
    if made is None:
        raise SetupError('the build of mmcv left no wheel', f'read {log_folder}/mmcv_build.log')
    wheel = folder / made.name
    os.replace(made, wheel)
    shutil.rmtree(build, ignore_errors=True)
    return wheel
