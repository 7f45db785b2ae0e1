"""What students get wrong in chapter 11, and the hint that each mistake deserves."""

import math

import torch

from autograder.cases import edited, wrong

# gradient_descent


@wrong("gradient_descent")
def takes_the_gradient_at_the_start_only(f, x0, lr, steps):
    """Your path is a straight line. At which point does step k need the gradient?

    你的路径是一条直线。第 k 步需要的是哪一点的梯度？
    """
    gradient = torch.func.grad(f)(x0)
    return torch.stack([x0 - k * lr * gradient for k in range(steps + 1)])


@wrong("gradient_descent")
def climbs(f, x0, lr, steps):
    """The values of f grow along your path. Where does the gradient point, and where do you want to go?

    沿着你的路径，f 的值越来越大。梯度指向哪里，你想往哪里走？
    """
    path = [x0.detach().clone()]
    for _ in range(steps):
        path.append(path[-1] + lr * torch.func.grad(f)(path[-1]))
    return torch.stack(path)


@wrong("gradient_descent")
def lets_gradients_pile_up_in_grad(f, x0, lr, steps):
    """Every backward() adds to .grad. What must happen between two steps?

    每次 backward() 都会累加到 .grad 上。两步之间还要做什么？
    """
    if steps < 0:
        raise ValueError("steps must not be negative")
    x = x0.detach().clone().requires_grad_()
    path = [x.detach().clone()]
    for _ in range(steps):
        f(x).backward()
        with torch.no_grad():
            x -= lr * x.grad
        path.append(x.detach().clone())
    return torch.stack(path)


leaves_out_the_start = edited(
    "gradient_descent",
    {"return torch.stack(path)": "return torch.stack(path[1:])"},
    """The path has steps + 1 points. Which one is missing?

    路径上有 steps + 1 个点。缺了哪一个？
    """,
)


@wrong("gradient_descent")
def sums_a_function_that_is_no_scalar(f, x0, lr, steps):
    """What is the gradient of a function with several values? Summing them up in silence hides the caller's mistake.

    函数有多个值时，“梯度”是什么？悄悄求和会掩盖调用者的错误。
    """
    if steps < 0:
        raise ValueError("steps must not be negative")
    path = [x0.detach().clone()]
    for _ in range(steps):
        path.append(path[-1] - lr * torch.func.grad(lambda x: f(x).sum())(path[-1]))
    return torch.stack(path)


# Optimizer

fills_the_gradients_with_zeros = edited(
    "Optimizer",
    {"p.grad = None": "p.grad = torch.zeros_like(p)"},
    """A gradient of zeros is not the same as no gradient: what would momentum or weight decay do with it?

    全零的梯度不等于没有梯度：动量和权重衰减遇到它会做什么？
    """,
)
lets_the_defaults_win = edited(
    "Optimizer",
    {"{**defaults, **group,": "{**group, **defaults,"},
    """A group that names its own lr should keep it. When two dicts share a key, which one wins?

    参数组自己写了 lr，就应当保留。两个字典有同一个键时，谁会胜出？
    """,
)
shares_one_dict_between_the_groups = edited(
    "Optimizer",
    {
        """self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in groups]""": """\
self.param_groups = []
        for group in groups:
            defaults.update(group)
            defaults["params"] = list(group["params"])
            self.param_groups.append(defaults)"""
    },
    """All your groups are one and the same dict. What happens to the others when you write into one?

    你的所有参数组其实是同一个字典。往其中一个里写，其他的会怎样？
    """,
)
keeps_the_iterator_instead_of_its_tensors = edited(
    "Optimizer",
    {
        """list(group["params"])""": """group["params"]""",
    },
    """`model.parameters()` is a generator: it can be run through only once. What must you keep instead?

    `model.parameters()` 是生成器，只能遍历一次。你应当保存什么？
    """,
)
resets_the_first_group_only = edited(
    "Optimizer",
    {"for group in self.param_groups:\n            for p": "for group in self.param_groups[:1]:\n            for p"},
    """After zero_grad some parameters still have a gradient: are they in another group?

    zero_grad 之后还有参数带着梯度：它们是不是在另一个参数组里？
    """,
)

# SGD

