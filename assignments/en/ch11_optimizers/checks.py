"""The visible checks of chapter 11: what a student sees on pressing check. Draws are fixed and public."""

import numpy as np
import scipy.optimize
import torch

from autograder.cases import Rules, case
from autograder.operations import gradients_after_zero_grad, group_options, trajectory

# whatever torch.optim does, it does inside a record_function of the profiler
PROFILED = "record_function*"

RULES = {
    "gradient_descent": Rules(forbids=("SGD", PROFILED)),
    "Optimizer": Rules(forbids=("Optimizer", PROFILED)),
    "SGD": Rules(forbids=("SGD", PROFILED)),
    "Adagrad": Rules(forbids=("Adagrad", PROFILED)),
    "RMSprop": Rules(forbids=("RMSprop", PROFILED)),
    "Adam": Rules(forbids=("Adam", "AdamW", PROFILED)),
    "AdamW": Rules(forbids=("Adam", "AdamW", PROFILED)),
    "clip_grad_norm": Rules(forbids=("clip_grad_norm", "clip_grads_with_norm", "get_total_norm", "foreach_*")),
    "cosine_schedule": Rules(forbids=("CosineAnnealing*", PROFILED)),
    "lbfgs_direction": Rules(forbids=("LbfgsInvHessProduct",)),
    "minimize_lbfgs": Rules(forbids=("minimize", "fmin*", "LBFGS", "LbfgsInvHessProduct", PROFILED)),
    "lagrange_equality": Rules(forbids=("minimize", "fmin*")),
}


def problem(draw, steps):
    """Parameters of several shapes, and for each step a gradient of each, in one row so small that ε matters."""
    shapes = ((3, 4), (5,), ())
    parameters = [draw.normal(*s) for s in shapes]
    gradients = [[draw.normal(*s) for s in shapes] for _ in range(steps)]
    for matrix, *_ in gradients:
        matrix[0] *= 1e-4
    return parameters, gradients


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


