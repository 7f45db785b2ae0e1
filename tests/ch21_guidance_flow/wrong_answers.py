"""What students get wrong in chapter 21, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong

# classifier_free_guidance

counts_the_scale_from_the_conditional_model = edited(
    "classifier_free_guidance",
    {"guidance_scale * (eps_cond": "(1 + guidance_scale) * (eps_cond"},
    """This is the paper's own convention, whose w is one less. In (21.1), which scale gives the conditional model?

    这是原论文的约定，它的 w 比这里小 1。在 (21.1) 里，w 取多少得到有条件模型？
    """,
)

starts_at_the_conditional_prediction = edited(
    "classifier_free_guidance",
    {"return eps_uncond +": "return eps_cond +"},
    """At w = 0 yours is the conditional model. Which of the two predictions is left in (21.1) when w is 0?

    w = 0 时你得到的是有条件模型。在 (21.1) 里令 w = 0，剩下的是哪个预测？
    """,
)


@wrong("classifier_free_guidance")
def pushes_away_from_the_prompt(eps_uncond, eps_cond, guidance_scale):
    """At w = 1 yours is not the conditional model. From where to where does the difference in (21.1) point?

    w = 1 时你得到的不是有条件模型。(21.1) 里的差，是从哪个预测指向哪个预测？
    """
    if eps_uncond.shape != eps_cond.shape:
        raise ValueError("shapes")
    return eps_uncond + guidance_scale * (eps_uncond - eps_cond)


adds_the_whole_conditional_prediction = edited(
    "classifier_free_guidance",
    {"(eps_cond - eps_uncond)": "eps_cond"},
    """The unconditional prediction is in yours twice when w is 1. What is amplified: the prediction, or what the
    prompt changes in it?

    w = 1 时，你的结果里无条件的部分重复了。被放大的是预测本身，还是提示词给预测带来的改变？
    """,
)


@wrong("classifier_free_guidance")
def switches_guidance_off_up_to_one(eps_uncond, eps_cond, guidance_scale):
    """Pipelines skip the second forward pass for w ≤ 1 and call that "no guidance". What does (21.1) give at
    w = 0, and halfway between 0 and 1?

    一些推理程序在 w ≤ 1 时省掉第二次前向计算，称之为“不引导”。而 (21.1) 在 w = 0 处、在 0 与 1 之间给出什么？
    """
    if eps_uncond.shape != eps_cond.shape:
        raise ValueError("shapes")
    if guidance_scale <= 1:
        return eps_cond
    return eps_uncond + guidance_scale * (eps_cond - eps_uncond)


@wrong("classifier_free_guidance")
def keeps_the_scale_between_zero_and_one(eps_uncond, eps_cond, guidance_scale):
    """Yours stays between the two predictions. Where is ε̂ for w = 7.5?

    你的结果总在两个预测之间。w = 7.5 时，ε̂ 在哪里？
    """
    if eps_uncond.shape != eps_cond.shape:
        raise ValueError("shapes")
    scale = min(max(float(guidance_scale), 0.0), 1.0)
    return eps_uncond + scale * (eps_cond - eps_uncond)


cuts_the_gradient_of_the_unconditional_prediction = edited(
    "classifier_free_guidance",
    {"return eps_uncond +": "return eps_uncond.detach() +"},
    """The value is right, the gradient is not: which of the inputs does your result still depend on?

    值是对的，梯度不对：你的结果还依赖哪些输入？
    """,
)

broadcasts_one_prediction_over_many = edited(
    "classifier_free_guidance",
    {"if eps_uncond.shape != eps_cond.shape:": "if False:"},
    """Shapes (1, 5) and (3, 5) are not predictions for the same points, though broadcasting accepts them. Raise
    ValueError.

    形状 (1, 5) 和 (3, 5) 不是同一批点的预测，尽管广播会接受它们。应当抛出 ValueError。
    """,
)

# rectified_flow_interpolate

runs_from_data_to_noise = edited(
    "rectified_flow_interpolate",
    {"t * x1 + (1 - t) * x0": "t * x0 + (1 - t) * x1"},
    """At t = 0 yours is the data. Diffusion models count time that way; where does (21.2) start?

    t = 0 时你给出的是数据。扩散模型的时间是那样数的；(21.2) 从哪里出发？
    """,
)

adds_the_difference_to_the_noise = edited(
    "rectified_flow_interpolate",
    {"t * x1 + (1 - t) * x0": "x0 + t * (x1 - x0)"},
    """Equal on paper. When x0 is 1e18 and x1 about 1, what is left of x1 in x1 − x0, and what comes out at t = 1?

    纸面上相等。当 x0 是 1e18、x1 在 1 左右时，x1 − x0 里还剩下 x1 的多少？t = 1 处会得到什么？
    """,
)

broadcasts_the_times_over_the_features = edited(
    "rectified_flow_interpolate",
    {"        t = t.reshape(t.shape + (1,) * (x0.dim() - 1))\n": ""},
    """With as many samples as features, nothing fails and every sample gets all the times. Which dimension of x0 does
    a tensor of shape (batch,) line up with when it is broadcast?

    样本数等于特征数时不会报错，但每个样本都用上了所有的时间。形状 (batch,) 的张量做广播时，与 x0 的哪一维对齐？
    """,
)

gives_the_times_a_single_new_dimension = edited(
    "rectified_flow_interpolate",
    {"(1,) * (x0.dim() - 1)": "(1,)"},
    """Right for points that are rows. An image has three dimensions behind its batch: how many does t need?

    对一行一个的点是对的。图像在批量维之后还有三维：t 需要几个？
    """,
)


@wrong("rectified_flow_interpolate")
def mixes_as_diffusion_does(x0, x1, t):
    """√t and √(1 − t) keep the variance, as DDPM's chain does; their path is curved. Which weights make the line
    straight?

    权重 √t 和 √(1 − t) 保持方差不变，那是 DDPM 的做法，路径是弯的。什么样的权重才走直线？
    """
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    t = torch.as_tensor(t, dtype=x0.dtype)
    if t.dim() > 0:
        if t.shape != x0.shape[:1]:
            raise ValueError("times")
        t = t.reshape(t.shape + (1,) * (x0.dim() - 1))
    return t.sqrt() * x1 + (1 - t).sqrt() * x0


@wrong("rectified_flow_interpolate")
def cuts_the_gradient_of_the_time(x0, x1, t):
    """The values are right. torch.tensor and float() make a new number that autograd does not know: what is dX_t/dt?

    值是对的。torch.tensor 和 float() 造出的是 autograd 不认识的新数：dX_t/dt 应当是什么？
    """
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    t = torch.as_tensor(t, dtype=x0.dtype).detach()
    if t.dim() > 0:
        if t.shape != x0.shape[:1]:
            raise ValueError("times")
        t = t.reshape(t.shape + (1,) * (x0.dim() - 1))
    return t * x1 + (1 - t) * x0


accepts_times_of_any_length = edited(
    "rectified_flow_interpolate",
    {"if t.shape != x0.shape[:1]:": "if t.dim() != 1:"},
    """One time in a tensor of shape (1,) is silently used for all the samples. What shapes may t have?

    形状 (1,) 的张量里只有一个时间，却被悄悄用到所有样本上。t 可以有哪些形状？
    """,
)

accepts_noise_of_another_shape = edited(
    "rectified_flow_interpolate",
    {"if x0.shape != x1.shape:": "if False:"},
    """One row of noise for many rows of data: every line would start at the same point. Raise ValueError.

    用一行噪声配许多行数据：所有的直线都从同一点出发。应当抛出 ValueError。
    """,
)

# rectified_flow_loss

averages_over_the_features_too = edited(
    "rectified_flow_loss",
    {"(velocity - (x1 - x0)).square().sum() / len(x0)": "(velocity - (x1 - x0)).square().mean()"},
    """You are off by the number of features. ‖·‖² is a sum over them; what is the expectation E taken over?

    你的结果差一个因子，恰是特征数。‖·‖² 对特征求和；期望 E 是对什么取的？
    """,
)

sums_over_the_samples = edited(
    "rectified_flow_loss",
    {".sum() / len(x0)": ".sum()"},
    """Your loss grows with the batch. What does E in (21.3) become for a batch?

    批量越大，你的损失越大。(21.3) 里的 E 在一批样本上是什么？
    """,
)

takes_the_norm_without_the_square = edited(
    "rectified_flow_loss",
    {
        "(velocity - (x1 - x0)).square().sum() / len(x0)": (
            "(velocity - (x1 - x0)).reshape(len(x0), -1).norm(dim=1).mean()"
        )
    },
    """You average distances; (21.3) averages their squares. Which of the two is least at the mean of the targets?

    你对距离取平均；(21.3) 对距离的平方取平均。哪一种在目标的均值处最小？
    """,
)

points_from_data_to_noise = edited(
    "rectified_flow_loss",
    {"(x1 - x0)": "(x0 - x1)"},
    """A model trained so runs backwards. What is the derivative of (21.2) by t?

    这样训练出的模型会倒着走。(21.2) 对 t 的导数是什么？
    """,
)

predicts_the_noise = edited(
    "rectified_flow_loss",
    {"(velocity - (x1 - x0))": "(velocity - x0)"},
    """That is the target of a diffusion model, the noise. What does v_θ predict in (21.3)?

    那是扩散模型的目标，即噪声。(21.3) 里 v_θ 预测的是什么？
    """,
)

asks_the_model_at_the_noise = edited(
    "rectified_flow_loss",
    {"model(rectified_flow_interpolate(x0, x1, t), t)": "model(x0, t)"},
    """Your model only ever sees pure noise. At which point does (21.3) evaluate it?

    你的模型只见过纯噪声。(21.3) 在哪一点上调用它？
    """,
)

tells_the_model_the_remaining_time = edited(
    "rectified_flow_loss",
    {"x1, t), t)": "x1, t), 1 - t)"},
    """The point is right and the clock is not: which time belongs to X_t?

    点是对的，钟是错的：与 X_t 对应的是哪个时间？
    """,
)

squares_the_mean_error = edited(
    "rectified_flow_loss",
    {".square().sum() / len(x0)": ".mean(0).square().sum()"},
    """Errors of opposite sign cancel before you square them. Which comes first, the square or the mean?

    符号相反的误差在平方之前就抵消了。先平方还是先平均？
    """,
)

cuts_the_gradient_of_the_model = edited(
    "rectified_flow_loss",
    {"(velocity - (x1 - x0))": "(velocity.detach() - (x1 - x0))"},
    """The value is right and nothing would ever be learned. Through what must the gradient reach the parameters?

    值是对的，但什么也学不到。梯度要经过什么才能到达参数？
    """,
)

lets_the_output_of_the_model_broadcast = edited(
    "rectified_flow_loss",
    {"if velocity.shape != x0.shape:": "if False:"},
    """A model that returns (batch, 1) is subtracted from (batch, d) without complaint, and trains on nonsense. Raise
    ValueError.

    模型返回 (batch, 1)，与 (batch, d) 相减也不会报错，于是照着错误的目标训练。应当抛出 ValueError。
    """,
)

# euler_sample

looks_at_the_end_of_each_step = edited(
    "euler_sample",
    {"k / steps)": "(k + 1) / steps)"},
    """Your first look is at t = h. At which end of a step does Euler's method ask for the velocity?

    你第一次调用时 t = h。Euler 法在一步的哪一端查询速度？
    """,
)

runs_time_backwards = edited(
    "euler_sample",
    {"k / steps)": "1 - k / steps)"},
    """Diffusion samplers count from t = 1 down. Where does this flow start its clock?

    扩散模型的采样器从 t = 1 往下数。这里的流从哪个时间开始？
    """,
)

walks_against_the_velocity = edited(
    "euler_sample",
    {"x + velocity": "x - velocity"},
    """You move away from the data. Which sign has dx in dx = v dt, with dt > 0?

    你在远离数据。dx = v dt、dt > 0 时，dx 是什么符号？
    """,
)

forgets_the_length_of_a_step = edited(
    "euler_sample",
    {"(k / steps)) / steps": "(k / steps))"},
    """With twice the steps you go twice as far. What multiplies the velocity in each step?

    步数加倍，你就走两倍远。每一步里速度要乘以什么？
    """,
)

puts_the_last_look_at_the_end = edited(
    "euler_sample",
    {"x0.new_tensor(k / steps)": "x0.new_tensor(k / max(steps - 1, 1))"},
    """linspace(0, 1, steps) has its last point at 1, where no step begins. At which times do `steps` equal steps begin?

    linspace(0, 1, steps) 的最后一点是 1，而没有哪一步从那里开始。等长的 steps 步各从什么时间开始？
    """,
)

asks_at_the_start_only = edited(
    "euler_sample",
    {"velocity(x, ": "velocity(x0, "},
    """All your slopes come from where the path began. At which point does step k ask?

    你所有的斜率都来自起点。第 k 步在哪一点查询速度？
    """,
)


@wrong("euler_sample")
def gives_the_time_as_a_python_number(velocity, x0, steps):
    """A network that calls t.expand(…) fails on a float. What is t promised to be?

    网络里若有 t.expand(…)，遇到 float 就会失败。题目约定的 t 是什么？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(steps):
        x = x + velocity(x, k / steps) / steps
    return x


