"""The hidden cases of chapter 14."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import AffineTransform, Normal, kl_divergence

from autograder.cases import case
from autograder.operations import vjp

INF = torch.inf

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 2e-2}


def schedule(draw, steps=7):
    """The variances of a short forward process: each so large that float32 subtracts 1 − ᾱ without loss."""
    return draw.uniform(steps, low=0.1, high=0.4)


def shares(draw, steps=7):
    """ᾱ of such a process."""
    return (1 - schedule(draw, steps)).cumprod(0)


# reparameterize


def scaled_and_shifted(mu, logvar, noise):
    """torch's affine transform of the noise."""
    return AffineTransform(mu, logvar.exp().sqrt())(noise)


@case("reparameterize", agrees_with=scaled_and_shifted, weight=2)
def means_variances_and_noise_at_random(reparameterize, draw):
    """随机的均值、方差和噪声"""
    return reparameterize(draw.normal(5, 7), draw.normal(5, 7, scale=2), draw.normal(5, 7))


@case("reparameterize", agrees_with=scaled_and_shifted)
def several_draws_from_each_gaussian(reparameterize, draw):
    """每个高斯抽多个样本"""
    return reparameterize(draw.normal(3, 2), draw.normal(3, 2), draw.normal(4, 3, 2)), reparameterize(
        draw.normal(5), draw.normal(5), draw.normal(2, 3, 5)
    )


@case("reparameterize", facet="gradient", agrees_with=scaled_and_shifted)
def gradients_of_both_parameters_and_of_the_noise(reparameterize, draw):
    """两个参数和噪声的梯度"""
    mu, logvar = draw.normals(2, shape=(3, 5))
    return vjp(reparameterize, mu, logvar, draw.normal(2, 3, 5), cotangent=draw)


def by_the_log_of_sigma(mu, logvar, noise):
    """σ·ε as exp(log σ + log |ε|), whatever the size of σ²."""
    return mu + noise.sign() * (logvar / 2 + noise.abs().log()).exp()


@case("reparameterize", facet="numerics", agrees_with=by_the_log_of_sigma, rtol=1e-4, atol=1e-6)
def sigma_is_finite_where_its_square_is_not(reparameterize, draw):
    """σ² 上溢，σ 还没有"""
    # rtol: exp of an argument near 70 turns a rounding of the argument into 70 of the result
    logvar = draw.uniform(3, 4, low=120, high=150) * (1 if draw.dtype == torch.float32 else 8)
    return reparameterize(draw.normal(3, 4), logvar, draw.normal(3, 4))


@case("reparameterize", facet="gradient", expected=True)
def a_variance_that_underflows_has_a_finite_gradient(reparameterize, draw):
    """方差下溢时梯度仍是有限的"""
    logvar = torch.tensor([-2000.0, -800.0, 0.0, 3.0], dtype=draw.dtype)
    gradients = vjp(reparameterize, draw.normal(4), logvar, draw.normal(4), cotangent=draw)
    return all(bool(g.isfinite().all()) for g in gradients)


@case("reparameterize", agrees_with=scaled_and_shifted, **ROUNDED)
def a_draw_in_bfloat16(reparameterize, draw):
    """bfloat16 的样本"""
    return reparameterize(draw.normal(5, 7), draw.normal(5, 7), draw.normal(5, 7))


@case("reparameterize", facet="interface", agrees_with=scaled_and_shifted)
def one_number_one_row_and_no_rows(reparameterize, draw):
    """一个数、一行、零行"""
    return [reparameterize(*draw.normals(3, shape=shape)) for shape in ((), (1, 1), (0, 4), (1, 2, 3, 2))]


@case("reparameterize", facet="interface", agrees_with=scaled_and_shifted)
def parameters_that_are_not_contiguous(reparameterize, draw):
    """不连续的输入"""
    return reparameterize(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, draw.strided(draw.normal(3, 5)))


@case("reparameterize", facet="interface", raises=ValueError)
def a_logvar_of_another_shape_is_refused(reparameterize, draw):
    """拒绝形状不同的 logvar"""
    return reparameterize(draw.normal(3, 4), draw.normal(1, 4), draw.normal(3, 4))


@case("reparameterize", facet="interface", raises=ValueError)
def noise_that_all_rows_would_share_is_refused(reparameterize, draw):
    """拒绝让各行共用的噪声"""
    return reparameterize(draw.normal(3, 4), draw.normal(3, 4), draw.normal(1, 4))


@case("reparameterize", facet="interface", raises=ValueError)
def noise_with_fewer_dimensions_is_refused(reparameterize, draw):
    """拒绝维数更少的噪声"""
    return reparameterize(draw.normal(3, 4), draw.normal(3, 4), draw.normal(4))


# gaussian_kl


def kl_of_normals(mu, logvar):
    """torch's divergence of one-dimensional Gaussians, added up."""
    return kl_divergence(Normal(mu, logvar.exp().sqrt()), Normal(torch.zeros_like(mu), 1.0)).sum(-1)


@case("gaussian_kl", agrees_with=kl_of_normals, weight=2)
def the_last_dimension_is_summed_in_any_shape(gaussian_kl, draw):
    """任意形状，沿最后一维求和"""
    return gaussian_kl(draw.normal(2, 3, 5), draw.normal(2, 3, 5, scale=2)), gaussian_kl(draw.normal(4), draw.normal(4))


@case("gaussian_kl", facet="gradient", agrees_with=kl_of_normals)
def gradients_of_the_divergence(gaussian_kl, draw):
    """散度的梯度"""
    return vjp(gaussian_kl, draw.normal(2, 3, 4), draw.normal(2, 3, 4, scale=2), cotangent=draw)


def _nearly_standard(mu, logvar):
    """½ Σ (μ² + v²/2 + v³/6), the first terms for a small logvar v."""
    v = logvar.double()
    return ((mu.double() ** 2 + v**2 / 2 + v**3 / 6) / 2).sum(-1).to(mu)


