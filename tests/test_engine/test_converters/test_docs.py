from pathlib import Path

import pytest

from mrd_plugin.engine.converters import FACTS

PAGE = Path('docs/models/checkpoints.md').read_text(encoding='utf-8')


@pytest.mark.parametrize('name', sorted(FACTS))
def test_the_page_has_the_facts(name):
    rows = [line for line in PAGE.splitlines() if line.startswith(f'| `{name}` |')]
    families, facts = (line.strip('| ').split(' | ') for line in rows)
    row = FACTS[name]
    assert families[3].startswith(f'`{row.hub[0]}`' if row.hub else row.where)
    patches = row.backbone.get('num_patches', row.backbone.get('num_groups', '-'))
    distance = row.backbone.get('radius', 'kNN')
    if 'voxel_size' in row.backbone:
        distance = f'voxels of {row.backbone["voxel_size"]}'
    neighbours = row.backbone.get('num_neighbours', row.backbone.get('group_size', '-'))
    geometry = row.geometry
    assert facts[1:] == [
        'to be given' if row.ask else str(patches),
        str(distance),
        str(neighbours),
        geometry['up_axis'],
        ' + '.join(geometry['channels']),
        str(geometry.get('num_points', '-')),
        row.embedding or '-',
    ]
    assert geometry['normalisation'] == 'unit_ball'
    assert geometry.get('no_colour') == (0.4 if 'rgb' in geometry['channels'] else None)
