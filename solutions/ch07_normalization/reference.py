"""Reference answers of chapter 7, normalization layers."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


def batch_norm(
    x: Float[Tensor, "n c *spatial"],
    running_mean: Float[Tensor, "c"] | None,
    running_var: Float[Tensor, "c"] | None,
    weight: Float[Tensor, "c"] | None,
    bias: Float[Tensor, "c"] | None,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Float[Tensor, "n c *spatial"]:
    """Give every channel mean 0 and variance 1 over the batch, then a scale and a shift that can be learned.

    y = (x − E[x]) / √(Var[x] + ε) · γ + β                                          (7.1)

    While training, E[x] and Var[x] = 1/m Σ (x − E[x])² are those of the batch, over the m values that a channel has
    in all samples and at all positions, and the running statistics move towards the batch's own, in place:

    running ← (1 − momentum) · running + momentum · batch

    where the batch's variance is the unbiased one, 1/(m − 1) Σ (x − E[x])². Otherwise the running statistics stand
    in for E[x] and Var[x] and are left as they are.

    Args:
        x: n samples of c channels, with any number of spatial dimensions, also none.
        running_mean, running_var: changed in place while training, without a gradient. Both or neither may be None;
            then nothing is kept.
        weight, bias: γ and β, one number a channel; None stands for 1 and for 0.
        training: whether the statistics are the batch's.
        momentum: the weight of the newest batch. eps: ε.

    Returns:
        y, the shape and dtype of `x`. The gradient flows through E[x] and Var[x] as well.

    Raises:
        ValueError: a channel has fewer than two values while training; there are no running statistics and it is not
            training; or a statistic, weight or bias has another shape than (c,).

    Source: Atlas 7.1; Ioffe and Szegedy 2015, arXiv:1502.03167; agrees with `F.batch_norm`.
    """
    for vector in (running_mean, running_var, weight, bias):
        if vector is not None and vector.shape != x.shape[1:2]:
            raise ValueError(f"{tuple(vector.shape)} is not one number for each of the channels of {tuple(x.shape)}")
    if training:
        dims = [0, *range(2, x.dim())]
        count = x[:, 0].numel()
        if count < 2:
            raise ValueError(f"{count} values in a channel of {tuple(x.shape)}: their variance says nothing")
        mean, var = x.mean(dims), x.var(dims, correction=0)
        if running_mean is not None:
            running_mean.lerp_(mean.detach(), momentum)
            running_var.lerp_(var.detach() * count / (count - 1), momentum)
    elif running_mean is None:
        raise ValueError("without training there must be running statistics")
    else:
        mean, var = running_mean, running_var
    along_channels = (-1, *[1] * (x.dim() - 2))
    y = (x - mean.view(along_channels)) / torch.sqrt(var.view(along_channels) + eps)
    if weight is not None:
        y = y * weight.view(along_channels)
    if bias is not None:
        y = y + bias.view(along_channels)
    return y


class BatchNorm2d(nn.Module):
    """Equation 7.1 for images as a module, which loads the state_dict of `nn.BatchNorm2d` and saves the same.

    Parameters `weight` (γ, ones at first) and `bias` (β, zeros), unless `affine` is False: then both are None.
    Buffers `running_mean` (zeros), `running_var` (ones) and `num_batches_tracked` (int64, 0): how many batches it has
    seen while training. `train()` and `eval()` switch between the two modes of `batch_norm`.

    Source: Atlas 7.1; agrees with `nn.BatchNorm2d`.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True):
        """Make parameters and buffers; raise ValueError if `num_features`, c, is below 1.

        momentum: as in `batch_norm`; None makes the running statistics the plain average over all batches so far.
        """
        super().__init__()
        if num_features < 1:
            raise ValueError(f"num_features must be at least 1, not {num_features}")
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalise a batch of images; raise ValueError if `x` has not four dimensions, or where `batch_norm` does."""
        if x.dim() != 4:
            raise ValueError(f"expected (n, c, h, w), not {tuple(x.shape)}")
        self.num_batches_tracked += self.training
        momentum = 1 / self.num_batches_tracked.item() if self.training and self.momentum is None else self.momentum
        statistics = self.running_mean, self.running_var
        return batch_norm(x, *statistics, self.weight, self.bias, self.training, momentum, self.eps)


def layer_norm(
    x: Float[Tensor, "..."],
    normalized_shape: Sequence[int],
    weight: Float[Tensor, "*shape"] | None = None,
    bias: Float[Tensor, "*shape"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "..."]:
    """Give every sample mean 0 and variance 1 over its own features, then a scale and a shift that can be learned.

    y = (x − E[x]) / √(Var[x] + ε) · γ + β                                          (7.2)

    E[x] and Var[x] = 1/m Σ (x − E[x])² are taken over the last dimensions, those of `normalized_shape`, for every
    index of the dimensions before them.

    Args:
        x: any number of leading dimensions, also none.
        normalized_shape: the sizes of the last dimensions of `x`, one at least.
        weight, bias: γ and β, of shape `normalized_shape`; None stands for 1 and for 0.
        eps: ε.

    Returns:
        y, the shape and dtype of `x`.

    Raises:
        ValueError: `normalized_shape` is empty or `x` does not end in it, or `weight` or `bias` has another shape.

    Source: Atlas 7.2; Ba, Kiros and Hinton 2016, arXiv:1607.06450; agrees with `F.layer_norm`.
    """
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(f"{tuple(x.shape)} does not end in the sizes {shape}")
    for vector in (weight, bias):
        if vector is not None and vector.shape != shape:
            raise ValueError(f"weight and bias must have the shape {shape}, not {tuple(vector.shape)}")
    dims = tuple(range(-len(shape), 0))
    centred = x - x.mean(dims, keepdim=True)
    y = centred / torch.sqrt(centred.square().mean(dims, keepdim=True) + eps)
    if weight is not None:
        y = y * weight
    if bias is not None:
        y = y + bias
    return y


def layer_norm_backward(
    grad_output: Float[Tensor, "..."],
    x: Float[Tensor, "..."],
    weight: Float[Tensor, "*shape"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Carry a gradient back through 7.2 by hand, without autograd.

    y = x̂ · γ + β,  x̂ = (x − E[x]) / √(Var[x] + ε)                                 (7.2)

    Args:
        grad_output: ∂loss/∂y.
        x: what the forward pass was given.
        weight: γ, of one dimension at least; its dimensions are the last ones of `x`, those of E[x] and Var[x].
        eps: ε.

    Returns:
        ∂loss/∂x, ∂loss/∂γ and ∂loss/∂β, with the shapes of `x`, `weight` and `weight`.

    Raises:
        ValueError: `grad_output` and `x` differ in shape, or `x` does not end in the shape of `weight`.

    Source: Atlas 7.2; agrees with autograd through `F.layer_norm`.
    """
    if grad_output.shape != x.shape or x.shape[-weight.dim() :] != weight.shape:
        raise ValueError(f"{tuple(grad_output.shape)}, {tuple(x.shape)}, {tuple(weight.shape)} do not fit together")
    dims = tuple(range(-weight.dim(), 0))
    centred = x - x.mean(dims, keepdim=True)
    deviation = torch.sqrt(centred.square().mean(dims, keepdim=True) + eps)
    normalized = centred / deviation
    grad = grad_output * weight
    along_ones = grad.mean(dims, keepdim=True)
    along_normalized = normalized * (grad * normalized).mean(dims, keepdim=True)
    grad_x = (grad - along_ones - along_normalized) / deviation
    return grad_x, (grad_output * normalized).sum_to_size(weight.shape), grad_output.sum_to_size(weight.shape)


