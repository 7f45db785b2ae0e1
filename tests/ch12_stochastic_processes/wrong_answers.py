"""What students really write in chapter 12, each with the hint that it deserves."""

import math

import torch

from autograder.cases import edited, wrong


@wrong("wiener_path")
def scales_the_noise_by_the_step_itself(noise, dt):
    """Your path moves too little for a small step. (12.1) names a variance: what multiplies a standard normal number
    so that its variance becomes dt?

    步长小的时候，你的路径动得太少。(12.1) 给出的是方差：标准正态数乘以什么，方差才变成 dt？
    """
    if not dt > 0:
        raise ValueError(dt)
    return torch.cat([torch.zeros_like(noise[:1]).reshape(-1, *noise.shape[1:])[:1], (dt * noise).cumsum(0)])


@wrong("wiener_path")
def takes_the_root_with_torch_as_printed(noise, dt):
    """torch.sqrt accepts tensors only, and a step is usually a Python number. Which notation takes the root of both?

    torch.sqrt 只接受张量，而步长通常是 Python 数。哪种写法对两者都能开方？
    """
    if not dt > 0:
        raise ValueError(dt)
    return torch.cat([noise.new_zeros(1, *noise.shape[1:]), (torch.sqrt(dt) * noise).cumsum(0)])


@wrong("wiener_path")
def cuts_the_graph_of_the_step(noise, dt):
    """The values are right, but a step that is a tensor gets no gradient: math.sqrt returns a Python number.

    值是对的，但步长是张量时得不到梯度：math.sqrt 返回的是 Python 数。
    """
    if not dt > 0:
        raise ValueError(dt)
    return torch.cat([noise.new_zeros(1, *noise.shape[1:]), (math.sqrt(dt) * noise).cumsum(0)])


@wrong("wiener_path")
def begins_after_the_first_step(noise, dt):
    """One row is missing: where is the path at time 0?

    少了一行：0 时刻路径在哪里？
    """
    if not dt > 0:
        raise ValueError(dt)
    return (dt**0.5 * noise).cumsum(0)


@wrong("wiener_path")
def stretches_independent_numbers(noise, dt):
    """Each W_t has the right variance, but neighbouring times have nothing to do with each other, so this is no path.
    Which difference does (12.1) speak of?

    每个 W_t 的方差都对，但相邻时刻互不相干，所以不成路径。(12.1) 说的是哪个差？
    """
    if not dt > 0:
        raise ValueError(dt)
    times = dt * torch.arange(1, len(noise) + 1, dtype=noise.dtype).reshape(-1, *[1] * (noise.dim() - 1))
    return torch.cat([noise.new_zeros(1, *noise.shape[1:]), times.sqrt() * noise])


@wrong("wiener_path")
def draws_noise_of_its_own(noise, dt):
    """A path, but not the one of the noise that was given, so nobody can repeat it. Which argument brings the noise?

    是一条路径，但不是由给定噪声得到的那条，谁也无法复现。噪声由哪个参数给出？
    """
    if not dt > 0:
        raise ValueError(dt)
    return torch.cat([noise.new_zeros(1, *noise.shape[1:]), (dt**0.5 * torch.randn_like(noise)).cumsum(0)])


accepts_a_step_of_zero_or_less = edited(
    "wiener_path",
    {"if not dt > 0:": "if False:"},
    """A step of zero length, or back in time, has no increments of variance dt. Raise ValueError.

    长度为零或倒退的步长没有方差为 dt 的增量。应当抛出 ValueError。
    """,
)


scales_the_diffusion_by_the_step = edited(
    "euler_maruyama",
    {"* dt.sqrt() *": "* dt *"},
    """With ever smaller steps your noise vanishes: a thousand steps add up to a deviation of √1000 · dt. Which power of
    Δt stands beside ε in (12.3)?

    步长越小，你的噪声就越趋于消失：一千步累积起来的标准差是 √1000 · dt。(12.3) 里 ε 旁边是 Δt 的几次方？
    """,
)