averages_the_gradients = edited(
    "SGD",
    {"self.velocity.get(p, 0) + g\n": 'self.velocity.get(p, 0) + (1 - group["momentum"]) * g\n'},
    """Your velocity is an average of gradients, as Adam's m is. Look at the factor of g in (11.1).

    你的速度是梯度的加权平均，那是 Adam 的 m。看看 (11.1) 中 g 的系数。
    """,
)
puts_the_learning_rate_into_the_velocity = edited(
    "SGD",
    {
        "self.velocity.get(p, 0) + g\n": 'self.velocity.get(p, 0) + group["lr"] * g\n',
        'p -= group["lr"] * (g + ': 'p -= (group["lr"] * g + ',
    },
    """With a constant lr this is the same; when a schedule changes lr, which lr should old gradients have?

    学习率不变时结果一样；调度改变 lr 之后，旧的梯度应当乘哪一个 lr？
    """,
)
steps_with_the_gradient_alone = edited(
    "SGD",
    {'if group["nesterov"] else v': 'if group["nesterov"] else g'},
    """You compute the velocity and never use it. What does (11.2) subtract?

    你算出了速度，却没有用它。(11.2) 减去的是什么？
    """,
)
looks_ahead_with_the_old_velocity = edited(
    "SGD",
    {
        'v = group["momentum"] * self.velocity.get(p, 0) + g': "u = self.velocity.get(p, 0)\n"
        '                v = group["momentum"] * u + g',
        '(g + group["momentum"] * v if': '(g + group["momentum"] * u if',
    },
    """Nesterov's step uses the velocity of this step. Which one do you multiply by μ?

    Nesterov 用的是这一步更新之后的速度。你乘以 μ 的是哪一个？
    """,
)
takes_no_gradient_for_a_gradient_of_zero = edited(
    "SGD",
    {
        "                if p.grad is None:\n                    continue\n": "",
        "g = p.grad + ": "g = (torch.zeros_like(p) if p.grad is None else p.grad) + ",
    },
    """A parameter without gradient is skipped: it must not drift on its old velocity, nor decay.

    没有梯度的参数要跳过：它不应靠旧的速度继续漂移，也不应衰减。
    """,
)
rebinds_the_parameter = edited(
    "SGD",
    {'p -= group["lr"] *': 'p = p - group["lr"] *'},
    """The model's parameters have not moved. Does your last line change the tensor, or only what a name refers to?

    模型的参数没有动。最后一行改变的是张量本身，还是只让名字指向了新的张量？
    """,
)
decays_after_the_momentum = edited(
    "SGD",
    {
        'g = p.grad + group["weight_decay"] * p': "g = p.grad",
        "p -= group": 'p *= 1 - group["lr"] * group["weight_decay"]\n                p -= group',
    },
    """The decay here belongs to the gradient (11.6), so the velocity remembers it. AdamW is the one that decouples it.

    这里的权重衰减属于梯度 (11.6)，所以速度会记住它。把它拆出来的是 AdamW。
    """,
)
reads_the_learning_rate_once = edited(
    "SGD",
    {
        "self.velocity: dict[Tensor, Tensor] = {}": "self.velocity = {}\n        self.lr = lr",
        'p -= group["lr"]': "p -= self.lr",
    },
    """A schedule writes into param_groups[i]["lr"], and groups may differ. From where does your step take lr?

    调度会改写 param_groups[i]["lr"]，各组也可以不同。你的 step 从哪里取 lr？
    """,
)
writes_into_the_gradient = edited(
    "SGD",
    {'g = p.grad + group["weight_decay"] * p': 'g = p.grad.add_(p, alpha=group["weight_decay"])'},
    """After step() the gradient is not what backward() left there. Which line writes into p.grad?

    step() 之后，梯度已不是 backward() 留下的值。哪一行写进了 p.grad？
    """,
)
keeps_the_gradient_tensor_as_velocity = edited(
    "SGD",
    {
        'g = p.grad + group["weight_decay"] * p': (
            'g = p.grad if group["weight_decay"] == 0 else p.grad.add(p, alpha=group["weight_decay"])'
        ),
        'v = group["momentum"] * self.velocity.get(p, 0) + g': (
            'v = group["momentum"] * self.velocity[p] + g if p in self.velocity else p.grad'
        ),
    },
    """The first velocity is the very tensor p.grad. What becomes of it when the next backward() writes there?

    第一步的速度就是 p.grad 这个张量本身。下一次 backward() 写进去之后，它会变成什么？
    """,
)

# Adagrad

