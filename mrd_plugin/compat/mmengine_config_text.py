"""mmengine 0.10 formats the whole config with yapf each time that it writes it.

Reason: ``Config.pretty_text`` is asked for by the log, the dumped file, the visualizer and every
checkpoint, and yapf takes a second or more for a config of ours, so that a short run spends more
time on its config than on its data (open-mmlab/mmcv issue 2466, "cfg.pretty_text very slow").

Remedy: what yapf makes of a text is remembered. The text of a config is the same as before.

To be dropped when ``Config.pretty_text`` is cheap.
"""

from __future__ import annotations

from functools import lru_cache

from mmengine.config import config as mmengine_config


def remember() -> None:
    """Make mmengine format a text once in a process; harmless when called again."""
    plain = mmengine_config.FormatCode
    if hasattr(plain, 'formatted_texts'):
        return

    @lru_cache(maxsize=32)
    def formatted(text: str, style: tuple, options: tuple) -> tuple[str, bool]:
        return plain(text, style_config=dict(style), **dict(options))

    def format_code(text: str, style_config: dict, **options) -> tuple[str, bool]:
        return formatted(text, tuple(style_config.items()), tuple(options.items()))

    format_code.formatted_texts = formatted  # type: ignore[attr-defined]
    mmengine_config.FormatCode = format_code