# the fourth term, v⁴/24, is 1e-7 of the first; float32 computes e^v − 1 − v to 1e-3, if e^v − 1 is not a difference
@case("gaussian_kl", facet="numerics", agrees_with=_nearly_standard, rtol=1e-2, atol=0.0, weight=2)
def nearly_standard_gaussians_keep_their_digits(gaussian_kl, draw):
    """几乎标准的高斯，散度保持有效数字"""
    logvar = draw.uniform(6, 5, low=2e-4, high=1e-3) * (2 * draw.mask(6, 5) - 1)
    return gaussian_kl(torch.zeros_like(logvar), logvar)


@case("gaussian_kl", facet="numerics", agrees_with=kl_of_normals)
def variances_from_tiny_to_huge(gaussian_kl, draw):
    """方差从极小到极大"""
    return gaussian_kl(draw.normal(4, 3, scale=30), draw.uniform(4, 3, low=-60, high=40))


@case("gaussian_kl", facet="numerics", expected=torch.tensor([500.0, 2000.0]) - 0.5)
def a_variance_that_underflows(gaussian_kl, draw):
    """下溢的方差"""
    return gaussian_kl(*torch.tensor([[[0.0], [0.0]], [[-1000.0], [-4000.0]]], dtype=draw.dtype))


@case("gaussian_kl", facet="interface", agrees_with=kl_of_normals)
def one_coordinate_no_coordinates_and_no_rows(gaussian_kl, draw):
    """一个坐标、没有坐标、零行"""
    return [gaussian_kl(*draw.normals(2, shape=shape)) for shape in ((3, 1), (2, 0), (0, 4), (1, 1, 3))]


@case("gaussian_kl", facet="interface", agrees_with=kl_of_normals)
def gaussians_that_are_not_contiguous(gaussian_kl, draw):
    """不连续的输入"""
    return gaussian_kl(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT)


@case("gaussian_kl", facet="interface", raises=ValueError)
def one_variance_for_all_coordinates_is_refused(gaussian_kl, draw):
    """拒绝所有坐标共用的方差"""
    return gaussian_kl(draw.normal(3, 4), draw.normal(3, 1))


# vae_loss


def reconstruction_and_divergence(recon, x, mu, logvar):
    """The two parts of the loss, each from torch."""
    return (F.binary_cross_entropy(recon, x, reduction="sum") + kl_of_normals(mu, logvar).sum()) / len(x)


def _vae_inputs(draw, batch, features, d):
    recon = draw.uniform(batch, *features, low=0.02, high=0.98)
    return recon, draw.mask(batch, *features).to(draw.dtype), draw.normal(batch, d), draw.normal(batch, d)


@case("vae_loss", agrees_with=reconstruction_and_divergence, weight=2)
def images_of_several_sizes(vae_loss, draw):
    """几种大小的图像"""
    sizes = ((5, (3,), 2), (3, (1, 4, 5), 6), (1, (2, 2), 1))
    return [vae_loss(*_vae_inputs(draw, *size)) for size in sizes]


@case("vae_loss", agrees_with=reconstruction_and_divergence)
def grey_pixels_between_zero_and_one(vae_loss, draw):
    """0 与 1 之间的灰度"""
    return vae_loss(draw.uniform(4, 6, low=0.02, high=0.98), draw.uniform(4, 6), draw.normal(4, 2), draw.normal(4, 2))


@case("vae_loss", facet="gradient", agrees_with=reconstruction_and_divergence)
def gradients_of_all_four_inputs(vae_loss, draw):
    """四个输入的梯度"""
    return vjp(vae_loss, *_vae_inputs(draw, 3, (2, 5), 4), cotangent=draw)


@case("vae_loss", facet="numerics", agrees_with=reconstruction_and_divergence)
def a_decoder_that_is_nearly_certain(vae_loss, draw):
    """几乎确定的解码器"""
    recon, x, mu, logvar = _vae_inputs(draw, 4, (6,), 2)
    recon[:, :3] = draw.magnitudes(4, 3, low=1e-30, high=1e-10)
    return vae_loss(recon, x, mu, logvar), vae_loss(recon, torch.ones_like(x), mu, logvar)


@case("vae_loss", facet="interface", agrees_with=reconstruction_and_divergence)
def images_that_are_not_contiguous(vae_loss, draw):
    """不连续的输入"""
    recon, x, mu, logvar = _vae_inputs(draw, 4, (3, 5), 2)
    return vae_loss(draw.strided(recon), x.mT.contiguous().mT, draw.strided(mu), draw.strided(logvar))


@case("vae_loss", facet="interface", raises=ValueError)
def data_that_all_samples_would_share_are_refused(vae_loss, draw):
    """拒绝让各样本共用的数据"""
    recon, x, mu, logvar = _vae_inputs(draw, 4, (6,), 2)
    return vae_loss(recon, x[:1], mu, logvar)


@case("vae_loss", facet="interface", raises=ValueError)
def latent_rows_of_another_batch_are_refused(vae_loss, draw):
    """拒绝另一个批量的隐变量"""
    recon, x, mu, logvar = _vae_inputs(draw, 4, (6,), 2)
    return vae_loss(recon, x, mu[:2], logvar[:2])


@case("vae_loss", facet="interface", raises=ValueError)
def a_logvar_unlike_the_mean_is_refused(vae_loss, draw):
    """拒绝与均值形状不同的 logvar"""
    recon, x, mu, logvar = _vae_inputs(draw, 4, (6,), 2)
    return vae_loss(recon, x, mu, logvar[:, :1])


# iwae_bound


def averaged_in_log_space(log_w):
    """torch.logsumexp of every row, less log K."""
    return (torch.logsumexp(log_w, 1) - math.log(log_w.shape[1])).mean()


@case("iwae_bound", agrees_with=averaged_in_log_space, weight=2)
def few_and_many_samples(iwae_bound, draw):
    """少量和大量样本"""
    return [iwae_bound(draw.normal(*shape, scale=3)) for shape in ((3, 2), (5, 7), (1, 4), (2, 300))]


@case("iwae_bound", agrees_with=averaged_in_log_space)
def one_sample_gives_the_elbo(iwae_bound, draw):
    """一个样本时就是 ELBO"""
    return iwae_bound(draw.normal(6, 1, scale=3))


@case("iwae_bound", facet="numerics", agrees_with=averaged_in_log_space, weight=2)
def weights_at_very_different_levels(iwae_bound, draw):
    """各行权重相差很远"""
    return iwae_bound(draw.normal(3, 5, scale=2) + torch.tensor([[-3000], [0], [2000]]))


