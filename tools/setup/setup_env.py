"""Set up `.venv` in the project's folder. Called by tools/setup_env.sh with the layer's name.

uv installs what requirements/<layer>.txt asks for, in the versions of constraints.txt, from where
pip would. It unpacks each package once, into its cache (`~/.cache/uv`), and links it from there: a
second clone is set up in seconds and takes no disk space of its own.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmcv_wheel
from setup_commands import SetupError, check_disk, run_logged, wait_for_lock

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / '.venv'
PYTHON = str(VENV / 'bin' / 'python')
PIP = [PYTHON, '-m', 'pip', '--disable-pip-version-check', '--no-input']
LOGS = VENV / 'mrd_setup'
UNFINISHED = LOGS / 'unfinished'  # there from the first change of a set-up to its end
REQUIREMENTS = ROOT / 'requirements'
CONSTRAINTS = REQUIREMENTS / 'constraints.txt'
UV = re.findall(r'(?m)^uv==(\S+)', CONSTRAINTS.read_text(encoding='utf-8'))[0]
PIP_TO_UV = {
    'cert': 'SSL_CERT_FILE',
    'client-cert': 'SSL_CLIENT_CERT',
    'default-timeout': 'UV_HTTP_TIMEOUT',
    'extra-index-url': 'UV_INDEX',
    'find-links': 'UV_FIND_LINKS',
    'index-url': 'UV_DEFAULT_INDEX',
    'no-index': 'UV_NO_INDEX',
    'proxy': 'ALL_PROXY',
    'timeout': 'UV_HTTP_TIMEOUT',
    'trusted-host': 'UV_INSECURE_HOST',
}


def run_quietly(command: list[str], **options) -> subprocess.CompletedProcess[str]:
    """Run a command whose output nobody sees; one that is not there has failed."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, '', str(error))


def site_packages() -> Path:
    """Where the packages of `.venv` are."""
    return next(VENV.glob('lib/python3*/site-packages'), VENV)


def has_uv() -> bool:
    """Whether `.venv` has the uv of constraints.txt."""
    return (site_packages() / f'uv-{UV}.dist-info' / 'RECORD').exists()


def make_venv() -> None:
    """Make `.venv`, or take one that is there, and let its pip bring uv."""
    if run_quietly([*PIP, '--version']).returncode != 0:
        if VENV.exists() and not UNFINISHED.exists():
            raise SetupError(f'{VENV} is there, but has no working pip; move {VENV} away')
        shutil.rmtree(VENV, ignore_errors=True)
        LOGS.mkdir(parents=True)
        UNFINISHED.touch()
        run_logged([sys.executable, '-m', 'venv', VENV], LOGS / 'venv.log')
    LOGS.mkdir(exist_ok=True)
    run_logged([*PIP, 'install', '--progress-bar', 'off', f'uv=={UV}'], LOGS / 'uv.log')


def read_pip_settings(listing: str) -> dict[str, str]:
    """Turn the output of `pip config list` into the variables that uv reads."""
    settings = {}
    for section in ('global', 'install', ':env:'):
        for key, value in re.findall(rf'(?m)^{section}\.([\w-]+)=(.*)$', listing):
            if key in PIP_TO_UV:
                separator = ',' if key == 'find-links' else ' '
                settings[PIP_TO_UV[key]] = separator.join(ast.literal_eval(value).split())
    if 'UV_INDEX' in settings:
        # pip takes the best version of all indexes; uv would look into the first that has any.
        settings['UV_INDEX_STRATEGY'] = 'unsafe-best-match'
    return settings


def uv_environment() -> dict[str, str]:
    """Environment of uv: pip's settings, and the user's own of uv, which hold above them."""
    listing = run_quietly([*PIP, 'config', 'list']).stdout
    # Of many downloads at once, an interruption would cut many short.
    settings = {'UV_CONCURRENT_DOWNLOADS': '4', **read_pip_settings(listing), **os.environ}
    cache = mmcv_wheel.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_dev != VENV.stat().st_dev:
        # There are no links across file systems: everything would lie there and here.
        settings.setdefault('UV_CACHE_DIR', str(VENV / 'uv_cache'))
    return settings


def uv_command(*arguments: str) -> list[str]:
    """Return the call of uv that installs `arguments` and what they depend on."""
    command = [str(VENV / 'bin' / 'uv'), 'pip', 'install', '--python', PYTHON]
    command += ['--constraints', str(CONSTRAINTS), '--build-constraints', str(CONSTRAINTS)]
    return [*command, '--excludes', str(REQUIREMENTS / 'excludes.txt'), *arguments]


