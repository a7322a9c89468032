"""What importing the package loads."""

import subprocess
import sys

LATE = ('timm', 'torchvision', 'open_clip', 'mmdet3d', 'mmcv', 'trimesh', 'sklearn')


def test_libraries_that_few_runs_need_come_late():
    """Loaded with the package they would be a third of the start of every command."""
    code = f'import sys, mrd_plugin; print([name for name in {LATE} if name in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
