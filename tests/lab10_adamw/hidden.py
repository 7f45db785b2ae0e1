"""What the judge runs of lab 10 besides the visible checks."""

import torch

from autograder.cases import case

BOTH = [torch.float32, torch.bfloat16]
USUAL = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}
# the decay of 1e-3 · θ is half of a unit in the last place of bfloat16, and must not be lost to an early rounding
SMALL = {"lr": 3e-3, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.5}


def _multi(params, grads, exp_avgs, exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay):
    """torch.optim.AdamW in float64, put into the middle of a run; rounded once."""
    leaves = [p.double() for p in params]
    if not leaves:
        return [], [], []
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


def as_left(answer, params, grads, exp_avgs, exp_avg_sqs, options):
    """What a call leaves in the tensors that it was given, and whether it returned these very tensors."""
    given = params, exp_avgs, exp_avg_sqs
    returned = answer(params, grads, exp_avgs, exp_avg_sqs, **options)
    if not isinstance(params, list):
        return *given, all(a is b for a, b in zip(given, returned, strict=True))
    return *given, all(
        a is b for one, other in zip(given, returned, strict=True) for a, b in zip(one, other, strict=True)
    )


def left(answer, params, grads, exp_avgs, exp_avg_sqs, **options):
    """`as_left`, run beside the answer: a sandbox gets copies of tensors, and keeps what it does to them."""
    arguments = answer, params, grads, exp_avgs, exp_avg_sqs, options
    if not hasattr(answer, "_session"):
        return as_left(*arguments)
    functions = answer._operate("getattr", ("__class__",), {})
    return functions._operate("getattr", ("__call__",), {})(as_left, *arguments)


def _step_in_place(param, grad, exp_avg, exp_avg_sq, **options):
    given = param, exp_avg, exp_avg_sq
    for x, y in zip(given, _step(param, grad, exp_avg, exp_avg_sq, **options), strict=True):
        x.copy_(y)
    return given


def _multi_in_place(params, grads, exp_avgs, exp_avg_sqs, **options):
    given = params, exp_avgs, exp_avg_sqs
    for xs, ys in zip(given, _multi(params, grads, exp_avgs, exp_avg_sqs, **options), strict=True):
        for x, y in zip(xs, ys, strict=True):
            x.copy_(y)
    return given


def state_of(draw, *shape):
    """A parameter in the middle of a run, with its gradient and its averages."""
    return draw.normal(*shape), draw.normal(*shape), draw.normal(*shape).float(), draw.uniform(*shape, low=0.1).float()


def states_of(draw, *shapes):
    """Lists of the four tensors of several parameters."""
    return [list(tensors) for tensors in zip(*(state_of(draw, *shape) for shape in shapes), strict=True)]


@case("adamw_step", agrees_with=_step, dtypes=BOTH, weight=2)
def sizes_around_a_block(adamw_step, draw):
    """块大小附近的各种长度"""
    return [adamw_step(*state_of(draw, size), step=size, **USUAL) for size in (1023, 1025, 2049)]


@case("adamw_step", agrees_with=_step, dtypes=BOTH, weight=2)
def other_rates_and_betas(adamw_step, draw):
    """别的学习率与 β"""
    return adamw_step(*state_of(draw, 20, 30), step=4, **SMALL)


@case("adamw_step", agrees_with=_step, dtypes=[torch.float32], weight=2)
def three_steps_in_a_row(adamw_step, draw):
    """连续三步"""
    param, grad, m, v = state_of(draw, 300)
    path = []
    for t in (1, 2, 3):
        param, m, v = adamw_step(param, grad, m, v, step=t, **USUAL)
        path.append((param.clone(), m.clone(), v.clone()))
        grad = draw.normal(300)
    return path


@case("adamw_step", agrees_with=_step, dtypes=[torch.float32])
def the_decay_alone(adamw_step, draw):
    """只有衰减：梯度与平均值为零"""
    zero = torch.zeros(50)
    return adamw_step(draw.normal(50, scale=100), zero, zero.clone(), zero.clone(), step=9, **USUAL)


# the averages' own rounding is 6e-8 of them, and atol would hide squares of small gradients
@case("adamw_step", agrees_with=_step, dtypes=BOTH, facet="numerics", rtol=2**-7, atol=1e-14)
def small_gradients_and_an_epsilon_of_their_size(adamw_step, draw):
    """很小的梯度与同样大小的 ε"""
    param, grad, m, v = state_of(draw, 400)
    options = USUAL | {"eps": 1e-5, "weight_decay": 0.0, "lr": 1.0}
    return adamw_step(param * 1e-3, grad * 1e-5, m * 1e-5, v * 1e-10, step=2, **options)


