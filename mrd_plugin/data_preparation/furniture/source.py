"""Gets the five furniture catalogues from a Debian package or files at hand, and verifies them."""

from __future__ import annotations

import io
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import SourceError
from mrd_plugin.utils.files import file_sha256

PACKAGE = 'sweethome3d-furniture'
DEB = f'{PACKAGE}_1.8-1_all.deb'
DEB_SHA256 = '3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668'
POOL = f'https://deb.debian.org/debian/pool/main/s/{PACKAGE}/{DEB}'
CATALOGUES = {
    'BlendSwap-CC-0.sh3f': '7ef093fe70cedbb160bdb532d86a84580459635e34130c16777f549eba1993dc',
    'BlendSwap-CC-BY.sh3f': '29ae78937b4d5dbe93db74067817a984fa411f017b007fd666bc40368bdb0c83',
    'KatorLegaz.sh3f': 'f512443b5d3a6903497573095f971f44334b3165ab32182133051fa9487764a6',
    'Reallusion.sh3f': 'dd553207876ccec6372dde7aaea6b2dcf2d631997fcdb8a9856a639e0db9aa9b',
    'Scopia.sh3f': 'b4505451b1e8ab339c101c0afddfef4e1a07b95aa8c821c61ec41487afd43850',
}
"""The catalogues of release 1.8, which the committed splits were made from."""


def find_catalogues(source: Path | None, cache: Path) -> list[Path]:
    """Find the ``.sh3f`` files, downloading or unpacking what is needed.

    Args:
        source: The package (``.deb``), one ``.sh3f`` file, a folder with such files, a zip of them,
            or None to download the package.
        cache: Folder for downloaded and unpacked files.

    Returns:
        Paths, sorted by file name. Files named like those of release 1.8 have its checksums; files
        of other names are taken as they are.

    Raises:
        SourceError: If something is missing, can't be fetched or has a wrong checksum.
    """
    if source is None:
        return _unpacked(cache / PACKAGE) or _from_deb(download_furniture(cache), cache / PACKAGE)
    if not source.exists():
        raise SourceError(f'{source} does not exist; give the .deb, a .sh3f file or their folder.')
    if source.is_dir():
        found = sorted(source.rglob('*.sh3f'), key=lambda p: p.name)
        if not found:
            raise SourceError(f'{source} holds no .sh3f file; give the folder that has them.')
        return _verified(found)
    if source.suffix == '.deb':
        return _from_deb(source, cache / PACKAGE)
    if source.suffix == '.zip':
        return _from_zip(source, cache / source.stem)
    if source.suffix == '.sh3f':
        return _verified([source])
    raise SourceError(f'{source} is no .deb, .zip or .sh3f file.')


def download_furniture(cache: Path) -> Path:
    """Download the package with apt-get, without root; a ``.deb`` that is there is used again.

    If apt's lists do not know the package (they are empty on a fresh machine), lists of our own are
    fetched into the cache.

    Raises:
        SourceError: If there is no apt-get or no network.
    """
    target = cache / DEB
    if target.exists() and file_sha256(target) == DEB_SHA256:
        return target
    by_hand = f'fetch {POOL} by other means and give it with --source'
    if shutil.which('apt-get') is None:
        raise SourceError(f'apt-get was not found on this machine; {by_hand}.')
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix='.apt-') as scratch:
        error = _apt(scratch, 'download', PACKAGE)
        if error:
            own = _own_lists(cache / 'apt')
            error = _apt(scratch, *own, 'update') or _apt(scratch, *own, 'download', PACKAGE)
        found = sorted(Path(scratch).glob(f'{PACKAGE}_*.deb'))
        if error or not found:
            raise SourceError(
                f'apt-get could not download {PACKAGE} ({error or "no file arrived"}); check the '
                f'network and the free space of {cache} and run the same command again, or '
                f'{by_hand}.'
            )
        os.replace(found[0], target)
    return target