takes_all_steps_equal = edited(
    "euler_maruyama",
    {"enumerate(steps)": "enumerate(steps.mean().expand_as(steps))"},
    """Right on an even grid only. What is Δt between t[k] and t[k+1] on an uneven one?

    只在等长网格上是对的。网格不等长时，t[k] 与 t[k+1] 之间的 Δt 是多少？
    """,
)

looks_at_the_end_of_the_step = edited(
    "euler_maruyama",
    {"f(x, t[k])": "f(x, t[k + 1])", "g(x, t[k])": "g(x, t[k + 1])"},
    """At which end of the step does Itô take the coefficients? Look at the subscripts on the right of (12.3).

    Itô 在一步的哪一端取系数？看 (12.3) 右边的下标。
    """,
)

uses_one_number_of_noise_for_all_paths = edited(
    "euler_maruyama",
    {"* noise[k])": "* noise[k].mean())"},
    """All elements receive the same shock. Each of them has noise of its own: is your product elementwise?

    所有元素受到了同样的冲击。每个元素都有自己的噪声：你的乘积是逐元素的吗？
    """,
)

keeps_the_diffusion_of_the_start = edited(
    "euler_maruyama",
    {"g(x, t[k])": "g(x0, t[k])"},
    """Right as long as g does not depend on the state. At which state does (12.3) evaluate it?

    只要 g 不依赖状态就是对的。(12.3) 在哪个状态上计算它？
    """,
)


@wrong("euler_maruyama")
def returns_the_last_state_only(f, g, x0, t, noise):
    """The end point is right, but the whole path is asked for, x0 included.

    终点是对的，但题目要的是整条路径，包括 x0。
    """
    x, steps = x0, t.diff()
    if not (steps > 0).all() or noise.shape != (len(t) - 1, *x0.shape):
        raise ValueError("times or noise")
    for k, dt in enumerate(steps):
        x = x + f(x, t[k]) * dt + g(x, t[k]) * dt.sqrt() * noise[k]
    return x


@wrong("euler_maruyama")
def walks_in_place(f, g, x0, t, noise):
    """All rows of your path are the same, and the caller's x0 has changed too: += works in place, on one tensor.

    你的路径每一行都相同，调用者的 x0 也变了：+= 是原地运算，始终作用在同一个张量上。
    """
    steps = t.diff()
    if t.dim() != 1 or not (steps > 0).all() or noise.shape != (len(t) - 1, *x0.shape):
        raise ValueError("times or noise")
    path = [x0]
    for k, dt in enumerate(steps):
        x = path[-1]
        x += f(x, t[k]) * dt + g(x, t[k]) * dt.sqrt() * noise[k]
        path.append(x)
    return torch.stack(path)


accepts_times_in_any_order = edited(
    "euler_maruyama",
    {"not (steps > 0).all()": "False"},
    """√Δt of a negative step is NaN, and a path of NaN tells nobody why. Raise ValueError unless the times increase.

    Δt 为负时 √Δt 是 NaN，而一条全是 NaN 的路径说不清原因。时刻不是递增的，就应当抛出 ValueError。
    """,
)

accepts_noise_of_any_shape = edited(
    "euler_maruyama",
    {"if noise.shape != (len(t) - 1, *x0.shape):": "if False:"},
    """Noise for more steps than there are, or one row for all paths, broadcasts without a word. Compare its shape with
    what the times and x0 call for, and raise ValueError.

    步数过多的噪声，或所有路径共用的一行噪声，会不声不响地通过广播。
    把它的形状与时刻数和 x0 所要求的比一比，不符就抛出 ValueError。
    """,
)


@wrong("ornstein_uhlenbeck_moments")
def lets_the_variance_relax_as_slowly_as_the_mean(x0, theta, mu, sigma, t):
    """A variance is a square: its deviation from the limit decays twice as fast as that of the mean.

    方差是平方量：它与极限之差的衰减速度是均值的两倍。
    """
    if (t < 0).any():
        raise ValueError("negative time")
    mean = mu + (x0 - mu) * torch.exp(-theta * t)
    return mean, sigma**2 * t if theta == 0 else -(sigma**2) * torch.expm1(-theta * t) / theta


