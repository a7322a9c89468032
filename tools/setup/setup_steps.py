"""Steps of the set-up: each runs once, leaves a stamp, and is run again only if its inputs change.

A stamp holds a hash of everything that the step depends on: the files that it reads, the Python
that it runs with and the stamps of the steps before it. It is written after the step is done, so a
step that was interrupted has none and is run again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable


class SetupError(Exception):
    """A step that can't go on: what happened, and what the reader can do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f'{reason}; {remedy}')
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Step:
    """One step of the set-up.

    Attributes:
        name: Short name; the stamp's file name.
        title: What the reader sees while it runs.
        run: Does the work; raises `SetupError` if it can't.
        inputs: Files whose content decides what the step does.
        proof: Distributions that are installed once the step is done; a stamp without them is void.
        disk_gb: Free disk space that the step needs, in GB.
    """

    name: str
    title: str
    run: Callable[[], None]
    inputs: tuple[Path, ...] = ()
    proof: tuple[str, ...] = ()
    disk_gb: float = 0.0


def step_key(step: Step, before: str) -> str:
    """Hash of what a step depends on; `before` is the key of the step before it."""
    digest = hashlib.sha256()
    for part in (step.name, sys.version, before):
        digest.update(part.encode() + b'\0')
    for path in step.inputs:
        digest.update(path.read_bytes() + b'\0')
    return digest.hexdigest()[:16]


def is_done(step: Step, key: str, venv: Path) -> bool:
    """Whether the stamp of a step is there, fits its inputs, and its packages are still installed."""
    try:
        stamp = json.loads(stamp_path(step, venv).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    if not isinstance(stamp, dict) or stamp.get('key') != key:
        return False
    present = installed(venv)
    return all(name in present for name in step.proof)


def stamp_path(step: Step, venv: Path) -> Path:
    """Where the stamp of a step is kept: inside of the environment, so that it goes with it."""
    return venv / 'mrd_setup' / f'{step.name}.json'


def installed(venv: Path) -> set[str]:
    """Normalised names of the distributions in an environment, read from the folder names."""
    folders = venv.glob('lib/python3*/site-packages/*.dist-info')
    return {path.name.split('-')[0].lower().replace('.', '_') for path in folders}


def write_stamp(step: Step, key: str, venv: Path, seconds: float) -> None:
    """Write a stamp under a temporary name and rename it."""
    path = stamp_path(step, venv)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix('.part')
    draft.write_text(json.dumps({'key': key, 'seconds': round(seconds, 1)}), encoding='utf-8')
    os.replace(draft, path)


def check_disk(step: Step, folder: Path) -> None:
    """Refuse to start a step for which there is not enough room.

    Raises:
        SetupError: If `folder` has less free space than `step.disk_gb`.
    """
    free = shutil.disk_usage(folder).free / 1e9
    if free < step.disk_gb:
        raise SetupError(
            f'{folder} has {free:.1f} GB of free disk space and this step needs {step.disk_gb:.1f} GB',
            f'free {step.disk_gb - free:.1f} GB',
        )


def wait_for_lock(descriptor: int, busy: str) -> None:
    """Lock an open file or folder, and say `busy` if somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f'{busy}: waiting for it', flush=True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def run_steps(steps: list[Step], venv: Path) -> None:
    """Run the steps that are not done yet, in order.

    Raises:
        SetupError: From the step that failed; `reason` names the step.
    """
    key = ''
    for number, step in enumerate(steps, start=1):
        key = step_key(step, key)
        if is_done(step, key, venv):
            continue
        print(f'[set-up {number}/{len(steps)}] {step.title}', flush=True)
        start = time.monotonic()
        try:
            check_disk(step, venv.parent)
            step.run()
            seconds = time.monotonic() - start
            write_stamp(step, key, venv, seconds)
        except SetupError as error:
            raise SetupError(f"step '{step.name}' failed: {error.reason}", error.remedy) from error
        except OSError as error:
            raise SetupError(
                f"step '{step.name}' failed: {error.strerror or error} ({error.filename})",
                'make the place writable or free disk space',
            ) from error
        print(f'[set-up {number}/{len(steps)}] done in {seconds:.0f} s', flush=True)
