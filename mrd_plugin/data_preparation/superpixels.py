"""Fills the cache of superpixels with all cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tqdm import tqdm

from mrd_plugin.data_preparation.parallel import run_jobs
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.datasets.lidar.superpixels import SLIC
from mrd_plugin.datasets.transforms import SLICSuperpixels
from mrd_plugin.utils.errors import BadSampleError, ConfigError

SuperpixelJob = tuple[SLIC, str]


def images_of(dataset: Any) -> Iterator[SuperpixelJob]:
    """Yield the images that a data set with ``SLICSuperpixels`` reads, and how it cuts them.

    It is a :class:`PairDataset`, or a wrapper of MMEngine around some.

    Raises:
        ConfigError: If it is of another kind, or has no such transform.
    """
    inside = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inside != [None]:
        for one in inside:
            yield from images_of(one)
        return
    if not isinstance(dataset, PairDataset):
        raise ConfigError(f'{type(dataset).__name__} is no data set of sweeps and images.')
    found = [one for one in dataset.pipeline.transforms if isinstance(one, SLICSuperpixels)]
    if not found:
        raise ConfigError(f'The pipeline of this {type(dataset).__name__} has no SLICSuperpixels.')
    for index in range(len(dataset)):
        for camera in dataset.get_data_info(index)['cameras']:
            yield found[0].slic, camera['path']


def fill_cache(
    jobs: Sequence[SuperpixelJob], workers: int, progress: bool = True
) -> tuple[int, list[str]]:
    """Compute the label maps that are not there yet.

    Returns how many that were, and one sentence for each image that can't be read.
    """
    jobs = list(dict.fromkeys(jobs))
    computed, problems = 0, []
    results = run_jobs(segment_if_new, jobs, workers)
    bar = tqdm(results, total=len(jobs), desc='superpixels', unit='image', disable=not progress)
    for _, outcome in bar:
        if isinstance(outcome, str):
            problems.append(outcome)
        else:
            computed += outcome
    return computed, problems


def segment_if_new(job: SuperpixelJob) -> bool | str:
    """Compute one label map; return whether that was needed, or what is wrong with the image."""
    slic, path = job
    try:
        if slic.file_of(path).is_file():
            return False
        slic.labels(path)
    except BadSampleError as error:
        return str(error)
    return True