@wrong("ornstein_uhlenbeck_moments")
def subtracts_from_one(x0, theta, mu, sigma, t):
    """For a time of 1e-10 the exponential is 1 in every digit but the last few, and 1 minus it has no digits left.
    Which function of torch computes exp(y) − 1 without that subtraction?

    t = 1e-10 时，指数除了最后几位与 1 完全相同，1 减去它就不剩有效数字了。
    torch 的哪个函数计算 exp(y) − 1 而不做这个减法？
    """
    if (t < 0).any():
        raise ValueError("negative time")
    mean = mu + (x0 - mu) * torch.exp(-theta * t)
    return mean, sigma**2 * t if theta == 0 else sigma**2 * (1 - torch.exp(-2 * theta * t)) / (2 * theta)


divides_by_a_rate_of_zero = edited(
    "ornstein_uhlenbeck_moments",
    {"if theta == 0:": "if False:"},
    """θ = 0 is Brownian motion, not an error. What does (1 − exp(−2θt)) / (2θ) tend to as θ goes to 0?

    θ = 0 就是布朗运动，不是错误。θ 趋于 0 时，(1 − exp(−2θt)) / (2θ) 趋于什么？
    """,
)

is_pulled_to_zero = edited(
    "ornstein_uhlenbeck_moments",
    {"mu + (x0 - mu) * ": "x0 * "},
    """After a long time your mean is 0. Where does the drift θ(μ − x) vanish?

    时间久了，你的均值变成 0。漂移 θ(μ − x) 在哪里等于零？
    """,
)

returns_the_standard_deviation = edited(
    "ornstein_uhlenbeck_moments",
    {"* torch.expm1(-2 * theta * t) / (2 * theta)": "* torch.expm1(-2 * theta * t) / (2 * theta)) ** 0.5",
     "-(sigma**2)": "(-(sigma**2)", "sigma**2 * t": "sigma * t**0.5"},
    """You return the root of what is asked for: the variance.

    你返回的是所求之量的平方根：题目要的是方差。
    """,
)  # fmt: skip


@wrong("ornstein_uhlenbeck_moments")
def is_stationary_from_the_start(x0, theta, mu, sigma, t):
    """σ²/(2θ) is the variance after a very long time. At t = 0 the process is exactly at x0: what is its
    variance there?

    σ²/(2θ) 是时间很久之后的方差。t = 0 时过程恰好在 x0：那时方差是多少？
    """
    if (t < 0).any():
        raise ValueError("negative time")
    mean = mu + (x0 - mu) * torch.exp(-theta * t)
    return mean, sigma**2 * t if theta == 0 else torch.full_like(t, sigma**2 / (2 * theta))


gives_a_negative_time_a_variance = edited(
    "ornstein_uhlenbeck_moments",
    {"(t < 0).any()": "False"},
    """Before its start the process does not exist, and your variance is negative there. Raise ValueError.

    在起点之前过程并不存在，而你在那里给出负的方差。应当抛出 ValueError。
    """,
)


forgets_to_subtract_the_step = edited(
    "milstein",
    {"(dw**2 - dt)": "dw**2"},
    """This solves the equation of Stratonovich. In Itô's sense the correction has mean 0: what is the mean of (ΔW)²?

    这样解的是 Stratonovich 方程。按 Itô 的意义，修正项的均值为 0：(ΔW)² 的均值是多少？
    """,
)

forgets_the_half = edited(
    "milstein",
    {"(dw**2 - dt) / 2": "(dw**2 - dt)"},
    """Your correction is twice too large. What is the integral of W dW from 0 to Δt?

    你的修正项大了一倍。从 0 到 Δt，W dW 的积分是多少？
    """,
)

subtracts_one_from_the_square = edited(
    "milstein",
    {"(dw**2 - dt)": "(noise[k]**2 - 1)"},
    """ε² − 1 has mean 0 as it should, but it does not shrink with the step. How large is (ΔW)² − Δt, in terms of ε?

    ε² − 1 的均值是 0，这没错，但它不随步长缩小。用 ε 表示，(ΔW)² − Δt 有多大？
    """,
)

corrects_by_the_square_of_the_diffusion = edited(
    "milstein",
    {"g(x, t[k]) * dg(x, t[k])": "g(x, t[k]) ** 2"},
    """Where the noise does not depend on the state the correction must vanish. Which factor sees to that?

    噪声不依赖状态时，修正项必须为零。是哪个因子保证这一点？
    """,
)