averages_the_squares = edited(
    "Adagrad",
    {'["initial_accumulator_value"]) + g * g': '["initial_accumulator_value"]) * 0.9 + 0.1 * g * g'},
    """Adagrad adds the squares up and forgets none. A moving average is RMSprop's.

    Adagrad 把平方一直加下去，什么都不忘。滑动平均是 RMSprop 的做法。
    """,
)
divides_by_the_sum_itself = edited(
    "Adagrad",
    {"s.sqrt()": "s"},
    """If all gradients double, the step of Adagrad stays the same. Does yours? Look at the power of s in (11.7).

    所有梯度都乘以 2 时，Adagrad 的步长不变。你的呢？看看 (11.7) 中 s 的次数。
    """,
)
hides_epsilon_under_the_root = edited(
    "Adagrad",
    {'(s.sqrt() + group["eps"])': '(s + group["eps"]).sqrt()'},
    """Where does ε stand in (11.7): under the root, or beside it? For small gradients it matters.

    (11.7) 中的 ε 在根号里面还是外面？梯度很小时差别很大。
    """,
)
begins_at_zero_always = edited(
    "Adagrad",
    {'self.square_sum.get(p, group["initial_accumulator_value"])': "self.square_sum.get(p, 0)"},
    """With what does the sum begin? One of the arguments of the constructor says it.

    累加从什么值开始？构造函数的一个参数说了。
    """,
)
leaves_the_newest_square_out = edited(
    "Adagrad",
    {
        's = self.square_sum.get(p, group["initial_accumulator_value"]) + g * g\n'
        "                self.square_sum[p] = s": (
            's = torch.zeros_like(p) + self.square_sum.get(p, group["initial_accumulator_value"])\n'
            "                self.square_sum[p] = s + g * g"
        )
    },
    """Your first step divides by ε alone. Is g_t² already in s_t when θ is updated?

    你的第一步只除以 ε。更新 θ 时，g_t² 已经加进 s_t 了吗？
    """,
)

# RMSprop

forgets_to_weigh_the_new_square = edited(
    "RMSprop",
    {"(1 - alpha) * g * g": "g * g"},
    """The weights of an average add up to 1. What are yours?

    加权平均的权重之和是 1。你的呢？
    """,
)
swaps_the_two_weights = edited(
    "RMSprop",
    {
        "alpha * self.square_average.get(p, 0) + (1 - alpha) * g * g": (
            "(1 - alpha) * self.square_average.get(p, 0) + alpha * g * g"
        )
    },
    """With α = 0.99 the average should change slowly. Which of the two terms gets α?

    α = 0.99 时平均应当变化缓慢。两项中哪一项乘 α？
    """,
)
puts_epsilon_under_the_root = edited(
    "RMSprop",
    {'(v.sqrt() + group["eps"])': '(v + group["eps"]).sqrt()'},
    """Where does ε stand in (11.8): under the root, or beside it? For small gradients it matters.

    (11.8) 中的 ε 在根号里面还是外面？梯度很小时差别很大。
    """,
)
corrects_a_bias_as_adam_does = edited(
    "RMSprop",
    {
        "self.square_average[p] = v": (
            "self.square_average[p] = v\n                self.t = getattr(self, 't', {})\n"
            "                self.t[p] = self.t.get(p, 0) + 1\n                v = v / (1 - alpha ** self.t[p])"
        )
    },
    """Your first steps are shorter than RMSprop's. Correcting the bias came with Adam.

    你最初几步比 RMSprop 短。偏差修正是 Adam 才有的。
    """,
)
averages_the_gradient_instead_of_its_square = edited(
    "RMSprop",
    {"(1 - alpha) * g * g": "(1 - alpha) * g.abs()", "v.sqrt()": "v"},
    """The root of the mean of squares is not the mean of absolute values. Square first, take the root last.

    平方平均的根不等于绝对值的平均。先平方，最后开方。
    """,
)

# Adam

