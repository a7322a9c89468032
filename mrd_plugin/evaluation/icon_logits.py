"""ImageNet logits of pictures, kept beside the data."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from tqdm import tqdm

from mrd_plugin.engine.atomic import write_atomically
from mrd_plugin.models.teachers import ConSETeacher
from mrd_plugin.utils.errors import BadSampleError


def icon_logits(paths: Sequence[str], cache: str | Path, batch_size: int = 32) -> np.ndarray:
    """Logits of the ConSE teacher's image tower over the 1000 ImageNet classes.

    Args:
        paths (Sequence[str]): ``n`` pictures.
        cache (str or Path): ``.npz`` file; read if it holds all these pictures (by name and size in
            bytes), otherwise written anew.
        batch_size (int): Pictures at a time. Defaults to 32.

    Returns:
        np.ndarray: ``(n, 1000)`` float32.

    Raises:
        ConfigError: The image tower's packages are missing.
        BadSampleError: A picture is missing or broken.
    """
    cache = Path(cache)
    keys = [(Path(path).name, _size(path)) for path in paths]
    if cache.is_file():
        with np.load(cache) as held:
            place = {key: row for row, key in enumerate(zip(held['names'], held['sizes']))}
            if all(key in place for key in keys):
                return held['logits'][[place[key] for key in keys]].astype(np.float32)
    print_log(f'Image tower over {len(paths)} pictures, once; kept in {cache}.', 'current')
    teacher = ConSETeacher(batch_size=batch_size)
    chunks = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    with torch.no_grad():
        parts = [teacher.image_logits(chunk) for chunk in tqdm(chunks, 'image', disable=None)]
    logits = torch.cat(parts).cpu().numpy().astype(np.float16)
    content = io.BytesIO()
    np.savez(
        content, names=[name for name, _ in keys], sizes=[size for _, size in keys], logits=logits
    )
    write_atomically(cache, content.getvalue())
    return logits.astype(np.float32)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        raise BadSampleError(f'picture {path} is missing; prepare the data again') from None