@case("iwae_bound", facet="numerics", agrees_with=averaged_in_log_space)
def a_weight_of_zero(iwae_bound, draw):
    """为 0 的权重"""
    log_w = draw.normal(4, 5, scale=2)
    log_w[0, 3] = log_w[2, 0] = -INF
    hopeless = log_w.clone()
    hopeless[1] = -INF
    return iwae_bound(log_w), iwae_bound(hopeless)


@case("iwae_bound", facet="gradient", agrees_with=averaged_in_log_space)
def the_gradient_is_the_normalised_weights(iwae_bound, draw):
    """梯度是归一化的权重"""
    log_w = draw.normal(4, 5, scale=2) - 1000
    log_w[1, 2] = -INF
    log_w[2, 0] = log_w[2, 1] = log_w[2].max()
    return vjp(iwae_bound, log_w, cotangent=draw), vjp(iwae_bound, draw.normal(3, 7), cotangent=draw)


@case("iwae_bound", facet="interface", agrees_with=averaged_in_log_space)
def weights_that_are_not_contiguous(iwae_bound, draw):
    """不连续的输入"""
    return iwae_bound(draw.strided(draw.normal(3, 5))), iwae_bound(draw.normal(4, 3).mT)


@case("iwae_bound", facet="interface", raises=ValueError)
def weights_without_a_batch_are_refused(iwae_bound, draw):
    """拒绝没有批量维的权重"""
    return iwae_bound(draw.normal(5))


@case("iwae_bound", facet="interface", raises=ValueError)
def weights_with_three_dimensions_are_refused(iwae_bound, draw):
    """拒绝三维的权重"""
    return iwae_bound(draw.normal(2, 3, 4))


@case("iwae_bound", facet="interface", raises=ValueError)
def no_samples_are_refused(iwae_bound, draw):
    """拒绝零个样本"""
    return iwae_bound(draw.normal(3, 0))


# ddpm_step


def mixed_by_an_angle(x, beta, noise):
    """cos θ · x + sin θ · ε with sin² θ = β."""
    theta = torch.asin(torch.as_tensor(beta, dtype=torch.float64) ** 0.5)
    return torch.cos(theta).to(x.dtype) * x + torch.sin(theta).to(x.dtype) * noise


@case("ddpm_step", agrees_with=mixed_by_an_angle, weight=2)
def steps_of_every_size(ddpm_step, draw):
    """各种大小的步"""
    betas = (draw.number(0, 1e-3), draw.number(0.1, 0.9), 0, 1)
    return [ddpm_step(draw.normal(3, 5), beta, draw.normal(3, 5)) for beta in betas]


@case("ddpm_step", agrees_with=mixed_by_an_angle)
def a_beta_of_the_schedule(ddpm_step, draw):
    """β 是方差表里的一个元素"""
    wide = draw.uniform(4, low=0.1, high=0.9).double()
    return [ddpm_step(draw.normal(2, 3), beta, draw.normal(2, 3)) for beta in (*wide, wide.to(draw.dtype)[0])]


def twenty_steps(ddpm_step, draw):
    """二十步之后"""
    x = draw.normal(4, 3)
    for beta in draw.uniform(20, low=0.01, high=0.3):
        x = ddpm_step(x, beta.item(), draw.normal(4, 3))
    return x


the_chain = case("ddpm_step", agrees_with=mixed_by_an_angle)(twenty_steps)


@case("ddpm_step", facet="gradient", agrees_with=mixed_by_an_angle)
def gradients_of_the_step(ddpm_step, draw):
    """一步的梯度"""
    return vjp(ddpm_step, draw.normal(3, 4), draw.uniform(low=0.2, high=0.8), draw.normal(3, 4), cotangent=draw)


@case("ddpm_step", facet="interface", agrees_with=mixed_by_an_angle)
def any_shape_and_any_stride(ddpm_step, draw):
    """任意形状，任意步长"""
    shapes = ((), (0, 3), (1, 1), (2, 1, 3, 3))
    view = ddpm_step(draw.strided(draw.normal(3, 5)), 0.4, draw.normal(5, 3).mT)
    return [view] + [ddpm_step(draw.normal(*s), 0.3, draw.normal(*s)) for s in shapes]


@case("ddpm_step", facet="interface", raises=ValueError)
def a_beta_above_one_is_refused(ddpm_step, draw):
    """拒绝大于 1 的 β"""
    return ddpm_step(draw.normal(3, 4), 1.5, draw.normal(3, 4))


@case("ddpm_step", facet="interface", raises=ValueError)
def a_negative_beta_is_refused(ddpm_step, draw):
    """拒绝负的 β"""
    return ddpm_step(draw.normal(3, 4), torch.tensor(-0.1), draw.normal(3, 4))


@case("ddpm_step", facet="interface", raises=ValueError)
def noise_that_the_samples_would_share_is_refused(ddpm_step, draw):
    """拒绝让各样本共用的噪声"""
    return ddpm_step(draw.normal(3, 4), 0.3, draw.normal(1, 4))


# alpha_bar


def one_factor_after_the_other(betas):
    """torch.cumprod in float64."""
    return torch.cumprod(1 - betas.double(), 0).to(betas)


@case("alpha_bar", agrees_with=one_factor_after_the_other, weight=2)
def schedules_of_several_lengths(alpha_bar, draw):
    """几种长度的方差表"""
    return [alpha_bar(draw.uniform(steps, low=0.01, high=0.6)) for steps in (1, 5, 11)]


# rtol: a thousand factors, each rounded to 6e-8 in float32, and ᾱ goes down to 4e-5, so no absolute tolerance
@case("alpha_bar", facet="numerics", agrees_with=one_factor_after_the_other, rtol=1e-4, atol=0.0, weight=2)
def a_thousand_steps(alpha_bar, draw):
    """一千步"""
    last = draw.number(0.018, 0.022)
    return alpha_bar(torch.linspace(1e-4, last, 1000, dtype=torch.float64).to(draw.dtype))