def _own_lists(folder: Path) -> list[str]:
    for name in ('lists/partial', 'cache/archives/partial'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return ['-o', f'Dir::State::lists={folder}/lists', '-o', f'Dir::Cache={folder}/cache']


def _apt(folder: str, *arguments: str) -> str:
    """Run apt-get in a folder; return its last error line, or '' if all went well."""
    run = subprocess.run(
        ['apt-get', '-o', 'APT::Update::Error-Mode=any', *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,  # the progress goes to the terminal
        text=True,
        check=False,
        env={**os.environ, 'LC_ALL': 'C'},
    )
    if run.returncode == 0:
        return ''
    errors = [line for line in run.stderr.splitlines() if line.startswith('E:')]
    return errors[-1] if errors else f'exit code {run.returncode}'


def _verified(paths: list[Path]) -> list[Path]:
    for path in paths:
        got = file_sha256(path)
        if got != CATALOGUES.get(path.name, got):
            raise SourceError(
                f'{path} has sha256 {got}, expected {CATALOGUES[path.name]} (release 1.8): it is '
                f'damaged or of another release; take the one in {POOL}.'
            )
    return paths


def _unpacked(folder: Path) -> list[Path]:
    """Return the catalogues of release 1.8 in a folder; none if one is missing or wrong."""
    known = [folder / name for name in CATALOGUES]
    right = all(path.exists() and file_sha256(path) == CATALOGUES[path.name] for path in known)
    return known if right else []


def _from_deb(deb: Path, folder: Path) -> list[Path]:
    """Unpack the catalogues of the package unless they are there; write all of them or none.

    What counts is the checksums of the catalogues: another distribution's build of the package
    holds the same ones.
    """
    if found := _unpacked(folder):
        return found
    contents = {name: data for name, data in deb_members(deb) if name in CATALOGUES}
    for name, expected in CATALOGUES.items():
        if sha256(contents.get(name, b'')).hexdigest() != expected:
            raise SourceError(
                f'{deb} has sha256 {file_sha256(deb)}, expected {DEB_SHA256}, and its {name} is '
                f'missing or not that of release 1.8; take {POOL}.'
            )
    for name, data in contents.items():
        write_atomically(folder / name, data)
    return [folder / name for name in CATALOGUES]


def deb_members(deb: Path) -> Iterator[tuple[str, bytes]]:
    """File names (without folders) and contents of a Debian package.

    ``dpkg-deb`` unpacks it where it is installed, else `data_archive` does.

    Raises:
        SourceError: If it is no package or is cut short.
    """
    try:
        if shutil.which('dpkg-deb'):
            run = subprocess.run(
                ['dpkg-deb', '--fsys-tarfile', str(deb)], capture_output=True, check=False
            )
            if run.returncode:
                raise ValueError(run.stderr.decode(errors='replace').strip().splitlines()[-1])
            packed = run.stdout
        else:
            packed = data_archive(deb)
        with tarfile.open(fileobj=io.BytesIO(packed), mode='r:*') as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield Path(member.name).name, content.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(
            f'{deb} can not be unpacked ({reason}), it is damaged or cut short; take {POOL}.'
        ) from error


def data_archive(deb: Path) -> bytes:
    """Return the tar archive with the files of a Debian package, still compressed.

    A package is an ``ar`` archive: a magic line, then for each member a header of 60 characters
    (name in the first 16, size at 48 to 57) and the content, padded to an even length. The files
    are in the member ``data.tar.*``.

    Raises:
        ValueError: If there is no such member or it is cut short.
    """
    with open(deb, 'rb') as file:
        if file.read(8) != b'!<arch>\n':
            raise ValueError('it does not start like a package')
        while len(header := file.read(60)) == 60:
            size = int(header[48:58])
            if header.startswith(b'data.tar'):
                content = file.read(size)
                if len(content) < size:
                    raise ValueError('it ends too early')
                return content
            file.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError('it has no data.tar')


def _from_zip(path: Path, folder: Path) -> list[Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith('.sh3f')]
            for name in names:
                write_atomically(folder / Path(name).name, archive.read(name))
    except (zipfile.BadZipFile, EOFError) as error:
        raise SourceError(f'{path} can not be unpacked ({error}); fetch it again.') from error
    if not names:
        raise SourceError(f'{path} holds no .sh3f file; give the zip that has them.')
    return _verified(sorted((folder / Path(n).name for n in names), key=lambda p: p.name))
