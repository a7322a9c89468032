"""Run a teacher once over a data folder and keep its embeddings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from mrd_plugin.models.teachers.base import Teacher
from mrd_plugin.models.teachers.cached import FORMAT
from mrd_plugin.models.teachers.prompts import fill_prompts, get_templates
from mrd_plugin.utils.atomic import write_json
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import file_sha256, read_json


@dataclass(frozen=True)
class CacheRequest:
    """What a cache is to hold.

    Attributes:
        sample_ids: Ids of the shapes.
        images: Paths of their images below the data folder, with ``/``.
        image_bytes: Sizes of these files.
        texts: Distinct texts and filled prompts, short ones first: a batch is padded to its
            longest.
        prompts: Template sets by what they were filled with (``names``, ``classes``).
    """

    sample_ids: tuple[str, ...]
    images: tuple[str, ...]
    image_bytes: tuple[int, ...]
    texts: tuple[str, ...]
    prompts: dict[str, list[str]]

    @classmethod
    def from_folder(
        cls,
        data_root: str | Path,
        classes: Sequence[str] = (),
        prompts: Sequence[str] = ('identity',),
        class_prompts: Sequence[str] = ('identity',),
    ) -> CacheRequest:
        """Collect the images and texts of a data folder with an ``index.json``.

        Args:
            data_root: Folder with ``index.json``: a list of records, or a dict with the list under
                ``shapes``. Of a record ``id``, ``image``, ``views``, ``name``, ``noun``,
                ``category`` and ``captions`` are read.
            classes: Class names that needn't occur in the data.
            prompts: Template sets for names, nouns and categories. Captions stay bare.
            class_prompts: Template sets for ``classes``.

        Raises:
            ConfigError: There is no readable ``index.json``.
            BadSampleError: An image is missing.
        """
        root = Path(data_root)
        records = _read_index(root / 'index.json')
        shown = ([record.get('image'), *(record.get('views') or ())] for record in records)
        images = tuple(dict.fromkeys(image for paths in shown for image in paths if image))
        fields = ('name', 'noun', 'category')
        named = (record.get(field) for record in records for field in fields)
        names = list(dict.fromkeys(name for name in named if name))
        texts = [*names, *(text for record in records for text in record.get('captions') or ())]
        for chosen, sets in ((names, prompts), (list(classes), class_prompts)):
            for name in sets:
                texts += fill_prompts(chosen, get_templates(name))
        return cls(
            sample_ids=tuple(str(record['id']) for record in records),
            images=images,
            image_bytes=tuple(_size(root / image) for image in images),
            texts=tuple(
                sorted({text for text in texts if text}, key=lambda text: (len(text), text))
            ),
            prompts={'names': sorted(prompts), 'classes': sorted(class_prompts)},
        )

    def keys(self) -> dict[str, Any]:
        """Content of ``keys.json``."""
        return {
            'sample_ids': list(self.sample_ids),
            'images': list(self.images),
            'image_bytes': list(self.image_bytes),
            'texts': list(self.texts),
        }


def write_cache(
    teacher: Teacher,
    request: CacheRequest,
    data_root: str | Path,
    out: str | Path,
    dtype: str = 'float16',
    patches: bool = False,
) -> bool:
    """Write the cache folder that :class:`CachedTeacher` reads.

    Work goes on in ``<out>.partial``, from where an interrupted run stopped, and is renamed to
    ``out`` when it is complete.

    Args:
        teacher: An online teacher.
        request: What to encode.
        data_root: Folder that the image paths start from.
        out: The cache folder. One that holds something else is replaced.
        dtype: 'float16' or 'float32'. Defaults to 'float16'.
        patches: Write the images' patch tokens too. Defaults to False.

    Returns:
        False if ``out`` held this already, else True.

    Raises:
        ConfigError: ``out`` exists and is no teacher cache, ``dtype`` is unknown, or the teacher
            has no patch tokens.
    """
    if dtype not in ('float16', 'float32'):
        raise ConfigError(f"dtype='{dtype}', expected 'float16' or 'float32'")
    out = Path(out)
    partial = out.with_name(out.name + '.partial')
    if out.exists() and any(out.iterdir()) and not (out / 'manifest.json').is_file():
        raise ConfigError(f'{out} exists and is no teacher cache; choose another folder')
    keys = json.dumps(request.keys(), ensure_ascii=False, indent=0)
    partial.mkdir(parents=True, exist_ok=True)
    keys_path = partial / 'keys.json.new'
    keys_path.write_text(keys, encoding='utf-8')
    manifest = {
        'format': FORMAT,
        **teacher.describe(),
        'dtype': dtype,
        'prompts': request.prompts,
        'n_samples': len(request.sample_ids),
        'n_image': len(request.images),
        'n_text': len(request.texts),
        'keys_sha256': file_sha256(keys_path),
    }
    manifest = json.loads(json.dumps(manifest))  # compare as it is read back
    old = _read_if_there(out / 'manifest.json')
    if _holds(old, manifest, patches):
        shutil.rmtree(partial)
        return False
    root = Path(data_root)
    paths = [str(root / image) for image in request.images]
    manifest['n_patches'] = teacher.encode_patches(paths[:1]).shape[1] if patches else 0
    if _read_if_there(partial / 'request.json') != manifest:
        for name in ('image.done', 'text.done'):
            (partial / name).unlink(missing_ok=True)
        if _holds(old, manifest, False):
            # Patch tokens are to be added to a finished cache: its texts stay.
            shutil.copy(out / 'text.npy', partial / 'text.npy')
            write_json(partial / 'text.done', len(request.texts))
        write_json(partial / 'request.json', manifest)
    keys_path.replace(partial / 'keys.json')
    rows: dict[str, tuple[int, ...]] = dict(image=(teacher.dim,))
    if patches:
        rows['patches'] = (manifest['n_patches'], teacher.dim)
    _fill(partial, rows, paths, _image_encoder(teacher, patches), teacher.batch_size, dtype)
    _fill(
        partial,
        dict(text=(teacher.dim,)),
        list(request.texts),
        lambda texts: (teacher.encode_text(texts),),
        teacher.batch_size,
        dtype,
    )
    for name in ('image.done', 'text.done', 'request.json'):
        (partial / name).unlink(missing_ok=True)
    write_json(partial / 'manifest.json', manifest)
    _replace(partial, out)
    return True


def _holds(old: dict[str, Any] | None, wanted: dict[str, Any], patches: bool) -> bool:
    """Whether a cache is the wanted one; patch tokens that nobody asked for do no harm."""
    if old is None or (patches and not old.get('n_patches')):
        return False
    return {**old, 'n_patches': 0} == {**wanted, 'n_patches': 0}


def _image_encoder(
    teacher: Teacher, patches: bool
) -> Callable[[Sequence[str]], tuple[Tensor, ...]]:
    """Images to their embeddings and, if wanted, their patch tokens, from one pass."""

    def encode(paths: Sequence[str]) -> tuple[Tensor, ...]:
        if not patches:
            return (teacher.encode_image(paths),)
        tokens = teacher.encode_tokens(paths)
        return tokens[:, 0], tokens[:, 1:]

    return encode


def _fill(
    folder: Path,
    rows: dict[str, tuple[int, ...]],
    items: list[str],
    encode: Callable[[Sequence[str]], tuple[Tensor, ...]],
    batch_size: int,
    dtype: str,
) -> None:
    """Encode what isn't done yet.

    Args:
        folder: Where the arrays are.
        rows: Arrays that are filled together and the shape of a row in each.
        items: What to encode.
        encode: Items to their rows in each of the arrays, in this order.
        batch_size: Items at a time.
        dtype: Of the arrays.
    """
    kind = next(iter(rows))
    counter = folder / f'{kind}.done'  # counts finished items
    done = _read_if_there(counter) or 0
    shapes = {name: (len(items), *row) for name, row in rows.items()}
    if not items:
        for name, shape in shapes.items():
            np.save(folder / f'{name}.npy', np.zeros(shape, dtype))
        return
    arrays = [
        np.lib.format.open_memmap(
            folder / f'{name}.npy', mode='r+' if done else 'w+', dtype=dtype, shape=shape
        )
        for name, shape in shapes.items()
    ]
    for start in tqdm(
        range(done, len(items), batch_size),
        desc=kind,
        unit='batch',
        initial=done // batch_size,
        total=-(-len(items) // batch_size),
    ):
        stop = min(start + batch_size, len(items))
        for array, encoded in zip(arrays, encode(items[start:stop])):
            array[start:stop] = encoded.cpu().numpy()
            array.flush()
        write_json(counter, stop)


def _replace(new: Path, out: Path) -> None:
    """Put a finished folder in the place of an old one; ``out`` is never half-made."""
    old = out.with_name(out.name + '.old')
    if old.exists():
        shutil.rmtree(old)
    if out.exists():
        out.rename(old)
    new.rename(out)
    if old.exists():
        shutil.rmtree(old)


def _read_index(path: Path) -> list[dict[str, Any]]:
    try:
        index = read_json(path, 'prepare the data again')
    except FileNotFoundError:
        raise ConfigError(
            f'{path} is missing; give the prepared data folder (tools/prepare/furniture.py)'
        ) from None
    records = index.get('shapes') if isinstance(index, dict) else index
    if not isinstance(records, list):
        raise ConfigError(f"{path}: expected a list of records or a dict with the list as 'shapes'")
    return records


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise BadSampleError(
            f'image {path} is missing, but index.json names it; prepare the data again'
        ) from None


def _read_if_there(path: Path) -> Any:
    return read_json(path) if path.is_file() else None
