"""Right answers to chapter 7 that look nothing like the reference; the tests must accept them."""

import math

import torch
from torch import nn

from autograder.cases import right


@right("batch_norm")
def channels_first_and_rows_of_numbers(x, running_mean, running_var, weight, bias, training, momentum=0.1, eps=1e-5):
    """One row for each channel, scale and shift folded into one pair of numbers a channel."""
    channels = x.size(1) if x.dim() > 1 else -1
    if any(v is not None and tuple(v.shape) != (channels,) for v in (running_mean, running_var, weight, bias)):
        raise ValueError("one number a channel")
    rows = x.transpose(0, 1).reshape(channels, -1)
    if not training and running_var is None:
        raise ValueError("statistics")
    if training:
        m = rows.shape[1]
        if m <= 1:
            raise ValueError("one value")
        mean = rows.sum(1) / m
        squares = ((rows - mean[:, None]) ** 2).sum(1)
        var = squares / m
        if running_var is not None:
            with torch.no_grad():
                running_mean *= 1 - momentum
                running_mean += momentum * mean
                running_var.copy_((1 - momentum) * running_var + momentum * squares / (m - 1))
    else:
        mean, var = running_mean.clone(), running_var.clone()
    scale = torch.rsqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    rows = (rows - mean[:, None]) * scale[:, None]
    if bias is not None:
        rows = rows + bias[:, None]
    return rows.reshape(channels, x.shape[0], *x.shape[2:]).transpose(0, 1)


@right("BatchNorm2d")
class AllInOneForward(nn.Module):
    """No call of batch_norm: the formula over (n, h, w), and the average by its definition."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        nn.Module.__init__(self)
        if num_features <= 0:
            raise ValueError("channels")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        for name, start in (("weight", 1.0), ("bias", 0.0)):
            value = nn.Parameter(torch.full((num_features,), start)) if affine else None
            self.register_parameter(name, value)
        self.running_mean = nn.Buffer(torch.zeros(num_features))
        self.running_var = nn.Buffer(torch.ones(num_features))
        self.num_batches_tracked = nn.Buffer(torch.zeros((), dtype=torch.long))

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ValueError("shape")
        mean, var = self.running_mean, self.running_var
        if self.training:
            m = x.numel() / x.shape[1]
            if m == 1:
                raise ValueError("one value")
            var, mean = torch.var_mean(x, (0, 2, 3), correction=0)
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                share = self.momentum if self.momentum is not None else 1 / int(self.num_batches_tracked)
                self.running_mean += share * (mean - self.running_mean)
                self.running_var += share * (var * m / (m - 1) - self.running_var)
        y = torch.einsum("nchw,c->nchw", x - mean[:, None, None], (var + self.eps) ** -0.5)
        if self.weight is None:
            return y
        return torch.addcmul(self.bias[:, None, None], y, self.weight[:, None, None])


@right("layer_norm")
def rows_of_a_matrix(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """All features of a sample in one row, and var_mean."""
    shape = torch.Size(normalized_shape)
    keep = x.dim() - len(shape)
    if len(shape) == 0 or keep < 0 or x.shape[keep:] != shape:
        raise ValueError("shape")
    if any(v is not None and v.shape != shape for v in (weight, bias)):
        raise ValueError("affine")
    rows = x.reshape(-1, shape.numel())
    var, mean = torch.var_mean(rows, 1, correction=0, keepdim=True)
    y = ((rows - mean) * torch.rsqrt(var + eps)).reshape(x.shape)
    y = torch.mul(y, 1 if weight is None else weight)
    return y if bias is None else torch.add(y, bias)


@right("layer_norm")
def projects_onto_what_is_orthogonal_to_ones(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Centring by a projection, and the length of a vector for the deviation."""
    n = len(normalized_shape)
    if n == 0 or list(x.shape[x.dim() - n :]) != list(normalized_shape):
        raise ValueError("shape")
    for vector in (weight, bias):
        if vector is not None and list(vector.shape) != list(normalized_shape):
            raise ValueError("affine")
    flat = x.flatten(-n)
    m = flat.shape[-1]
    centred = flat - (flat @ flat.new_full((m, 1), 1 / m))
    inner = (centred * centred).sum(-1, keepdim=True)
    y = (centred * math.sqrt(m) / (inner + m * eps).sqrt()).unflatten(-1, tuple(normalized_shape))
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@right("layer_norm_backward")
def by_the_variance_and_the_mean(grad_output, x, weight, eps=1e-5):
    """The chain rule through the variance and then the mean, as the paper on batch norm writes it."""
    if grad_output.shape != x.shape or x.shape[x.dim() - weight.dim() :] != weight.shape:
        raise ValueError("shapes")
    k = weight.dim()
    rows, g = x.reshape(-1, weight.numel()), grad_output.reshape(-1, weight.numel())
    m = weight.numel()
    centred = rows - rows.mean(1, keepdim=True)
    inverse = torch.rsqrt((centred**2).mean(1, keepdim=True) + eps)
    g_hat = g * weight.reshape(-1)
    d_var = (g_hat * centred).sum(1, keepdim=True) * -0.5 * inverse**3
    d_mean = -(g_hat * inverse).sum(1, keepdim=True) - 2 * d_var * centred.mean(1, keepdim=True)
    d_x = g_hat * inverse + d_var * 2 * centred / m + d_mean / m
    d_weight = (g * centred * inverse).sum(0).reshape(weight.shape)
    return d_x.reshape(x.shape), d_weight, g.sum(0).reshape(x.shape[x.dim() - k :])


@right("instance_norm")
def flattened_positions(x, eps=1e-5):
    """Positions in one dimension, the variance by var_mean."""
    if x.dim() < 3 or math.prod(x.shape[2:]) <= 1:
        raise ValueError("positions")
    flat = x.flatten(2)
    var, mean = torch.var_mean(flat, -1, correction=0, keepdim=True)
    return ((flat - mean) * torch.rsqrt(var + eps)).unflatten(2, x.shape[2:])


@right("group_norm")
def group_by_group(x, num_groups, weight=None, bias=None, eps=1e-5):
    """A loop over the groups, each a slice of neighbouring channels."""
    channels = x.shape[1]
    if num_groups <= 0 or channels // num_groups * num_groups != channels:
        raise ValueError("groups")
    if any(v is not None and v.numel() != channels for v in (weight, bias)):
        raise ValueError("affine")
    parts = []
    for part in x.chunk(num_groups, 1):
        dims = list(range(1, x.dim()))
        centred = part - part.mean(dims, keepdim=True)
        parts.append(centred * ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt())
    y = torch.cat(parts, 1).movedim(1, -1)
    y = y if weight is None else y * weight
    y = y if bias is None else y + bias
    return y.movedim(-1, 1)


@right("deep_activations")
def columns_instead_of_rows(x, weights, norm):
    """Activations kept as columns, the deviation from the mean of squares about the mean."""
    h, found = x.mT, []
    for w in weights:
        h = torch.where((z := norm((w @ h).mT).mT) > 0, z, torch.zeros_like(z))
        found.append(torch.sqrt(torch.mean((h - h.mean()) ** 2)))
    return torch.stack(found) if found else torch.empty(0, dtype=x.dtype)