corrects_by_the_slope_alone = edited(
    "milstein",
    {"g(x, t[k]) * dg(x, t[k])": "dg(x, t[k])"},
    """While the state moves by g ΔW, the diffusion changes by its slope times that: a factor is missing.

    状态移动了 g ΔW，扩散系数就改变斜率乘以这个量：少了一个因子。
    """,
)


@wrong("milstein")
def is_the_method_of_euler_and_maruyama(f, g, dg, x0, t, noise):
    """Without dg this is (12.3). Which term of second order in ΔW does the step gain?

    没有用到 dg，这就是 (12.3)。这一步要多出哪个关于 ΔW 的二次项？
    """
    steps = t.diff()
    if t.dim() != 1 or not (steps > 0).all() or noise.shape != (len(t) - 1, *x0.shape):
        raise ValueError("times or noise")
    path = [x0]
    for k, dt in enumerate(steps):
        x = path[-1]
        path.append(x + f(x, t[k]) * dt + g(x, t[k]) * dt.sqrt() * noise[k])
    return torch.stack(path)


ignores_that_the_grid_is_uneven = edited(
    "milstein",
    {"enumerate(steps)": "enumerate(steps.mean().expand_as(steps))"},
    """Right on an even grid only. Every step has a Δt of its own.

    只在等长网格上是对的。每一步都有自己的 Δt。
    """,
)

takes_any_grid_and_any_noise = edited(
    "milstein",
    {"not (steps > 0).all()": "False", "if noise.shape != (len(t) - 1, *x0.shape):": "if False:"},
    """A grid that runs backwards gives NaN, and noise of another shape broadcasts without a word: raise ValueError.

    倒退的网格会给出 NaN，形状不符的噪声会不声不响地广播：都应当抛出 ValueError。
    """,
)


fits_a_line_without_logarithms = edited(
    "strong_order",
    {"dts.log()": "dts", "errors.log()": "errors"},
    """A power C Δt^p is no straight line. Of which two quantities is it one?

    幂函数 C Δt^p 不是直线。哪两个量之间才是直线关系？
    """,
)


@wrong("strong_order")
def divides_one_logarithm_by_the_other(errors, dts):
    """log error / log Δt is p only if C = 1: it leaves out the intercept of the line.

    只有 C = 1 时 log error / log Δt 才等于 p：这样漏掉了直线的截距。
    """
    if errors.shape != dts.shape or not ((errors > 0).all() and (dts > 0).all()) or (dts == dts[0]).all():
        raise ValueError("points")
    return (errors.log() / dts.log()).mean()


@wrong("strong_order")
def looks_at_the_two_ends_only(errors, dts):
    """Two points make a line, but the errors of the others are thrown away. What does least squares do with them?

    两点确定一条直线，但其余各点的误差都被丢弃了。最小二乘怎样利用它们？
    """
    if errors.shape != dts.shape or not ((errors > 0).all() and (dts > 0).all()) or (dts == dts[0]).all():
        raise ValueError("points")
    first, last = dts.argmin(), dts.argmax()
    return (errors[last] / errors[first]).log() / (dts[last] / dts[first]).log()


fits_the_step_to_the_error = edited(
    "strong_order",
    {"centred * errors.log()": "centred * dts.log()",
     "dts.log() - dts.log().mean()": "errors.log() - errors.log().mean()"},
    """You fitted log Δt on log error. Which of the two is chosen, and which is measured?

    你用 log error 去拟合 log Δt。二者之中哪个是选定的，哪个是测得的？
    """,
)  # fmt: skip

has_the_sign_of_the_number_of_steps = edited(
    "strong_order",
    {"centred * errors.log()": "-centred * errors.log()"},
    """Your order is negative, as if the error grew with smaller steps. Against what is it plotted: Δt or the number of
    steps?

    你的阶是负的，好像步长越小误差越大。横轴是 Δt，还是步数？
    """,
)

