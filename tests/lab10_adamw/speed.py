"""On what lab 10 is timed where there is a GPU."""

import torch
from torch.optim.adamw import adamw

from autograder.workloads import workload

OPTIONS = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1}


def _fused(params, grads, exp_avgs, exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay):
    """What torch.optim.AdamW(fused=True) calls in its step."""
    steps = [torch.full((), step - 1.0, device=p.device) for p in params]
    options = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
    rest = {"amsgrad": False, "maximize": False, "foreach": False, "fused": True}
    adamw(params, grads, exp_avgs, exp_avg_sqs, [], steps, **rest, **options)
    return params, exp_avgs, exp_avg_sqs


def _fused_step(param, grad, exp_avg, exp_avg_sq, *options):
    found = _fused([param], [grad], [exp_avg], [exp_avg_sq], *options)
    return tuple(one for (one,) in found)


def _eager_step(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, weight_decay):
    """Every operation of (11.3) is a launch and a pass over memory."""
    exp_avg.mul_(beta1).add_(grad, alpha=1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    root = (exp_avg_sq / (1 - beta2**step)).sqrt_().add_(eps)
    param.mul_(1 - lr * weight_decay).addcdiv_(exp_avg, root, value=-lr / (1 - beta1**step))
    return param, exp_avg, exp_avg_sq


def _eager(params, grads, exp_avgs, exp_avg_sqs, *options):
    for one in zip(params, grads, exp_avgs, exp_avg_sqs, strict=True):
        _eager_step(*one, *options)
    return params, exp_avgs, exp_avg_sqs


def _state(draw, *shape):
    return draw.normal(*shape), draw.normal(*shape), draw.normal(*shape), draw.uniform(*shape, low=0.1)


@workload(
    "adamw_step",
    builtin=_fused_step,
    naive=_eager_step,
    sizes=(1 << 16, 1 << 20, 1 << 24),
    dtype=torch.float32,
    bytes_moved=lambda param, *rest: 7 * param.nbytes,
)
def one_tensor_in_float32(draw, elements):
    """一个 float32 张量"""
    return *_state(draw, elements), 100, *OPTIONS.values()


@workload(
    "multi_tensor_adamw",
    builtin=_fused,
    naive=_eager,
    sizes=(10, 40, 160),
    dtype=torch.float32,
    bytes_moved=lambda params, *rest: 7 * sum(p.nbytes for p in params),
)
def layers_of_a_matrix_and_two_vectors(draw, layers):
    """若干层，每层一个矩阵与两个向量"""
    shapes = [(256, 256), (256,), (1000,)] * layers
    tensors = [list(one) for one in zip(*(_state(draw, *shape) for shape in shapes), strict=True)]
    return *tensors, 100, *OPTIONS.values()