@case("alpha_bar", agrees_with=one_factor_after_the_other)
def steps_that_keep_all_and_steps_that_keep_nothing(alpha_bar, draw):
    """完全保留的步与什么都不留的步"""
    betas = draw.uniform(7, low=0.1, high=0.5)
    betas[0], betas[2], betas[5] = 0, 0, 1
    return alpha_bar(betas)


@case("alpha_bar", facet="gradient", agrees_with=one_factor_after_the_other)
def every_later_share_depends_on_a_beta(alpha_bar, draw):
    """一个 β 影响其后的每一项"""
    return vjp(alpha_bar, draw.uniform(6, low=0.1, high=0.6), cotangent=draw)


@case("alpha_bar", facet="interface", agrees_with=one_factor_after_the_other)
def no_steps_and_steps_with_gaps(alpha_bar, draw):
    """零步，以及不连续的方差表"""
    return alpha_bar(draw.normal(0)), alpha_bar(draw.strided(draw.uniform(5, low=0.1, high=0.5)))


@case("alpha_bar", facet="interface", raises=ValueError)
def betas_above_one_are_refused(alpha_bar, draw):
    """拒绝大于 1 的 β"""
    return alpha_bar(torch.tensor([0.1, 1.5, 0.2], dtype=draw.dtype))


@case("alpha_bar", facet="interface", raises=ValueError)
def negative_betas_are_refused(alpha_bar, draw):
    """拒绝负的 β"""
    return alpha_bar(torch.tensor([0.1, -0.2, 0.2], dtype=draw.dtype))


@case("alpha_bar", facet="interface", raises=ValueError)
def a_table_of_betas_is_refused(alpha_bar, draw):
    """拒绝二维的 β"""
    return alpha_bar(draw.uniform(3, 4))


# extract


def one_after_the_other(values, t, x):
    """Looked up sample by sample."""
    steps = torch.as_tensor(t)
    if steps.dim() == 0:
        return values.to(x)[int(steps)]
    found = [values.to(x)[int(s)] for s in steps] or [values.to(x)[:0].sum()] * 0
    shape = (len(x),) + (1,) * (x.dim() - 1)
    return torch.stack(found).reshape(shape) if found else x.new_empty(shape)


@case("extract", agrees_with=one_after_the_other, weight=2)
def samples_of_every_shape(extract, draw):
    """各种形状的样本"""
    values = draw.normal(9)
    shapes = ((5,), (4, 3), (3, 2, 4), (2, 3, 2, 2), (1, 4))
    return [extract(values, draw.integers(0, 9, s[0]), draw.normal(*s)) for s in shapes]


@case("extract", agrees_with=one_after_the_other)
def the_first_step_and_the_last(extract, draw):
    """第一步与最后一步"""
    return extract(draw.normal(6), torch.tensor([0, 5, 0, 5]), draw.normal(4, 4))


@case("extract", agrees_with=one_after_the_other)
def one_number_or_a_tensor_of_one(extract, draw):
    """一个整数，或 0 维张量"""
    values, x = draw.normal(6), draw.normal(3, 2, 2)
    return [extract(values, t, x) * torch.ones_like(x) for t in (0, 4, torch.tensor(5))]


@case("extract", agrees_with=one_after_the_other, dtypes=(torch.float32,))
def a_wide_schedule_takes_the_dtype_of_the_samples(extract, draw):
    """系数取样本的 dtype"""
    wide = draw.normal(6).double()
    return extract(wide, torch.tensor([1, 4, 2]), draw.normal(3, 2)), extract(wide, 3, draw.normal(3, 2).bfloat16())


@case("extract", facet="gradient", agrees_with=one_after_the_other)
def gradients_of_a_step_taken_twice_add_up(extract, draw):
    """取到两次的步，梯度相加"""
    return vjp(extract, draw.normal(5), cotangent=draw, t=torch.tensor([1, 3, 1]), x=draw.normal(3, 2))


@case("extract", facet="interface", agrees_with=one_after_the_other)
def no_samples_and_strides(extract, draw):
    """零个样本，以及不连续的输入"""
    t = draw.integers(0, 5, 8)[::2]
    values = draw.strided(draw.normal(5))
    return extract(values, t[:0], draw.normal(0, 3)), extract(values, t, draw.normal(4, 2))


@case("extract", facet="interface", raises=ValueError)
def a_negative_step_is_refused(extract, draw):
    """拒绝负的步"""
    return extract(draw.normal(5), torch.tensor([1, -1, 2]), draw.normal(3, 2))


@case("extract", facet="interface", raises=ValueError)
def a_negative_number_is_refused(extract, draw):
    """拒绝负数"""
    return extract(draw.normal(5), -1, draw.normal(3, 2))


@case("extract", facet="interface", raises=ValueError)
def a_step_after_the_last_is_refused(extract, draw):
    """拒绝最后一步之后的步"""
    return extract(draw.normal(5), torch.tensor([1, 5, 2]), draw.normal(3, 2))


@case("extract", facet="interface", raises=ValueError)
def fewer_steps_than_samples_are_refused(extract, draw):
    """拒绝步数少于样本数"""
    return extract(draw.normal(5), torch.tensor([1]), draw.normal(3, 2))


# q_sample


def chained(x0, t, alpha_bar, noise):
    """The mean and the variance of the chain 14.3, followed step by step in float64."""
    a = alpha_bar.double()
    steps = torch.as_tensor(t).expand(len(x0)).reshape(-1, *[1] * (x0.dim() - 1))
    mean, variance = x0.double(), torch.zeros_like(x0.double())
    previous = torch.ones_like(a[0])
    for s, level in enumerate(a):
        kept, alive = level / previous, s <= steps
        mean = torch.where(alive, kept.sqrt() * mean, mean)
        variance = torch.where(alive, kept * variance + (1 - kept), variance)
        previous = level
    return (mean + variance.sqrt() * noise.double()).to(x0.dtype)


@case("q_sample", agrees_with=chained, weight=2)
def each_sample_at_its_own_step(q_sample, draw):
    """每个样本在自己的一步"""
    shapes = ((5,), (4, 3), (3, 1, 2, 4))
    return [q_sample(draw.normal(*s), draw.integers(0, 7, s[0]), shares(draw), draw.normal(*s)) for s in shapes]


