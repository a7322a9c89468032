"""Atomic writing: a kill leaves the old file, never half of the new one.

Also MMEngine's storage backend on top of it, and the journal that tells which shapes are done.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend, register_backend

JOURNAL = 'progress.jsonl'


class DiskFullError(RuntimeError):
    """The disk has no room left; the message names the file that could not be written."""


@contextmanager
def disk_full_named(path: Path) -> Iterator[None]:
    """Turn the system's "no space left" into a `DiskFullError` that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(
            f'No room is left on the disk for {path}; free some space and run the same command '
            'again, it continues where it stopped (a training does with --resume).'
        ) from error


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write to a temporary file beside ``path``, flush it to the disk and rename it.

    Args:
        path: The file; its folder is made if need be.
        content: All of its bytes.

    Raises:
        DiskFullError: The disk is full; ``path`` is as it was, and nothing else stays behind.
        OSError: The folder can't be written; the same holds.
    """
    path = Path(path)
    # the number of the process, so that two that write one file don't write into each other's
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    with disk_full_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, 'wb') as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_half_written(folder: Path, names: str = '*.[0-9]*') -> None:
    """Remove what a kill left in a folder, and no other temporary file.

    Args:
        folder: Where :func:`write_atomically` wrote.
        names: Glob pattern before ``.tmp``; by default any name with a process's number.
    """
    for left_over in folder.glob(f'{names}.tmp'):
        left_over.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, readable and with a newline at the end, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_atomically(path, (text + '\n').encode('utf-8'))


class AtomicLocalBackend(LocalBackend):
    """Local storage with atomic writes: ``backend_args=dict(backend='atomic_local')``."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, see :func:`write_atomically`."""
        write_atomically(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text, see :func:`write_atomically`."""
        write_atomically(filepath, obj.encode(encoding))


register_backend('atomic_local', AtomicLocalBackend, force=True)


def fingerprint(path: Path) -> tuple[int, int]:
    """Size in bytes and CRC-32 of a file; (-1, 0) if it is not there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return -1, 0
    return len(content), zlib.crc32(content)


class Journal:
    """Appends one line for every finished file and tells later which are still good.

    A file counts as done if its last line carries the same key (the parameters that made it) and
    the file on disk has the size and checksum noted there. A line cut short by a crash is ignored.

    Args:
        folder: Data folder; the journal lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        self._lines: dict[str, list] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding='utf-8').splitlines():
                try:
                    name, key, size, checksum = json.loads(line)
                except ValueError:
                    continue
                self._lines[name] = [key, size, checksum]

    def has(self, names: Iterable[str], key: str) -> bool:
        """Whether each of these files was written with `key` and has not changed since."""
        return all(
            self._lines.get(name) == [key, *fingerprint(self.folder / name)] for name in names
        )

    def add(self, name: str, key: str, size: int, checksum: int) -> None:
        """Note that file `name` was written whole."""
        self._lines[name] = [key, size, checksum]
        with disk_full_named(self.path), self.path.open('a', encoding='utf-8') as file:
            file.write('\n' + json.dumps([name, key, size, checksum]))