# 1 − 0.999 calculated in float32 is wrong by 1e-5 of it, and the first v is that times g²
@case("adamw_step", agrees_with=_step, dtypes=[torch.float32], facet="numerics", rtol=2e-6, atol=0)
def a_share_of_one_thousandth_is_exact(adamw_step, draw):
    """千分之一的份额不失精度"""
    param, grad, *_ = state_of(draw, 200)
    return adamw_step(param, grad, torch.zeros(200), torch.zeros(200), step=1, **USUAL)[1:]


@case("adamw_step", agrees_with=_step, dtypes=[torch.bfloat16], facet="numerics", weight=2)
def bfloat16_is_rounded_once(adamw_step, draw):
    """bfloat16 只舍入一次"""
    param, grad, m, v = state_of(draw, 3000)
    return adamw_step(param, grad, m, v, step=5, **SMALL)


@case("adamw_step", agrees_with=_step_in_place, dtypes=BOTH, weight=2)
def the_given_tensors_are_changed_and_returned(adamw_step, draw):
    """给出的张量本身被更新并返回"""
    return left(adamw_step, *state_of(draw, 4, 9), step=6, **USUAL)


@case("adamw_step", agrees_with=_step, dtypes=BOTH, facet="interface")
def empty_tensors_and_single_numbers(adamw_step, draw):
    """空张量与单个数"""
    return [adamw_step(*state_of(draw, *shape), step=2, **USUAL) for shape in ((0,), (), (1, 1))]


@case("adamw_step", raises=ValueError, facet="interface", dtypes=[torch.float32])
def another_shape_is_refused(adamw_step, draw):
    """拒绝不同的形状"""
    param, grad, m, v = state_of(draw, 6)
    return adamw_step(param, grad.view(2, 3), m, v, step=1, **USUAL)


@case("adamw_step", raises=ValueError, facet="interface", dtypes=[torch.float32])
def what_is_not_contiguous_is_refused(adamw_step, draw):
    """拒绝不连续的张量"""
    param, grad, m, v = state_of(draw, 4, 3)
    return adamw_step(param, grad, m, draw.strided(v), step=1, **USUAL)


@case("adamw_step", raises=ValueError, facet="interface", dtypes=[torch.bfloat16])
def a_first_average_in_bfloat16_is_refused(adamw_step, draw):
    """拒绝 bfloat16 的一阶平均"""
    param, grad, m, v = state_of(draw, 6)
    return adamw_step(param, grad, m.bfloat16(), v, step=1, **USUAL)


@case("adamw_step", raises=ValueError, facet="interface", dtypes=[torch.bfloat16])
def a_second_average_in_bfloat16_is_refused(adamw_step, draw):
    """拒绝 bfloat16 的二阶平均"""
    param, grad, m, v = state_of(draw, 6)
    return adamw_step(param, grad, m, v.bfloat16(), step=1, **USUAL)


@case("adamw_step", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_step_zero_is_refused(adamw_step, draw):
    """拒绝第 0 步"""
    return adamw_step(*state_of(draw, 6), step=0, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=BOTH, weight=2)
def tensors_around_a_block(multi_tensor_adamw, draw):
    """块大小附近的各种张量"""
    return multi_tensor_adamw(*states_of(draw, (2047,), (2049,), (2048,), (4097,)), step=11, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=BOTH, weight=2)
def many_shapes_with_other_rates_and_betas(multi_tensor_adamw, draw):
    """许多形状，别的学习率与 β"""
    shapes = (3,), (), (5, 6, 2), (1,), (33, 65), (2,), (70,)
    return multi_tensor_adamw(*states_of(draw, *shapes), step=4, **SMALL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.float32], weight=2)
def three_steps_of_a_list(multi_tensor_adamw, draw):
    """一列张量的连续三步"""
    params, grads, ms, vs = states_of(draw, (30,), (8, 2))
    path = []
    for t in (1, 2, 3):
        params, ms, vs = multi_tensor_adamw(params, grads, ms, vs, step=t, **USUAL)
        path.append([[x.clone() for x in xs] for xs in (params, ms, vs)])
        grads = [draw.normal(*g.shape) for g in grads]
    return path


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=BOTH)
def empty_tensors_among_others(multi_tensor_adamw, draw):
    """夹在中间的空张量"""
    return multi_tensor_adamw(*states_of(draw, (0,), (12,), (0, 4), (2100,), (0,)), step=3, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=BOTH)
def rows_of_one_storage(multi_tensor_adamw, draw):
    """同一块存储里的各行"""
    params, grads, ms, vs = (x.unbind() for x in state_of(draw, 3, 50))
    return multi_tensor_adamw(list(params)[::-1], list(grads)[::-1], list(ms)[::-1], list(vs)[::-1], step=3, **USUAL)