@case("q_sample", agrees_with=chained, weight=2)
def as_many_samples_as_features(q_sample, draw):
    """样本数与特征数相同"""
    return q_sample(draw.normal(4, 4), torch.tensor([0, 6, 3, 1]), shares(draw), draw.normal(4, 4))


@case("q_sample", agrees_with=chained)
def one_step_for_all_samples(q_sample, draw):
    """所有样本同一步"""
    a = shares(draw)
    return [q_sample(draw.normal(3, 2), t, a, draw.normal(3, 2)) for t in (0, 6, torch.tensor(4))]


@case("q_sample", facet="gradient", agrees_with=chained)
def gradients_of_the_jump(q_sample, draw):
    """一步到位的梯度"""
    t = torch.tensor([6, 0, 3])
    a, noise = shares(draw), draw.normal(3, 2)
    return vjp(q_sample, draw.normal(3, 2), t, a, noise, cotangent=draw)


@case("q_sample", agrees_with=chained, dtypes=(torch.float32,), weight=2, rtol=1e-5, atol=1e-8)
def a_first_step_so_small_that_float32_does_not_see_it(q_sample, draw):
    """第一步小到 float32 看不见"""
    # with ᾱ rounded to float32, 1 − ᾱ is 0; tolerances: what float32 leaves of the noise alone
    a = 1 - draw.uniform(3, low=1e-10, high=2e-8).double().sort().values
    x0 = torch.zeros(3, 4)
    return q_sample(x0, torch.tensor([0, 2, 1]), a, draw.normal(3, 4))


@case("q_sample", agrees_with=chained)
def a_thousand_steps_at_once(q_sample, draw):
    """一千步一次到位"""
    a = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)
    return q_sample(draw.normal(4, 3), torch.tensor([999, 500, 20, 0]), a, draw.normal(4, 3))


@case("q_sample", agrees_with=chained, **ROUNDED)
def images_in_bfloat16_with_a_float32_schedule(q_sample, draw):
    """bfloat16 的图像，float32 的方差表"""
    return q_sample(draw.normal(3, 2, 2), torch.tensor([5, 0, 2]), shares(draw).float(), draw.normal(3, 2, 2))


@case("q_sample", facet="interface", agrees_with=chained)
def no_samples_one_sample_and_strides(q_sample, draw):
    """零个样本、一个样本、不连续的输入"""
    a = shares(draw)
    return [
        q_sample(draw.normal(0, 3), draw.integers(0, 7, 0), a, draw.normal(0, 3)),
        q_sample(draw.normal(1, 1), draw.integers(0, 7, 1), a, draw.normal(1, 1)),
        q_sample(draw.strided(draw.normal(3, 5)), draw.integers(0, 7, 3), draw.strided(a), draw.normal(5, 3).mT),
    ]


@case("q_sample", facet="interface", raises=ValueError)
def a_jump_to_a_negative_step_is_refused(q_sample, draw):
    """拒绝跳到负的步"""
    return q_sample(draw.normal(2, 3), torch.tensor([1, -1]), shares(draw), draw.normal(2, 3))


@case("q_sample", facet="interface", raises=ValueError)
def a_jump_past_the_last_step_is_refused(q_sample, draw):
    """拒绝跳过最后一步"""
    return q_sample(draw.normal(2, 3), torch.tensor([1, 7]), shares(draw), draw.normal(2, 3))


@case("q_sample", facet="interface", raises=ValueError)
def one_noise_for_all_samples_is_refused(q_sample, draw):
    """拒绝所有样本共用的噪声"""
    return q_sample(draw.normal(4, 3), torch.tensor([1, 2, 0, 3]), shares(draw), draw.normal(1, 3))


# ddpm_posterior


def full(posterior):
    """The variance beside every element of the mean, however it came."""
    mean, variance = posterior
    return mean, variance + torch.zeros_like(mean)


def by_precisions(x0, x_t, t, betas):
    """Bayes' rule in float64: the product of q(x_{t−1}|x_0) and q(x_t|x_{t−1}), by completing the square."""
    b = betas.double()
    steps = torch.as_tensor(t).expand(len(x0))
    levels = torch.cat([torch.ones_like(b[:1]), (1 - b).cumprod(0)])
    shape = (-1,) + (1,) * (x0.dim() - 1)
    before, beta = levels[steps].reshape(shape), b[steps].reshape(shape)
    # multiplied through by the prior's variance, so that a variance of 0 divides nothing
    prior = 1 - before
    scale = 1 + prior * (1 - beta) / beta
    mean = (before.sqrt() * x0.double() + prior * (1 - beta).sqrt() / beta * x_t.double()) / scale
    return mean.to(x0.dtype), (prior / scale + torch.zeros_like(mean)).to(x0.dtype)


@case("ddpm_posterior", agrees_with=by_precisions, weight=2)
def posteriors_of_samples_at_their_own_steps(ddpm_posterior, draw):
    """每个样本在自己的一步的后验"""
    out = []
    for s in ((5,), (4, 3), (3, 1, 2, 4)):
        out.append(full(ddpm_posterior(draw.normal(*s), draw.normal(*s), draw.integers(1, 7, s[0]), schedule(draw))))
    return out


@case("ddpm_posterior", agrees_with=by_precisions)
def a_square_batch_with_steps_zero_and_last(ddpm_posterior, draw):
    """方形的批量，含第 0 步和最后一步"""
    return full(ddpm_posterior(draw.normal(3, 3), draw.normal(3, 3), torch.tensor([0, 6, 2]), schedule(draw)))


@case("ddpm_posterior", agrees_with=by_precisions)
def one_step_for_all_posteriors(ddpm_posterior, draw):
    """所有样本同一步的后验"""
    betas = schedule(draw)
    return [full(ddpm_posterior(*draw.normals(2, (3, 2)), t, betas)) for t in (1, 6, torch.tensor(0))]


@case("ddpm_posterior", agrees_with=by_precisions, weight=2)
def at_step_zero_the_variance_is_exactly_zero(ddpm_posterior, draw):
    """第 0 步的方差恰好是 0"""
    mean, variance = full(ddpm_posterior(draw.normal(2, 3), draw.normal(2, 3), 0, schedule(draw)))
    return mean, variance, bool((variance == 0).all())


