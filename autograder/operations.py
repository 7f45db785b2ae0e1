"""What a driver may do with an answer besides calling it.

An operation runs beside the answer: in this process for the reference and the builtin, in the sandbox for
a student. It returns values and judges nothing.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from autograder.draws import Draw
from autograder.watching import OperatorMode

OPERATIONS: dict[str, Callable] = {}


def operation(function: Callable) -> Callable:
    """Run `function(answer, …)` where the answer lives."""
    OPERATIONS[function.__name__] = function

    @wraps(function)
    def dispatch(answer: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs = {k: v.fresh_seed() if isinstance(v, Draw) else v for k, v in kwargs.items()}
        remote = getattr(answer, "_operate", None)
        if remote is not None:
            return remote(function.__name__, args, kwargs)
        return function(answer, *args, **kwargs)

    return dispatch


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in _tensors(item)]
    return []


def _cotangents(outputs: Sequence[Tensor], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype) for o in outputs]


def _differentiable(outputs: Any) -> list[Tensor]:
    found = [t for t in _tensors(outputs) if t.dtype.is_floating_point]
    if not found:
        raise TypeError("no floating-point tensor came back, so there is nothing to differentiate")
    if not any(t.requires_grad for t in found):
        raise RuntimeError(
            "the result does not depend on the inputs for autograd: something on the way (detach, .data, "
            ".item(), .numpy(), torch.no_grad, torch.tensor) cut the graph"
        )
    return found


def _leaf(value: Any) -> Any:
    """A copy that gradients are taken with respect to, also of the tensors in a list or tuple."""
    if isinstance(value, Tensor) and value.dtype.is_floating_point:
        return value.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    if isinstance(value, (list, tuple)):
        return type(value)(_leaf(item) for item in value)
    return value


@operation
def vjp(function: Callable, *inputs: Any, cotangent: Any, **options: Any) -> tuple:
    """Gradients of ⟨function(*inputs), v⟩ for a random cotangent v, one for each floating-point input.

    An input may be a list or tuple of tensors. Pass `cotangent=draw`. An input that the result does not depend on
    has the gradient None.
    """
    leaves = [_leaf(x) for x in inputs]
    outputs = _differentiable(function(*leaves, **options))
    kept = [o for o in outputs if o.requires_grad]
    cotangents = [v for o, v in zip(outputs, _cotangents(outputs, cotangent), strict=True) if o.requires_grad]
    wrt = [x for x in _tensors(leaves) if x.requires_grad]
    return torch.autograd.grad(kept, wrt, cotangents, allow_unused=True)


@operation
def second_vjp(function: Callable, *inputs: Tensor, cotangent: Any, **options: Any) -> tuple:
    """Gradients of the vjp itself: the answer must be differentiable twice."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    outputs = _differentiable(function(*leaves, **options))
    cotangents = _cotangents(outputs, cotangent)
    first = torch.autograd.grad(outputs, leaves, cotangents, create_graph=True)
    return torch.autograd.grad(first, leaves, _cotangents(first, cotangent + 1), allow_unused=True)


@operation
def shares_memory(function: Callable, x: Tensor, *args: Any, **options: Any) -> bool:
    """Whether the result is a view of x: what is written into one appears in the other."""
    x = x.clone()
    result = function(x, *args, **options)
    with torch.no_grad():
        result.fill_(7)
    return bool((x == 7).all())


@operation
def largest_tensor(function: Callable, *args: Any, **options: Any) -> int:
    """The number of elements of the largest tensor that the call makes."""

    class Largest(OperatorMode):
        elements = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            for tensor in _tensors(result):
                stored = tensor.untyped_storage().nbytes() // tensor.element_size()
                self.elements = max(self.elements, stored)
            return result

    with Largest() as mode:
        function(*args, **options)
    return mode.elements


@operation
def operator_calls(function: Callable, *args: Any, **options: Any) -> int:
    """How many torch operators the call runs, whatever their size; leave room for a few around the answer."""

    class Count(OperatorMode):
        calls = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.calls += 1
            return func(*args, **(kwargs or {}))

    with Count() as mode:
        function(*args, **options)
    return mode.calls


def _optimizer(
    optimizer: Callable, leaves: Sequence[Tensor], groups: Sequence[dict] | None, generator: bool, options: dict
) -> Any:
    """The optimizer of these leaves: all in one group, or each in a group of its own with the options of `groups`."""
    params: Any = list(leaves)
    if groups is not None:
        params = [
            {"params": (q for q in [p]) if generator else [p], **group} for p, group in zip(leaves, groups, strict=True)
        ]
    return optimizer((p for p in params) if generator else params, **options)


