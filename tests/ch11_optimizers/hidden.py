"""The hidden cases of chapter 11."""

import math

import numpy as np
import scipy.optimize
import torch

from autograder.cases import Case, case
from autograder.operations import (
    descent,
    gradients_after_step,
    gradients_after_zero_grad,
    group_options,
    largest_tensor,
    trajectory,
    vjp,
)


def problem(draw, steps, scale=1.0):
    """A matrix, a number and an empty matrix as parameters, and for each step a gradient of each.

    The gradients of the matrix's first row are so small that an ε in the wrong place shows in every draw.
    """
    shapes = ((3, 4), (), (0, 2))
    parameters = [draw.normal(*s) for s in shapes]
    gradients = [[draw.normal(*s, scale=scale) for s in shapes] for _ in range(steps)]
    for matrix, *_ in gradients:
        matrix[0] *= 1e-4
    return parameters, gradients


def common_cases(exercise, builtin, every_option, groups):
    """What every optimizer must get right, whatever its formula.

    every_option: a value for each hyperparameter, unlike its default. groups: options of three groups.
    """

    @case(exercise, agrees_with=builtin, weight=2)
    def fifty_steps_with_every_option(optimizer, draw):
        """每个选项都用上，走五十步"""
        return trajectory(optimizer, *problem(draw, 50), **every_option)

    @case(exercise, agrees_with=builtin)
    def fifty_steps_with_the_defaults(optimizer, draw):
        """只用默认值，走五十步"""
        parameters, gradients = problem(draw, 50)
        for matrix, *_ in gradients:
            matrix[1].abs_()  # one way at every step: a decay of 10⁻⁵ in the wrong place adds up
        return trajectory(optimizer, parameters, gradients)

    @case(exercise, agrees_with=builtin)
    def a_parameter_without_gradient_is_skipped_with_its_state(optimizer, draw):
        """没有梯度的参数连同它的状态一起跳过"""
        parameters, gradients = problem(draw, 12)
        for k in range(4):
            gradients[k][0] = None
            gradients[k + 5][1] = None
        return trajectory(optimizer, parameters, gradients, **every_option)

    @case(exercise, agrees_with=builtin)
    def every_group_goes_by_its_own_options(optimizer, draw):
        """每个参数组按自己的选项更新"""
        gradients = [draw.normals(3, shape=(4,)) for _ in range(10)]
        return trajectory(optimizer, draw.normals(3, shape=(4,)), gradients, groups=groups, **every_option)

    @case(exercise, agrees_with=builtin)
    def a_learning_rate_written_between_the_steps_counts(optimizer, draw):
        """两步之间改写的学习率立即生效"""
        rates = [[0.0, 0.3], [0.1, 0.2], [0.3, 0.05], [0.01, 0.4], [0.0, 0.1], [0.2, 0.0]]
        gradients = [draw.normals(2, shape=(4,)) for _ in rates]
        options = {**every_option, "lr": 0.0}
        parameters = draw.normals(2, shape=(4,))
        return trajectory(optimizer, parameters, gradients, groups=[{}, {}], learning_rates=rates, **options)

    # float64: a loop feeds rounding back into the next gradient, and dividing by its size makes it grow
    @case(exercise, agrees_with=builtin, dtypes=(torch.float64,))
    def a_training_loop_on_a_regression(optimizer, draw):
        """用在回归的训练循环里"""
        x, y = draw.normal(20, 3), draw.normal(20, 2)
        parameters = [draw.normal(3, 2), draw.normal(2)]
        return descent(optimizer, lambda w, b: ((x @ w + b - y) ** 2).mean(), parameters, steps=20, **every_option)

    @case(exercise, facet="interface", agrees_with=builtin)
    def the_parameters_may_come_from_a_generator(optimizer, draw):
        """参数可以来自生成器"""
        return trajectory(optimizer, *problem(draw, 3), generator=True, **every_option)

    @case(exercise, facet="interface", agrees_with=builtin)
    def a_gradient_tensor_that_is_written_again_keeps_no_old_state(optimizer, draw):
        """同一个梯度张量被反复改写时，旧的状态不受影响"""
        return trajectory(optimizer, *problem(draw, 6), overwrite_gradients=True, **every_option)

    @case(exercise, facet="interface", agrees_with=builtin)
    def a_step_leaves_the_gradients_as_they_are(optimizer, draw):
        """更新不改变梯度本身"""
        parameters, (gradients,) = problem(draw, 1)
        return gradients_after_step(optimizer, parameters, gradients, **every_option)

    @case(exercise, facet="interface", agrees_with=builtin)
    def a_transposed_parameter(optimizer, draw):
        """转置过的参数"""
        gradients = [[draw.normal(3, 5)], [draw.strided(draw.normal(3, 5))], [draw.normal(5, 3).mT]]
        return trajectory(optimizer, [draw.normal(5, 3).mT], gradients, **every_option)

    @case(exercise, facet="interface", agrees_with=builtin)
    def gradients_are_none_after_zero_grad(optimizer, draw):
        """zero_grad 之后梯度为 None"""
        return gradients_after_zero_grad(optimizer, draw.normals(2, shape=(3,)), groups=[{}, {}])

    @case(exercise, facet="interface", agrees_with=builtin)
    def the_groups_hold_every_option_by_its_name(optimizer, draw):
        """参数组按名字保存每个选项"""
        names = list(every_option)
        return (
            group_options(optimizer, draw.normals(2, shape=(3,)), names),
            group_options(optimizer, draw.normals(2, shape=(3,)), names, **every_option),
        )

    return {f"{exercise}_{c.name}": c for c in locals().values() if isinstance(c, Case)}


