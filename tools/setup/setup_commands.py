"""Run a command with its output in a log file, and say in one sentence why it failed."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable

from setup_steps import SetupError

# What the output of pip, apt or a compiler looks like, the reason, and the remedy.
CAUSES = (
    (
        r'No space left on device|Disk quota exceeded',
        'the disk is full',
        'free disk space (both layers take about 12 GB)',
    ),
    (
        r'NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|SSLError'
        r'|Connection refused|Connection reset|Network is unreachable'
        r'|Temporary failure in name resolution|Name or service not known|Could not resolve',
        'the package index could not be reached',
        'check the network (or proxy and PIP_INDEX_URL)',
    ),
    (
        r'No matching distribution found for (?P<what>\S+)',
        'the package index has no {what} for this Python and system',
        'use Python 3.11 on Linux x86-64, which is what requirements/constraints.txt is tested with',
    ),
    (
        r'THESE PACKAGES DO NOT MATCH THE HASHES|hash mismatch',
        'a downloaded package does not have the checksum that its index promises',
        'clear the download cache (pip cache purge)',
    ),
    (
        r'internal compiler error: Killed|Killed signal terminated program|Cannot allocate memory',
        'the machine ran out of memory',
        'close other programs, or set MAX_JOBS=1',
    ),
)


def explain(lines: Sequence[str], log: Path) -> SetupError:
    """Turn the output of a command that failed into one sentence.

    Args:
        lines: Last lines of its output.
        log: The file with the whole output.
    """
    text = '\n'.join(lines)
    for pattern, reason, remedy in CAUSES:
        match = re.search(pattern, text)
        if match:
            return SetupError(reason.format(**match.groupdict()), f'{remedy} (whole output: {log})')
    compiler = [line.strip() for line in lines if re.search(r': (fatal )?error: ', line)]
    errors = [line.strip() for line in lines if re.match(r'\s*(ERROR|error)[: ]', line)]
    said = [*compiler[:1], *errors[-1:], *[line.strip() for line in lines[-1:]], 'nothing']
    return SetupError(f'the command ended with "{said[0][:200]}"', f'read {log}')


def run_logged(
    command: Sequence[str],
    log: Path,
    show: Callable[[str], str | None] = lambda line: None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command; the output goes to `log`, and what `show` makes of each line to the screen.

    Raises:
        SetupError: If the command can't be started or ends with a code other than 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=300)
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            text=True,
            errors='replace',
        )
    except FileNotFoundError as error:
        raise SetupError(f'there is no program "{command[0]}"', 'install it') from error
    assert process.stdout is not None
    with process, log.open('w', encoding='utf-8') as file:
        file.write('$ ' + ' '.join(command) + '\n')
        for line in process.stdout:
            file.write(line)
            file.flush()
            tail.append(line.rstrip())
            shown = show(line.rstrip())
            if shown:
                print('    ' + shown, flush=True)
    if process.returncode != 0:
        raise explain(list(tail), log)


def show_pip(line: str) -> str | None:
    """What the reader sees of pip: downloads of 10 MB and more, and the start of the unpacking."""
    line = line.strip()
    match = re.match(r'Downloading (\S+) \(([\d.]+) ([MG])B\)', line)
    if match and (match[3] == 'G' or float(match[2]) >= 10):
        return f'downloading {match[1].rsplit("/")[-1]} ({match[2]} {match[3]}B)'
    if line.startswith('Installing collected packages'):
        return f'unpacking {line.count(",") + 1} packages'
    return None
