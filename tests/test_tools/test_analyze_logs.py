import json

import pytest

from mrd_plugin.utils.training_log import read_training_log

from .toy_config import run_tool, write_config


@pytest.fixture
def work_dir(tmp_path):
    records = [
        {'lr': 0.1, 'loss': 3.0, 'align_loss': 2.0, 'time': 9.0, 'epoch': 1, 'iter': 1, 'step': 1},
        {'lr': 0.1, 'loss': 2.0, 'align_loss': 1.5, 'time': 1.0, 'epoch': 1, 'iter': 2, 'step': 2},
        {'acc': 0.25, 'time': 0.1, 'step': 1},
        {'lr': 0.1, 'loss': 1.0, 'align_loss': 0.5, 'time': 9.0, 'epoch': 2, 'iter': 3, 'step': 3},
        {'lr': 0.1, 'loss': 0.5, 'align_loss': 0.2, 'time': 3.0, 'epoch': 2, 'iter': 4, 'step': 4},
    ]
    for run, part in (('20260101', records[:4]), ('20260102', records[3:])):
        file = tmp_path / 'run' / run / 'vis_data' / 'scalars.json'
        file.parent.mkdir(parents=True)
        file.write_text(''.join(json.dumps(record) + '\n' for record in part))
    return tmp_path / 'run'


def test_reads_runs_that_were_resumed(work_dir):
    log = read_training_log(work_dir)
    assert log.curve('loss') == ([1, 2, 3, 4], [3.0, 2.0, 1.0, 0.5])
    assert log.curve('acc') == ([2], [0.25])


def test_train_minutes_leave_validation_out(work_dir):
    log = read_training_log(work_dir)
    assert log.train_minutes() == pytest.approx((9 + 1 + 9 + 3) / 60)
    assert log.iterations_per_epoch == 2


def test_a_run_started_anew_replaces_the_earlier_one(work_dir):
    file = work_dir / '20260103' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    rows = [{'lr': 0.1, 'loss': 9.0, 'epoch': 1, 'iter': 2, 'step': 2}, {'acc': 0.5, 'step': 1}]
    file.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    log = read_training_log(work_dir)
    assert log.curve('loss') == ([1, 2], [3.0, 9.0])
    assert log.curve('acc') == ([2], [0.5])
    assert log.epoch_of == {1: 1, 2: 1}


def test_plots_without_a_display(work_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv('DISPLAY', raising=False)
    out = tmp_path / 'curves.png'
    run_tool(monkeypatch, 'analysis_tools/analyze_logs.py', 'plot_curve', work_dir, '--out', out)
    assert out.read_bytes().startswith(b'\x89PNG') and '2 curves' in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no 'nothing'; it has acc, align_loss, loss, lr, time"):
        run_tool(
            monkeypatch,
            'analysis_tools/analyze_logs.py',
            *('plot_curve', work_dir, '--keys', 'nothing', '--out', out),
        )


def test_a_figure_of_an_unknown_format_is_refused(work_dir, tmp_path, monkeypatch):
    arguments = ['plot_curve', work_dir, '--out', tmp_path / 'new' / 'a.xyz']
    with pytest.raises(SystemExit, match=r'a.xyz: expected a name that ends in one of .*png'):
        run_tool(monkeypatch, 'analysis_tools/analyze_logs.py', *arguments)
    assert not (tmp_path / 'new').exists()


def test_times(work_dir, monkeypatch, capsys):
    run_tool(monkeypatch, 'analysis_tools/analyze_logs.py', 'cal_train_time', work_dir)
    said = capsys.readouterr().out
    assert 'run: 2.0000 s an iteration over 2 epochs' in said
    assert 'slowest epoch 2: 3.0000 s' in said and 'fastest epoch 1: 1.0000 s' in said


def test_a_file_that_is_no_log(tmp_path, monkeypatch):
    (tmp_path / 'a.json').write_text('[1]\n')
    for path, said in (
        (tmp_path / 'a.json', 'line 1: expected'),
        (tmp_path / 'b', 'neither a .json'),
    ):
        with pytest.raises(SystemExit, match=said):
            run_tool(monkeypatch, 'analysis_tools/analyze_logs.py', 'cal_train_time', path)


def test_print_config(tmp_path, monkeypatch, capsys):
    saved = tmp_path / 'saved.py'
    flags = ['--cfg-options', 'model.poison=here', '--save-path', saved]
    run_tool(monkeypatch, 'misc/print_config.py', write_config(tmp_path), *flags)
    assert "poison='here'" in capsys.readouterr().out and "poison='here'" in saved.read_text()
