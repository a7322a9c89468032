"""What a network's key map is made of, and finding the network inside a checkpoint.

A :class:`Layout` names a backbone, the tensors that it is recognised by, the rules that rename
them and how its sizes are read off. Authors wrap the tensors in containers of all kinds; they are
taken out by their full names, whatever lies around them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mrd_plugin.utils.errors import CheckpointError

Tensors = Mapping[str, Tensor]
RenameRule = tuple[str, str]


@dataclass(frozen=True)
class Found:
    """A network inside a file.

    Attributes:
        tensors: All tensors of the file by full name.
        prefix: What stands before the names of the backbone, e.g. ``state_dict.module.ppat.``.
        root: The same without the part that names the backbone, e.g. ``state_dict.module.``; the
            head lies there.
    """

    tensors: Tensors
    prefix: str
    root: str

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor of the backbone.

        Raises:
            CheckpointError: The file lacks it, so that it can not be told how large the network is.
        """
        if self.prefix + name not in self.tensors:
            raise CheckpointError(f'there is no {self.prefix}{name} in it, half of it is lost')
        return tuple(self.tensors[self.prefix + name].shape)

    def depth(self, pattern: str) -> int:
        """One more than the largest block number in names like ``blocks.11.norm1.weight``.

        Args:
            pattern: Regular expression whose group is the number, without the prefix.

        Raises:
            CheckpointError: A number below the largest is absent.
        """
        expression = re.compile(re.escape(self.prefix) + pattern)
        numbers = {int(m.group(1)) for m in map(expression.match, self.tensors) if m}
        if numbers != set(range(len(numbers))):
            raise CheckpointError(
                f'of its {max(numbers) + 1} blocks only {len(numbers)} are there, half of it is '
                'lost'
            )
        return len(numbers)


@dataclass(frozen=True)
class Layout:
    """One kind of network.

    Attributes:
        backbone: Registered name of the class that takes the weights; ``sizes`` may name another.
        markers: Names that tell this kind from the others.
        family: Which row of the table of facts it is, or None if it is none of them.
        sizes: What the weights tell of the sizes, named as the class names them.
        rules: Regular expression to new name, for the tensors below ``prefix``.
        head_rules: The same for those below ``root`` and for whole names; the new names start with
            the module's name.
        unused: Names below ``prefix`` that the backbone has no use for.
        change: What happens to a tensor, given its new name.
        nests: Last parts of a prefix that name the backbone and are not part of ``root``.
        skip: Last parts of a prefix whose network is not the one to take.
        parts: Configs of the modules that the tensors of ``head_rules`` belong to, by module, given
            these tensors and the backbone's width. None: one ``head``, a projection or TAMM's
            adapters.
    """

    backbone: str
    markers: tuple[str, ...]
    family: Callable[[Found], str | None]
    sizes: Callable[[Found], dict[str, Any]]
    rules: tuple[RenameRule, ...]
    head_rules: tuple[RenameRule, ...] = ()
    unused: tuple[str, ...] = ()
    change: Callable[[str, Tensor], Tensor] | None = None
    nests: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    parts: Callable[[Tensors, int], dict[str, dict[str, Any]]] | None = None

    def find(self, tensors: Tensors) -> list[Found]:
        """Return the networks of this kind in a file, at whatever depth they lie."""
        first, *others = self.markers
        prefixes = [name[: -len(first)] for name in tensors if ('.' + name).endswith('.' + first)]
        return [
            Found(tensors, prefix, self._root(prefix))
            for prefix in prefixes
            if all(prefix + other in tensors for other in others)
            and not prefix.endswith(tuple(f'{part}.' for part in self.skip))
        ]

    def _root(self, prefix: str) -> str:
        for part in self.nests:
            if ('.' + prefix).endswith(f'.{part}.'):
                return prefix[: -len(part) - 1]
        return prefix

    def translate(self, found: Found) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
        """Sort and rename the tensors of a network.

        Returns:
            The backbone's tensors (names as in the class; a name that no rule knows stays as it
            is), the tensors of the heads, and the names that are set aside.
        """
        backbone: dict[str, Tensor] = {}
        heads: dict[str, Tensor] = {}
        aside: list[str] = []
        for name, tensor in found.tensors.items():
            below_root = name[len(found.root) :] if name.startswith(found.root) else name
            as_head = rename(below_root, self.head_rules) or rename(name, self.head_rules)
            below = name[len(found.prefix) :] if name.startswith(found.prefix) else None
            if as_head is not None:
                heads[as_head] = self._changed(as_head, tensor)
            elif below is None or any(re.match(pattern, below) for pattern in self.unused):
                aside.append(name)
            else:
                new = rename(below, self.rules) or below
                backbone[new] = self._changed(new, tensor)
        return backbone, heads, aside

    def _changed(self, name: str, tensor: Tensor) -> Tensor:
        return self.change(name, tensor) if self.change else tensor


def rename(name: str, rules: tuple[RenameRule, ...]) -> str | None:
    """Return the new name by the first rule that fits the whole name, or None."""
    for pattern, new in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(new)
    return None


# What a training run keeps beside its weights.
_RUN_STATE = ('optimizer', 'scaler', 'scheduler', 'lr_scheduler', 'param_schedulers', 'message_hub')
_AVERAGED = ('state_dict_ema', 'model_ema', 'ema_state_dict', 'ema_model', 'ema')


def flatten(content: Mapping[Any, Any], prefix: str = '') -> dict[str, Tensor]:
    """All weights of a checkpoint by their full names.

    Args:
        content: E.g. ``{'state_dict': {'module.proj.weight': ...}, 'epoch': 3}``.
        prefix: Stands before each name.

    Returns:
        E.g. ``{'state_dict.module.proj.weight': ...}``.
    """
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if isinstance(value, Tensor):
            tensors[f'{prefix}{key}'] = value
        elif isinstance(value, Mapping) and key not in _RUN_STATE:
            tensors.update(flatten(value, f'{prefix}{key}.'))
    return tensors


def choose(networks: list[Found]) -> Found:
    """One of several copies: the trained weights, or their moving average where it stands alone."""
    plain = [found for found in networks if found.prefix.split('.')[0] not in _AVERAGED]
    return (plain or networks)[0]