takes_the_logarithm_of_zero = edited(
    "strong_order",
    {"if not ((errors > 0).all() and (dts > 0).all()):": "if False:"},
    """An error of 0 has the logarithm −inf, and the slope is NaN. Say so with a ValueError.

    误差为 0 时对数是 −inf，斜率成了 NaN。应当用 ValueError 指出来。
    """,
)

divides_by_no_spread = edited(
    "strong_order",
    {"if dts.min() == dts.max():": "if False:"},
    """Errors at a single step have no slope; yours divides by a rounding error. Raise ValueError.

    只有一种步长时谈不上斜率；你除以的是舍入误差。应当抛出 ValueError。
    """,
)


uses_beta_where_its_integral_belongs = edited(
    "vp_sde_marginal",
    {"(beta_max - beta_min) * t**2 / 2": "(beta_max - beta_min) * t**2"},
    """β(t) · t would be right for a constant β. This one grew on the way: what is the area under it from 0 to t?

    β 为常数时 β(t) · t 才是对的。它一路在增长：从 0 到 t，它下方的面积是多少？
    """,
)

uses_the_rate_of_the_moment = edited(
    "vp_sde_marginal",
    {"beta_min * t + (beta_max - beta_min) * t**2 / 2": "beta_min + (beta_max - beta_min) * t"},
    """That is β(t), the rate at this moment. How much noise has come in since time 0? At t = 0 it must be none.

    这是 β(t)，即此刻的速率。从 0 时刻起一共进来了多少噪声？t = 0 时必须是零。
    """,
)

returns_the_variance = edited(
    "vp_sde_marginal",
    {"torch.sqrt(-torch.expm1(-integral))": "-torch.expm1(-integral)"},
    """Mean and standard deviation are asked for; the second is still squared.

    题目要的是均值和标准差；你的第二个还是平方。
    """,
)

shrinks_the_mean_by_the_square = edited(
    "vp_sde_marginal",
    {"torch.exp(-integral / 2)": "torch.exp(-integral)"},
    """The drift is −½ β x. And the squares of the mean's factor and of the deviation must add up to 1: do yours?

    漂移是 −½ β x。而且均值的因子与标准差的平方和必须是 1：你的是吗？
    """,
)

loses_the_first_noise_to_a_subtraction = edited(
    "vp_sde_marginal",
    {"-torch.expm1(-integral)": "1 - torch.exp(-integral)"},
    """Near t = 0 the exponential is almost 1, and 1 minus it keeps hardly a digit. Training divides by this deviation.

    t 接近 0 时指数几乎等于 1，1 减去它几乎不剩有效数字。而训练时要除以这个标准差。
    """,
)

spreads_the_times_over_the_features = edited(
    "vp_sde_marginal",
    {"t = t.reshape(t.shape + (1,) * (x0.dim() - t.dim()))": "pass"},
    """Broadcasting lines shapes up from the right: with as many features as samples, each feature got a time. Which
    dimension do the times belong to?

    广播从右边对齐形状：特征数等于样本数时，每个特征（而不是样本）得到了一个时刻。时刻属于哪一维？
    """,
)

goes_back_before_the_data = edited(
    "vp_sde_marginal",
    {"(t < 0).any()": "False"},
    """Before time 0 nothing was added, and your deviation is NaN there. Raise ValueError.

    0 时刻之前没有加过噪声，你的标准差在那里是 NaN。应当抛出 ValueError。
    """,
)


follows_the_forward_drift_in_the_wrong_direction = edited(
    "reverse_sde_step",
    {"x - drift * dt": "x + drift * dt"},
    """Your step goes on in time. Back in time dt stands for −|dt| in front of the whole bracket.

    你的这一步是顺着时间走的。倒着走时，整个括号前面的 dt 是 −|dt|。
    """,
)

pushes_away_from_the_data = edited(
    "reverse_sde_step",
    {"f(x, t) - g(t) ** 2": "f(x, t) + g(t) ** 2"},
    """Your samples flee from where the density is high. Which sign does the score have in the bracket, and which one
    after the bracket is multiplied by −dt?

    你的样本在逃离密度高的地方。括号里得分前面是什么符号？整个括号乘以 −dt 之后又是什么？
    """,
)