forgets_the_bias_correction = edited(
    "Adam",
    {"m_hat = m / (1 - beta1**t)": "m_hat = m", "v_hat = v / (1 - beta2**t)": "v_hat = v"},
    """Your first step is about three times as long as lr. What are m₁ and v₁, when m₀ = v₀ = 0?

    你的第一步大约是 lr 的三倍。m₀ = v₀ = 0 时，m₁ 和 v₁ 是多少？
    """,
)
corrects_the_first_moment_only = edited(
    "Adam",
    {"v_hat = v / (1 - beta2**t)": "v_hat = v"},
    """Both averages begin at 0, and you correct one. Which one is still too small?

    两个平均都从 0 开始，你只修正了一个。哪一个仍然偏小？
    """,
)
adds_epsilon_under_the_root = edited(
    "Adam",
    {'(v_hat.sqrt() + group["eps"])': '(v_hat + group["eps"]).sqrt()'},
    """Where does ε stand in (11.11): under the root, or beside it? Try gradients of 10⁻⁸.

    (11.11) 中的 ε 在根号里面还是外面？用 10⁻⁸ 大小的梯度试一试。
    """,
)
adds_epsilon_before_the_correction = edited(
    "Adam",
    {
        'group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])': (
            'group["lr"] * (1 - beta2**t) ** 0.5 * m_hat / (v.sqrt() + group["eps"])'
        )
    },
    """Folding the correction into the step size changes what ε is compared with. In (11.11) it stands beside √v̂.

    把修正并入步长之后，与 ε 比较的量就变了。(11.11) 中 ε 加在 √v̂ 旁边。
    """,
)
counts_the_steps_of_all_parameters_together = edited(
    "Adam",
    {
        "self.moments: dict[Tensor, tuple[int, Tensor, Tensor]] = {}": "self.moments = {}\n        self.t = 0",
        "for group in self.param_groups:\n            beta1": (
            "self.t += 1\n        for group in self.param_groups:\n            beta1"
        ),
        "t = t + 1": "t = self.t",
    },
    """A parameter that gets its first gradient late has moments that have just begun. What is its t?

    一个参数很晚才第一次得到梯度，它的矩估计才刚开始。它的 t 是多少？
    """,
)
never_counts = edited(
    "Adam",
    {"t = t + 1": "t = 1"},
    """Your correction is that of the first step, for ever. What should t be in the second?

    你的修正永远是第一步的修正。第二步的 t 应当是多少？
    """,
)
decouples_the_decay = edited(
    "Adam",
    {
        'g = p.grad + group["weight_decay"] * p': "g = p.grad",
        "p -= group": 'p *= 1 - group["lr"] * group["weight_decay"]\n                p -= group',
    },
    """That is AdamW. In Adam λθ is part of the gradient and goes through both moments.

    那是 AdamW。在 Adam 中，λθ 是梯度的一部分，要经过两个矩。
    """,
)
squares_the_average = edited(
    "Adam",
    {"(1 - beta2) * g * g": "(1 - beta2) * m * m"},
    """The second moment averages the squares of the gradients, not the square of their average.

    二阶矩平均的是梯度的平方，不是平均梯度的平方。
    """,
)
swaps_the_betas = edited(
    "Adam",
    {"beta1, beta2 = group": "beta2, beta1 = group"},
    """Which of the two betas belongs to the first moment? The order is that of torch.

    两个 β 中哪一个属于一阶矩？顺序与 torch 相同。
    """,
)

# AdamW

adds_the_decay_to_the_gradient = edited(
    "AdamW",
    {
        "t, m, v = self.moments": 'g = p.grad + group["weight_decay"] * p\n                t, m, v = self.moments',
        "(1 - beta1) * p.grad": "(1 - beta1) * g",
        "(1 - beta2) * p.grad * p.grad": "(1 - beta2) * g * g",
        ' + group["weight_decay"] * p)': ")",
    },
    """That is Adam with L2: the decay is divided by √v̂ like everything else. Where does λθ stand in (11.3)?

    那是带 L2 的 Adam：衰减也被 √v̂ 除了。(11.3) 中的 λθ 在哪里？
    """,
)
decays_without_the_learning_rate = edited(
    "AdamW",
    {
        ' + group["weight_decay"] * p)': ")",
        "p -= group": 'p *= 1 - group["weight_decay"]\n                p -= group',
    },
    """When a schedule turns lr down to 0, your decay goes on. What multiplies λθ in (11.3)?

    调度把 lr 降到 0 时，你的衰减还在继续。(11.3) 中 λθ 前面乘了什么？
    """,
)
decays_what_the_step_left = edited(
    "AdamW",
    {' + group["weight_decay"] * p)': ')\n                p *= 1 - group["lr"] * group["weight_decay"]'},
    """λ multiplies θ_{t−1}, the parameter before the step. Which one do you shrink?

    λ 乘的是更新之前的 θ_{t−1}。你缩小的是哪一个？
    """,
)
forgets_to_correct_the_bias = edited(
    "AdamW",
    {"m_hat = m / (1 - beta1**t)": "m_hat = m", "v_hat = v / (1 - beta2**t)": "v_hat = v"},
    """Both averages begin at 0 and are too small at first. By which factors?

    两个平均都从 0 开始，最初偏小。各偏小多少倍？
    """,
)
takes_adams_default_decay = edited(
    "AdamW",
    {"weight_decay: float = 1e-2": "weight_decay: float = 0.0"},
    """Look at the defaults in the signature: AdamW's weight decay is not 0.

    看看签名里的默认值：AdamW 的权重衰减默认不是 0。
    """,
)