# rtol: betas rounded to float32 are the same for both sides; 1e-5 is a hundred roundings of the coefficients, where
# 1 − ᾱ_t taken in float32 is wrong by 3e-4
@case("ddpm_posterior", facet="numerics", agrees_with=by_precisions, rtol=1e-5, atol=1e-9, weight=2)
def the_first_steps_of_a_thousand(ddpm_posterior, draw):
    """一千步里的最初几步"""
    betas = torch.linspace(1e-4, draw.number(0.019, 0.021), 1000, dtype=torch.float64).to(draw.dtype)
    x0, x_t = draw.uniform(6, 3, low=1, high=2), draw.uniform(6, 3, low=1, high=2)
    return full(ddpm_posterior(x0, x_t, torch.tensor([1, 2, 3, 5, 8, 999]), betas))


@case("ddpm_posterior", agrees_with=by_precisions)
def a_last_step_that_leaves_nothing(ddpm_posterior, draw):
    """什么都不留的最后一步"""
    betas = schedule(draw, 4)
    betas[3] = 1
    return full(ddpm_posterior(draw.normal(3, 2), draw.normal(3, 2), 3, betas))


@case("ddpm_posterior", facet="gradient", agrees_with=by_precisions)
def gradients_of_the_posterior(ddpm_posterior, draw):
    """后验的梯度"""
    options = {"t": torch.tensor([6, 1, 3]), "betas": schedule(draw)}
    return vjp(ddpm_posterior, draw.normal(3, 2), draw.normal(3, 2), cotangent=draw, **options)


@case("ddpm_posterior", agrees_with=by_precisions, dtypes=(torch.float32,))
def a_wide_schedule_gives_a_posterior_in_the_dtype_of_the_samples(ddpm_posterior, draw):
    """方差表是 float64，后验仍取样本的 dtype"""
    return full(ddpm_posterior(*draw.normals(2, (3, 2)), torch.tensor([4, 0, 2]), schedule(draw).double()))


@case("ddpm_posterior", facet="interface", agrees_with=by_precisions)
def posteriors_of_no_samples_and_with_strides(ddpm_posterior, draw):
    """零个样本，以及不连续的输入"""
    betas = schedule(draw)
    return [
        full(ddpm_posterior(draw.normal(0, 3), draw.normal(0, 3), draw.integers(0, 7, 0), betas)),
        full(ddpm_posterior(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, torch.tensor([5, 1, 0]), betas)),
        full(ddpm_posterior(draw.normal(1, 1), draw.normal(1, 1), 0, draw.strided(betas)[:1])),
    ]


@case("ddpm_posterior", facet="interface", raises=ValueError)
def data_of_another_batch_are_refused(ddpm_posterior, draw):
    """拒绝另一个批量的数据"""
    return ddpm_posterior(draw.normal(1, 3), draw.normal(4, 3), 2, schedule(draw))


@case("ddpm_posterior", facet="interface", raises=ValueError)
def a_posterior_at_a_negative_step_is_refused(ddpm_posterior, draw):
    """拒绝负的步"""
    return ddpm_posterior(draw.normal(2, 3), draw.normal(2, 3), torch.tensor([-1, 2]), schedule(draw))


@case("ddpm_posterior", facet="interface", raises=ValueError)
def a_posterior_past_the_last_step_is_refused(ddpm_posterior, draw):
    """拒绝最后一步之后的步"""
    return ddpm_posterior(draw.normal(2, 3), draw.normal(2, 3), torch.tensor([1, 7]), schedule(draw))


# ddpm_loss


def error_of_the_guess(model, x0, t, noise, alpha_bar):
    """F.mse_loss on samples of the chain."""
    return F.mse_loss(model(chained(x0, t, alpha_bar, noise), t), noise)


@case("ddpm_loss", agrees_with=error_of_the_guess, weight=2)
def losses_on_vectors_and_images(ddpm_loss, draw):
    """向量与图像上的损失"""
    a, weight = shares(draw), draw.normal(3, 3)
    points, images = draw.normals(2, (4, 3)), draw.normals(2, (2, 1, 3, 5))
    t, s = draw.integers(0, 7, 4), draw.integers(0, 7, 2)
    return [
        ddpm_loss(lambda x, t: x @ weight - t[:, None], points[0], t, points[1], a),
        ddpm_loss(lambda x, t: torch.tanh(x) * t.reshape(-1, 1, 1, 1), images[0], s, images[1], a),
    ]


@case("ddpm_loss", agrees_with=error_of_the_guess)
def a_square_batch_at_different_steps(ddpm_loss, draw):
    """方形的批量，各在不同的步"""
    t = torch.tensor([6, 0, 3])
    return ddpm_loss(lambda x, t: x * 3 + t[:, None] / 7, draw.normal(3, 3), t, draw.normal(3, 3), shares(draw))


@case("ddpm_loss", agrees_with=error_of_the_guess)
def a_model_that_always_answers_zero(ddpm_loss, draw):
    """永远回答 0 的模型"""
    return ddpm_loss(lambda x, t: x * 0, draw.normal(5, 2), draw.integers(0, 7, 5), draw.normal(5, 2), shares(draw))


@case("ddpm_loss", facet="gradient", agrees_with=error_of_the_guess)
def gradients_reach_the_data_and_the_schedule(ddpm_loss, draw):
    """梯度到达数据和方差表"""
    weight = draw.normal(2, 2)
    x0, t, noise, a = draw.normal(4, 2), torch.tensor([6, 0, 3, 1]), draw.normal(4, 2), shares(draw)
    return vjp(ddpm_loss, lambda x, t: torch.sin(x @ weight) * t[:, None], x0, t, noise, a, cotangent=draw)


@case("ddpm_loss", facet="interface", agrees_with=error_of_the_guess)
def one_sample_and_strides(ddpm_loss, draw):
    """一个样本，以及不连续的输入"""
    a = shares(draw)
    x0, noise = draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT
    return [
        ddpm_loss(lambda x, t: x / 2, draw.normal(1, 1), torch.tensor([4]), draw.normal(1, 1), a),
        ddpm_loss(lambda x, t: x / 2, x0, torch.tensor([4, 0, 2]), noise, a),
    ]


