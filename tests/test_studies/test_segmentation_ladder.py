import json

import torch

from mrd_plugin.engine import LoadReport, read_checkpoint
from mrd_plugin.engine.checkpoints.matching import coverage_table
from mrd_plugin.studies import segmentation_ladder
from mrd_plugin.studies.segmentation_ladder import SeedRun, SegmentationLadder, common_metrics


def done(run, miou):
    """Leave behind what a finished training leaves."""
    run.folder.mkdir(parents=True)
    figures = {'segmentation/miou': miou, 'segmentation/iou_car': miou, 'segmentation/accuracy': 1}
    (command,) = run.commands()
    (run.folder / 'figures.json').write_text(json.dumps(dict(command=command, figures=figures)))
    (run.folder / 'epoch_1.pth').touch()


def test_each_seed_goes_from_its_own_pretraining_to_its_own_figures(tmp_path, monkeypatch):
    ladder = SegmentationLadder(
        ['configs/slidr/a.py'], 'probe.py', 'tune.py', (3, 5), 'test', str(tmp_path)
    )
    asked = []

    def finish(runs, jobs, threads):
        for run in runs:
            asked.append(run)
            done(run, 0.1 * run.seed)
        return {run: dict(seed=run.seed) for run in runs}

    monkeypatch.setattr(segmentation_ladder, 'run_all', finish)
    rows = ladder.run()
    assert list(rows) == [
        'random backbone, linear probe',
        'scratch',
        'slidr, linear probe',
        'slidr, fine-tuned',
    ]
    assert all(row == [dict(seed=3), dict(seed=5)] for row in rows.values())
    pretraining = [run for run in asked if run.config == 'configs/slidr/a.py']
    assert [run.keep for run in pretraining] == [True, True]
    assert all('val_dataloader' not in word for run in pretraining for word in run.commands()[0])
    tuned = [run for run in asked if run.row == 'slidr/finetune_test']
    for run, seed in zip(tuned, (3, 5)):
        (command,) = run.commands()
        checkpoint = tmp_path / 'slidr' / 'pre-training' / f'seed{seed}' / 'epoch_1.pth'
        assert f'default_hooks.pretrained.checkpoint={checkpoint}' in command
        assert f'randomness.seed={seed}' in command
        assert 'val_dataloader.dataset.split=test' in command
    scratch = [run for run in asked if run.row == 'random/finetune_test']
    assert all('default_hooks.pretrained.checkpoint=None' in run.commands()[0] for run in scratch)


def test_exported_backbones_are_what_is_built_on(tmp_path, monkeypatch):
    ladder = SegmentationLadder(
        ['configs/slidr/a.py'], 'probe.py', 'tune.py', (3, 5), out=str(tmp_path), export=True
    )
    asked = {}

    def finish(runs, jobs, threads):
        for run in runs:
            asked[run.row, run.seed] = run
            done(run, 0.1)
            checkpoint = next((o for o in run.options if 'pretrained' in o), '=None')
            if run.keep:
                state = {
                    'backbone.weight': torch.full((2,), float(run.seed)),
                    'head.weight': torch.ones(1),
                }
                meta = dict(backbone=dict(type='Any'), geometry=dict(in_channels=4))
                torch.save(dict(state_dict=state, meta=meta), run.folder / 'epoch_1.pth')
            elif not checkpoint.endswith('None'):
                table = coverage_table({'backbone': LoadReport(('a', 'b', 'c'), ('d',), (), ())})
                (run.folder / 'stdout.log').write_text(f'12:00 - INFO - {checkpoint}\n{table}\n')
        return {run: dict(seed=run.seed) for run in runs}

    monkeypatch.setattr(segmentation_ladder, 'run_all', finish)
    rows = ladder.run()
    assert rows['scratch'] == [dict(seed=3), dict(seed=5)]
    assert rows['slidr, fine-tuned'] == [dict(seed=3, coverage=0.75), dict(seed=5, coverage=0.75)]
    for row in ('slidr/probe_exported_test', 'slidr/finetune_exported_test'):
        for seed in (3, 5):
            (command,) = asked[row, seed].commands()
            (path,) = (tmp_path / 'weights').glob(f'slidr_seed{seed}-*.safetensors')
            assert f'default_hooks.pretrained.checkpoint={path}' in command
            state = read_checkpoint(path)['state_dict']
            assert list(state) == ['weight'] and (state['weight'] == seed).all()


def test_finished_runs_are_not_run_again(tmp_path):
    runs = [SeedRun('nowhere.py', 'row', seed, str(tmp_path)) for seed in (0, 1)]
    for run in runs:
        done(run, 0.5)
    figures = segmentation_ladder.run_all(runs)
    assert [figures[run]['segmentation/miou'] for run in runs] == [0.5, 0.5]


def test_columns_are_what_every_run_has():
    one = {'segmentation/miou': 0.5, 'segmentation/iou_car': 0.5, 'segmentation/iou_tree': 0.1}
    other = {'segmentation/miou': 0.5, 'segmentation/iou_car': 0.5, 'segmentation/n_points': 3}
    assert common_metrics({'a': [one], 'b': [other]}) == {
        'segmentation/miou': 'mIoU',
        'segmentation/iou_car': 'car',
    }


def test_a_pretraining_ends_without_figures_of_segmentation(tmp_path, monkeypatch):
    ladder = SegmentationLadder(['configs/scalr/a.py'], 'p.py', 't.py', (0,), 'test', str(tmp_path))
    asked = []
    monkeypatch.setattr(segmentation_ladder.SeedRun, 'commands', lambda run: [['true']])

    def run_and_touch(runs, jobs, threads):
        for run in runs:
            asked.append(run)
            run.folder.mkdir(parents=True)
            (run.folder / 'epoch_1.pth').touch()
        pretraining = [run for run in runs if run.keep]
        return run_all(pretraining, jobs, threads) if pretraining else dict.fromkeys(runs, {})

    run_all = segmentation_ladder.run_all
    monkeypatch.setattr(segmentation_ladder, 'run_all', run_and_touch)
    ladder.run()
    done = json.loads((tmp_path / 'scalr/pre-training/seed0/figures.json').read_text())
    assert done['figures'] == {}
    assert [run.scored for run in asked if run.config == 'configs/scalr/a.py'] == [False]