@wrong("euler_sample")
def gives_the_time_in_the_default_dtype(velocity, x0, steps):
    """In float64 your t is still float32: 1/3 loses half of its digits, and torch.cat([x, t]) mixes dtypes. Which
    dtype should t have?

    x 是 float64 时，你的 t 仍是 float32：1/3 丢了一半的数字，torch.cat([x, t]) 也会混用 dtype。t 应当是什么 dtype？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(steps):
        x = x + velocity(x, torch.tensor(k / steps, dtype=torch.float32)) / steps
    return x


@wrong("euler_sample")
def gives_a_time_for_each_sample(velocity, x0, steps):
    """The velocity is promised a 0-d tensor. What does a t of shape (batch,) do to `t * x`?

    约定传给速度场的是 0 维张量。形状 (batch,) 的 t 会让 `t * x` 变成什么？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(steps):
        x = x + velocity(x, torch.full(x0.shape[:1], k / steps, dtype=x0.dtype)) / steps
    return x


samples_without_a_graph = edited(
    "euler_sample",
    {"x = x + velocity(x, x0.new_tensor(k / steps))": "x = x + velocity(x, x0.new_tensor(k / steps)).detach()"},
    """The values are right, but the end point is to be differentiable, also through the velocity.

    值是对的，但终点应当可导，包括经过速度场的部分。
    """,
)