@case("ddpm_loss", facet="interface", raises=ValueError)
def a_model_that_answers_in_another_shape_is_refused(ddpm_loss, draw):
    """拒绝形状不同的回答"""
    return ddpm_loss(lambda x, t: x[:, :1], draw.normal(3, 4), torch.tensor([1, 2, 0]), draw.normal(3, 4), shares(draw))


@case("ddpm_loss", facet="interface", raises=ValueError)
def a_loss_with_one_noise_for_all_is_refused(ddpm_loss, draw):
    """拒绝所有样本共用的噪声"""
    t, shared = torch.tensor([1, 2, 0]), draw.normal(1, 4)
    return ddpm_loss(lambda x, t: x[:1], draw.normal(3, 4), t, shared, shares(draw))


# ddpm_reverse_step


def by_a_guess_of_the_data(x_t, t, predicted_noise, betas, noise):
    """x̂_0 from the guess of the noise, put into the posterior by Bayes' rule, all in float64."""
    a = (1 - betas.double()).cumprod(0)[torch.as_tensor(t).expand(len(x_t))].reshape(-1, *[1] * (x_t.dim() - 1))
    x0 = (x_t.double() - (1 - a).sqrt() * predicted_noise.double()) / a.sqrt()
    mean, variance = by_precisions(x0, x_t.double(), t, betas)
    return (mean + variance.sqrt() * noise.double()).to(x_t.dtype)


@case("ddpm_reverse_step", agrees_with=by_a_guess_of_the_data, weight=2)
def each_sample_goes_back_from_its_own_step(ddpm_reverse_step, draw):
    """每个样本从自己的一步往回走"""
    out = []
    for s in ((5,), (4, 3), (3, 1, 2, 4)):
        x_t, predicted, noise = draw.normals(3, s)
        out.append(ddpm_reverse_step(x_t, draw.integers(1, 7, s[0]), predicted, schedule(draw), noise))
    return out


@case("ddpm_reverse_step", agrees_with=by_a_guess_of_the_data, weight=2)
def some_samples_arrive_and_others_go_on(ddpm_reverse_step, draw):
    """有的样本到达终点，有的还要继续"""
    x_t, predicted, noise = draw.normals(3, (4, 4))
    return ddpm_reverse_step(x_t, torch.tensor([0, 6, 0, 2]), predicted, schedule(draw), noise)


@case("ddpm_reverse_step", agrees_with=by_a_guess_of_the_data)
def all_samples_go_back_from_one_step(ddpm_reverse_step, draw):
    """所有样本从同一步往回走"""
    betas = schedule(draw)
    steps = (0, 1, 6, torch.tensor(4))
    return [ddpm_reverse_step(*draw.normals(1, (3, 2)), t, draw.normal(3, 2), betas, draw.normal(3, 2)) for t in steps]


# tolerances: a float32 answer that takes 1 − ᾱ_t in float32 is off by 1e-5 here; the sampler does not notice
@case("ddpm_reverse_step", facet="numerics", agrees_with=by_a_guess_of_the_data, rtol=1e-4, atol=1e-4)
def back_from_a_few_of_a_thousand_steps(ddpm_reverse_step, draw):
    """一千步里的几步，往回走"""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).to(draw.dtype)
    x_t, predicted, noise = draw.normals(3, (5, 3))
    return ddpm_reverse_step(x_t, torch.tensor([999, 998, 400, 3, 0]), predicted, betas, noise)


@case("ddpm_reverse_step", facet="gradient", agrees_with=by_a_guess_of_the_data)
def gradients_of_the_step_back(ddpm_reverse_step, draw):
    """往回一步的梯度"""
    x_t, predicted, noise = draw.normals(3, (4, 2))
    t, betas = torch.tensor([6, 1, 3, 2]), schedule(draw)
    return vjp(ddpm_reverse_step, x_t, t, predicted, cotangent=draw, betas=betas, noise=noise)


@case("ddpm_reverse_step", facet="gradient", agrees_with=by_a_guess_of_the_data)
def gradients_of_the_last_step(ddpm_reverse_step, draw):
    """最后一步的梯度"""
    x_t, predicted, noise = draw.normals(3, (3, 2))
    t, betas = torch.tensor([0, 2, 0]), schedule(draw)
    return vjp(ddpm_reverse_step, x_t, t, predicted, cotangent=draw, betas=betas, noise=noise)


@case("ddpm_reverse_step", agrees_with=by_a_guess_of_the_data, dtypes=(torch.float32,))
def a_wide_schedule_and_samples_in_float32(ddpm_reverse_step, draw):
    """方差表是 float64，样本是 float32"""
    x_t, predicted, noise = draw.normals(3, (3, 2))
    return ddpm_reverse_step(x_t, torch.tensor([4, 0, 2]), predicted, schedule(draw).double(), noise)


@case("ddpm_reverse_step", facet="interface", agrees_with=by_a_guess_of_the_data)
def no_samples_and_strides_on_the_way_back(ddpm_reverse_step, draw):
    """零个样本，以及不连续的输入"""
    betas = schedule(draw)
    empty, views = draw.normals(3, (0, 3)), [draw.strided(z) for z in draw.normals(3, (3, 5))]
    return [
        ddpm_reverse_step(empty[0], draw.integers(0, 7, 0), empty[1], betas, empty[2]),
        ddpm_reverse_step(views[0], torch.tensor([5, 1, 0]), views[1], draw.strided(betas), views[2]),
    ]


@case("ddpm_reverse_step", facet="interface", raises=ValueError)
def a_guess_that_the_samples_would_share_is_refused(ddpm_reverse_step, draw):
    """拒绝各样本共用的预测"""
    return ddpm_reverse_step(draw.normal(3, 2), 4, draw.normal(1, 2), schedule(draw), draw.normal(3, 2))


@case("ddpm_reverse_step", facet="interface", raises=ValueError)
def a_noise_that_the_samples_would_share_is_refused(ddpm_reverse_step, draw):
    """拒绝各样本共用的噪声"""
    return ddpm_reverse_step(draw.normal(3, 2), 4, draw.normal(3, 2), schedule(draw), draw.normal(1, 2))


@case("ddpm_reverse_step", facet="interface", raises=ValueError)
def back_from_a_negative_step_is_refused(ddpm_reverse_step, draw):
    """拒绝负的步"""
    x_t, predicted, noise = draw.normals(3, (3, 2))
    return ddpm_reverse_step(x_t, -1, predicted, schedule(draw), noise)