def instance_norm(x: Float[Tensor, "n c *spatial"], eps: float = 1e-5) -> Float[Tensor, "n c *spatial"]:
    """Give every channel of every sample mean 0 and variance 1 over its own positions.

    y = (x − E[x]) / √(Var[x] + ε)                                                  (7.3)

    Args:
        x: n samples of c channels, with one spatial dimension at least. Var[x] is the biased one, as in 7.2.
        eps: ε.

    Returns:
        y, the shape and dtype of `x`.

    Raises:
        ValueError: a channel of a sample has fewer than two positions.

    Source: Atlas 7.3; Ulyanov et al. 2016, arXiv:1607.08022; agrees with `F.instance_norm`.
    """
    positions = x.shape[2:]
    if positions.numel() < 2:
        raise ValueError(f"a channel of {tuple(x.shape)} has {positions.numel()} positions: two are needed")
    return layer_norm(x, positions, eps=eps)


def group_norm(
    x: Float[Tensor, "n c *spatial"],
    num_groups: int,
    weight: Float[Tensor, "c"] | None = None,
    bias: Float[Tensor, "c"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "n c *spatial"]:
    """Give every group of neighbouring channels, sample by sample, mean 0 and variance 1; then scale and shift.

    y = (x − E[x]) / √(Var[x] + ε) · γ + β                                          (7.3)

    Args:
        x: n samples of c channels, with any number of spatial dimensions, also none. E[x] and Var[x], the biased
            one, are those of one sample over the channels of a group and all positions.
        num_groups: how many groups; the first c / num_groups channels are the first group, and so on.
        weight, bias: γ and β, one number a channel, not a group; None stands for 1 and for 0.
        eps: ε.

    Returns:
        y, the shape and dtype of `x`.

    Raises:
        ValueError: `num_groups` is below 1 or does not divide c, or `weight` or `bias` has another shape than (c,).

    Source: Wu and He 2018, arXiv:1803.08494; agrees with `F.group_norm`.
    """
    channels = x.shape[1]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {channels} channels")
    for vector in (weight, bias):
        if vector is not None and vector.shape != (channels,):
            raise ValueError(f"weight and bias need one number for each of {channels} channels")
    groups = x.flatten(1).unflatten(1, (num_groups, -1))
    y = layer_norm(groups, groups.shape[2:], eps=eps).view(x.shape)
    along_channels = (-1, *[1] * (x.dim() - 2))
    if weight is not None:
        y = y * weight.view(along_channels)
    if bias is not None:
        y = y + bias.view(along_channels)
    return y


def deep_activations(
    x: Float[Tensor, "n features"],
    weights: Sequence[Float[Tensor, "out in"]],
    norm: Callable[[Float[Tensor, "n out"]], Float[Tensor, "n out"]],
) -> Float[Tensor, "layers"]:
    """How large the activations of a deep network are, layer by layer.

    h_0 = x,  h_l = ReLU(norm(h_{l−1} W_lᵀ))

    Args:
        x: a batch of inputs.
        weights: W_1, W_2, …, as `nn.Linear` keeps weights, (out, in); the widths may differ from layer to layer.
        norm: what stands between the linear map and the ReLU, a function of a batch: the identity, a layer norm, …

    Returns:
        the standard deviation of h_1, h_2, … , each over all entries of h_l, with 1/m in the variance as in 7.2: one
        number a layer, in the dtype of `x`; of size 0 where there is no layer. Differentiable with respect to `x` and
        the weights.

    Raises:
        ValueError: two neighbouring weights do not fit together (torch's own error for that is as good).

    Source: He et al. 2015, arXiv:1502.01852, section 2.2, watched rather than derived.
    """
    deviations = x.new_zeros(len(weights))
    for layer, weight in enumerate(weights):
        x = torch.relu(norm(x @ weight.mT))
        deviations[layer] = x.std(correction=0)
    return deviations
