"""MkDocs hook: pages that do not lie in docs/, and links that leave it.

The site holds, beside `docs/`, the root's Markdown files that `mkdocs.yml` names, the README of each folder of
configs, and a reference page for each package, whose text mkdocstrings takes from the docstrings. All are
found in the file tree, so nothing has to be listed when a module is added or moved.

Links are written so that they work in the repository; here they are turned into links of the site, or into
links to the repository's files where the site has no page. A link to a file that is not there is a warning,
and so an error of `mkdocs build --strict`.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'mrd_plugin'
ROOT_PAGES = ('CHANGELOG.md', 'CODE_OF_CONDUCT.md', 'CONTRIBUTING.md', 'SECURITY.md')
LINK = re.compile(r'(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))')
log = logging.getLogger(f'mkdocs.{__name__}')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/, and put the generated ones at the end of the navigation."""
    for path in [ROOT / name for name in ROOT_PAGES] + config_readmes():
        text = path.read_text(encoding='utf-8')
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), content=text))
    readmes: list[Any] = [
        {path.parent.name: path.relative_to(ROOT).as_posix()} for path in config_readmes()
    ]
    reference = reference_pages(ROOT / PACKAGE, files, config)
    config.nav = [*(config.nav or []), {'Configs and results': readmes}, {'Reference': reference}]
    return files


def config_readmes() -> list[Path]:
    """The README of each folder of configs."""
    return sorted((ROOT / 'configs').glob('*/README.md'))


def reference_pages(folder: Path, files: Files, config: MkDocsConfig) -> list[Any]:
    """Add a page for a package, and for each package in it.

    Args:
        folder: The package's folder.
        files: Gets the pages.
        config: MkDocs' settings.

    Returns:
        Their entries in the navigation.
    """
    name = '.'.join(folder.relative_to(ROOT).parts)
    modules = sorted(path.stem for path in folder.glob('*.py') if not path.stem.startswith('_'))
    lines = [f'# {name}', '', f'::: {name}', '    options:', '      members: false']
    lines += ['      show_root_heading: false', '      show_root_toc_entry: false', '']
    lines += [f'::: {name}.{module}\n' for module in modules]
    page = f'reference/{name.removeprefix(PACKAGE).strip(".").replace(".", "/") or "index"}.md'
    files.append(File.generated(config, page, content='\n'.join(lines)))
    packages = [path for path in sorted(folder.iterdir()) if (path / '__init__.py').is_file()]
    entries = [entry for path in packages for entry in reference_pages(path, files, config)]
    here = {folder.name: page}
    if folder.name == PACKAGE:
        return [here, *entries]
    return [{folder.name: [here, *entries]}] if entries else [here]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the repository's links of a page into links of the site."""
    source = page.file.src_uri
    if source.startswith('reference/'):
        return markdown
    in_docs = (ROOT / 'docs' / source).is_file()
    here = posixpath.dirname(f'docs/{source}' if in_docs else source)

    def link(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ''
        path = posixpath.normpath(posixpath.join(here, target))
        candidates = (path.removeprefix('docs/'), f'{path.removeprefix("docs/")}/README.md')
        for candidate in candidates:
            if files.get_file_from_path(candidate):
                return posixpath.relpath(candidate, posixpath.dirname(source) or '.') + anchor
        if not (ROOT / path).exists():
            log.warning('%s links to %s, which does not exist.', source, target)
        kind = 'tree' if (ROOT / path).is_dir() else 'blob'
        return f'{(config.repo_url or "").rstrip("/")}/{kind}/main/{path}{anchor}'

    return LINK.sub(link, markdown)