# ddim_step


def with_two_levels(x_t, predicted_noise, alpha_bar_t, alpha_bar_prev, eta=0.0, noise=None):
    """In float64, with σ² as η² times the variance of Bayes' rule between the two levels."""
    here, there = (torch.as_tensor(a, dtype=torch.float64) for a in (alpha_bar_t, alpha_bar_prev))
    clean = (x_t.double() - (1 - here).sqrt() * predicted_noise.double()) / here.sqrt()
    if eta == 0:
        return (there.sqrt() * clean + (1 - there).sqrt() * predicted_noise.double()).to(x_t.dtype)
    kept = here / there
    fresh = eta**2 * (1 - there) / (1 + (1 - there) * kept / (1 - kept))
    out = there.sqrt() * clean + (1 - there - fresh).sqrt() * predicted_noise.double() + fresh.sqrt() * noise.double()
    return out.to(x_t.dtype)


@case("ddim_step", agrees_with=with_two_levels, weight=2)
def steps_between_random_levels(ddim_step, draw):
    """随机的两个噪声水平之间"""
    out = []
    for eta in (0.0, draw.number(0.2, 0.9), 1.0):
        x_t, predicted, noise = draw.normals(3, (3, 5))
        out.append(ddim_step(x_t, predicted, draw.number(0.1, 0.4), draw.number(0.5, 0.9), eta, noise))
    return out


def one_step_of_ddpm(x_t, predicted_noise, alpha_bar_t, alpha_bar_prev, eta=0.0, noise=None):
    """Ancestral sampling between neighbouring levels."""
    betas = torch.stack([1 - alpha_bar_prev, 1 - alpha_bar_t / alpha_bar_prev])
    return by_a_guess_of_the_data(x_t, 1, predicted_noise, betas, noise)


@case("ddim_step", agrees_with=one_step_of_ddpm, weight=2)
def with_eta_one_it_is_ddpm(ddim_step, draw):
    """η = 1 时就是 DDPM"""
    a = shares(draw)
    x_t, predicted, noise = draw.normals(3, (4, 3))
    return ddim_step(x_t, predicted, a[4], a[3], eta=1, noise=noise)


@case("ddim_step", agrees_with=with_two_levels, weight=2)
def at_the_level_of_clean_data(ddim_step, draw):
    """到干净数据为止"""
    x_t, predicted, noise = draw.normals(3, (4, 3))
    a = draw.number(0.2, 0.9)
    return [
        ddim_step(x_t, predicted, a, 1.0),
        ddim_step(x_t, predicted, a, 1, eta=0.7, noise=noise),
        ddim_step(x_t, predicted, torch.tensor(a, dtype=draw.dtype), torch.ones((), dtype=draw.dtype)),
    ]


@case("ddim_step", agrees_with=with_two_levels)
def towards_noise_and_back(ddim_step, draw):
    """走向噪声，再走回来"""
    x_t, predicted = draw.normals(2, (4, 3))
    up = ddim_step(x_t, predicted, 0.8, 0.15)
    return up, ddim_step(up, predicted, 0.15, 0.8)


@case("ddim_step", agrees_with=with_two_levels)
def noise_that_eta_zero_does_not_use(ddim_step, draw):
    """η = 0 时不用噪声"""
    x_t, predicted, noise = draw.normals(3, (4, 3))
    return ddim_step(x_t, predicted, 0.3, 0.6, noise=noise), ddim_step(x_t, predicted, 0.6, 0.3, 0.0, noise)


@case("ddim_step", agrees_with=with_two_levels)
def levels_as_tensors_of_a_wider_dtype(ddim_step, draw):
    """噪声水平是 float64 的 0 维张量"""
    x_t, predicted, noise = draw.normals(3, (4, 3))
    a = shares(draw).double()
    return ddim_step(x_t, predicted, a[6], a[2]), ddim_step(x_t, predicted, a[6], a[2], eta=0.4, noise=noise)


@case("ddim_step", facet="gradient", agrees_with=with_two_levels)
def gradients_of_the_samples_and_of_the_levels(ddim_step, draw):
    """样本与噪声水平的梯度"""
    x_t, predicted, noise = draw.normals(3, (3, 2))
    here, there = draw.uniform(low=0.1, high=0.4), draw.uniform(low=0.5, high=0.9)
    return (
        vjp(ddim_step, x_t, predicted, here, there, cotangent=draw),
        vjp(ddim_step, x_t, predicted, here, there, 0.6, noise, cotangent=draw),
    )


@case("ddim_step", facet="interface", agrees_with=with_two_levels)
def ddim_of_any_shape_and_any_stride(ddim_step, draw):
    """任意形状，任意步长"""
    shapes = ((), (0, 3), (1, 1), (2, 1, 3, 3))
    view = ddim_step(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, 0.2, 0.7)
    return [view] + [ddim_step(draw.normal(*s), draw.normal(*s), 0.2, 0.7) for s in shapes]


@case("ddim_step", facet="interface", raises=ValueError)
def randomness_without_noise_is_refused(ddim_step, draw):
    """η > 0 而没有噪声，应当拒绝"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8, eta=0.5)


@case("ddim_step", facet="interface", raises=ValueError)
def an_eta_above_one_is_refused(ddim_step, draw):
    """拒绝大于 1 的 η"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8, eta=1.01, noise=draw.normal(3, 4))


@case("ddim_step", facet="interface", raises=ValueError)
def a_negative_eta_is_refused(ddim_step, draw):
    """拒绝负的 η"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8, eta=-0.5, noise=draw.normal(3, 4))


@case("ddim_step", facet="interface", raises=ValueError)
def a_guess_of_another_batch_is_refused(ddim_step, draw):
    """拒绝另一个批量的预测"""
    return ddim_step(draw.normal(3, 4), draw.normal(1, 4), 0.3, 0.8)


@case("ddim_step", facet="interface", raises=ValueError)
def new_noise_of_another_batch_is_refused(ddim_step, draw):
    """拒绝另一个批量的新噪声"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8, eta=0.5, noise=draw.normal(1, 4))
