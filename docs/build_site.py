"""Build the site of docs/, of the configs' READMEs and of the docstrings; a warning is an error.

Sphinx sees the repository's layout, so that links between pages are those that work in the
repository. What it writes on its way lies in build/, never beside the sources.

Examples:
    python docs/build_site.py                     # writes build/site/index.html
    python docs/build_site.py --out /tmp/site
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from reference_pages import write_reference

ROOT = Path(__file__).resolve().parents[1]
# Files of the root that pages link to.
LINKED = ('CITATION.cff', 'LICENSE', 'NOTICE')
START = (
    '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">'
    '<title>mrd_plugin</title>\n'
)


def copy_sources(folder: Path) -> None:
    """Copy what belongs to the site; dates stay, so that Sphinx reads only what has changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ('docs', 'configs'):
        shutil.rmtree(folder / name, ignore_errors=True)
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    for path in (*ROOT.glob('*.md'), *(ROOT / name for name in LINKED)):
        shutil.copy2(path, folder)


def build(out: Path, jobs: int) -> int:
    """Build the site into a folder; returns the exit code of Sphinx."""
    sources = ROOT / 'build' / 'docs_source'
    copy_sources(sources)
    write_reference(ROOT / 'mrd_plugin', sources / 'reference')
    command = [sys.executable, '-m', 'sphinx', '-c', str(ROOT / 'docs'), '-b', 'html', '-q', '-W']
    command += ['--keep-going', '-j', str(jobs), '-d', str(ROOT / 'build' / 'doctrees')]
    code = subprocess.run([*command, str(sources), str(out)], cwd=ROOT, check=False).returncode
    if code == 0:
        (out / 'index.html').write_text(START, encoding='utf-8')
    return code


def main() -> int:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'build' / 'site', help='default: build/site'
    )
    parser.add_argument('--jobs', type=int, default=2, help='processes; default: 2')
    parser.add_argument('--clean', action='store_true', help='build every page anew')
    args = parser.parse_args()
    if args.clean:
        for name in ('docs_source', 'doctrees'):
            shutil.rmtree(ROOT / 'build' / name, ignore_errors=True)
    return build(args.out.resolve(), args.jobs)


if __name__ == '__main__':
    sys.exit(main())
