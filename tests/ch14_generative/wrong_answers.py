"""What students get wrong in chapter 14, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong


@wrong("reparameterize")
def takes_the_logarithm_for_the_deviation(mu, logvar, noise):
    """For logvar = 0 you add no noise at all. Which σ has a variance whose logarithm is 0?

    logvar = 0 时你一点噪声也没加。方差的对数为 0，σ 是多少？
    """
    return mu + logvar * noise


@wrong("reparameterize")
def takes_the_variance_for_the_deviation(mu, logvar, noise):
    """exp(logvar) is the variance, σ². What stands in front of ε in (14.1)?

    exp(logvar) 是方差 σ²。(14.1) 里 ε 前面的是什么？
    """
    return mu + torch.exp(logvar) * noise


roots_after_the_exponential = edited(
    "reparameterize",
    {"torch.exp(logvar / 2)": "torch.exp(logvar).sqrt()"},
    """In float32 exp(100) is inf and exp(−800) is 0, where the root has an infinite slope. Can the root be taken
    before the exponential?

    float32 里 exp(100) 是 inf，exp(−800) 是 0，而平方根在 0 处斜率无穷大。能不能在取指数之前就开方？
    """,
)

accepts_any_shapes_that_broadcast = edited(
    "reparameterize",
    {"if logvar.shape != mu.shape or noise.shape[noise.dim() - mu.dim() :] != mu.shape:": "if False:"},
    """Noise of shape (1, 4) for three means broadcasts: all rows then get the same noise, without a word.

    三行均值配形状 (1, 4) 的噪声也能广播：于是每一行悄悄地得到同样的噪声。
    """,
)

cuts_the_gradient_of_sigma = edited(
    "reparameterize",
    {"torch.exp(logvar / 2)": "torch.exp(logvar / 2).detach()"},
    """The value is right, but no gradient reaches logvar: the encoder would never learn how sure it may be.

    值是对的，但梯度传不到 logvar：编码器永远学不会自己该有多确定。
    """,
)


@wrong("gaussian_kl")
def averages_over_the_coordinates(mu, logvar):
    """The coordinates are independent, so their divergences add. With a mean instead, what happens to the weight of
    the divergence when d grows?

    各坐标相互独立，散度应当相加。换成平均的话，d 变大时，散度的权重会怎样？
    """
    if mu.shape != logvar.shape:
        raise ValueError("logvar")
    return (mu**2 + torch.expm1(logvar) - logvar).mean(-1) / 2


@wrong("gaussian_kl")
def has_the_opposite_sign(mu, logvar):
    """A divergence is never negative. Yours is what is added to the ELBO.

    散度不会是负数。你算的是加到 ELBO 上的那一项。
    """
    return (1 + logvar - mu**2 - torch.exp(logvar)).sum(-1) / 2


reads_logvar_as_log_sigma = edited(
    "gaussian_kl",
    {"torch.expm1(logvar) - logvar": "torch.expm1(2 * logvar) - 2 * logvar"},
    """Your formula would be right if the second argument were log σ. What is it?

    如果第二个参数是 log σ，你的公式就对了。它是什么？
    """,
)

cancels_near_the_prior = edited(
    "gaussian_kl",
    {"torch.expm1(logvar) - logvar": "torch.exp(logvar) - 1 - logvar"},
    """On paper it is right. For logvar = 5e-4 in float32, exp(logvar) − 1 − logvar leaves no digit of 1.25e-7. Which
    function computes exp(v) − 1 without the subtraction?

    纸面上是对的。float32 里 logvar = 5e-4 时，exp(logvar) − 1 − logvar 本应是 1.25e-7，却一位有效数字也不剩。
    哪个函数计算 exp(v) − 1 而不做减法？
    """,
)

sums_over_the_batch_too = edited(
    "gaussian_kl",
    {".sum(-1)": ".sum()"},
    """One number came back for the whole batch. There should be one for each Gaussian.

    整个批量只返回了一个数。应当每个高斯一个数。
    """,
)

forgets_the_half = edited(
    "gaussian_kl",
    {".sum(-1) / 2": ".sum(-1)"},
    """For μ = 1 and σ = 1 the divergence is ½ a coordinate. Yours is 1.

    μ = 1、σ = 1 时，每个坐标的散度是 ½，你的是 1。
    """,
)


@wrong("vae_loss")
def returns_the_elbo_itself(recon, x, mu, logvar):
    """This is (14.2), and training would make it as small as it can: the worst model wins. Which sign does a loss have?

    这正是 (14.2)，而训练会让它越小越好，结果最差的模型获胜。损失应当取什么符号？
    """
    if recon.shape != x.shape or mu.shape != logvar.shape or len(mu) != len(x):
        raise ValueError("shapes")
    log_likelihood = (x * recon.log() + (1 - x) * (1 - recon).log()).sum() / len(x)
    return log_likelihood - (mu**2 + logvar.exp() - 1 - logvar).sum() / 2 / len(x)


subtracts_the_divergence = edited(
    "vae_loss",
    {"gaussian_kl(mu, logvar).sum() - log_likelihood": "-gaussian_kl(mu, logvar).sum() - log_likelihood"},
    """The loss rewards a posterior that is far from the prior. Negate both terms of (14.2).

    你的损失在奖励远离先验的后验。(14.2) 的两项都要取负。
    """,
)

averages_over_the_features = edited(
    "vae_loss",
    {"- log_likelihood) / len(x)": "- log_likelihood * len(x) / x.numel()) / len(x)"},
    """log p(x|z) is a sum over features. With their mean, an image of 784 pixels pulls 784 times too little against the
    divergence, and the latent code collapses onto the prior.

    log p(x|z) 是对特征求和。若取平均，784 个像素的图像对散度的拉力就弱了 784 倍，隐变量会塌缩到先验上。
    """,
)

sums_over_the_batch = edited(
    "vae_loss",
    {" / len(x)": ""},
    """Your loss doubles with the size of the batch, and so does the step of the optimizer. What should be averaged?

    批量翻一倍，你的损失也翻一倍，优化器的步子也随之翻倍。什么应当取平均？
    """,
)

divides_the_reconstruction_only = edited(
    "vae_loss",
    {"(gaussian_kl(mu, logvar).sum() - log_likelihood)": "(gaussian_kl(mu, logvar).sum() * len(x) - log_likelihood)"},
    """One term is averaged over the batch, the other summed: their balance changes with the size of the batch.

    一项对批量取平均，另一项却求和：两者的比重会随批量大小而变。
    """,
)

forgets_the_pixels_that_are_off = edited(
    "vae_loss",
    {" + (1 - x) * torch.log(1 - recon)": ""},
    """A decoder that paints every pixel white has no loss with yours. What does a black pixel say?

    按你的损失，把每个像素都涂白的解码器没有损失。黑色的像素说明了什么？
    """,
)

broadcasts_one_image = edited(
    "vae_loss",
    {"if x.shape != recon.shape or len(mu) != len(recon):": "if False:"},
    """One image broadcasts against four reconstructions without a word. Raise ValueError.

    一幅图像与四个重建不声不响地广播到了一起。应当抛出 ValueError。
    """,
)


@wrong("iwae_bound")
def averages_the_logarithms(log_w):
    """The mean of logarithms is the ELBO, whatever K. Which comes first in the bound, the mean or the logarithm?

    对数的平均就是 ELBO，与 K 无关。在这个下界里，先取平均还是先取对数？
    """
    return log_w.mean()


@wrong("iwae_bound")
def exponentiates_the_log_weights(log_w):
    """An image has a log-weight near −5000, and exp(−5000) is 0. What can be taken out of each row's mean?

    一幅图像的对数权重在 −5000 左右，而 exp(−5000) 是 0。每一行的平均里可以先提出什么？
    """
    if log_w.dim() != 2 or log_w.shape[1] == 0:
        raise ValueError("log_w")
    return torch.log(torch.exp(log_w).mean(1)).mean()


forgets_to_divide_by_the_number_of_samples = edited(
    "iwae_bound",
    {".mean(1)": ".sum(1)"},
    """If all weights are equal, the bound must not depend on K. Yours grows by log K.

    权重全都相等时，下界不该依赖 K。你的多出了 log K。
    """,
)

averages_the_weights_of_the_whole_batch = edited(
    "iwae_bound",
    {"torch.exp(log_w - shift).mean(1)": "torch.exp(log_w - shift).mean()"},
    """The weights of different data are averaged before the logarithm. Only the K draws of one datum belong together.

    你在取对数之前把不同数据的权重平均到了一起。只有同一个数据的 K 个样本才该放在一起。
    """,
)

subtracts_infinities = edited(
    "iwae_bound",
    {"torch.nan_to_num(largest)": "largest"},
    """Where all weights of a row are 0, the shift is −inf, and −inf − (−inf) is NaN. What may be subtracted there?

    一行的权重全为 0 时，平移量是 −inf，而 −inf − (−inf) 是 NaN。那里可以减去什么？
    """,
)

shifts_all_rows_alike = edited(
    "iwae_bound",
    {"amax(1, keepdim=True)": "max()"},
    """One shift serves all rows, and a row far below it underflows to log 0. Whose greatest weight belongs to a row?

    所有的行共用一个平移量，远低于它的行下溢成 log 0。每一行应当用谁的最大值？
    """,
)


@wrong("ddpm_step")
def forgets_both_roots(x, beta, noise):
    """(14.3) gives a variance, β. What multiplies a standard normal number to give it that variance?

    (14.3) 给出的 β 是方差。标准正态随机数乘以什么，才有这个方差？
    """
    if x.shape != noise.shape or not 0 <= beta <= 1:
        raise ValueError("bad step")
    return (1 - beta) * x + beta * noise


does_not_shrink_the_signal = edited(
    "ddpm_step",
    {"(1 - beta) ** 0.5 * x": "x"},
    """With every step the variance grows, and after a thousand it has exploded. What keeps it at 1?

    每一步方差都在变大，一千步之后就爆炸了。靠什么让它保持为 1？
    """,
)

adds_a_deviation_of_beta = edited(
    "ddpm_step",
    {"beta**0.5 * noise": "beta * noise"},
    """β is the variance of the noise that is added. For β = 10⁻⁴ yours is 10⁻⁸.

    β 是所加噪声的方差。β = 10⁻⁴ 时，你的是 10⁻⁸。
    """,
)

swaps_signal_and_noise = edited(
    "ddpm_step",
    {"(1 - beta) ** 0.5 * x + beta**0.5 * noise": "beta**0.5 * x + (1 - beta) ** 0.5 * noise"},
    """With β near 0 almost nothing of the data is left after one step. Which weight is the large one?

    β 接近 0 时，走一步数据就几乎没了。哪个权重应当大？
    """,
)

accepts_a_variance_above_one = edited(
    "ddpm_step",
    {"if not 0 <= beta <= 1:": "if False:"},
    """For β = 1.5 the root of 1 − β is not a real number, and Python gives a complex one without a word.

    β = 1.5 时，1 − β 的平方根不是实数，而 Python 会不声不响地给出复数。
    """,
)


@wrong("alpha_bar")
def multiplies_the_betas(betas):
    """ᾱ is what is left, β what is lost. The factors are 1 − β.

    ᾱ 是剩下的，β 是失去的。各因子是 1 − β。
    """
    return torch.exp(torch.cumsum(torch.log(betas), 0))


@wrong("alpha_bar")
def sums_the_losses(betas):
    """1 − Σβ is the product to first order only, and negative after enough steps.

    1 − Σβ 只是乘积的一阶近似，步数多了还会变成负数。
    """
    return 1 - torch.cumsum(betas, 0)


@wrong("alpha_bar")
def starts_with_one(betas):
    """Your ᾱ_0 is 1, so the first step adds nothing. The steps count from 0: ᾱ_0 belongs to after the first step.

    你的 ᾱ_0 是 1，等于第一步什么也没加。步数从 0 数起：ᾱ_0 是走完第一步之后的值。
    """
    if betas.dim() != 1 or ((betas < 0) | (betas > 1)).any():
        raise ValueError("betas")
    return torch.exp(torch.cumsum(torch.log1p(-betas), 0) - torch.log1p(-betas))


is_the_total_product = edited(
    "alpha_bar",
    {"torch.cumsum(torch.log1p(-betas), dim=0)": "torch.log1p(-betas).sum(0, keepdim=True).expand(len(betas))"},
    """Every entry is the product of all factors. The t-th takes those up to t.

    每一项都是全部因子的乘积。第 t 项只乘到 t 为止。
    """,
)

drops_what_it_cannot_check = edited(
    "alpha_bar",
    {"if betas.dim() != 1 or ((betas < 0) | (betas > 1)).any():": "if betas.dim() != 1:"},
    """A β of −0.2 is no variance, and yours makes ᾱ larger than it was. Raise ValueError.

    β = −0.2 不是方差，你的 ᾱ 反而变大了。应当抛出 ValueError。
    """,
)


@wrong("extract")
def leaves_the_coefficients_in_a_row(values, t, x):
    """Coefficients of shape (batch,) line up with the last dimension of x, not with its first. What shape multiplies
    each sample as a whole?

    形状为 (batch,) 的系数会与 x 的最后一维对齐，而不是第一维。什么形状才能整个地乘以每个样本？
    """
    t = torch.as_tensor(t)
    if (t < 0).any() or (t.dim() and t.shape != x.shape[:1]):
        raise ValueError("t")
    return values[t].to(x.dtype)


@wrong("extract")
def makes_columns_for_points_only(values, t, x):
    """(batch, 1) fits points, but against images (batch, channels, height, width) it lines up with the height. How many
    ones does x ask for?

    (batch, 1) 适合平面上的点，但遇到图像 (batch, channels, height, width) 时，它会与高度对齐。x 要求有几个 1？
    """
    t = torch.as_tensor(t)
    if (t < 0).any() or (t.dim() and t.shape != x.shape[:1]):
        raise ValueError("t")
    return values[t].to(x.dtype)[:, None] if t.dim() else values[t].to(x.dtype)


counts_negative_steps_from_the_end = edited(
    "extract",
    {"if (t < 0).any():": "if False:"},
    """t = −1 gives the last step, in silence: that is Python's indexing, not a step of the process.

    t = −1 悄悄地给出了最后一步：这是 Python 的下标规则，不是扩散过程的步。
    """,
)

keeps_the_dtype_of_the_schedule = edited(
    "extract",
    {".to(x.dtype)": ""},
    """A float64 schedule turns float32 samples into float64, and the whole network after them.

    float64 的方差表会把 float32 的样本变成 float64，后面的整个网络也跟着变。
    """,
)

serves_every_sample_with_one_step = edited(
    "extract",
    {"if t.dim() and t.shape != x.shape[:1]:": "if False:"},
    """One step in a tensor of shape (1,) serves all samples without a word. Raise ValueError unless each has its
    own.

    形状为 (1,) 的 t 悄悄地用在了所有样本上。除非每个样本恰好一步，否则应当抛出 ValueError。
    """,
)


@wrong("q_sample")
def lines_the_steps_up_with_the_features(x0, t, alpha_bar, noise):
    """In a batch of 4 points with 4 features your coefficients multiply the features. How should they be shaped to
    multiply the samples? `extract` knows.

    4 个样本、4 个特征时，你的系数乘到了特征上。怎样的形状才能乘到样本上？`extract` 知道。
    """
    if noise.shape != x0.shape:
        raise ValueError("noise")
    a = alpha_bar[t]
    return a.sqrt().to(x0.dtype) * x0 + (1 - a).sqrt().to(x0.dtype) * noise


forgets_the_root_of_the_share = edited(
    "q_sample",
    {"extract(alpha_bar.sqrt(), t, x0) * x0": "extract(alpha_bar, t, x0) * x0"},
    """ᾱ is the share of the variance. By what is x_0 itself multiplied? The weights' squares must sum to 1.

    ᾱ 是方差所占的份额。x_0 本身要乘以什么？两个权重的平方和必须是 1。
    """,
)

adds_a_deviation_of_one_minus_alpha_bar = edited(
    "q_sample",
    {"(1 - alpha_bar).sqrt()": "1 - alpha_bar"},
    """1 − ᾱ is a variance, and noise is multiplied by a deviation.

    1 − ᾱ 是方差，而噪声应当乘以标准差。
    """,
)

takes_one_minus_the_root = edited(
    "q_sample",
    {"(1 - alpha_bar).sqrt()": "1 - alpha_bar.sqrt()"},
    """The weights √ᾱ and 1 − √ᾱ sum to 1, but variances add, not deviations.

    √ᾱ 与 1 − √ᾱ 之和是 1，但相加的是方差，不是标准差。
    """,
)

rounds_the_schedule_first = edited(
    "q_sample",
    {"(1 - alpha_bar).sqrt()": "(1 - alpha_bar.to(x0.dtype)).sqrt()"},
    """Rounded to float32, a share of 1 − 10⁻⁹ is 1, and your sample has no noise. When should the coefficients be cast?

    舍入成 float32 之后，1 − 10⁻⁹ 就是 1，你的样本便没有噪声。系数应当在什么时候转换 dtype？
    """,
)

counts_steps_from_one = edited(
    "q_sample",
    {
        "    return extract": "    alpha_bar = torch.cat([alpha_bar.new_ones(1), alpha_bar])\n    return extract",
    },
    """At t = 0 you return the data without noise. The steps count from 0: alpha_bar[0] is the share after one step.

    t = 0 时你原样返回了数据。步数从 0 数起：alpha_bar[0] 是走完一步之后的份额。
    """,
)


counts_backwards_past_the_start = edited(
    "ddpm_posterior",
    {"before = torch.cat([after.new_ones(1), after[:-1]])": "before = after.roll(1)"},
    """At t = 0 your ᾱ_{t−1} is the last entry of the schedule. How much variance is left before the first step?

    t = 0 时，你的 ᾱ_{t−1} 取成了方差表的最后一项。在第一步之前，数据的方差还剩多少？
    """,
)

swaps_the_two_weights = edited(
    "ddpm_posterior",
    {"extract(weight_of_x0, t, x_t) * x0 + extract(weight_of_x_t, t, x_t) * x_t":
     "extract(weight_of_x_t, t, x_t) * x0 + extract(weight_of_x0, t, x_t) * x_t"},
    """At t = 0 the answer is x_0 for certain; yours is x_t. Which weight belongs to which?

    t = 0 时答案必定是 x_0，你的却是 x_t。哪个权重是谁的？
    """,
)  # fmt: skip

takes_beta_for_the_variance = edited(
    "ddpm_posterior",
    {"extract(betas * (1 - before) / (1 - after), t, x_t)": "extract(betas, t, x_t)"},
    """β_t is the variance of a step forwards. Backwards, with x_0 known as well, one knows more: at t = 0 nothing is
    open.

    β_t 是往前一步的方差。往回走又知道 x_0，所知更多：t = 0 时已经没有悬念。
    """,
)

returns_the_deviation = edited(
    "ddpm_posterior",
    {"betas * (1 - before) / (1 - after), t, x_t": "(betas * (1 - before) / (1 - after)).sqrt(), t, x_t"},
    """This is the standard deviation. The variance was asked for.

    这是标准差。题目要的是方差。
    """,
)

works_in_the_dtype_of_the_betas = edited(
    "ddpm_posterior",
    {"betas = betas.double()": "pass"},
    """In float32, 1 − ᾱ_t for ᾱ_t = 0.9999 has three digits left, and both weights divide by it. In what
    dtype are the digits there?

    float32 里，ᾱ_t = 0.9999 时，1 − ᾱ_t 只剩三位有效数字，而两个权重都要除以它。这些数字可以从哪里来？
    """,
)

shares_one_sample_of_data = edited(
    "ddpm_posterior",
    {"if x0.shape != x_t.shape:": "if False:"},
    """x_0 of one sample broadcasts against four of x_t. Raise ValueError where the shapes differ.

    一个样本的 x_0 与四个 x_t 广播到了一起。形状不同时应当抛出 ValueError。
    """,
)


@wrong("ddpm_loss")
def shows_the_model_clean_data(model, x0, t, noise, alpha_bar):
    """The model never sees the noise that it should guess. What is its first argument?

    模型根本看不到要它猜的噪声。它的第一个参数应当是什么？
    """
    predicted = model(x0, t)
    if predicted.shape != noise.shape or noise.shape != x0.shape:
        raise ValueError("shapes")
    return ((noise - predicted) ** 2).mean()


compares_with_the_data = edited(
    "ddpm_loss",
    {"(noise - predicted_noise)": "(x0 - predicted_noise)"},
    """This trains a model that guesses the data. What does ε_θ guess?

    这样训练出来的模型猜的是数据。ε_θ 猜的是什么？
    """,
)

sums_over_the_elements = edited(
    "ddpm_loss",
    {".square().mean()": ".square().sum()"},
    """Your loss grows with the batch and the size of the image. Over what is the mean taken?

    你的损失随批量和图像大小增长。平均是对什么取的？
    """,
)

broadcasts_the_answer = edited(
    "ddpm_loss",
    {"if predicted_noise.shape != noise.shape:": "if False:"},
    """A model that answers in shape (3, 1) is compared with noise of shape (3, 4) by broadcasting, and trains
    in silence towards the mean. Raise ValueError.

    模型回答的形状是 (3, 1)，却通过广播与形状 (3, 4) 的噪声相比，悄悄地学成了平均值。应当抛出 ValueError。
    """,
)

does_not_let_the_gradient_through = edited(
    "ddpm_loss",
    {"(noise - predicted_noise)": "(noise - predicted_noise.detach())"},
    """The value is right, but no gradient reaches the model. Which of your calls cuts the graph?

    值是对的，但梯度传不到模型。你的哪个调用切断了计算图？
    """,
)

takes_the_absolute_error = edited(
    "ddpm_loss",
    {".square().mean()": ".abs().mean()"},
    """The square comes from the Gaussians' divergence. With |·| the best guess is the median, not the mean.

    平方来自高斯之间的 KL 散度。换成 |·|，最好的猜测就成了中位数，而不是均值。
    """,
)


adds_noise_at_the_end = edited(
    "ddpm_reverse_step",
    {"variance.sqrt() * noise": "extract(betas.sqrt(), t, x_t) * noise"},
    """σ_t² is β̃_t here, not β_t: at t = 0 it is 0, and your finished samples are noisy again.

    这里 σ_t² 是 β̃_t 而不是 β_t：t = 0 时它是 0，而你给已经完成的样本又加了噪声。
    """,
)

multiplies_by_the_variance = edited(
    "ddpm_reverse_step",
    {"variance.sqrt() * noise": "variance * noise"},
    """Noise is multiplied by a deviation. Your samples come out too smooth, in the middle of the data.

    噪声要乘以标准差。你的样本会过于平滑，挤在数据中间。
    """,
)

divides_by_the_variance_of_the_noise = edited(
    "ddpm_reverse_step",
    {"betas / (1 - alpha_bar(betas)).sqrt()": "betas / (1 - alpha_bar(betas))"},
    """The guess of the noise is weighted by β_t / √(1 − ᾱ_t). A root is missing.

    噪声的预测要乘以 β_t / √(1 − ᾱ_t)。少了一个根号。
    """,
)

does_not_undo_the_shrinking = edited(
    "ddpm_reverse_step",
    {" / extract((1 - betas).sqrt(), t, x_t)": ""},
    """The step forwards multiplied by √(1 − β_t). What undoes that?

    往前走时乘了 √(1 − β_t)。怎样还原？
    """,
)

undoes_the_whole_way_at_once = edited(
    "ddpm_reverse_step",
    {"extract((1 - betas).sqrt(), t, x_t)": "extract(alpha_bar(betas).sqrt(), t, x_t)"},
    """Dividing by √ᾱ_t goes all the way back to x_0. One step back undoes one factor.

    除以 √ᾱ_t 是一直退回 x_0。退一步只还原一个因子。
    """,
)

lets_the_samples_share_their_noise = edited(
    "ddpm_reverse_step",
    {"if predicted_noise.shape != x_t.shape or noise.shape != x_t.shape:": "if False:"},
    """Noise of shape (1, 2) broadcasts, and all samples tremble alike. Raise ValueError.

    形状 (1, 2) 的噪声会广播，所有样本便一起抖动。应当抛出 ValueError。
    """,
)


ignores_eta = edited(
    "ddim_step",
    {"if eta == 0:": "if True:"},
    """Whatever η is, no new noise is added. Where do η and `noise` enter?

    不论 η 是多少，都没有加新噪声。η 和 `noise` 应当在哪里起作用？
    """,
)

keeps_all_of_the_old_noise = edited(
    "ddim_step",
    {"(1 - alpha_bar_prev - variance) ** 0.5": "(1 - alpha_bar_prev) ** 0.5"},
    """New noise is added, but the old one is not reduced: together they are more than 1 − ᾱ_prev.

    加了新噪声，旧噪声却没有减少：二者的方差加起来超过了 1 − ᾱ_prev。
    """,
)

forgets_the_square_of_eta = edited(
    "ddim_step",
    {"eta**2": "eta"},
    """η multiplies σ. What multiplies σ²?

    η 乘的是 σ。σ² 应当乘以什么？
    """,
)

takes_the_ratio_upside_down = edited(
    "ddim_step",
    {"(1 - alpha_bar_prev) / (1 - alpha_bar_t)": "(1 - alpha_bar_t) / (1 - alpha_bar_prev)"},
    """Towards clean data, ᾱ_prev = 1, σ must vanish. Yours divides by 0 there.

    走向干净数据（ᾱ_prev = 1）时，σ 应当为 0。你的却在那里除以 0。
    """,
)

does_not_scale_the_guess_of_the_data = edited(
    "ddim_step",
    {" / alpha_bar_t**0.5": ""},
    """x_t less its noise is √ᾱ_t x_0. What is left to do for x̂_0?

    x_t 减去噪声是 √ᾱ_t x_0。要得到 x̂_0，还差什么？
    """,
)

adds_the_variance_instead_of_the_deviation = edited(
    "ddim_step",
    {"variance**0.5 * noise": "variance * noise"},
    """The new noise is multiplied by σ², not by σ.

    新噪声乘的是 σ² 而不是 σ。
    """,
)


@wrong("ddim_step")
def computes_sigma_even_when_it_is_zero(x_t, predicted_noise, alpha_bar_t, alpha_bar_prev, eta=0.0, noise=None):
    """With η = 0 the step may go towards noise, where ᾱ_prev < ᾱ_t and 1 − ᾱ_t/ᾱ_prev is negative: its root is NaN.

    η = 0 时可以朝噪声方向走，那时 ᾱ_prev < ᾱ_t，1 − ᾱ_t/ᾱ_prev 是负数，开方得 NaN。
    """
    if not 0 <= eta <= 1 or (eta > 0 and noise is None):
        raise ValueError("eta")
    noise = torch.zeros_like(x_t) if noise is None else noise
    if predicted_noise.shape != x_t.shape or noise.shape != x_t.shape:
        raise ValueError("shapes")
    now, then = (torch.as_tensor(a, dtype=torch.float64) for a in (alpha_bar_t, alpha_bar_prev))
    sigma = eta * torch.sqrt((1 - then) / (1 - now)) * torch.sqrt(1 - now / then)
    clean = (x_t - (1 - now).sqrt() * predicted_noise) / now.sqrt()
    return then.sqrt() * clean + (1 - then - sigma**2).sqrt() * predicted_noise + sigma * noise
