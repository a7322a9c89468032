"""Configs of the project as the tests run them."""

from mmengine.config import Config


def read_config(path):
    """A config whose text is not formatted.

    MMEngine has yapf format it in every run, which takes longer than the few steps of a test.
    ``Config.fromfile`` knows a switch for it but drops it for text configs.
    """
    cfg = Config.fromfile(path)
    return Config(
        cfg.to_dict(), cfg.text, cfg.filename, cfg.env_variables, format_python_code=False
    )
