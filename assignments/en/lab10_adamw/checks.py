"""What a student sees of lab 10."""

import torch

from autograder.cases import Rules, case

ALIASES = ("adam", "adamw", "nadam", "radam", "adamax", "fused_adam*")
RULES = {
    "adamw_step": Rules(forbids=ALIASES, may_change=("param", "exp_avg", "exp_avg_sq")),
    "multi_tensor_adamw": Rules(forbids=ALIASES, may_change=("params", "exp_avgs", "exp_avg_sqs")),
}
USUAL = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}


def _multi(params, grads, exp_avgs, exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay):
    """torch.optim.AdamW in float64, put into the middle of a run; rounded once."""
    leaves = [p.double() for p in params]
    optimizer = torch.optim.AdamW(leaves, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    states = [
        {"step": torch.tensor(step - 1.0), "exp_avg": m.double(), "exp_avg_sq": v.double()}
        for m, v in zip(exp_avgs, exp_avg_sqs, strict=True)
    ]
    for leaf, grad, state in zip(leaves, grads, states, strict=True):
        leaf.grad = grad.double()
        optimizer.state[leaf] = state
    optimizer.step()
    rounded = [leaf.to(p.dtype) for leaf, p in zip(leaves, params, strict=True)]
    return rounded, *([state[name].float() for state in states] for name in ("exp_avg", "exp_avg_sq"))


def _step(param, grad, exp_avg, exp_avg_sq, *options, **named):
    found = _multi([param], [grad], [exp_avg], [exp_avg_sq], *options, **named)
    return tuple(one for (one,) in found)


def state_of(draw, *shape):
    """A parameter in the middle of a run, with its gradient and its averages."""
    return draw.normal(*shape), draw.normal(*shape), draw.normal(*shape).float(), draw.uniform(*shape, low=0.1).float()


def states_of(draw, *shapes):
    """Lists of the four tensors of several parameters."""
    return [list(tensors) for tensors in zip(*(state_of(draw, *shape) for shape in shapes), strict=True)]


@case("adamw_step", agrees_with=_step, dtypes=[torch.float32])
def a_step_in_the_middle_of_a_run(adamw_step, draw):
    """训练中途的一步"""
    return adamw_step(*state_of(draw, 1024), step=20, **USUAL)


@case("adamw_step", agrees_with=_step, dtypes=[torch.float32])
def the_first_step_from_averages_of_zero(adamw_step, draw):
    """从零平均值开始的第一步"""
    param, grad, *_ = state_of(draw, 5, 7)
    return adamw_step(param, grad, torch.zeros(5, 7), torch.zeros(5, 7), step=1, **USUAL)


@case("adamw_step", agrees_with=_step, dtypes=[torch.float32])
def more_than_one_block(adamw_step, draw):
    """不止一个块"""
    return adamw_step(*state_of(draw, 30, 77), step=3, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.float32])
def one_tensor_within_a_block(multi_tensor_adamw, draw):
    """一个块以内的一个张量"""
    return multi_tensor_adamw(*states_of(draw, (6, 50)), step=2, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.float32])
def several_small_tensors(multi_tensor_adamw, draw):
    """几个小张量"""
    return multi_tensor_adamw(*states_of(draw, (7,), (3, 4), (1,), (64, 2)), step=2, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.float32])
def a_long_tensor_between_short_ones(multi_tensor_adamw, draw):
    """短张量之间的一个长张量"""
    return multi_tensor_adamw(*states_of(draw, (40,), (5000,), (9,)), step=7, **USUAL)
