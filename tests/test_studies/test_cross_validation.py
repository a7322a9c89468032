import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mrd_plugin.studies.cross_validation import (
    FoldRun,
    last_metrics,
    markdown_table,
    paired_difference,
    require_splits,
    run_all,
    summarise,
    write_table,
)
from mrd_plugin.utils.errors import ConfigError, TrainingError

OURS = [{'m': 0.5}, {'m': 0.7}, {'m': 0.6}]
BASE = [{'m': 0.4}, {'m': 0.7}, {'m': 0.3}]


def test_mean_and_spread():
    mean, std, n = summarise(OURS, 'm')
    assert (round(mean, 6), round(std, 6), n) == (0.6, 0.1, 3)
    assert summarise(OURS[:1], 'm') == (0.5, 0.0, 1)


def test_paired_difference_is_run_by_run():
    mean, error, better = paired_difference(OURS, BASE, 'm')
    # differences 0.1, 0, 0.3: mean 0.1333, deviation 0.15275, error 0.0882
    assert round(mean, 4) == 0.1333 and round(error, 4) == 0.0882 and better == 2


def test_table_holds_every_row_and_the_comparison():
    table = markdown_table({'base': BASE, 'ours': OURS}, {'m': 'score'}, base='base')
    assert '| ours | 3 | 60.0 ± 10.0 |' in table
    assert '| ours | +13.3 ± 8.8 (2/3) |' in table


@pytest.mark.parametrize(('part', 'train'), [('val', '[train]'), ('test', '[train,val]')])
def test_parts_never_mix(part, train):
    (command,) = FoldRun('configs/mrd/pointbert_furniture.py', 3, 7, part, 'out').commands()
    assert f'train_dataloader.dataset.split={train}' in command
    assert f'val_dataloader.dataset.split={part}' in command
    assert sum('fold3.json' in word for word in command) == 2
    assert 'randomness.seed=7' in command


def test_the_first_stage_never_sees_the_test_part():
    run = FoldRun(
        'configs/tamm/pointbert_stage2_furniture.py', 2, 1, 'test', 'out', ('a=1',), 'tamm'
    )
    first, second = run.commands()
    assert first[:3] == [sys.executable, '-m', 'mrd_plugin.apis.train']
    assert first[3] == 'configs/tamm/image-adapter_stage1_furniture.py'
    assert 'train_dataloader.dataset.split=[train]' in first
    assert 'val_dataloader.dataset.split=val' in first and 'a=1' not in first
    assert 'train_dataloader.dataset.split=[train,val]' in second
    assert 'val_dataloader.dataset.split=test' in second and 'a=1' in second
    folder = first[first.index('--work-dir') + 1]
    assert folder == 'out/test/tamm/fold2_seed1/first_stage'
    assert f'model.image_adapter_checkpoint={folder}' in second
    for command in (first, second):
        assert sum('fold2.json' in word for word in command) == 2
        assert 'randomness.seed=1' in command


def test_last_metrics_reads_the_newest_validation(tmp_path):
    folder = tmp_path / '20260101_000000' / 'vis_data'
    folder.mkdir(parents=True)
    rows = [{'loss': 1.0}, {'zero_shot/top1': 0.3, 'step': 1}, {'zero_shot/top1': 0.4, 'step': 2}]
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(row) for row in rows))
    assert last_metrics(tmp_path)['zero_shot/top1'] == 0.4
    with pytest.raises(FileNotFoundError, match='no validation metrics'):
        last_metrics(tmp_path / 'nothing')


def test_tables_of_many_rows_and_of_names_with_dots_keep_apart(tmp_path):
    rows = [f'mrd/ablations/pointbert_furniture_row-{i}' for i in range(12)]
    many = write_table(tmp_path, rows, 'table', {'a': 1})
    assert [path.suffix for path in many] == ['.md', '.json']
    assert many[0].name.startswith('mrd-ablations-pointbert_furniture_row-0_11-more_')
    assert many != write_table(tmp_path, [*rows[:-1], 'other'], 'table', {})
    ours = write_table(tmp_path, ['text0.3-mrd'], 'ours', {})
    write_table(tmp_path, ['text0.3-openshape'], 'theirs', {})
    assert ours[0].read_text() == 'ours\n' and ours[0].name == 'text0.3-mrd.md'


def test_folds_without_split_files_are_named():
    require_splits(range(5))
    with pytest.raises(
        ConfigError, match='--folds 9: .*fold9.json is missing.* are: 0, 1, 2, 3, 4'
    ):
        require_splits([0, 9])


@dataclass(frozen=True)
class Failing:
    """A training that prints something and fails."""

    folder: Path
    said: str
    scored: bool = False

    def commands(self):
        return [[sys.executable, '-c', f'print({self.said!r}); raise SystemExit(3)']]


@pytest.mark.parametrize(
    ('said', 'repeated'),
    [
        ('Error: old\nstep 1\nError: data/a: missing.', ' with "data/a: missing."'),
        ('Traceback', ''),
    ],
)
def test_a_failed_training_repeats_its_own_error(tmp_path, said, repeated):
    with pytest.raises(TrainingError) as caught:
        run_all([Failing(tmp_path, said)])
    log = tmp_path / 'stdout.log'
    assert str(caught.value) == f'Training failed with exit code 3{repeated}; see {log}.'
