"""Build mmcv with its compiled operators, once, and keep the wheel in the user's cache folder.

mmcv 2.1.0 (the newest that mmdet 3.3.0 admits) is on PyPI as source only, asks for C++17 where the
headers of torch >= 2.13 need C++20 (open-mmlab/mmcv issue 3341), and takes half an hour to compile
without the precompiled header of `pch_cxx.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

from setup_commands import SetupError, check_disk, run_logged, wait_for_lock

VERSION = '2.1.0'
SDIST_SHA256 = 'd387bcab66b467479b6660310e23746cfc79c6e57acf04094680adb499a5cd3f'
MARK = f'-mmcv{VERSION}-'  # in the path of each wheel that was built here
HEADER = 'mmcv/ops/csrc/common/pytorch_cpp_helper.hpp'


def cache_folder() -> Path:
    """Where finished wheels are kept between set-ups and projects."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'mrd_plugin' / 'wheels'


def cache_key(site: Path) -> str:
    """Name of the wheel's folder: torch, Python and mmcv versions and the kind of machine.

    Args:
        site: The environment's site-packages, with torch in it.
    """
    text = (site / 'torch' / 'version.py').read_text(encoding='utf-8')
    (torch,) = re.findall(r"(?m)^__version__ = '(.+)'", text)
    python = site.parent.name[len('python') :]
    return f'torch{torch}-py{python}{MARK}{os.uname().machine}'


def find_wheel(folder: Path) -> Path | None:
    """Return the whole wheel in `folder`; a broken one counts as none."""
    for path in sorted(folder.glob('mmcv-*.whl')):
        if zipfile.is_zipfile(path):
            return path
    return None


def fetch_source(python: str, folder: Path, log: Path) -> Path:
    """Download and unpack the source with the C++ standard patched; returns its folder.

    Raises:
        SetupError: If the download fails or has a wrong checksum.
    """
    source = folder / f'mmcv-{VERSION}'
    if source.is_dir():
        return source
    wanted = folder / 'requirement.txt'
    wanted.write_text(f'mmcv=={VERSION} --hash=sha256:{SDIST_SHA256}\n', encoding='utf-8')
    pip: list[str | Path] = [python, '-m', 'pip', 'download', '--no-deps', '--no-build-isolation']
    run_logged([*pip, '--no-binary', ':all:', '-d', folder, '-r', wanted], log)
    draft = folder / 'unpacked.part'
    shutil.rmtree(draft, ignore_errors=True)
    shutil.unpack_archive(folder / f'mmcv-{VERSION}.tar.gz', draft)
    setup = draft / source.name / 'setup.py'
    setup.write_text(setup.read_text(encoding='utf-8').replace('c++17', 'c++20'), encoding='utf-8')
    os.replace(draft / source.name, source)
    return source


def build_environment(python: str, source: Path, compiler: str) -> dict[str, str]:
    """Environment of the build: CPU operators, no debug symbols, our compiler front."""
    front = source / 'g++'
    script = Path(__file__).with_name('pch_cxx.py')
    front.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding='utf-8')
    front.chmod(0o755)
    flags = '-DNDEBUG -fwrapv -g0 -O2 -fPIC'
    return {
        **os.environ,
        'PATH': f'{Path(python).parent}{os.pathsep}{os.environ.get("PATH", "")}',
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


def build_wheel(python: str, folder: Path, log_folder: Path) -> Path:
    """Return the mmcv wheel for this environment: from the cache, or built now.

    A build that is interrupted keeps the files compiled so far, and the next call goes on from
    there. Two builds at once wait for each other.

    Args:
        python: The environment's Python; torch, ninja, psutil and setuptools < 80 are installed.
        folder: Where the wheel is kept.
        log_folder: Where the output of the tools goes.

    Raises:
        SetupError: If a tool is missing, the download or the compilation fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        wait_for_lock(lock, 'another set-up is building mmcv')
        return find_wheel(folder) or compile_wheel(python, folder, log_folder)
    finally:
        os.close(lock)


def compile_wheel(python: str, folder: Path, log_folder: Path) -> Path:
    """Compile the wheel in `folder/build` and move it to `folder`."""
    compiler = os.environ.get('CXX') or 'g++'
    if shutil.which(compiler) is None:
        raise SetupError(
            f'there is no C++ compiler ("{compiler}"), and mmcv has to be compiled; '
            'install one, for example: apt-get install g++'
        )
    check_disk(folder, 2.0)
    build = folder / 'build'
    build.mkdir(exist_ok=True)
    source = fetch_source(python, build, log_folder / 'mmcv_download.log')
    command: list[str | Path] = [python, 'setup.py', 'bdist_wheel', '--dist-dir', build / 'dist']
    env = build_environment(python, source, compiler)
    run_logged(command, log_folder / 'mmcv_build.log', cwd=source, env=env)
    made = find_wheel(build / 'dist')
    if made is None:
        raise SetupError(f'the build of mmcv left no wheel; read {log_folder}/mmcv_build.log')
    wheel = folder / made.name
    os.replace(made, wheel)
    shutil.rmtree(build, ignore_errors=True)
    return wheel