def install(name: str, *arguments: str) -> None:
    """Install with uv; the output goes to `.venv/mrd_setup/<name>.log`."""
    UNFINISHED.touch()
    for folder in site_packages().glob('*.dist-info'):
        # Written last: without it, the installation was cut short, and has to be repeated.
        if not (folder / 'INSTALLER').exists():
            shutil.rmtree(folder)
    env = uv_environment()
    # What lies in uv's cache needs no network, and no question whether it is the newest.
    if run_quietly(uv_command('--offline', *arguments), env=env).returncode != 0:
        run_logged(uv_command(*arguments), LOGS / f'{name}.log', cwd=ROOT, env=env)


def is_installed(layer: str) -> bool:
    """Whether everything that a layer asks for is there, in the tested versions."""
    command = uv_command('--check', '--offline', '-r', str(REQUIREMENTS / f'{layer}.txt'))
    return run_quietly(command).returncode == 0


def install_layer(layer: str) -> None:
    """Install the requirements of a layer and this project, editable.

    mmengine asks for opencv-python, which needs libGL.so.1; servers and containers often lack it.
    opencv-python-headless holds the same module, so the same version is unpacked over it.
    """
    install(layer, '-r', str(REQUIREMENTS / f'{layer}.txt'))
    if 'libGL' in run_quietly([PYTHON, '-c', 'import cv2']).stderr:
        print('    this system has no libGL: taking opencv-python-headless', flush=True)
        name = 'opencv-python-headless'
        install('opencv', '--no-deps', '--reinstall-package', name, name)


def has_mmcv() -> bool:
    """Whether mmcv is installed: one built here for this torch, or one that the user brought."""
    for record in site_packages().glob('mmcv-*.dist-info'):
        source = record / 'direct_url.json'
        url = source.read_text(encoding='utf-8').replace('%2B', '+') if source.exists() else ''
        return mmcv_wheel.MARK not in url or mmcv_wheel.cache_key(site_packages()) in url
    return False


def install_mmcv() -> None:
    """Install mmcv with its operators, from the user's cache or compiled now."""
    folder = mmcv_wheel.cache_folder() / mmcv_wheel.cache_key(site_packages())
    wheel = mmcv_wheel.find_wheel(folder)
    if wheel is None:
        install('mmcv_build_tools', 'setuptools', 'wheel', 'ninja', 'psutil')
        wheel = mmcv_wheel.build_wheel(PYTHON, folder, LOGS)
    print(f'    mmcv: using {wheel}', flush=True)
    install('mmcv', str(wheel))
    answer = run_quietly([PYTHON, '-c', 'import mmcv.ops'])
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ['it printed nothing'])[-1]
        raise SetupError(f'mmcv.ops does not import: "{said}"; remove {wheel}')


@contextmanager
def step(name: str, place: str, title: str, disk_gb: float) -> Iterator[None]:
    """Say what is done and how long it took; an error becomes one that names the step."""
    print(f'[set-up {place}] {title}', flush=True)
    start = time.monotonic()
    try:
        if not UNFINISHED.exists():
            check_disk(ROOT, disk_gb)
        yield
    except SetupError as error:
        raise SetupError(f"step '{name}' failed: {error}") from error
    except OSError as error:
        said = f'{error.strerror or error} ({error.filename})'
        remedy = 'make the place writable or free disk space'
        raise SetupError(f"step '{name}' failed: {said}; {remedy}") from error
    print(f'[set-up {place}] done in {time.monotonic() - start:.0f} s', flush=True)


def set_up(layer: str) -> None:
    """Do what is missing of a layer; after an interruption, look at each step of it."""
    total = 4 if layer == 'all' else 2
    if not has_uv():
        disk_gb = 0.1 if VENV.exists() else 12.0 if layer == 'all' else 8.0
        with step('venv', f'1/{total}', 'virtual environment in .venv', disk_gb):
            make_venv()
    again = UNFINISHED.exists()
    if not again and is_installed(layer) and (layer == 'shape' or has_mmcv()):
        return
    title = 'shape layer: torch, mmengine, open_clip, embedded teacher (6 GB, some minutes)'
    if again or not is_installed('shape'):
        with step('shape', f'2/{total}', title, 8.0):
            install_layer('shape')
    if layer == 'all':
        title = 'mmcv with its operators: compiled once, about 7 minutes on 2 cores'
        if again or not has_mmcv():
            with step('mmcv', '3/4', title, 5.0):
                install_mmcv()
        title = 'mmdet3d layer: mmdet, mmdet3d, spconv, and the tools for tests'
        with step('mmdet3d', '4/4', title, 3.0):
            install_layer('all')
    UNFINISHED.unlink()


def main() -> None:
    """Set up the layer named on the command line."""
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        wait_for_lock(lock, 'another set-up of this folder is at work')
        set_up(sys.argv[1])
    except SetupError as error:
        again = 'then run the same command again: it goes on from here.'
        sys.exit(f'\nSet-up stopped: {error}, {again}')
    except KeyboardInterrupt:
        print('\nSet-up interrupted; run the same command again: it goes on from here.')
        sys.exit(130)


if __name__ == '__main__':
    main()
