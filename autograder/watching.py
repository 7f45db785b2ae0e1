"""Watches one call of an answer: which torch functions it used, and whether it changed its inputs.

This runs beside the answer, so a hostile answer could blind it; what it reports is evidence about honest
answers. `forbidden.py` reads the source, in the judge's process, for attempts to do that.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from inspect import isclass, signature
from typing import Any

import torch
from torch import Tensor
from torch._C import DisableTorchFunction, _DisableTorchDispatch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.cases import Rules
from autograder.judging import AnswerFailed

PLAIN_TENSORS = {Tensor, torch.nn.Parameter, torch.nn.Buffer}


def plain_name(name: str) -> str:
    """A function's name as rules write it: no underscores around it, no overload."""
    return name.split(".")[0].strip("_")


@cache
def called_name(function: Any) -> str:
    """The plain name of a torch function, method, property or operator."""
    name = getattr(function, "__name__", "")
    if name == "__get__":  # a property, such as x.mT
        name = getattr(getattr(function, "__self__", None), "__name__", "")
    return plain_name(name)


class _Functions(TorchFunctionMode):
    def __init__(self, used: set[Any], classes: set[type]):
        super().__init__()
        self.used = used
        self.classes = classes

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.used.add(func)
        self.classes.update(types)
        return func(*args, **(kwargs or {}))


class OperatorMode(TorchDispatchMode):
    """A dispatch mode that does not make torch import its compiler, which takes a second and 70 MB."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class _Dispatch(OperatorMode):
    def __init__(self, used: set[Any]):
        super().__init__()
        self.used = used

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.used.add(func)
        return func(*args, **(kwargs or {}))


class Watch:
    """A context in which every torch function and operator is noted."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self.used: set[Any] = set()
        self.classes: set[type] = set()
        self._modes = (_Functions(self.used, self.classes), _Dispatch(self.used)) if rules.forbids else ()

    def __enter__(self) -> "Watch":
        for mode in self._modes:
            mode.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(*exception)

    @property
    def forbidden(self) -> list[str]:
        """The forbidden functions that were called, and the tensor subclasses that see calls before the watch does."""
        names = {called_name(used) for used in self.used if _is_forbidden(used, self.rules.forbids)}
        subclasses = self.classes - PLAIN_TENSORS
        return sorted(names | {f"{subclass.__name__}.__torch_function__" for subclass in subclasses})


@cache
def _is_forbidden(function: Any, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(called_name(function), pattern) for pattern in patterns)


@lru_cache(maxsize=64)
def _parameters(function: Callable) -> tuple[str, ...]:
    try:
        return tuple(signature(function).parameters)
    except (TypeError, ValueError):
        return ()


def guarded(function: Callable, may_change: Iterable[str] = ()) -> Callable:
    """The function, but a call that changes a tensor it was given raises `AnswerFailed`."""
    if isclass(function):
        return function
    names = _parameters(function)
    allowed = set(may_change)

    def call(*args: Any, **kwargs: Any) -> Any:
        given = {names[i] if i < len(names) else str(i): a for i, a in enumerate(args)} | kwargs
        with DisableTorchFunction(), _DisableTorchDispatch():  # what the guard calls is not the answer's doing
            kept = [
                (name, t, t.detach().clone())
                for name, value in given.items()
                if name not in allowed
                for t in _tensors(value)
            ]
        result = function(*args, **kwargs)
        with DisableTorchFunction(), _DisableTorchDispatch():
            for name, now, before in kept:
                if not _unchanged(now.detach(), before):
                    raise AnswerFailed("changed_input", argument=name)
        return result

    return call


def _unchanged(now: Tensor, before: Tensor) -> bool:
    """Equal, NaN where NaN was."""
    return torch.equal(now, before) or torch.equal(torch.nan_to_num(now), torch.nan_to_num(before))


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in _tensors(item)]
    return []


class Watched:
    """An answer in this process under the exercise's rules, with the interface that operations look for."""

    def __init__(self, function: Callable, rules: Rules):
        self._function = function
        self._rules = rules

    def _operate(self, operation: str, args: tuple, kwargs: dict) -> Any:
        from autograder.operations import OPERATIONS

        return self._run(OPERATIONS[operation], guarded(self._function, self._rules.may_change), *args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(guarded(self._function, self._rules.may_change), *args, **kwargs)

    def _run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        with Watch(self._rules) as watch:
            result = function(*args, **kwargs)
        if watch.forbidden:
            raise AnswerFailed("forbidden", name=watch.forbidden[0])
        return result