accepts_no_steps = edited(
    "euler_sample",
    {"if steps < 1:": "if steps < 0:"},
    """With no steps you return noise without a word. Which `steps` should be refused?

    零步时你一声不响地返回了噪声。哪些 `steps` 应当拒绝？
    """,
)

# heun_sample

keeps_the_time_for_the_second_slope = edited(
    "heun_sample",
    {"(k + 1) / steps": "k / steps"},
    """Your second slope is taken at the point ahead with the clock of the point behind. What time is it there?

    你的第二个斜率取在前面的点上，用的却是后面那点的时间。那里是什么时间？
    """,
)

looks_ahead_from_the_same_point = edited(
    "heun_sample",
    {"velocity(x + start / steps, ": "velocity(x, "},
    """Your second slope sees a later time at the old point. Where does Euler's step arrive?

    你的第二个斜率取在旧的点上，只换了时间。Euler 法的一步会走到哪里？
    """,
)

goes_by_the_slope_ahead_alone = edited(
    "heun_sample",
    {"(start + end) / (2 * steps)": "end / steps"},
    """That is of first order again. Which mean of the two slopes makes the error fall to a quarter when each
    step is half as long?

    这又成了一阶方法。两个斜率怎样平均，才能在步长减半时误差减为四分之一？
    """,
)