def scaled_cases(exercise, builtin, every_option):
    """What every optimizer that divides by a root must get right besides: where ε stands, and gradients of 0."""

    @case(exercise, facet="numerics", agrees_with=builtin)
    def gradients_as_small_as_epsilon(optimizer, draw):
        """与 ε 一样小的梯度"""
        options = {**every_option, "eps": 1e-8, "weight_decay": 0.0}
        return trajectory(optimizer, *problem(draw, 10, scale=1e-8), **options)

    @case(exercise, agrees_with=builtin)
    def an_epsilon_of_a_tenth(optimizer, draw):
        """ε 取 0.1"""
        return trajectory(optimizer, *problem(draw, 10), lr=0.1, eps=0.1)

    @case(exercise, facet="numerics", agrees_with=builtin)
    def coordinates_whose_gradient_is_always_zero(optimizer, draw):
        """梯度恒为零的坐标"""
        kept = torch.tensor([0, 1, 0, 1e-4, 0, 1], dtype=draw.dtype)
        return trajectory(optimizer, [draw.normal(6)], [[kept * draw.normal(6)] for _ in range(5)], lr=0.1)

    return {f"{exercise}_{c.name}": c for c in locals().values() if isinstance(c, Case)}


def refuses(exercise, sentence, chinese, **options):
    """A case in which the constructor must refuse these options."""

    def driver(optimizer, draw):
        return optimizer([draw.normal(3)], **options)

    driver.__name__, driver.__doc__ = sentence, chinese
    return case(exercise, facet="interface", raises=ValueError, weight=0.25)(driver)


SGD_OPTIONS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "nesterov": True}
SGD_GROUPS = [
    {"lr": 0.02, "weight_decay": 0.5},
    {"momentum": 0.5},
    {"nesterov": False, "weight_decay": 0.0},
]
ADAGRAD_OPTIONS = {"lr": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.2, "eps": 1e-3}
ADAGRAD_GROUPS = [{"lr": 0.02}, {"weight_decay": 0.5}, {"eps": 0.1}]
RMSPROP_OPTIONS = {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05}
RMSPROP_GROUPS = [{"lr": 0.02, "eps": 0.1}, {"alpha": 0.5}, {"weight_decay": 0.5}]
ADAM_OPTIONS = {"lr": 0.1, "betas": (0.8, 0.98), "eps": 1e-3, "weight_decay": 0.05}
ADAM_GROUPS = [{"lr": 0.02, "eps": 0.1}, {"betas": (0.5, 0.7)}, {"weight_decay": 0.5}]

globals().update(common_cases("SGD", torch.optim.SGD, SGD_OPTIONS, SGD_GROUPS))
globals().update(common_cases("Adagrad", torch.optim.Adagrad, ADAGRAD_OPTIONS, ADAGRAD_GROUPS))
globals().update(common_cases("RMSprop", torch.optim.RMSprop, RMSPROP_OPTIONS, RMSPROP_GROUPS))
globals().update(common_cases("Adam", torch.optim.Adam, ADAM_OPTIONS, ADAM_GROUPS))
globals().update(common_cases("AdamW", torch.optim.AdamW, ADAM_OPTIONS, ADAM_GROUPS))
globals().update(scaled_cases("Adagrad", torch.optim.Adagrad, {**ADAGRAD_OPTIONS, "initial_accumulator_value": 0.0}))
globals().update(scaled_cases("RMSprop", torch.optim.RMSprop, RMSPROP_OPTIONS))
globals().update(scaled_cases("Adam", torch.optim.Adam, ADAM_OPTIONS))
globals().update(scaled_cases("AdamW", torch.optim.AdamW, ADAM_OPTIONS))

for name, extra in {
    "SGD": ("momentum",),
    "Adagrad": ("initial_accumulator_value", "eps"),
    "RMSprop": ("alpha", "eps"),
    "Adam": ("eps",),
    "AdamW": ("eps",),
}.items():
    for option in ("lr", "weight_decay", *extra):
        globals()[f"{name}_{option}"] = refuses(
            name, f"a_negative_{option}_is_refused", f"负的 {option} 应被拒绝", **{option: -0.1}
        )
