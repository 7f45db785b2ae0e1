"""Inputs for cases: everything a case draws comes from one seed, so that a verdict can be reproduced."""

import hashlib
import hmac
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

PUBLIC_SECRET = "the public draw of the visible checks"


def seed_of(secret: str, *parts: Any) -> int:
    """A 63-bit seed: HMAC-SHA256 of the parts under the secret."""
    message = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hmac.new(secret.encode(), message, hashlib.sha256).digest()[:8], "big") >> 1


class Draw:
    """A stream of random inputs in one dtype.

    The stream depends on the seed alone: in another dtype the same numbers come, rounded. On a GPU, where the inputs
    of races are drawn, it is another stream.
    """

    def __init__(self, seed: int, dtype: torch.dtype = torch.float64, device: str = "cpu"):
        self.seed = seed
        self.dtype = dtype
        self.device = device
        self._generator = torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int, loc: float = 0.0, scale: float = 1.0) -> Tensor:
        """Independent normal numbers."""
        x = torch.randn(shape, generator=self._generator, dtype=torch.float64, device=self.device)
        return (loc + scale * x).to(self.dtype)

    def normals(self, count: int, shape: Sequence[int]) -> list[Tensor]:
        """Several tensors of one shape."""
        return [self.normal(*shape) for _ in range(count)]

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Independent uniform numbers in [low, high)."""
        x = torch.rand(shape, generator=self._generator, dtype=torch.float64, device=self.device)
        return (low + (high - low) * x).to(self.dtype)

    def magnitudes(self, *shape: int, low: float = 1e-3, high: float = 1e3) -> Tensor:
        """Positive numbers, uniform on a logarithmic scale."""
        x = torch.rand(shape, generator=self._generator, dtype=torch.float64, device=self.device)
        return torch.exp(math.log(low) + (math.log(high) - math.log(low)) * x).to(self.dtype)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 numbers in [low, high)."""
        return torch.randint(low, high, shape, generator=self._generator, device=self.device)

    def integer(self, low: int, high: int) -> int:
        """One Python int in [low, high)."""
        return int(self.integers(low, high))

    def number(self, low: float = -1.0, high: float = 1.0) -> float:
        """One Python float in [low, high)."""
        return low + (high - low) * float(
            torch.rand((), generator=self._generator, dtype=torch.float64, device=self.device)
        )

    def mask(self, *shape: int, p: float = 0.5) -> Tensor:
        """A bool tensor, True with probability p."""
        return torch.rand(shape, generator=self._generator, dtype=torch.float64, device=self.device) < p

    def permutation(self, n: int) -> Tensor:
        """A random order of 0 … n−1."""
        return torch.randperm(n, generator=self._generator, device=self.device)

    def choice(self, options: Sequence) -> Any:
        """One of the options."""
        return options[self.integer(0, len(options))]

    def strided(self, x: Tensor) -> Tensor:
        """The same numbers in a tensor that is not contiguous."""
        if x.dim() == 0:
            return x
        padded = torch.empty(*x.shape[:-1], x.shape[-1] * 2 + 1, dtype=x.dtype, device=x.device)
        padded.fill_(float("nan") if x.dtype.is_floating_point else 0)
        view = padded[..., 1::2]
        view.copy_(x)
        return view

    def fresh_seed(self) -> int:
        """A seed for something drawn elsewhere, such as a cotangent of a shape not yet known."""
        return self.integer(0, 2**62)