adds_both_slopes = edited(
    "heun_sample",
    {"(2 * steps)": "steps"},
    """You go twice too far in each step. What of two slopes does Heun's method use?

    每一步你都走了两倍远。Heun 法用的是两个斜率的什么？
    """,
)


@wrong("heun_sample")
def takes_the_slope_in_the_middle(velocity, x0, steps):
    """The midpoint method has the same order, but is another one. At which two times does Heun's method look?

    中点法的阶数相同，却是另一种方法。Heun 法在哪两个时间查询速度？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(steps):
        half = x + velocity(x, x0.new_tensor(k / steps)) / (2 * steps)
        x = x + velocity(half, x0.new_tensor((k + 0.5) / steps)) / steps
    return x


@wrong("heun_sample")
def takes_one_slope_in_the_last_step(velocity, x0, steps):
    """Karras et al. must end with Euler's step, because their slope is infinite at the end. Is it here?

    Karras 等人的最后一步只能用 Euler 法，因为他们的斜率在终点是无穷大。这里也是吗？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(steps):
        start = velocity(x, x0.new_tensor(k / steps))
        ahead = x + start / steps
        if k == steps - 1:
            return ahead
        x = x + (start + velocity(ahead, x0.new_tensor((k + 1) / steps))) / (2 * steps)
    return x