def rosenbrock(x):
    """A narrow curved valley with its minimum, 0, at (1, …, 1)."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@case("gradient_descent", agrees_with=descent_by_torch)
def a_quadratic_bowl(gradient_descent, draw):
    """二次函数的碗"""
    curvature, centre = draw.uniform(4, low=0.5, high=2), draw.normal(4)
    return gradient_descent(lambda x: (curvature * (x - centre) ** 2).sum() / 2, draw.normal(4), 0.3, 6)


@case("gradient_descent", agrees_with=descent_by_torch)
def a_curved_valley_where_the_gradient_turns(gradient_descent, draw):
    """弯曲的山谷，梯度方向不断变化"""
    return gradient_descent(rosenbrock, draw.uniform(2, low=-1, high=1), 1e-3, 8)


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def plain_tensors_make_one_group(Optimizer, draw):
    """若干张量组成一个参数组"""
    parameters = draw.normals(3, shape=(2, 3))
    return group_options(Optimizer, parameters, ["lr", "momentum"], defaults={"lr": 0.1, "momentum": 0.9})


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def a_group_keeps_its_own_learning_rate(Optimizer, draw):
    """参数组保留自己的学习率"""
    groups = [{"lr": 0.5}, {}]
    parameters = draw.normals(2, shape=(3,))
    return group_options(Optimizer, parameters, ["lr"], groups=groups, defaults={"lr": 0.1})


@case("Optimizer", agrees_with=torch.optim.Optimizer)
def zero_grad_leaves_no_gradient(Optimizer, draw):
    """zero_grad 之后没有梯度"""
    return gradients_after_zero_grad(Optimizer, draw.normals(2, shape=(3,)), defaults={"lr": 0.1})


@case("SGD", agrees_with=torch.optim.SGD)
def five_plain_steps(SGD, draw):
    """不带动量的五步"""
    return trajectory(SGD, *problem(draw, 5), lr=0.1)


@case("SGD", agrees_with=torch.optim.SGD)
def the_velocity_remembers_earlier_gradients(SGD, draw):
    """速度记住以前的梯度"""
    return trajectory(SGD, *problem(draw, 5), lr=0.1, momentum=0.9)


@case("SGD", agrees_with=torch.optim.SGD)
def nesterov_looks_ahead(SGD, draw):
    """Nesterov 动量向前看一步"""
    return trajectory(SGD, *problem(draw, 5), lr=0.1, momentum=0.9, nesterov=True)


@case("SGD", agrees_with=torch.optim.SGD)
def weight_decay_joins_the_gradient(SGD, draw):
    """权重衰减加进梯度"""
    return trajectory(SGD, *problem(draw, 5), lr=0.1, weight_decay=0.2)


@case("Adagrad", agrees_with=torch.optim.Adagrad)
def squared_gradients_add_up(Adagrad, draw):
    """梯度的平方逐步累加"""
    return trajectory(Adagrad, *problem(draw, 5), lr=0.1)


@case("Adagrad", agrees_with=torch.optim.Adagrad)
def the_sum_begins_at_its_initial_value(Adagrad, draw):
    """累加从给定的初值开始"""
    return trajectory(Adagrad, *problem(draw, 3), lr=0.1, initial_accumulator_value=0.5)


@case("RMSprop", agrees_with=torch.optim.RMSprop)
def five_steps_of_rmsprop(RMSprop, draw):
    """RMSprop 的五步"""
    return trajectory(RMSprop, *problem(draw, 5), lr=0.1)


@case("RMSprop", agrees_with=torch.optim.RMSprop)
def a_short_memory_of_squares(RMSprop, draw):
    """平方的记忆很短"""
    return trajectory(RMSprop, *problem(draw, 5), lr=0.1, alpha=0.5)


@case("Adam", agrees_with=torch.optim.Adam)
def the_first_step_is_free_of_bias(Adam, draw):
    """第一步没有偏差"""
    return trajectory(Adam, *problem(draw, 1), lr=0.1)


@case("Adam", agrees_with=torch.optim.Adam)
def five_steps_of_adam(Adam, draw):
    """Adam 的五步"""
    return trajectory(Adam, *problem(draw, 5), lr=0.1, betas=(0.8, 0.95))


@case("AdamW", agrees_with=torch.optim.AdamW)
def five_steps_of_adamw(AdamW, draw):
    """AdamW 的五步"""
    return trajectory(AdamW, *problem(draw, 5), lr=0.1, weight_decay=0.0)


@case("AdamW", agrees_with=torch.optim.AdamW)
def decay_stays_out_of_the_moments(AdamW, draw):
    """衰减不进入矩估计"""
    return trajectory(AdamW, *problem(draw, 5), lr=0.1, weight_decay=0.3)


def clipped_by_torch(grads, max_norm):
    """What `clip_grad_norm` is, by torch.nn.utils.clip_grad_norm_ on copies."""
    parameters = [torch.zeros_like(g).requires_grad_() for g in grads]
    for p, g in zip(parameters, grads, strict=True):
        p.grad = g.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [p.grad for p in parameters], norm


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def long_gradients_are_shortened_together(clip_grad_norm, draw):
    """过长的梯度一起缩短"""
    return clip_grad_norm([draw.normal(3, 4, scale=5), draw.normal(5, scale=5), draw.normal()], 1.0)


@case("clip_grad_norm", agrees_with=clipped_by_torch)
def short_gradients_keep_their_length(clip_grad_norm, draw):
    """不长的梯度保持原来的长度"""
    return clip_grad_norm([draw.normal(3, 4), draw.normal(5)], 100.0)


def schedule_by_torch(step, total, lr_max, lr_min=0.0, warmup=0):
    """What `cosine_schedule` is for one step, by torch's schedulers: a line from almost 0, then half a cosine."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr_max)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup, eta_min=lr_min)
    if warmup:
        linear = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-30, total_iters=warmup)
        scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [linear, scheduler], milestones=[warmup])
    for _ in range(min(step, total)):  # torch's cosine would rise again after `total`
        optimizer.step()
        scheduler.step()
    return float(optimizer.param_groups[0]["lr"])


@case("cosine_schedule", agrees_with=schedule_by_torch)
def half_a_cosine_without_warmup(cosine_schedule, draw):
    """没有预热的半个余弦"""
    peak = draw.number(0.1, 1)
    return [cosine_schedule(step, 10, peak) for step in range(11)]


