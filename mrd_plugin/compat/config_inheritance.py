"""Makes `_base_ = ['mrd_plugin::...']` work in configs, from a wheel and from an editable install.

mmengine 0.10 resolves `package::path` only for packages on a list of its own (`MODULE2PACKAGE`),
looks for an editable install in site-packages, where it is not, and marks what it inherits with a
scope that we do not have, since everything here registers in the root registries. So paths that
begin with `mrd_plugin::` are resolved here; all others go the usual way.
"""

from __future__ import annotations

from typing import Callable

from mmengine.config import Config

from mrd_plugin.utils.files import PREFIX, find_config


def extend_cfg_path(
    resolve: Callable[[str, str], tuple[str, str | None]],
) -> Callable[[str, str], tuple[str, str | None]]:
    """Put our rule before mmengine's `Config._get_cfg_path`.

    Args:
        resolve: The method as it is in mmengine: takes the path in `_base_` and the name of the
            file that it stands in, returns the file to read and the scope of what it holds.
    """

    def resolve_with_ours(path: str, filename: str) -> tuple[str, str | None]:
        if path.startswith(PREFIX):
            return find_config(path), None
        return resolve(path, filename)

    return resolve_with_ours


def enable_package_inheritance() -> None:
    """Teach mmengine's `Config` our paths; called once, when mrd_plugin is imported."""
    Config._get_cfg_path = staticmethod(extend_cfg_path(Config._get_cfg_path))
