"""What a student sees of lab 4."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

NORMS = ("*layer_norm*", "*rms_norm*", "*batch_norm*", "*instance_norm*", "*group_norm*", "LayerNorm", "RMSNorm")
AUTOGRAD = ("grad", "backward", "vjp")

RULES = {
    "rms_norm": Rules(forbids=NORMS),
    "rms_norm_backward": Rules(forbids=(*NORMS, *AUTOGRAD)),
    "layer_norm": Rules(forbids=NORMS),
    "layer_norm_backward": Rules(forbids=(*NORMS, *AUTOGRAD)),
}


def _rms_norm(x, weight, eps=1e-6):
    wide = x.double()
    y = F.rms_norm(wide, wide.shape[1:], weight.double(), eps)
    return y.to(x.dtype), (wide.square().mean(1) + eps).rsqrt().float()


def _layer_norm(x, weight, bias, eps=1e-5):
    wide = x.double()
    y = F.layer_norm(wide, wide.shape[1:], weight.double(), bias.double(), eps)
    variance = (wide - wide.mean(1, keepdim=True)).square().mean(1)
    return y.to(x.dtype), wide.mean(1).float(), (variance + eps).rsqrt().float()


def _rms_norm_backward(grad_output, x, weight, rstd):
    """Autograd in float64, with the ε that makes rstd what was given."""
    wide, gamma = x.double().requires_grad_(), weight.double().requires_grad_()
    square = wide.square().mean(1)
    eps = (rstd.double() ** -2 - square).detach()
    y = wide * (square + eps).rsqrt()[:, None] * gamma
    grads = torch.autograd.grad(y, (wide, gamma), grad_output.double())
    return grads[0].to(x.dtype), grads[1].to(weight.dtype)


def _layer_norm_backward(grad_output, x, weight, mean, rstd):
    """Autograd in float64, with the ε that makes rstd what was given, and around the mean that was given."""
    wide, gamma, beta = (t.double().requires_grad_() for t in (x, weight, torch.zeros_like(weight)))
    variance = (wide - wide.mean(1, keepdim=True)).square().mean(1)
    eps = (rstd.double() ** -2 - variance).detach()
    rounded = (mean.double() - wide.mean(1)).detach()
    centred = wide - (wide.mean(1) + rounded)[:, None]
    grads = torch.autograd.grad(
        centred * (variance + eps).rsqrt()[:, None] * gamma + beta, (wide, gamma, beta), grad_output.double()
    )
    return grads[0].to(x.dtype), grads[1].to(weight.dtype), grads[2].to(weight.dtype)


@case("rms_norm", agrees_with=_rms_norm, dtypes=[torch.float32])
def a_few_rows_of_ten_columns(rms_norm, draw):
    """几行，每行十列"""
    return rms_norm(draw.normal(3, 10), draw.normal(10))


@case("rms_norm", agrees_with=_rms_norm, dtypes=[torch.float32])
def more_columns_than_one_warp_has_threads(rms_norm, draw):
    """列数比一个 warp 的线程多"""
    return rms_norm(draw.normal(2, 300, scale=5), draw.normal(300), eps=1e-3)


@case("rms_norm_backward", agrees_with=_rms_norm_backward, dtypes=[torch.float32])
def three_rows_of_ten_columns(rms_norm_backward, draw):
    """三行，每行十列"""
    x, weight = draw.normal(3, 10), draw.normal(10)
    return rms_norm_backward(draw.normal(3, 10), x, weight, _rms_norm(x, weight)[1])


@case("rms_norm_backward", agrees_with=_rms_norm_backward, dtypes=[torch.float32])
def several_strips_the_last_not_full(rms_norm_backward, draw):
    """好几个条带，最后一个不满"""
    x, weight = draw.normal(7, 70), draw.normal(70)
    return rms_norm_backward(draw.normal(7, 70), x, weight, _rms_norm(x, weight)[1])


@case("layer_norm", agrees_with=_layer_norm, dtypes=[torch.float32])
def rows_with_a_mean_of_their_own(layer_norm, draw):
    """均值各不相同的行"""
    return layer_norm(draw.normal(3, 10) + 2 * draw.normal(3, 1), draw.normal(10), draw.normal(10))


@case("layer_norm", agrees_with=_layer_norm, dtypes=[torch.float32])
def wide_rows_and_another_eps(layer_norm, draw):
    """宽的行，另一个 eps"""
    return layer_norm(draw.normal(2, 300, loc=3), draw.normal(300), draw.normal(300), eps=1e-2)


@case("layer_norm_backward", agrees_with=_layer_norm_backward, dtypes=[torch.float32])
def three_rows_with_a_mean_of_their_own(layer_norm_backward, draw):
    """三行，均值各不相同"""
    x, weight = draw.normal(3, 10, loc=1), draw.normal(10)
    return layer_norm_backward(draw.normal(3, 10), x, weight, *_layer_norm(x, weight, weight)[1:])


@case("layer_norm_backward", agrees_with=_layer_norm_backward, dtypes=[torch.float32])
def seven_rows_in_several_strips(layer_norm_backward, draw):
    """七行，分成好几个条带"""
    x, weight = draw.normal(7, 70, loc=-1), draw.normal(70)
    return layer_norm_backward(draw.normal(7, 70), x, weight, *_layer_norm(x, weight, weight)[1:])