@case("cosine_schedule", agrees_with=schedule_by_torch)
def a_line_up_and_a_cosine_down_to_the_floor(cosine_schedule, draw):
    """先沿直线上升，再沿余弦降到下限"""
    peak, floor = draw.number(0.1, 1), draw.number(0.01, 0.05)
    return [cosine_schedule(step, 12, peak, floor, 4) for step in range(13)]


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


@case("lbfgs_direction", agrees_with=direction_by_scipy, dtypes=(torch.float64,))
def three_pairs_in_five_dimensions(lbfgs_direction, draw):
    """五维空间中的三对"""
    return lbfgs_direction(*curvature_pairs(draw, 3, 5))


@case("lbfgs_direction", agrees_with=direction_by_scipy, dtypes=(torch.float64,))
def one_pair(lbfgs_direction, draw):
    """只有一对"""
    return lbfgs_direction(*curvature_pairs(draw, 1, 4))


def minimum_by_torch(f, x0, history=10, tolerance=1e-7, max_steps=500):
    """What `minimize_lbfgs` finds, by torch.optim.LBFGS."""
    x = x0.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x],
        max_iter=max_steps,
        history_size=history,
        tolerance_grad=tolerance,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def loss():
        optimizer.zero_grad()
        value = f(x)
        value.backward()
        return value

    optimizer.step(loss)
    return x.detach()


# where no |∂f/∂x_i| exceeds 1e-7 and the Hessian's eigenvalues are at least 0.2, x is known to 5e-7 √n
FOUND = {"rtol": 3e-6, "atol": 3e-6, "dtypes": (torch.float64,)}


@case("minimize_lbfgs", agrees_with=minimum_by_torch, **FOUND)
def a_bowl_with_axes_of_different_steepness(minimize_lbfgs, draw):
    """各轴陡峭程度不同的碗"""
    curvature, centre = draw.magnitudes(6, low=1, high=100), draw.normal(6)
    return minimize_lbfgs(lambda x: (curvature * (x - centre) ** 2).sum() / 2, draw.normal(6))


@case("minimize_lbfgs", agrees_with=minimum_by_torch, **FOUND)
def the_valley_of_rosenbrock(minimize_lbfgs, draw):
    """Rosenbrock 山谷"""
    return minimize_lbfgs(rosenbrock, torch.tensor([-1.2, 1.0], dtype=draw.dtype))


def lagrange_by_scipy(q, c, a, b):
    """What `lagrange_equality` is, by SLSQP, which writes its multipliers with the other sign."""
    q64, c64, a64, b64 = (t.detach().double().numpy() for t in (q, c, a, b))
    found = scipy.optimize.minimize(
        lambda x: x @ q64 @ x / 2 + c64 @ x,
        np.zeros(len(c64)),
        jac=lambda x: q64 @ x + c64,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda x: a64 @ x - b64, "jac": lambda x: a64},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return torch.from_numpy(found.x).to(q.dtype), torch.from_numpy(-found.multipliers).to(q.dtype)


def quadratic_program(draw, size, constraints):
    """A positive definite Q, c, A and b."""
    root = draw.normal(size, size)
    q = root @ root.mT / size + torch.eye(size, dtype=draw.dtype)
    return q, draw.normal(size), draw.normal(constraints, size), draw.normal(constraints)


# SLSQP goes on until f changes by less than 1e-14: x and λ are then known to about the root of that
FOUND_BY_SLSQP = {"rtol": 1e-5, "atol": 1e-5, "dtypes": (torch.float64,)}


@case("lagrange_equality", agrees_with=lagrange_by_scipy, **FOUND_BY_SLSQP)
def one_equation_in_three_unknowns(lagrange_equality, draw):
    """三个未知数，一个方程"""
    return lagrange_equality(*quadratic_program(draw, 3, 1))


@case("lagrange_equality", agrees_with=lagrange_by_scipy, **FOUND_BY_SLSQP)
def two_equations_in_five_unknowns(lagrange_equality, draw):
    """五个未知数，两个方程"""
    return lagrange_equality(*quadratic_program(draw, 5, 2))