def _set_gradient(parameter: Tensor, gradient: Tensor | None, overwrite: bool = False) -> None:
    if overwrite and gradient is not None and parameter.grad is not None:
        parameter.grad.copy_(gradient)
    else:
        parameter.grad = None if gradient is None else gradient.detach().clone()


@operation
def trajectory(
    optimizer: Callable,
    parameters: Sequence[Tensor],
    gradients: Sequence[Sequence[Tensor | None]],
    *,
    groups: Sequence[dict] | None = None,
    learning_rates: Sequence[Sequence[float]] | None = None,
    overwrite_gradients: bool = False,
    generator: bool = False,
    **options: Any,
) -> list:
    """The parameters after every step, when step k sees the gradients `gradients[k]`.

    `groups` gives each parameter a group of its own with these options; `None` for a gradient leaves it unset.
    `learning_rates[k]` has a number for every group, written into `param_groups` before step k, as schedules do.
    `overwrite_gradients` writes every gradient into the same tensor, as zero_grad(set_to_none=False) and backward do.
    `generator` passes the parameters as a generator, as `model.parameters()` is one, and those of each group too.
    """
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    instance = _optimizer(optimizer, leaves, groups, generator, options)
    path = []
    for k, step in enumerate(gradients):
        if learning_rates is not None:
            for group, lr in zip(instance.param_groups, learning_rates[k], strict=True):
                group["lr"] = lr
        for p, g in zip(leaves, step, strict=True):
            _set_gradient(p, g, overwrite_gradients)
        instance.step()
        path.append([p.detach().clone() for p in leaves])
    return path


@operation
def gradients_after_step(
    optimizer: Callable, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], **options: Any
) -> list:
    """What `.grad` holds after one step: what it held before."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    for p, g in zip(leaves, gradients, strict=True):
        _set_gradient(p, g)
    _optimizer(optimizer, leaves, None, False, options).step()
    return [p.grad for p in leaves]


@operation
def descent(optimizer: Callable, loss: Callable, parameters: Sequence[Tensor], *, steps: int, **options: Any) -> list:
    """The usual loop, zero_grad, backward, step, on `loss(*parameters)`: the parameters after every step."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    instance = optimizer(leaves, **options)
    path = []
    for _ in range(steps):
        instance.zero_grad()
        loss(*leaves).backward()
        instance.step()
        path.append([p.detach().clone() for p in leaves])
    return path


@operation
def gradients_after_zero_grad(
    optimizer: Callable, parameters: Sequence[Tensor], *, groups: Sequence[dict] | None = None, **options: Any
) -> list:
    """What `.grad` holds after zero_grad(): None for every parameter. `groups` as in `trajectory`."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    for p in leaves:
        p.grad = torch.ones_like(p)
    _optimizer(optimizer, leaves, groups, False, options).zero_grad()
    return [p.grad for p in leaves]


@operation
def group_options(
    optimizer: Callable,
    parameters: Sequence[Tensor],
    names: Sequence[str],
    *,
    groups: Sequence[dict] | None = None,
    changes: Sequence[dict] | None = None,
    generator: bool = False,
    **options: Any,
) -> list:
    """For each of `param_groups` its parameters, under "params", and its options of these names.

    `groups` and `generator` as in `trajectory`. `changes` has a dict for every group, written into it before.
    """
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    instance = _optimizer(optimizer, leaves, groups, generator, options)
    for group, change in zip(instance.param_groups, changes or [], strict=bool(changes)):
        group.update(change)
    found = []
    for group in instance.param_groups:
        held = group["params"]
        parameters = [held[i].detach().clone() for i in range(len(held))]  # a generator has no length
        found.append({"params": parameters} | {name: group[name] for name in names})
    return found


@operation
def parameter_gradients(module: Any, *inputs: Any, cotangent: Any, **options: Any) -> dict:
    """Gradients of ⟨module(*inputs), v⟩ for each named parameter, for a random cotangent v."""
    outputs = _differentiable(module(*inputs, **options))
    named = dict(module.named_parameters())
    grads = torch.autograd.grad(outputs, list(named.values()), _cotangents(outputs, cotangent), allow_unused=True)
    return dict(zip(named, grads, strict=True))