# clip_grad_norm


@wrong("clip_grad_norm")
def clips_every_tensor_alone(grads, max_norm):
    """Clipped one by one, the tensors change their proportions: the whole gradient turns. What has one norm here?

    逐个裁剪会改变各张量之间的比例，整个梯度的方向就变了。这里求的是谁的范数？
    """
    if max_norm < 0:
        raise ValueError("max_norm must not be negative")
    norm = torch.stack([torch.linalg.vector_norm(g) for g in grads]).square().sum().sqrt()
    clipped = [g * (max_norm / (torch.linalg.vector_norm(g) + 1e-6)).clamp(max=1) for g in grads]
    return clipped, norm


@wrong("clip_grad_norm")
def clips_every_value(grads, max_norm):
    """That is clipping by value: it bounds every coordinate and turns the gradient. Clipping by norm only shortens it.

    那是按值裁剪：它限制每个坐标，会改变方向。按范数裁剪只缩短长度。
    """
    if max_norm < 0:
        raise ValueError("max_norm must not be negative")
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    return [g.clamp(-max_norm, max_norm) for g in grads], norm


stretches_short_gradients = edited(
    "clip_grad_norm",
    {"torch.clamp(max_norm / (norm + 1e-6), max=1)": "max_norm / (norm + 1e-6)"},
    """Gradients shorter than max_norm came out longer. What does the minimum in (11.12) say?

    比 max_norm 短的梯度反而变长了。(11.12) 中的 min 说了什么？
    """,
)
adds_the_norms = edited(
    "clip_grad_norm",
    {
        "torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))": (
            "sum(torch.linalg.vector_norm(g) for g in grads)"
        )
    },
    """The norm of all gradients together is not the sum of their norms. Think of Pythagoras.

    所有梯度合起来的范数不是各自范数之和。想想勾股定理。
    """,
)
returns_the_norm_after_clipping = edited(
    "clip_grad_norm",
    {"for g in grads], norm": "for g in grads], scale * norm"},
    """People log the norm to see explosions. Which norm shows them, the one before or the one after?

    记录范数是为了发现爆炸。裁剪之前还是之后的范数看得出来？
    """,
)
divides_by_a_norm_of_zero = edited(
    "clip_grad_norm",
    {"norm + 1e-6": "norm"},
    """What comes out when the limit and the gradients are both as small as 10⁻⁶? Look for 10⁻⁶ in (11.12).

    上限和梯度都小到 10⁻⁶ 时结果如何？在 (11.12) 里找 10⁻⁶。
    """,
)

# cosine_schedule

rises_again_after_the_end = edited(
    "cosine_schedule",
    {"min((step - warmup) / (total - warmup), 1)": "(step - warmup) / (total - warmup)"},
    """A cosine goes up again after π. What does the third line of (11.13) say?

    余弦过了 π 又会上升。(11.13) 的第三行怎么说？
    """,
)
begins_the_cosine_at_step_zero = edited(
    "cosine_schedule",
    {"(step - warmup) / (total - warmup)": "step / total"},
    """At the end of the warmup your rate jumps. From which step does the cosine count?

    预热结束时你的学习率会跳变。余弦从哪一步开始计数？
    """,
)
warms_up_one_step_early = edited(
    "cosine_schedule",
    {"lr_max * step / warmup": "lr_max * (step + 1) / warmup"},
    """What does (11.13) give at s = 0, and where does it reach η_max?

    (11.13) 在 s = 0 时是多少？在哪一步达到 η_max？
    """,
)
forgets_the_floor_in_the_amplitude = edited(
    "cosine_schedule",
    {"(lr_max - lr_min) *": "lr_max *"},
    """At s = w your rate is above η_max. By how much, and which term is too large?

    在 s = w 处你的学习率超过了 η_max。超了多少？哪一项太大？
    """,
)
warms_up_from_the_floor = edited(
    "cosine_schedule",
    {"return lr_max * step / warmup": "return lr_min + (lr_max - lr_min) * step / warmup"},
    """Where does the line begin: at 0 or at η_min? Look at the first line of (11.13).

    直线从 0 还是从 η_min 开始？看 (11.13) 的第一行。
    """,
)


