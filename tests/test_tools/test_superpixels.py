import pytest

from tests.helpers.lidar import make_nuscenes
from tools.prepare import superpixels


@pytest.fixture
def config(tmp_path):
    root = make_nuscenes(tmp_path / 'nuscenes')
    path = tmp_path / 'config.py'
    path.write_text(f"""
slic = dict(type='SLICSuperpixels', n_segments=8, cache_dir={str(tmp_path / 'cache')!r})
data = dict(
    type='NuScenesPairs',
    data_root={str(root)!r},
    cameras=['CAM_FRONT', 'CAM_BACK'],
    pipeline=[dict(type='LoadPair'), slic],
)
train_dataloader = dict(dataset=dict(type='RepeatDataset', times=3, dataset=data))
val_dataloader = dict(dataset=dict(data, pipeline=[]))
""")
    return path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr('sys.argv', ['superpixels.py', *map(str, arguments)])
    superpixels.main()
    return capsys.readouterr()


@pytest.mark.parametrize('workers', [1, 2])
def test_the_cache_is_filled_and_continued(config, tmp_path, monkeypatch, capsys, workers):
    said = run(monkeypatch, capsys, config, '--workers', workers)
    assert said.out.endswith('12 images: 12 cut, 0 were there, 0 left out.\n')
    maps = sorted((tmp_path / 'cache').rglob('*.png'))
    assert len(maps) == 12
    maps[3].unlink()
    (tmp_path / 'nuscenes/samples/CAM_FRONT/1-1.png').write_bytes(b'broken')
    said = run(monkeypatch, capsys, config, '--workers', workers)
    assert 'left out: ' in said.err and 'CAM_FRONT/1-1.png' in said.err
    cut = 1 if maps[3].exists() else 0  # the one that was deleted may be that of the broken image
    assert f'12 images: {cut} cut, {11 - cut} were there, 1 left out.' in said.out


def test_a_config_without_superpixels_is_refused(config, monkeypatch, capsys):
    with pytest.raises(SystemExit, match='^Error: .*this NuScenesPairs has no SLICSuperpixels'):
        run(monkeypatch, capsys, config, '--phase', 'val')
    with pytest.raises(SystemExit, match='^Error: .*has no test_dataloader'):
        run(monkeypatch, capsys, config, '--phase', 'test')
    with pytest.raises(SystemExit, match='^Error: none.py: there is no such config'):
        run(monkeypatch, capsys, 'none.py')