# the averages' own rounding is 6e-8 of them, and atol would hide squares of small gradients
@case("multi_tensor_adamw", agrees_with=_multi, dtypes=BOTH, facet="numerics", rtol=2**-7, atol=1e-14)
def small_gradients_of_a_list(multi_tensor_adamw, draw):
    """一列很小的梯度"""
    params, grads, ms, vs = states_of(draw, (40,), (90,))
    options = USUAL | {"eps": 1e-5, "weight_decay": 0.0, "lr": 1.0}
    scaled = ([x * c for x in xs] for xs, c in ((params, 1e-3), (grads, 1e-5), (ms, 1e-5), (vs, 1e-10)))
    return multi_tensor_adamw(*scaled, step=2, **options)


# 1 − 0.999 calculated in float32 is wrong by 1e-5 of it, and the first v is that times g²
@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.float32], facet="numerics", rtol=2e-6, atol=0)
def a_list_whose_averages_begin_at_zero(multi_tensor_adamw, draw):
    """平均值从零开始的一列张量"""
    params, grads, ms, _ = states_of(draw, (40,), (90,))
    zeros = [[torch.zeros_like(m) for m in ms] for _ in range(2)]
    return multi_tensor_adamw(params, grads, *zeros, step=1, **USUAL)[1:]


@case("multi_tensor_adamw", agrees_with=_multi, dtypes=[torch.bfloat16], facet="numerics")
def a_list_in_bfloat16_is_rounded_once(multi_tensor_adamw, draw):
    """bfloat16 的一列张量只舍入一次"""
    return multi_tensor_adamw(*states_of(draw, (1500,), (1500,)), step=5, **SMALL)


@case("multi_tensor_adamw", agrees_with=_multi_in_place, dtypes=BOTH, weight=2)
def the_given_lists_are_changed_and_returned(multi_tensor_adamw, draw):
    """给出的各列张量本身被更新并返回"""
    return left(multi_tensor_adamw, *states_of(draw, (4, 9), (17,)), step=6, **USUAL)


@case("multi_tensor_adamw", agrees_with=_multi, facet="interface", dtypes=[torch.float32])
def no_tensor_and_only_empty_ones(multi_tensor_adamw, draw):
    """没有张量，或只有空张量"""
    return [
        multi_tensor_adamw([], [], [], [], step=2, **USUAL),
        multi_tensor_adamw(*states_of(draw, (0,)), step=2, **USUAL),
    ]


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.float32])
def lists_of_different_lengths_are_refused(multi_tensor_adamw, draw):
    """拒绝长度不同的列表"""
    params, grads, ms, vs = states_of(draw, (4,), (5,))
    return multi_tensor_adamw(params, grads, ms, vs[:1], step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_list_in_another_order_is_refused(multi_tensor_adamw, draw):
    """拒绝次序不同的列表"""
    params, grads, ms, vs = states_of(draw, (4,), (5,))
    return multi_tensor_adamw(params, grads, ms[::-1], vs, step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_list_with_strides_is_refused(multi_tensor_adamw, draw):
    """拒绝列表里不连续的张量"""
    params, grads, ms, vs = states_of(draw, (4, 4), (5,))
    return multi_tensor_adamw(params, [grads[0].mT, grads[1]], ms, vs, step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.float32])
def gradients_of_another_dtype_are_refused(multi_tensor_adamw, draw):
    """拒绝 dtype 不同的梯度"""
    params, grads, ms, vs = states_of(draw, (4,), (5,))
    return multi_tensor_adamw(params, [g.bfloat16() for g in grads], ms, vs, step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.bfloat16])
def averages_in_bfloat16_are_refused(multi_tensor_adamw, draw):
    """拒绝 bfloat16 的平均值"""
    params, grads, ms, vs = states_of(draw, (4,), (5,))
    return multi_tensor_adamw(params, grads, [m.bfloat16() for m in ms], vs, step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.bfloat16])
def second_averages_in_bfloat16_are_refused(multi_tensor_adamw, draw):
    """拒绝 bfloat16 的二阶平均值"""
    params, grads, ms, vs = states_of(draw, (4,), (5,))
    return multi_tensor_adamw(params, grads, ms, [v.bfloat16() for v in vs], step=2, **USUAL)


@case("multi_tensor_adamw", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_step_zero_of_a_list_is_refused(multi_tensor_adamw, draw):
    """拒绝一列张量的第 0 步"""
    return multi_tensor_adamw(*states_of(draw, (6,)), step=0, **USUAL)
