"""Multi-modal distillation for 3D backbones, as a plugin of MMEngine and MMDetection3D.

Importing the package registers the shape family (data sets, transforms, teachers, backbones,
pre-trainers, hooks, metrics) with MMEngine's root registries.
"""

from mrd_plugin import datasets, engine, evaluation, methods, models, structures  # noqa: F401
from mrd_plugin.compat import (
    config_inheritance,
    mmengine_config_text,
    spconv_weights,
    versions,
)
from mrd_plugin.version import __version__

config_inheritance.enable_package_inheritance()
mmengine_config_text.remember()
spconv_weights.keep_kernels()
versions.warn_about_versions()

__all__ = ['__version__']