for name in ("Adam", "AdamW"):
    globals()[f"{name}_beta1"] = refuses(name, "a_beta1_of_one_is_refused", "β₁ = 1 应被拒绝", betas=(1.0, 0.9))
    globals()[f"{name}_beta2"] = refuses(name, "a_beta2_of_one_is_refused", "β₂ = 1 应被拒绝", betas=(0.9, 1.0))
    globals()[f"{name}_beta"] = refuses(name, "a_negative_beta_is_refused", "负的 β 应被拒绝", betas=(-0.1, 0.9))
SGD_nesterov_alone = refuses(
    "SGD", "nesterov_without_momentum_is_refused", "没有动量的 Nesterov 应被拒绝", nesterov=True
)


@case("SGD", agrees_with=torch.optim.SGD)
def fifty_steps_of_classical_momentum(SGD, draw):
    """经典动量走五十步"""
    return trajectory(SGD, *problem(draw, 50), lr=0.1, momentum=0.9, weight_decay=0.1)


@case("Adam", agrees_with=torch.optim.Adam)
def without_memory_a_step_has_the_size_of_the_learning_rate(Adam, draw):
    """没有记忆时，每一步的大小就是学习率"""
    return trajectory(Adam, *problem(draw, 5), lr=0.1, betas=(0.0, 0.0))


@case("AdamW", agrees_with=torch.optim.AdamW)
def decay_alone_shrinks_the_parameters(AdamW, draw):
    """只有衰减时，参数按比例缩小"""
    return trajectory(AdamW, [draw.normal(6)], [[torch.zeros(6, dtype=draw.dtype)]] * 5, lr=0.1, weight_decay=0.5)


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def groups_fill_what_they_leave_out_from_the_defaults(Optimizer, draw):
    """参数组没有写的选项取默认值"""
    groups = [{"betas": (0.5, 0.6)}, {"lr": 0.5, "eps": 0.0}, {}]
    defaults = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}
    return group_options(Optimizer, draw.normals(3, shape=(2,)), list(defaults), groups=groups, defaults=defaults)


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def a_change_in_one_group_stays_in_it(Optimizer, draw):
    """改动一个参数组不影响另一个"""
    parameters, options = draw.normals(2, shape=(2,)), {"groups": [{}, {}], "defaults": {"lr": 0.1}}
    return group_options(Optimizer, parameters, ["lr"], changes=[{"lr": 7.0}, {}], **options)


@case("Optimizer", facet="interface", agrees_with=torch.optim.Optimizer)
def one_parameter_or_one_group_alone(Optimizer, draw):
    """只有一个参数，或只有一个参数组"""
    parameter = [draw.normal(2)]
    return (
        group_options(Optimizer, parameter, ["lr"], defaults={"lr": 0.1}),
        group_options(Optimizer, parameter, ["lr"], groups=[{"lr": 1.0}], defaults={"lr": 0.1}),
    )


@case("Optimizer", facet="interface", agrees_with=torch.optim.Optimizer)
def tensors_may_come_from_a_generator(Optimizer, draw):
    """张量可以来自生成器"""
    return group_options(Optimizer, draw.normals(3, shape=(2,)), ["lr"], generator=True, defaults={"lr": 0.1})


@case("Optimizer", facet="interface", agrees_with=torch.optim.Optimizer)
def groups_and_their_tensors_may_come_from_generators(Optimizer, draw):
    """参数组及其张量可以来自生成器"""
    options = {"generator": True, "groups": [{}, {"lr": 1.0}, {}], "defaults": {"lr": 0.1}}
    return group_options(Optimizer, draw.normals(3, shape=(2,)), ["lr"], **options)


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def zero_grad_reaches_every_group(Optimizer, draw):
    """zero_grad 处理每一个参数组"""
    groups = [{}, {"lr": 1.0}, {}]
    return gradients_after_zero_grad(Optimizer, draw.normals(3, shape=(3,)), groups=groups, defaults={"lr": 0.1})


@case("Optimizer", facet="interface", raises=TypeError)
def one_tensor_is_no_list_of_parameters(Optimizer, draw):
    """一个张量不是参数列表"""
    return Optimizer(draw.normal(3, 2), {"lr": 0.1})


@case("Optimizer", facet="interface", raises=ValueError)
def no_parameters_at_all(Optimizer, draw):
    """一个参数也没有"""
    return Optimizer([], {"lr": 0.1})


@case("Optimizer", facet="interface", raises=ValueError)
def a_generator_without_parameters(Optimizer, draw):
    """生成器里没有参数"""
    return group_options(Optimizer, [], ["lr"], generator=True, defaults={"lr": 0.1})