@wrong("cosine_schedule")
def takes_a_whole_period(step, total, lr_max, lr_min=0.0, warmup=0):
    """Your rate is back at η_max in the end. How much of a cosine's period is needed to go from top to bottom?

    最后你的学习率又回到了 η_max。从最高降到最低需要余弦的几分之几个周期？
    """
    if step < 0 or not 0 <= warmup < total:
        raise ValueError("needs 0 ≤ step and 0 ≤ warmup < total")
    if step < warmup:
        return lr_max * step / warmup
    progress = min((step - warmup) / (total - warmup), 1)
    return lr_min + (lr_max - lr_min) * (1 + math.cos(2 * math.pi * progress)) / 2


# lbfgs_direction

walks_the_first_loop_forwards = edited(
    "lbfgs_direction",
    {"for i in reversed(range(len(s))):": "for i in range(len(s)):"},
    """The first loop undoes the updates (11.16). The outermost one was made last: which pair comes first?

    第一个循环逐层拆开 (11.16)。最外层是最后一次更新：应当从哪一对开始？
    """,
)
forgets_the_minus = edited(
    "lbfgs_direction",
    {"return -q": "return q"},
    """Is gᵀd negative for your d? Otherwise it leads uphill.

    对你的 d，gᵀd 是负的吗？否则它指向上坡。
    """,
)
begins_at_the_identity = edited(
    "lbfgs_direction",
    {"q = q * (s[-1] @ y[-1]) / (y[-1] @ y[-1])": "pass"},
    """With H₀ = I the first step has the scale of the gradient, not of x. What is γ in (11.15)?

    H₀ = I 时，第一步的尺度是梯度的，不是 x 的。(11.15) 中的 γ 是什么？
    """,
)
inverts_the_scale = edited(
    "lbfgs_direction",
    {"(s[-1] @ y[-1]) / (y[-1] @ y[-1])": "(y[-1] @ y[-1]) / (s[-1] @ y[-1])"},
    """H is an inverse Hessian: in one dimension s/y. Does your γ have the unit of s/y or of y/s?

    H 是 Hessian 的逆：一维时就是 s/y。你的 γ 的量纲是 s/y 还是 y/s？
    """,
)
scales_by_the_oldest_pair = edited(
    "lbfgs_direction",
    {"(s[-1] @ y[-1]) / (y[-1] @ y[-1])": "(s[0] @ y[0]) / (y[0] @ y[0])"},
    """γ should tell the curvature where we are now. Which pair is the newest?

    γ 应当反映当前位置的曲率。哪一对是最新的？
    """,
)
fails_without_history = edited(
    "lbfgs_direction",
    {"    if len(s):\n        q = q *": "    q = q *"},
    """Before the first step there is no pair. Which direction is left then?

    第一步之前还没有任何一对。那时的方向是什么？
    """,
)


@wrong("lbfgs_direction")
def forms_the_whole_matrix(grad, s, y):
    """The value is right, but H has n² entries. For n = 10⁹ it does not exist; the two loops need only the pairs.

    值是对的，但 H 有 n² 个元素。n = 10⁹ 时它根本放不下；两个循环只需要这些对。
    """
    if s.shape != y.shape:
        raise ValueError("s and y must have one shape")
    eye = torch.eye(len(grad), dtype=grad.dtype)
    h = eye * (s[-1] @ y[-1]) / (y[-1] @ y[-1]) if len(s) else eye
    for i in range(len(s)):
        rho = 1 / (s[i] @ y[i])
        left = eye - rho * torch.outer(s[i], y[i])
        h = left @ h @ left.mT + rho * torch.outer(s[i], s[i])
    return -(h @ grad)


# minimize_lbfgs


