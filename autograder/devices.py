"""Functions whose arguments live on another device than the caller's."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def on_device(function: Callable, device: str | torch.device) -> Callable:
    """The function, called with its tensors on a device; results come back, and so do changes of its arguments.

    Strides and shared storages stay as they are.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        storages: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        def there(tensor: torch.Tensor) -> torch.Tensor:
            held = tensor.untyped_storage()
            if held.data_ptr() not in storages:
                flat = torch.empty(0, dtype=torch.uint8).set_(held)
                storages[held.data_ptr()] = flat, flat.to(device, copy=True)
            moved = storages[held.data_ptr()][1].untyped_storage()
            empty = torch.empty(0, dtype=tensor.dtype, device=device)
            laid = empty.set_(moved, tensor.storage_offset(), tensor.shape, tensor.stride())
            return laid.requires_grad_() if tensor.requires_grad else laid

        result = function(*_each(args, there), **_each(kwargs, there))
        for here, moved in storages.values():
            here.copy_(moved)
        return _each(result, lambda tensor: tensor.detach().cpu())

    return call


def _each(value: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A value with every tensor in it replaced."""
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _each(item, function) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_each(item, function) for item in value)
    return value