def descent_by_torch(f, x0, lr, steps):
    """What `gradient_descent` is, by torch.optim.SGD."""
    x = x0.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([x], lr=lr)
    path = [x.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        f(x).backward()
        optimizer.step()
        path.append(x.detach().clone())
    return torch.stack(path)


@case("gradient_descent", agrees_with=descent_by_torch)
def fifty_steps_on_a_matrix(gradient_descent, draw):
    """在矩阵上走五十步"""
    target = draw.normal(3, 4)
    return gradient_descent(lambda x: torch.log(torch.cosh(x - target)).sum(), draw.normal(3, 4), 0.5, 50)


@case("gradient_descent", agrees_with=descent_by_torch)
def a_single_number(gradient_descent, draw):
    """只有一个数"""
    return gradient_descent(lambda x: (x - 2) ** 4 / 4, draw.normal(), 0.01, 7)


@case("gradient_descent", agrees_with=descent_by_torch)
def a_rate_at_which_the_path_diverges(gradient_descent, draw):
    """学习率过大，路径发散"""
    return gradient_descent(lambda x: (x**2).sum(), draw.normal(3), 1.5, 9)


@case("gradient_descent", facet="interface", agrees_with=descent_by_torch)
def no_step_gives_the_start_alone(gradient_descent, draw):
    """零步时只有起点"""
    return gradient_descent(lambda x: (x**2).sum(), draw.normal(3), 0.1, 0)


@case("gradient_descent", facet="interface", agrees_with=descent_by_torch)
def a_start_that_is_not_contiguous(gradient_descent, draw):
    """不连续的起点"""
    return gradient_descent(lambda x: (x**3).sum(), draw.strided(draw.normal(2, 5)), 0.1, 3)


@case("gradient_descent", facet="interface", raises=ValueError)
def a_function_that_is_no_scalar(gradient_descent, draw):
    """函数值不是标量"""
    return gradient_descent(lambda x: x**2, draw.normal(3), 0.1, 2)


@case("gradient_descent", facet="interface", raises=ValueError)
def a_negative_number_of_steps(gradient_descent, draw):
    """步数为负"""
    return gradient_descent(lambda x: (x**2).sum(), draw.normal(3), 0.1, -1)


def clipped_by_torch(grads, max_norm):
    """What `clip_grad_norm` is, by torch.nn.utils.clip_grad_norm_ on copies."""
    parameters = [torch.zeros_like(g).requires_grad_() for g in grads]
    for p, g in zip(parameters, grads, strict=True):
        p.grad = g.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [p.grad for p in parameters], norm


@case("clip_grad_norm", agrees_with=clipped_by_torch, draws=2)
def many_short_gradients_are_long_together(clip_grad_norm, draw):
    """每个都不长，合起来就长了"""
    return clip_grad_norm([0.1 * draw.normal(5) for _ in range(60)], 0.5)


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def shapes_of_all_kinds(clip_grad_norm, draw):
    """各种形状"""
    return clip_grad_norm([draw.normal(2, 3, 4), draw.normal(1, 1), draw.normal(), draw.normal(0, 3)], 0.3)


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def one_gradient_alone(clip_grad_norm, draw):
    """只有一个梯度"""
    return clip_grad_norm([draw.normal(3, 4, scale=5)], 0.5)


@case("clip_grad_norm", agrees_with=clipped_by_torch, dtypes=(torch.bfloat16,))
def gradients_in_bfloat16(clip_grad_norm, draw):
    """bfloat16 的梯度"""
    return clip_grad_norm([draw.normal(3, 4), draw.normal(5)], 1.0)


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def an_infinite_limit_only_measures(clip_grad_norm, draw):
    """上限为无穷大时只计算范数"""
    return clip_grad_norm([draw.normal(3, 4), draw.normal(5)], math.inf)


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def a_limit_of_zero_stops_everything(clip_grad_norm, draw):
    """上限为零时全部归零"""
    return clip_grad_norm([draw.normal(3, 4), draw.normal(5)], 0.0)


@case("clip_grad_norm", facet="numerics", agrees_with=clipped_by_torch)
def gradients_of_exactly_zero(clip_grad_norm, draw):
    """梯度恰好全为零"""
    return clip_grad_norm([torch.zeros(3, dtype=draw.dtype)], 1.0)


@case("clip_grad_norm", facet="numerics", agrees_with=clipped_by_torch)
def gradients_of_a_millionth_and_a_limit_as_small(clip_grad_norm, draw):
    """百万分之一大小的梯度，上限同样小"""
    return clip_grad_norm([draw.normal(30, scale=1e-6)], 3e-6)


@case("clip_grad_norm", facet="numerics", agrees_with=clipped_by_torch)
def an_infinite_gradient_shows_in_the_norm(clip_grad_norm, draw):
    """无穷大的梯度反映在范数里"""
    g = draw.normal(4)
    g[1] = math.inf
    return clip_grad_norm([g, draw.normal(3)], 1.0)


def clipped_as_one_vector(grads, max_norm):
    """What `clip_grad_norm` is for gradients that are too long, differentiable: one vector, shortened and cut up."""
    flat = torch.cat([g.reshape(-1) for g in grads])
    norm = flat.square().sum().sqrt()
    parts = torch.split(flat * max_norm / (norm + 1e-6), [g.numel() for g in grads])
    return [part.reshape(g.shape) for part, g in zip(parts, grads, strict=True)], norm


@case("clip_grad_norm", facet="gradient", agrees_with=clipped_as_one_vector)
def second_derivatives_flow_through_the_norm(clip_grad_norm, draw):
    """二阶导数也流过范数"""
    return vjp(clip_grad_norm, [draw.normal(3, 4, scale=5), draw.normal(5, scale=5)], 0.7, cotangent=draw)


@case("clip_grad_norm", facet="interface", agrees_with=clipped_by_torch)
def gradients_that_are_not_contiguous(clip_grad_norm, draw):
    """不连续的梯度"""
    return clip_grad_norm([draw.strided(draw.normal(3, 4)), draw.normal(5, 2).mT], 1.0)


@case("clip_grad_norm", facet="interface", raises=ValueError)
def a_negative_limit(clip_grad_norm, draw):
    """上限为负"""
    return clip_grad_norm([draw.normal(3)], -1.0)


def schedule_by_torch(step, total, lr_max, lr_min=0.0, warmup=0):
    """What `cosine_schedule` is for one step, by torch's schedulers: a line from almost 0, then half a cosine."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr_max)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup, eta_min=lr_min)
    if warmup:
        linear = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-30, total_iters=warmup)
        scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [linear, scheduler], milestones=[warmup])
    for _ in range(min(step, total)):
        optimizer.step()
        scheduler.step()
    return float(optimizer.param_groups[0]["lr"])


NUMBERS = {"agrees_with": schedule_by_torch, "dtypes": (torch.float64,)}


@case("cosine_schedule", draws=3, **NUMBERS)
def schedules_of_any_length(cosine_schedule, draw):
    """任意长度的调度"""
    total, peak, floor = draw.integer(9, 15), draw.number(0.5, 1), draw.number(0.1, 0.3)
    warmup = draw.integer(2, 8)
    return [cosine_schedule(step, total, peak, floor, warmup) for step in range(total + 1)]


@case("cosine_schedule", **NUMBERS)
def after_the_end_the_floor_stays(cosine_schedule, draw):
    """结束之后一直停在下限"""
    peak, floor = draw.number(0.5, 1), draw.number(0.1, 0.3)
    return [cosine_schedule(step, 6, peak, floor, 2) for step in (6, 7, 10, 25)]


@case("cosine_schedule", **NUMBERS)
def warmup_up_to_the_last_step_but_one(cosine_schedule, draw):
    """预热一直到倒数第二步"""
    peak, floor = draw.number(0.5, 1), draw.number(0.1, 0.3)
    return [cosine_schedule(step, 5, peak, floor, 4) for step in range(7)]


@case("cosine_schedule", **NUMBERS)
def the_arguments_by_their_names(cosine_schedule, draw):
    """按名字传参数"""
    peak = draw.number(0.5, 1)
    return [
        cosine_schedule(step=1, total=1, lr_max=peak, lr_min=0.1),
        cosine_schedule(total=8, lr_max=peak, step=3, warmup=5),
        cosine_schedule(5, 8, lr_max=peak, lr_min=-peak),
    ]


@case("cosine_schedule", facet="interface", raises=ValueError)
def a_step_before_the_first(cosine_schedule, draw):
    """第一步之前的步数"""
    return cosine_schedule(-1, 10, 0.1)


@case("cosine_schedule", facet="interface", raises=ValueError)
def a_warmup_that_leaves_no_step_for_the_cosine(cosine_schedule, draw):
    """预热之后没有留给余弦的步数"""
    return cosine_schedule(3, 10, 0.1, 0.0, 10)


@case("cosine_schedule", facet="interface", raises=ValueError)
def a_negative_warmup(cosine_schedule, draw):
    """负的预热步数"""
    return cosine_schedule(3, 10, 0.1, 0.0, -1)


def curvature_pairs(draw, count, size):
    """A gradient, and steps with the changes of gradient that a quadratic of random curvature gives."""
    root = draw.normal(size, size)
    hessian = root @ root.mT / size + torch.eye(size, dtype=draw.dtype)
    steps = draw.normal(count, size)
    return draw.normal(size), steps, steps @ hessian


def direction_by_scipy(grad, s, y):
    """−H g by SciPy, whose H begins at the identity: in the variables x/√γ that is γ I."""
    s, y, g = (t.detach().double().numpy() for t in (s, y, grad))
    if len(s) == 0:
        return -grad
    gamma = (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    inverse = scipy.optimize.LbfgsInvHessProduct(s / np.sqrt(gamma), y * np.sqrt(gamma))
    return torch.from_numpy(-gamma * inverse.matvec(g)).to(grad.dtype)


def direction_by_matrices(grad, s, y):
    """−H g with H formed by the update (11.16), one pair after the other."""
    eye = torch.eye(len(grad), dtype=grad.dtype)
    h = eye * (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    for s_i, y_i in zip(s, y, strict=True):
        rho = 1 / (s_i @ y_i)
        left = eye - rho * torch.outer(s_i, y_i)
        h = left @ h @ left.mT + rho * torch.outer(s_i, s_i)
    return -(h @ grad)


# two orders of operations in single precision: an error of ε times the products of the pairs' conditions
SINGLE = {"rtol": 2e-3, "atol": 2e-3, "dtypes": (torch.float32,)}


@case("lbfgs_direction", agrees_with=direction_by_matrices, dtypes=(torch.float64,), draws=2)
def more_pairs_than_dimensions(lbfgs_direction, draw):
    """对数多于维数"""
    return lbfgs_direction(*curvature_pairs(draw, 7, 4))


@case("lbfgs_direction", agrees_with=direction_by_matrices, **SINGLE)
def pairs_in_single_precision(lbfgs_direction, draw):
    """单精度的若干对"""
    return lbfgs_direction(*curvature_pairs(draw, 3, 6))


@case("lbfgs_direction", agrees_with=direction_by_scipy, dtypes=(torch.float64,))
def steps_of_a_millionth_and_steep_curvature(lbfgs_direction, draw):
    """百万分之一的步长与陡峭的曲率"""
    grad, s, y = curvature_pairs(draw, 4, 6)
    return lbfgs_direction(grad, 1e-6 * s, 1e-2 * y)


@case("lbfgs_direction", agrees_with=direction_by_scipy, dtypes=(torch.float64,))
def pairs_in_one_dimension(lbfgs_direction, draw):
    """一维空间中的两对"""
    return lbfgs_direction(*curvature_pairs(draw, 2, 1))


@case("lbfgs_direction", facet="interface", agrees_with=direction_by_scipy)
def no_pair_gives_the_steepest_descent(lbfgs_direction, draw):
    """没有任何一对时就是最速下降方向"""
    return lbfgs_direction(draw.normal(4), draw.normal(0, 4), draw.normal(0, 4))


@case("lbfgs_direction", facet="interface", agrees_with=direction_by_scipy, dtypes=(torch.float64,))
def pairs_that_are_not_contiguous(lbfgs_direction, draw):
    """不连续的若干对"""
    grad, s, y = curvature_pairs(draw, 3, 5)
    return lbfgs_direction(draw.strided(grad), draw.strided(s), draw.strided(y.mT).mT)


@case("lbfgs_direction", facet="gradient", agrees_with=direction_by_matrices)
def gradients_reach_the_gradient_and_both_histories(lbfgs_direction, draw):
    """梯度流到当前梯度和两份历史"""
    return vjp(lbfgs_direction, *curvature_pairs(draw, 3, 5), cotangent=draw)


@case("lbfgs_direction", facet="memory", expected=True, dtypes=(torch.float32,))
def no_square_matrix_is_formed(lbfgs_direction, draw):
    """不构造方阵"""
    s = draw.normal(4, 2000)
    return largest_tensor(lbfgs_direction, draw.normal(2000), s, 2 * s) <= 10 * s.numel()


@case("lbfgs_direction", facet="interface", raises=ValueError)
def histories_of_different_lengths(lbfgs_direction, draw):
    """两份历史长度不同"""
    return lbfgs_direction(draw.normal(4), draw.normal(1, 4), draw.normal(3, 4))


def rosenbrock(x):
    """A narrow curved valley with its minimum, 0, at (1, …, 1)."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def minimum_by_scipy(f, x0, history=10, tolerance=1e-7, max_steps=500):
    """What `minimize_lbfgs` finds, by SciPy's L-BFGS-B in float64."""

    def value_and_gradient(x):
        x = torch.from_numpy(x.copy()).to(x0.dtype).requires_grad_()
        value = f(x)
        (gradient,) = torch.autograd.grad(value, x)
        return value.item(), gradient.double().numpy()

    options = {"maxcor": history, "gtol": tolerance, "ftol": 0.0, "maxiter": max_steps, "maxfun": 10**5}
    found = scipy.optimize.minimize(
        value_and_gradient, x0.double().numpy(), jac=True, method="L-BFGS-B", options=options
    )
    return torch.from_numpy(found.x).to(x0.dtype)


# where no |∂f/∂x_i| exceeds 1e-7 and the Hessian's eigenvalues are at least 0.2, x is known to 5e-7 √n
FOUND = {"agrees_with": minimum_by_scipy, "rtol": 3e-6, "atol": 3e-6, "dtypes": (torch.float64,)}


@case("minimize_lbfgs", **FOUND)
def rosenbrock_in_ten_dimensions(minimize_lbfgs, draw):
    """十维 Rosenbrock 函数"""
    return minimize_lbfgs(rosenbrock, draw.uniform(10, low=0.5, high=1.5))


@case("minimize_lbfgs", draws=2, **FOUND)
def a_bowl_a_thousand_times_steeper_one_way(minimize_lbfgs, draw):
    """一个方向陡一千倍的碗"""
    rotation = torch.linalg.qr(draw.normal(6, 6)).Q
    curvature = torch.logspace(0, 3, 6, dtype=draw.dtype)
    hessian = rotation @ (curvature[:, None] * rotation.mT)
    centre = draw.normal(6)
    return minimize_lbfgs(lambda x: (x - centre) @ hessian @ (x - centre) / 2, draw.normal(6))


@case("minimize_lbfgs", **FOUND)
def a_regularised_logistic_regression(minimize_lbfgs, draw):
    """带正则项的逻辑回归"""
    features, margin = draw.normal(40, 5), draw.mask(40).to(draw.dtype) * 2 - 1
    return minimize_lbfgs(
        lambda w: torch.nn.functional.softplus(-margin * (features @ w)).sum() + w @ w / 2,
        torch.zeros(5, dtype=draw.dtype),
    )


@case("minimize_lbfgs", **FOUND)
def a_start_where_the_function_curves_downwards(minimize_lbfgs, draw):
    """起点处函数向下弯曲"""
    centre = draw.normal(4)
    start = centre + torch.tensor([3.0, -2.5, 4.0, -3.5], dtype=draw.dtype)
    return minimize_lbfgs(lambda x: torch.log1p((x - centre) ** 2).sum(), start)


@case("minimize_lbfgs", **FOUND)
def a_history_of_a_single_pair(minimize_lbfgs, draw):
    """历史只有一对"""
    curvature, centre = draw.magnitudes(6, low=1, high=20), draw.normal(6)
    start = centre + draw.uniform(6, low=-1, high=1)
    return minimize_lbfgs(lambda x: (curvature * torch.cosh(x - centre)).sum(), start, history=1)


# single precision, stopped at gradients of 1e-3 where the smallest curvature is 0.4
@case("minimize_lbfgs", agrees_with=minimum_by_scipy, rtol=1e-2, atol=1e-2, dtypes=(torch.float32,))
def the_valley_in_single_precision(minimize_lbfgs, draw):
    """单精度的 Rosenbrock 山谷"""
    return minimize_lbfgs(rosenbrock, torch.tensor([-1.2, 1.0]), tolerance=1e-3)


@case("minimize_lbfgs", facet="numerics", agrees_with=minimum_by_scipy, dtypes=(torch.float64,))
def a_start_at_the_minimum_stays_there(minimize_lbfgs, draw):
    """从最小点出发就停在那里"""
    centre = draw.normal(4)
    return minimize_lbfgs(lambda x: ((x - centre) ** 2).sum(), centre.clone(), tolerance=0.0)


@case("minimize_lbfgs", facet="numerics", **{**FOUND, "agrees_with": None, "expected": torch.ones(3)})
def a_trial_step_that_leaves_the_domain(minimize_lbfgs, draw):
    """试探步越出定义域"""
    weight = draw.uniform(3, low=50, high=100)
    return minimize_lbfgs(lambda x: (weight * (x - torch.log(x))).sum(), draw.uniform(3, low=3, high=5))


@case("minimize_lbfgs", facet="interface")
def no_step_allowed_gives_the_start(minimize_lbfgs, draw):
    """不许走一步时返回起点"""
    return minimize_lbfgs(rosenbrock, draw.normal(3), max_steps=0)


@case("minimize_lbfgs", **FOUND)
def a_slope_with_a_wall_at_its_end(minimize_lbfgs, draw):
    """斜坡尽头有一堵墙"""
    wall = draw.number(2.9, 3.1)
    return minimize_lbfgs(lambda x: (torch.exp(20 * (x - wall)) - x).sum(), torch.zeros(3, dtype=draw.dtype))


@case("minimize_lbfgs", **FOUND)
def downhill_from_the_ridge_between_two_valleys(minimize_lbfgs, draw):
    """从两个山谷之间的山脊下坡"""
    # at every one of these heights a search that only backtracks misses the valley
    height, start = draw.number(3.2, 3.45), draw.choice([-0.2, 0.2])
    return minimize_lbfgs(lambda x: height * ((x**2 - 1) ** 2).sum(), torch.tensor([start], dtype=draw.dtype))


@case("minimize_lbfgs", facet="numerics", expected=True, dtypes=(torch.float64,))
def one_step_ends_lower_than_it_began(minimize_lbfgs, draw):
    """走一步之后函数值更低"""
    start = draw.normal(3)
    end = minimize_lbfgs(lambda x: 1.00005 * (x**2).sum(), start, max_steps=1)
    return bool((end**2).sum() < (start**2).sum())


@case("minimize_lbfgs", facet="interface", dtypes=(torch.float64,))
def a_gradient_that_equals_the_tolerance_is_small_enough(minimize_lbfgs, draw):
    """梯度恰好等于容差时已足够小"""
    centre = draw.integers(-5, 5, 3).to(draw.dtype)
    start = centre + torch.tensor([1.0, -0.5, 0.25], dtype=draw.dtype)
    return minimize_lbfgs(lambda x: ((x - centre) ** 2).sum() / 2, start, tolerance=1.0)


@case("minimize_lbfgs", facet="interface", agrees_with=minimum_by_scipy)
def a_generous_tolerance_is_met_at_the_start(minimize_lbfgs, draw):
    """起点已满足宽松的容差"""
    return minimize_lbfgs(rosenbrock, draw.normal(3), tolerance=1e9)


@case("minimize_lbfgs", facet="memory", expected=True, dtypes=(torch.float64,))
def memory_grows_with_the_history_alone(minimize_lbfgs, draw):
    """内存只随历史长度增长"""
    curvature = torch.logspace(0, 2, 300, dtype=draw.dtype)
    largest = largest_tensor(minimize_lbfgs, lambda x: (curvature * x**2).sum() / 2, draw.normal(300), history=2)
    return largest <= 10 * 300


def lagrange_by_null_space(q, c, a, b):
    """What `lagrange_equality` is: a particular solution of Ax = b, then the minimum over the null space of A."""
    m = len(b)
    basis, r = torch.linalg.qr(a.mT, mode="complete")
    r = r[:m]
    x = basis[:, :m] @ torch.linalg.solve(r.mT, b)
    null = basis[:, m:]
    x = x - null @ torch.linalg.solve(null.mT @ q @ null, null.mT @ (c + q @ x))
    return x, -torch.linalg.solve(r, basis[:, :m].mT @ (q @ x + c))


def lagrange_by_elimination(q, c, a, b):
    """What `lagrange_equality` is for an invertible Q: λ from A Q⁻¹Aᵀ λ = −(b + A Q⁻¹c), then x."""
    q_c, q_a = torch.linalg.solve(q, c), torch.linalg.solve(q, a.mT)
    multipliers = -torch.linalg.solve(a @ q_a, b + a @ q_c)
    return -q_c - q_a @ multipliers, multipliers


def quadratic_program(draw, size, constraints):
    """A positive definite Q, c, A and b."""
    root = draw.normal(size, size)
    q = root @ root.mT / size + torch.eye(size, dtype=draw.dtype)
    return q, draw.normal(size), draw.normal(constraints, size), draw.normal(constraints)


EXACT = {"agrees_with": lagrange_by_null_space, "dtypes": (torch.float64,)}


@case("lagrange_equality", draws=2, **EXACT)
def three_equations_in_seven_unknowns(lagrange_equality, draw):
    """七个未知数，三个方程"""
    return lagrange_equality(*quadratic_program(draw, 7, 3))


# two eliminations in single precision, on systems whose condition numbers reach some hundreds
@case("lagrange_equality", agrees_with=lagrange_by_null_space, rtol=5e-3, atol=5e-3, dtypes=(torch.float32,))
def equations_in_single_precision(lagrange_equality, draw):
    """单精度的方程"""
    return lagrange_equality(*quadratic_program(draw, 6, 1))


@case("lagrange_equality", **EXACT)
def a_singular_q_that_is_definite_where_it_counts(lagrange_equality, draw):
    """Q 奇异，但在约束的零空间上正定"""
    root = draw.normal(5, 3)
    return lagrange_equality(root @ root.mT, draw.normal(5), draw.normal(3, 5), draw.normal(3))


@case("lagrange_equality", **EXACT)
def no_equation_at_all(lagrange_equality, draw):
    """没有方程"""
    return lagrange_equality(*quadratic_program(draw, 4, 0))


@case("lagrange_equality", **EXACT)
def equations_that_leave_no_freedom(lagrange_equality, draw):
    """方程不留自由度"""
    return lagrange_equality(*quadratic_program(draw, 3, 3))


@case("lagrange_equality", facet="gradient", agrees_with=lagrange_by_elimination)
def gradients_reach_all_four_arguments(lagrange_equality, draw):
    """梯度流到全部四个参数"""
    grad_q, *others = vjp(lagrange_equality, *quadratic_program(draw, 4, 2), cotangent=draw)
    return grad_q + grad_q.mT, *others  # Q is symmetric: only symmetric changes of it mean anything


@case("lagrange_equality", facet="interface", **EXACT)
def matrices_that_are_not_contiguous(lagrange_equality, draw):
    """不连续的矩阵"""
    q, c, a, b = quadratic_program(draw, 4, 2)
    return lagrange_equality(draw.strided(q), draw.strided(c), draw.strided(a.mT).mT, b)


@case("lagrange_equality", facet="interface", raises=ValueError, draws=3)
def an_equation_that_follows_from_the_others(lagrange_equality, draw):
    """一个方程可由其余方程推出"""
    q, c, a, b = quadratic_program(draw, 6, 3)
    weights = draw.normal(1, 3)
    return lagrange_equality(q, c, torch.cat([a, weights @ a]), torch.cat([b, weights @ b]))