@wrong("minimize_lbfgs")
def descends_along_the_gradient(f, x0, history=10, tolerance=1e-7, max_steps=500):
    """Gradient descent creeps along the valley and is still far away. Where do the pairs (s, y) come in?

    梯度下降沿着山谷爬行，还离得很远。(s, y) 用在哪里？
    """
    x = x0.detach().clone()
    for _ in range(max_steps):
        gradient, value = torch.func.grad_and_value(f)(x)
        if gradient.abs().max() <= tolerance:
            break
        t = 1.0
        while not f(x - t * gradient) <= value - 1e-4 * t * gradient @ gradient and t > 1e-12:
            t = t / 2
        x = x - t * gradient
    return x


takes_the_full_step_always = edited(
    "minimize_lbfgs",
    {
        "if not value_new <= value + 1e-4 * t * slope:": "if False:",
        "elif gradient_new @ direction < 0.9 * slope:": "elif False:",
    },
    """Far from the minimum a full step may lead uphill. What decides how far to go along d?

    离最小点还远时，整步可能走上坡。沿 d 走多远由什么决定？
    """,
)
only_backtracks = edited(
    "minimize_lbfgs",
    {"elif gradient_new @ direction < 0.9 * slope:": "elif False:"},
    """A step that is too short may give sᵀy ≤ 0, and then H is no longer positive definite. Which condition forbids it?

    步子太短时可能出现 sᵀy ≤ 0，H 就不再正定。哪个条件排除了它？
    """,
)
turns_the_pairs_around = edited(
    "minimize_lbfgs",
    {"gradient_new - gradient)[None]": "gradient - gradient_new)[None]"},
    """For a convex function sᵀy > 0. What is the sign of yours?

    凸函数总有 sᵀy > 0。你的符号是什么？
    """,
)
keeps_every_pair = edited(
    "minimize_lbfgs",
    {"(x_new - x)[None]])[-history:]": "(x_new - x)[None]])", "gradient)[None]])[-history:]": "gradient)[None]])"},
    """The L stands for limited memory. How many pairs may you keep?

    L 表示“有限内存”。最多保留多少对？
    """,
)
returns_the_value_of_the_minimum = edited(
    "minimize_lbfgs",
    {"    return x\n": "    return value\n"},
    """The minimiser is the point x, not the value f(x) there.

    极小点是 x，不是那里的函数值 f(x)。
    """,
)

# lagrange_equality

turns_the_sign_of_the_multipliers = edited(
    "lagrange_equality",
    {"solution[:n], solution[n:]": "solution[:n], -solution[n:]"},
    """x is right. Put your λ into Qx + c + Aᵀλ: is it 0?

    x 是对的。把你的 λ 代入 Qx + c + Aᵀλ：结果是 0 吗？
    """,
)
loses_the_linear_part = edited(
    "lagrange_equality",
    {"torch.cat([-c, b])": "torch.cat([c, b])"},
    """Set the derivative of ½xᵀQx + cᵀx + λᵀ(Ax − b) to 0 and bring c to the right. With which sign?

    令 ½xᵀQx + cᵀx + λᵀ(Ax − b) 的导数为 0，把 c 移到右边。符号是什么？
    """,
)


@wrong("lagrange_equality")
def projects_the_free_minimum(q, c, a, b):
    """The nearest feasible point to the free minimum is not the lowest one, unless Q is a multiple of I.

    离无约束极小点最近的可行点并不是函数值最低的点，除非 Q 是 I 的倍数。
    """
    x = torch.linalg.solve(q, -c)
    x = x + a.mT @ torch.linalg.solve(a @ a.mT, b - a @ x)
    return x, -torch.linalg.solve(a @ a.mT, a @ (q @ x + c))


@wrong("lagrange_equality")
def inverts_q_first(q, c, a, b):
    """Q itself may be singular; the whole system (11.19) need not be. Which matrix must be invertible?

    Q 本身可以是奇异的，而整个方程组 (11.19) 不必奇异。哪个矩阵必须可逆？
    """
    q_c, q_a = torch.linalg.solve(q, c), torch.linalg.solve(q, a.mT)
    multipliers = -torch.linalg.solve(a @ q_a, b + a @ q_c)
    return -q_c - q_a @ multipliers, multipliers


@wrong("lagrange_equality")
def punishes_instead_of_constraining(q, c, a, b):
    """A penalty ½μ‖Ax − b‖² comes near to Ax = b and never meets it. A multiplier does.

    惩罚项 ½μ‖Ax − b‖² 只能接近 Ax = b，永远不会相等。乘子可以。
    """
    mu = 1e4
    x = torch.linalg.solve(q + mu * a.mT @ a, mu * a.mT @ b - c)
    return x, mu * (a @ x - b)
