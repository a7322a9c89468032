"""Settings of Sphinx for the site; docs/build_site.py calls it."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

project = 'mrd_plugin'
author = 'The mrd_plugin authors'
project_copyright = (
    '2026, The mrd_plugin authors. Apache-2.0; data and figures as NOTICE names them'
)

extensions = ['myst_parser']
root_doc = 'docs/index'
include_patterns = ['*.md', 'docs/**', 'configs/README.md', 'configs/**/README.md', 'reference/**']

# Pages are Markdown, with links that also work in the repository.
myst_heading_anchors = 4

# Names in docstrings that the reference does not have (torch's, private ones) are shown as code.
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False

html_theme = 'furo'
html_title = 'mrd_plugin'
html_static_path = ['stylesheets']
html_css_files = ['site.css']
html_show_sourcelink = False
html_copy_source = False


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the first page the table of contents, which is noise in the repository."""
    if page == root_doc:
        contents = Path(app.confdir, 'contents.txt')
        app.env.note_dependency(str(contents), docname=page)
        source[0] += contents.read_text(encoding='utf-8')


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect('source-read', add_contents)