weights_the_score_by_the_diffusion = edited(
    "reverse_sde_step",
    {"g(t) ** 2": "g(t)"},
    """The score comes with the variance that the noise has per unit of time. Is that g?

    得分前面的系数是噪声在单位时间内的方差。那是 g 吗？
    """,
)

takes_the_half_of_the_flow = edited(
    "reverse_sde_step",
    {"score(x, t)": "score(x, t) / 2"},
    """½ g² belongs to the probability flow, which adds no noise. With fresh noise in every step the pull
    must be stronger.

    ½ g² 属于不加噪声的概率流。每一步都加新的噪声时，拉力必须更强。
    """,
)

scales_the_fresh_noise_by_the_step = edited(
    "reverse_sde_step",
    {"dt**0.5": "dt"},
    """Backwards as forwards, the noise of a step has the variance g² dt. What is its deviation?

    反向与正向一样，一步的噪声方差是 g² dt。标准差是多少？
    """,
)

adds_no_noise = edited(
    "reverse_sde_step",
    {" + g(t) * dt**0.5 * noise": ""},
    """Without noise the samples of a reverse SDE collapse onto the modes: (12.2) backwards still has its g dw̄.

    没有噪声，反向 SDE 的样本会塌缩到各个峰上：反向的 (12.2) 仍然有 g dw̄ 这一项。
    """,
)

looks_up_the_coefficients_at_the_end = edited(
    "reverse_sde_step",
    {"f(x, t) - g(t) ** 2 * score(x, t)": "f(x, t - dt) - g(t - dt) ** 2 * score(x, t - dt)"},
    """Coefficients and state belong to the same time, the one at which the step begins.

    系数与状态属于同一时刻，即这一步开始的时刻。
    """,
)

steps_by_any_length = edited(
    "reverse_sde_step",
    {"if not dt > 0:": "if False:"},
    """dt is the length of the step and positive, though time runs backwards. A negative one should raise ValueError.

    dt 是步长，虽然时间倒着走，它仍是正的。为负时应当抛出 ValueError。
    """,
)

shares_one_noise_among_samples = edited(
    "reverse_sde_step",
    {"if noise.shape != x.shape:": "if False:"},
    """Noise of shape (1, 1) broadcasts, and all samples get the same shock. Raise ValueError.

    形状 (1, 1) 的噪声会广播，所有样本受到同样的冲击。应当抛出 ValueError。
    """,
)


keeps_the_drift_of_the_reverse_sde = edited(
    "probability_flow_step",
    {" / 2": ""},
    """g² belongs to the reverse SDE, whose noise spreads the samples again. Nothing spreads them here: what
    is the factor?

    g² 属于反向 SDE，那里有噪声把样本重新散开。这里没有：因子应当是多少？
    """,
)

flows_forwards = edited(
    "probability_flow_step",
    {"x - velocity * dt": "x + velocity * dt"},
    """Your step leads to t + dt. Which one leads to t − dt?

    你的这一步走到了 t + dt。怎样走到 t − dt？
    """,
)

flows_away_from_the_data = edited(
    "probability_flow_step",
    {"f(x, t) - g(t)": "f(x, t) + g(t)"},
    """The score points to where the density is high, and going back in time the samples must gather there.

    得分指向密度高的地方，倒着走时样本应当向那里聚集。
    """,
)

forgets_to_square_the_diffusion = edited(
    "probability_flow_step",
    {"g(t) ** 2": "g(t)"},
    """The spreading of a density goes with the variance per unit of time, ½ g². What did you multiply the score by?

    密度的扩散取决于单位时间的方差，即 ½ g²。你用什么乘了得分？
    """,
)

forgets_the_drift = edited(
    "probability_flow_step",
    {"f(x, t) - g(t)": "-g(t)"},
    """Right where there is no drift, as in the variance-exploding SDE. Where is f?

    没有漂移时是对的，例如方差爆炸的 SDE。f 在哪里？
    """,
)

flows_by_any_length = edited(
    "probability_flow_step",
    {"if not dt > 0:": "if False:"},
    """dt is the length of the step and positive; zero or less should raise ValueError.

    dt 是步长，是正数；为零或为负时应当抛出 ValueError。
    """,
)
