"""The method of docs/methods/own_method.md: three files of one's own, none of the package."""

import re
import subprocess
import sys
from pathlib import Path

from tests.helpers.furniture import furniture_options, shared_furniture

DOC = Path(__file__).resolve().parents[2] / 'docs' / 'methods' / 'own_method.md'
BLOCK = re.compile(r'`([\w/]+\.py)`[^\n]*:\n\n```python\n(.*?)```', re.DOTALL)
FILES = dict(BLOCK.findall(DOC.read_text()))


def test_the_page_has_a_module_a_config_and_a_test():
    assert list(FILES) == ['my_methods/cosine_aligner.py', 'my_config.py', 'test_cosine_aligner.py']


def test_they_train_and_pass_in_a_folder_of_their_own(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    options = {**furniture_options(shared_furniture()), 'train_dataloader.batch_size': 8}
    steps = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'param_scheduler=[]']
    changes = [f'{key}={value}' for key, value in options.items()]
    train = ['-m', 'mrd_plugin.apis.train', 'my_config.py', '--cfg-options', *changes, *steps]
    monkeypatch.setenv('PYTHONPATH', '.', prepend=':')
    for command in (train, ['-m', 'pytest', '-q', '-p', 'no:dash', 'test_cosine_aligner.py']):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / 'work_dirs' / 'cosine_aligner' / 'epoch_1.pth').is_file()