@wrong("heun_sample")
def keeps_the_slope_ahead_for_the_next_step(velocity, x0, steps):
    """You save a call, but that slope was taken where Euler's step arrived. Is this where the next step begins?

    你省下一次调用，但那个斜率是在 Euler 法到达的点上取的。下一步是从那里开始的吗？
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    start = velocity(x, x0.new_tensor(0.0))
    for k in range(steps):
        end = velocity(x + start / steps, x0.new_tensor((k + 1) / steps))
        x, start = x + (start + end) / (2 * steps), end
    return x


@wrong("heun_sample")
def is_euler_with_half_the_step(velocity, x0, steps):
    """Two calls a step, but the error only halves when each step is half as long: these are two Euler steps.

    每步调用两次，但步长减半时误差也只减半：这是两步 Euler 法。
    """
    if steps < 1:
        raise ValueError("steps")
    x = x0
    for k in range(2 * steps):
        x = x + velocity(x, x0.new_tensor(k / (2 * steps))) / (2 * steps)
    return x


corrects_from_the_point_ahead = edited(
    "heun_sample",
    {
        "end = velocity(x + start / steps, x0.new_tensor((k + 1) / steps))": (
            "x = x + start / steps; end = velocity(x, x0.new_tensor((k + 1) / steps))"
        )
    },
    """Your averaged step starts where Euler's arrived, so every step is counted twice. From which point does it start?

    你的平均步是从 Euler 法的到达点出发的，于是每一步都走了两遍。它应当从哪一点出发？
    """,
)

takes_no_step_at_all = edited(
    "heun_sample",
    {"if steps < 1:": "if steps < 0:"},
    """With no steps you return noise without a word. Which `steps` should be refused?

    零步时你一声不响地返回了噪声。哪些 `steps` 应当拒绝？
    """,
)

# reflow_pairs


@wrong("reflow_pairs")
def pairs_end_points_with_fresh_noise(velocity, x0, steps):
    """Your end points meet noise that they did not come from, so the next flow would cross itself as the first did.
    Which noise belongs to which end point?

    你给终点配上了与它无关的噪声，于是下一个流会和第一个一样交叉。哪个噪声对应哪个终点？
    """
    with torch.no_grad():
        return torch.randn_like(x0), euler_sample(velocity, x0.detach(), steps)


@wrong("reflow_pairs")
def pairs_each_noise_with_its_neighbours_end_point(velocity, x0, steps):
    """The points are right, the partners are not: shuffling is for independent pairs. What ties a noise to its
    end point?

    点都对，配对不对：打乱次序只适用于相互独立的点对。是什么把一个噪声与它的终点连在一起？
    """
    with torch.no_grad():
        return x0.detach(), euler_sample(velocity, x0.detach(), steps).roll(1, 0)


@wrong("reflow_pairs")
def keeps_the_graph_of_the_sampler(velocity, x0, steps):
    """Your end points remember every step that made them: training on them would also train the old flow, and the
    memory of all its steps is held. What are these pairs to the next flow?

    你的终点记着产生它们的每一步：在它们上训练会连旧的流一起训练，而且每一步的内存都被占着。对下一个流来说，这些点对是什么？
    """
    return x0, euler_sample(velocity, x0, steps)


@wrong("reflow_pairs")
def cuts_the_graph_at_the_end_only(velocity, x0, steps):
    """The pairs are right, but all steps are recorded until the last: with a real network, that is the memory of a
    training step for each step of the sampler. Where should recording be off?

    点对是对的，但直到最后一步之前一直在记录计算图：对真实的网络，采样的每一步都要占一个训练步的内存。应当从哪里起就不记录？
    """
    return x0.detach(), euler_sample(velocity, x0, steps).detach()


@wrong("reflow_pairs")
def makes_tensors_that_cannot_be_trained_on(velocity, x0, steps):
    """Tensors made in inference mode may never be saved for a backward pass, and these are training data. What else
    stops recording?

    inference mode 里产生的张量永远不能为反向传播保存，而它们正是训练数据。还有什么办法可以不记录计算图？
    """
    with torch.inference_mode():
        return x0.detach(), euler_sample(velocity, x0.detach(), steps)


@wrong("reflow_pairs")
def gives_the_end_point_first(velocity, x0, steps):
    """The next flow would run from data to noise. In which order does the docstring name them?

    下一个流会从数据走向噪声。文档字符串里是什么次序？
    """
    with torch.no_grad():
        return euler_sample(velocity, x0.detach(), steps), x0.detach()


@wrong("reflow_pairs")
def makes_the_pairs_in_one_step(velocity, x0, steps):
    """The first flow is bent: one step does not arrive where the flow does. How many steps were asked for?

    第一个流是弯的：一步走不到流的终点。题目要求走几步？
    """
    if steps < 1:
        raise ValueError("steps")
    with torch.no_grad():
        return x0.detach(), euler_sample(velocity, x0.detach(), 1)


# straightness

compares_the_lengths_without_the_square = edited(
    "straightness",
    {
        "((z1 - x0) - torch.stack(slopes)).square().sum() / (steps * len(x0))": (
            "((z1 - x0) - torch.stack(slopes)).reshape(steps, len(x0), -1).norm(dim=2).mean()"
        )
    },
    """You average the norm. What is averaged in S?

    你对范数取了平均。S 里取平均的是什么？
    """,
)

averages_over_the_features_as_well = edited(
    "straightness",
    {".sum() / (steps * len(x0))": ".mean()"},
    """You are off by the number of features. A squared norm is a sum over them.

    你的结果差一个因子，恰是特征数。范数的平方对特征求和。
    """,
)

adds_up_the_steps = edited(
    "straightness",
    {"(steps * len(x0))": "len(x0)"},
    """With more steps yours grows without end. What takes the place of dt in the integral?

    步数越多，你的结果越大。积分里的 dt 对应什么？
    """,
)

adds_up_the_samples = edited(
    "straightness",
    {"(steps * len(x0))": "steps"},
    """With more samples yours grows without end. What is E taken over?

    样本越多，你的结果越大。E 是对什么取的？
    """,
)

measures_the_speed = edited(
    "straightness",
    {"((z1 - x0) - torch.stack(slopes))": "torch.stack(slopes)"},
    """A constant velocity gives its own square, yet its paths are straight. From what is the velocity subtracted?

    匀速直线的流，你给出速度的平方，可它的路径是直的。速度要与什么相减？
    """,
)

averages_the_paths_first = edited(
    "straightness",
    {
        "((z1 - x0) - torch.stack(slopes)).square().sum() / (steps * len(x0))": (
            "((z1 - x0) - torch.stack(slopes)).mean(1).square().sum() / steps"
        )
    },
    """Two paths that bend to opposite sides cancel in yours. Is E outside or inside the square?

    两条向相反方向弯的路径，在你的结果里相互抵消。E 在平方的外面还是里面？
    """,
)


@wrong("straightness")
def looks_along_the_chord(velocity, x0, steps):
    """You ask for the velocity on the straight line between the ends, as the training loss does. On which points is
    the flow itself at time t?

    你在两端之间的直线上查询速度，训练损失才是那样。在时间 t，流本身经过哪些点？
    """
    z1 = euler_sample(velocity, x0, steps)
    total = 0
    for k in range(steps):
        v = velocity(x0 + k / steps * (z1 - x0), x0.new_tensor(k / steps))
        total = total + (z1 - x0 - v).square().sum()
    return total / (steps * len(x0))


@wrong("straightness")
def compares_each_step_with_itself(velocity, x0, steps):
    """Each of your steps is compared with the velocity that made it: always 0. With the chord from where to where
    must it be compared?

    你拿每一步与产生它的速度相比：永远是 0。应当与从哪里到哪里的弦相比？
    """
    if steps < 1:
        raise ValueError("steps")
    x, total = x0, 0
    for k in range(steps):
        v = velocity(x, x0.new_tensor(k / steps))
        ahead = x + v / steps
        total = total + ((ahead - x) * steps - v).square().sum()
        x = ahead
    return total / (steps * len(x0))


@wrong("straightness")
def subtracts_two_large_means(velocity, x0, steps):
    """E‖v‖² − ‖E v‖² is equal on paper. For a fast flow that bends a little, how many digits of it are left?

    E‖v‖² − ‖E v‖² 在纸面上相等。对一个很快、只略微弯曲的流，它还剩几位有效数字？
    """
    if steps < 1:
        raise ValueError("steps")
    x, slopes = x0, []
    for k in range(steps):
        slopes.append(velocity(x, x0.new_tensor(k / steps)))
        x = x + slopes[-1] / steps
    stacked = torch.stack(slopes)
    return (stacked.square().mean(0) - stacked.mean(0).square()).sum() / len(x0)


@wrong("straightness")
def divides_by_one_step_less(velocity, x0, steps):
    """torch.var divides by n − 1 unless told otherwise. With one step that is 0/0; what is the mean over the steps?

    torch.var 默认除以 n − 1。只有一步时就成了 0/0；对各步的平均应当除以什么？
    """
    if steps < 1:
        raise ValueError("steps")
    x, slopes = x0, []
    for k in range(steps):
        slopes.append(velocity(x, x0.new_tensor(k / steps)))
        x = x + slopes[-1] / steps
    return torch.stack(slopes).var(0).sum() / len(x0)
