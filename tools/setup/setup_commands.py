"""Run the commands of the set-up, and say in one sentence why one failed."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

# What the output of uv, pip or a compiler looks like, and what it means.
CAUSES = {
    r'No space left on device|Disk quota exceeded': (
        'the disk is full; free disk space (both layers take about 12 GB)'
    ),
    r'error sending request|operation timed out|tcp connect error|dns error|NewConnectionError'
    r'|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|SSLError|Connection refused'
    r'|Connection reset|Network is unreachable|Temporary failure in name resolution'
    r'|Name or service not known|Could not resolve': (
        'the package index could not be reached; check the network (or proxy and PIP_INDEX_URL)'
    ),
    r'No matching distribution found for (\S+)|there is no version of (\S+)'
    r'|Because (\S+) was not found in the': (
        'the package index has no {} for this Python and system; use Python 3.11 on Linux x86-64, '
        'which is what requirements/constraints.txt is tested with'
    ),
    r'DO NOT MATCH THE HASHES|(?i:hash mismatch)': (
        'a downloaded package has another checksum than expected; check where pip downloads from '
        '(pip config list) and clear its cache (pip cache purge)'
    ),
    r'ensurepip': (
        'this Python can not make virtual environments (ensurepip is missing); '
        'install it, for example: apt-get install python3-venv'
    ),
    r'Python\.h: No such file': (
        'Python.h is missing, and mmcv has to be compiled; '
        "install Python's headers, for example: apt-get install python3-dev"
    ),
    r'unrecognized command.line option .-std=c\+\+20': (
        'the C++ compiler does not know C++20, as gcc from version 10 does; '
        'install a newer one and name it in CXX, for example: CXX=g++-12'
    ),
    r'internal compiler error: Killed|Killed signal terminated program|Cannot allocate memory': (
        'the machine ran out of memory; close other programs, or set MAX_JOBS=1'
    ),
}


class SetupError(Exception):
    """A step that can't go on: what happened, and what the reader can do about it."""


def explain(lines: Sequence[str], log: Path) -> str:
    """Turn the last lines of the output of a command that failed into one sentence."""
    text = '\n'.join(lines)
    for pattern, meaning in CAUSES.items():
        match = re.search(pattern, text)
        if match:
            what = next(filter(None, match.groups()), '')
            return f'{meaning.format(what)} (whole output: {log})'
    compiler = re.findall(r'(?m)^.*: (?:fatal )?error: .*', text)
    errors = re.findall(r'(?mi)^\s*error[: ].*', text)
    said = [*compiler[:1], *errors[-1:], *lines[-1:], 'nothing'][0]
    return f'the command ended with "{said.strip()[:200]}"; read {log}'


def progress(line: str) -> str | None:
    """Return what is shown of a line of uv (downloads and counts) or ninja (every fifth file)."""
    if re.match(r' *(Resolved|Downloading|Downloaded|Prepared|Installed) ', line):
        return line.strip()
    match = re.match(r'\[(\d*[05]/\d+)\] ', line)
    return f'mmcv: {match[1]} files compiled' if match else None


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command; the output goes to `log`, and the progress in it to the screen.

    Raises:
        SetupError: If the command ends with a code other than 0.
    """
    tail: deque[str] = deque(maxlen=300)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        text=True,
        errors='replace',
    )
    with process, log.open('w', encoding='utf-8') as file:
        print('$', *command, file=file)
        for line in process.stdout or ():
            print(line, end='', file=file, flush=True)
            tail.append(line.rstrip())
            shown = progress(line)
            if shown:
                print(f'    {shown}', flush=True)
    if process.returncode != 0:
        raise SetupError(explain(list(tail), log))


def check_disk(folder: Path, needed: float) -> None:
    """Raise a `SetupError` if `folder` has less than `needed` GB of free space."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed:
        raise SetupError(
            f'{folder} has {free:.1f} GB of free disk space and this step needs {needed:.1f} GB; '
            f'free {needed - free:.1f} GB'
        )


def wait_for_lock(descriptor: int, busy: str) -> None:
    """Lock an open file or folder, and say `busy` if somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f'{busy}: waiting for it', flush=True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
