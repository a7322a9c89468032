"""The attribution page of the furniture folder: every creator and licence, shape by shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mrd_plugin.data_preparation.furniture.catalogue import CatalogueEntry

LICENCE_LINKS = {
    'CC0-1.0': 'https://creativecommons.org/publicdomain/zero/1.0/',
    'CC-BY-3.0': 'https://creativecommons.org/licenses/by/3.0/',
    'CC-BY-3.0-US': 'https://creativecommons.org/licenses/by/3.0/us/',
}
SOURCE = 'https://www.sweethome3d.com/importModels.jsp'


def attribution(entries: Sequence[CatalogueEntry]) -> str:
    """Markdown page with licences, creators with counts, and the list of shapes."""
    licences = Counter(entry.licence for entry in entries)
    creators = Counter((entry.creator, entry.licence) for entry in entries)
    lines = [
        '# Attribution',
        '',
        f'{len(entries)} shapes of the Sweet Home 3D furniture libraries ({SOURCE}). Changes made: '
        'surface points with colours were drawn from each mesh, turned and scaled; the image got '
        'a white background.',
        '',
        '## Licences',
        '',
        '| licence | shapes | text |',
        '|---|---|---|',
    ]
    for licence, count in sorted(licences.items()):
        lines.append(f'| {licence} | {count} | {LICENCE_LINKS.get(licence, SOURCE)} |')
    lines += ['', '## Creators', '', '| creator | licence | shapes |', '|---|---|---|']
    for (creator, licence), count in sorted(creators.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f'| {creator} | {licence} | {count} |')
    lines += ['', '## Shapes', '', '| id | name | creator | licence |', '|---|---|---|---|']
    for e in entries:
        lines.append(f'| {e.sample_id} | {e.name} | {e.creator} | {e.licence} |')
    return '\n'.join(lines) + '\n'
