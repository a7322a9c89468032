"""The base of all data sets: what happens with a bad sample and with a missing folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mrd_plugin.utils.errors import BadSampleError, ConfigError


class BadSampleDataset(BaseDataset):
    """What the data sets of both families do with a bad sample and with a missing folder.

    A bad sample is never silent. In training the next sample takes its place, a warning names it
    once, and the substitute's data sample carries the names in its metainfo ``skipped`` (a list of
    strings; absent if nothing was skipped), so that the main process can count them. In test mode
    the error is raised.

    A sub-class writes ``load_data_list``; each entry holds ``sample_id`` and what the transforms
    read. Its ``how_to_get`` ends the sentence that says that the data are missing.

    Args:
        **kwargs: Arguments of ``mmengine.dataset.BaseDataset``: ``ann_file``, ``data_root``,
            ``metainfo``, ``pipeline``, ``test_mode``, ``indices``, ``max_refetch``, ...
    """

    how_to_get = 'correct the key.'
    ann_file: str
    data_root: str

    def __init__(self, **kwargs: Any) -> None:
        self.bad_samples: dict[str, str] = {}
        super().__init__(**kwargs)

    def _join_prefix(self) -> None:
        """Leave the paths as configured until the list is read."""

    def check_data_root(self) -> None:
        """Stop if there are no data.

        Raises:
            ConfigError: It says how to get them.
        """
        if not self.data_root or not Path(self.data_root).is_dir():
            raise ConfigError(
                f'{type(self).__name__} data_root={self.data_root!r}: there is no such folder; '
                f'{self.how_to_get}'
            )

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with what is read or computed for each sample before the pipeline runs.

        Raises:
            BadSampleError: If the sample can't be used.
        """
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline; in training, go on to the next sample if this one is bad.

        Raises:
            BadSampleError: In test mode if the sample is bad; in training if ``max_refetch`` others
                are bad too.
            IndexError: If there is no such sample.
        """
        if not -len(self) <= idx < len(self):
            raise IndexError(f'{type(self).__name__} has {len(self)} samples, asked for {idx}.')
        skipped: list[str] = []
        for step in range(min(self.max_refetch, len(self) - 1) + 1):
            info = self.get_data_info((idx + step) % len(self))
            name = info['sample_id']
            try:
                data = self.pipeline(self.complete(info))
            except BadSampleError as error:
                if self.test_mode:
                    raise
                skipped.append(name)
                self._note_bad(name, str(error))
                continue
            if skipped:
                data['data_samples'].set_metainfo(dict(skipped=skipped))
            return data
        raise BadSampleError(
            f'{type(self).__name__}: {len(skipped)} samples in a row are bad, the last: '
            f'{self.bad_samples[skipped[-1]]}'
        )

    def _note_bad(self, name: str, reason: str) -> None:
        if name not in self.bad_samples:
            self.bad_samples[name] = reason
            print_log(
                f'sample {name} is skipped, the next one takes its place: {reason}',
                logger='current',
                level=logging.WARNING,
            )
