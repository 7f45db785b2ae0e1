"""The visible checks of chapter 14: what a student sees on pressing check. Draws are fixed and public."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import AffineTransform, MultivariateNormal, Normal, kl_divergence

from autograder.cases import Rules, case
from autograder.operations import vjp

RULES = {
    "gaussian_kl": Rules(forbids=("kl_div*", "KLDivLoss", "*Normal", "cholesky*")),
    "vae_loss": Rules(forbids=("*binary_cross_entropy*", "*BCE*", "Bernoulli", "kl_div*", "KLDivLoss", "*Normal")),
    "iwae_bound": Rules(forbids=("*logsumexp", "logcumsumexp", "*softmax*", "softmin")),
    "alpha_bar": Rules(forbids=("cumprod", "cumulative_prod")),
    "ddpm_loss": Rules(forbids=("*mse*", "*MSE*", "*smooth_l1*", "huber*")),
}


@case("reparameterize", expected=torch.tensor([[2.0, -3.0, 0.75], [0.5, 2.0, -0.5]]))
def a_variance_of_four_is_a_deviation_of_two(reparameterize, draw):
    """方差为 4，标准差就是 2"""
    mu = torch.tensor([[1.0, -2.0, 0.5], [0.5, 0.0, 0.0]], dtype=draw.dtype)
    variance = torch.tensor([[1.0, 4.0, 0.25], [9.0, 16.0, 1.0]], dtype=draw.dtype)
    noise = torch.tensor([[1.0, -0.5, 0.5], [0.0, 0.5, -0.5]], dtype=draw.dtype)
    return reparameterize(mu, variance.log(), noise)


def drawn_by_torch(mu, logvar, noise):
    """torch's affine transform of the noise."""
    return AffineTransform(mu, logvar.exp().sqrt())(noise)


@case("reparameterize", facet="gradient", agrees_with=drawn_by_torch)
def both_parameters_get_a_gradient(reparameterize, draw):
    """两个参数都得到梯度"""
    return vjp(reparameterize, draw.normal(3), draw.normal(3), draw.normal(3), cotangent=draw)


def kl_of_torch(mu, logvar):
    """torch's divergence of two Gaussians with full covariance matrices."""
    q = MultivariateNormal(mu, covariance_matrix=torch.diag_embed(logvar.exp()))
    prior = MultivariateNormal(torch.zeros_like(mu), covariance_matrix=torch.eye(mu.shape[-1]).to(mu))
    return kl_divergence(q, prior)


@case("gaussian_kl", agrees_with=kl_of_torch)
def one_divergence_for_each_row(gaussian_kl, draw):
    """每一行一个散度"""
    return gaussian_kl(draw.normal(3, 5), draw.normal(3, 5))


@case("gaussian_kl", facet="gradient", agrees_with=kl_of_torch)
def the_divergence_pulls_the_mean_and_the_variance(gaussian_kl, draw):
    """散度对均值和方差的梯度"""
    return vjp(gaussian_kl, draw.normal(3, 5), draw.normal(3, 5), cotangent=draw)


def negative_elbo(recon, x, mu, logvar):
    """The same loss from torch's own pieces, one sample at a time."""
    losses = [
        F.binary_cross_entropy(r, y, reduction="sum") + kl_of_torch(m, v)
        for r, y, m, v in zip(recon, x, mu, logvar, strict=True)
    ]
    return torch.stack(losses).mean()


@case("vae_loss", agrees_with=negative_elbo)
def sums_over_features_and_the_mean_over_the_batch(vae_loss, draw):
    """特征上求和，批量上取平均"""
    return vae_loss(draw.uniform(4, 7), draw.mask(4, 7).to(draw.dtype), draw.normal(4, 3), draw.normal(4, 3))


@case("vae_loss", expected=(True, True))
def a_better_reconstruction_and_a_smaller_divergence_both_lower_it(vae_loss, draw):
    """重建更好、散度更小，损失都会变小"""
    x, standard = draw.mask(3, 5).to(draw.dtype), torch.zeros(3, 2, dtype=draw.dtype)
    bad, good = (1 + x) / 4, (1 + 8 * x) / 10
    base = vae_loss(bad, x, standard + 1, standard)
    return bool(vae_loss(good, x, standard + 1, standard) < base), bool(vae_loss(bad, x, standard, standard) < base)


def bound_of_torch(log_w):
    """The bound from torch.logsumexp."""
    return (torch.logsumexp(log_w, dim=1) - math.log(log_w.shape[1])).mean()


@case("iwae_bound", agrees_with=bound_of_torch)
def a_few_weights_a_sample(iwae_bound, draw):
    """每个样本几个权重"""
    return iwae_bound(draw.normal(4, 5, scale=2))


@case("iwae_bound", agrees_with=bound_of_torch)
def log_weights_of_minus_five_thousand(iwae_bound, draw):
    """−5000 左右的对数权重"""
    return iwae_bound(draw.normal(4, 5, loc=-5000, scale=2))


@case("ddpm_step", expected=torch.tensor([1.4, -1.6, 1.8]))
def a_step_of_variance_0_36_by_hand(ddpm_step, draw):
    """手算方差为 0.36 的一步"""
    x, noise = torch.tensor([[1.0, -2.0, 3.0], [1.0, 0.0, -1.0]], dtype=draw.dtype)
    return ddpm_step(x, 0.36, noise)


@case("ddpm_step", expected=torch.ones(3))
def variance_one_stays_variance_one(ddpm_step, draw):
    """方差 1 保持为 1"""
    orthonormal, _ = torch.linalg.qr(draw.normal(9, 2).double())
    x, noise = (3 * orthonormal.mT).to(draw.dtype)
    return torch.stack([ddpm_step(x, beta, noise).square().mean() for beta in (0.1, 0.5, 0.9)])


def running_product(betas):
    """torch's own running product."""
    return torch.cumprod(1 - betas, dim=0)


@case("alpha_bar", agrees_with=running_product)
def the_product_up_to_each_step(alpha_bar, draw):
    """到每一步为止的乘积"""
    return alpha_bar(draw.uniform(6, low=0.05, high=0.5))


@case("alpha_bar", expected=torch.tensor([0.5, 0.25, 0.0]))
def halved_twice_then_gone(alpha_bar, draw):
    """减半两次，然后归零"""
    return alpha_bar(torch.tensor([0.5, 0.5, 1.0], dtype=draw.dtype))


@case("extract", expected=torch.tensor([40.0, 10.0, 40.0])[:, None, None])
def each_sample_has_a_step_of_its_own(extract, draw):
    """每个样本有自己的步"""
    values = torch.tensor([10.0, 20.0, 30.0, 40.0], dtype=draw.dtype)
    return extract(values, torch.tensor([3, 0, 3]), draw.normal(3, 2, 5))


@case("extract", expected=torch.full((2,), 20.0) * torch.tensor([1.0, -3.0]))
def one_number_serves_all_samples(extract, draw):
    """一个数对所有样本有效"""
    x = torch.tensor([1.0, -3.0], dtype=draw.dtype)
    return extract(torch.tensor([10.0, 20.0, 30.0, 40.0], dtype=draw.dtype), 1, x) * x


def steps_of(t, x):
    """A step for each sample, as a list."""
    return torch.as_tensor(t).expand(len(x)).tolist()


def moments_of_the_chain(x0, t, alpha_bar, noise):
    """The mean and variance that 14.3 gives when it is applied again and again, sample by sample."""
    kept = alpha_bar / torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    out = []
    for signal, last, e in zip(x0, steps_of(t, x0), noise, strict=True):
        mean, variance = signal, torch.zeros_like(kept[0])
        for share in kept[: last + 1]:
            mean, variance = share.sqrt().to(mean) * mean, share * variance + (1 - share)
        out.append(mean + variance.sqrt().to(e) * e)
    return torch.stack(out)


@case("q_sample", agrees_with=moments_of_the_chain)
def the_jump_has_the_moments_of_the_chain(q_sample, draw):
    """一步到位，与逐步加噪有相同的均值和方差"""
    schedule = (1 - draw.uniform(6, low=0.1, high=0.4)).cumprod(0)
    return q_sample(draw.normal(4, 3), torch.tensor([0, 2, 5, 1]), schedule, draw.normal(4, 3))


@case("q_sample", agrees_with=moments_of_the_chain)
def one_step_for_a_batch_of_images(q_sample, draw):
    """一批图像，同一步"""
    schedule = (1 - draw.uniform(6, low=0.1, high=0.4)).cumprod(0)
    return q_sample(draw.normal(2, 1, 3, 3), 3, schedule, draw.normal(2, 1, 3, 3))


def bayes_rule(x0, x_t, t, betas):
    """Two Gaussians multiplied: precisions add, means are weighted by their precision. At t = 0 nothing is random."""
    shares = (1 - betas.double()).cumprod(0)
    means, variances = [], []
    for clean, noisy, s in zip(x0, x_t, steps_of(t, x0), strict=True):
        if s == 0:
            means.append(clean)
            variances.append(torch.zeros_like(clean))
            continue
        prior = Normal(shares[s - 1] ** 0.5 * clean.double(), (1 - shares[s - 1]) ** 0.5)
        precision = (1 - betas[s].double()) / betas[s].double()  # of x_t / √α_t as a measurement of x_{t−1}
        measured = noisy.double() / (1 - betas[s].double()) ** 0.5
        total = 1 / prior.variance + precision
        means.append(((prior.mean / prior.variance + precision * measured) / total).to(clean))
        variances.append((1 / total * torch.ones_like(prior.mean)).to(clean))
    return torch.stack(means), torch.stack(variances)


def full(posterior):
    """The variance beside every element of the mean, however it came."""
    mean, variance = posterior
    return mean, variance + torch.zeros_like(mean)


@case("ddpm_posterior", agrees_with=bayes_rule)
def the_posterior_is_bayes_rule_for_two_gaussians(ddpm_posterior, draw):
    """后验就是两个高斯的贝叶斯公式"""
    betas = draw.uniform(6, low=0.1, high=0.4)
    return full(ddpm_posterior(draw.normal(3, 4), draw.normal(3, 4), torch.tensor([5, 1, 3]), betas))


@case("ddpm_posterior", agrees_with=bayes_rule)
def at_step_zero_it_is_the_data_without_doubt(ddpm_posterior, draw):
    """第 0 步就是数据本身，没有不确定性"""
    return full(ddpm_posterior(draw.normal(3, 4), draw.normal(3, 4), 0, draw.uniform(6, low=0.1, high=0.4)))


def squared_error_of_torch(model, x0, t, noise, alpha_bar):
    """F.mse_loss on the chain's samples."""
    return F.mse_loss(model(moments_of_the_chain(x0, t, alpha_bar, noise), t), noise)


@case("ddpm_loss", agrees_with=squared_error_of_torch)
def a_model_that_sees_the_noisy_sample_and_its_step(ddpm_loss, draw):
    """模型看到带噪样本和它的步数"""
    schedule = (1 - draw.uniform(6, low=0.1, high=0.4)).cumprod(0)
    t = torch.tensor([4, 0, 2])
    return ddpm_loss(lambda x, t: torch.sin(x) * (1 + t[:, None]), draw.normal(3, 2), t, draw.normal(3, 2), schedule)


@case("ddpm_loss", facet="gradient", agrees_with=squared_error_of_torch)
def the_gradient_goes_through_the_model(ddpm_loss, draw):
    """梯度经过模型"""
    schedule = (1 - draw.uniform(6, low=0.1, high=0.4)).cumprod(0)
    t, noise, weight = torch.tensor([4, 0, 2]), draw.normal(3, 2), draw.normal(2, 2)
    return vjp(
        ddpm_loss, lambda x, t: x @ weight, draw.normal(3, 2), cotangent=draw, t=t, noise=noise, alpha_bar=schedule
    )


def clean_guess_then_bayes(x_t, t, predicted_noise, betas, noise):
    """The guess of the noise gives a guess of the data; Bayes' rule does the rest."""
    shares = (1 - betas.double()).cumprod(0)
    levels = [shares[s] for s in steps_of(t, x_t)]
    rows = zip(x_t.double(), predicted_noise.double(), levels, strict=True)
    x0 = torch.stack([(x - (1 - level) ** 0.5 * e) / level**0.5 for x, e, level in rows])
    mean, variance = bayes_rule(x0, x_t.double(), t, betas)
    return (mean + variance**0.5 * noise.double()).to(x_t)


@case("ddpm_reverse_step", agrees_with=clean_guess_then_bayes)
def one_step_back_with_given_noise(ddpm_reverse_step, draw):
    """给定噪声，往回走一步"""
    x_t, predicted, noise = draw.normals(3, shape=(3, 4))
    return ddpm_reverse_step(x_t, 3, predicted, draw.uniform(6, low=0.1, high=0.4), noise)


@case("ddpm_reverse_step", agrees_with=clean_guess_then_bayes)
def the_last_step_adds_no_noise(ddpm_reverse_step, draw):
    """最后一步不加噪声"""
    x_t, predicted, noise = draw.normals(3, shape=(3, 4))
    return ddpm_reverse_step(x_t, 0, predicted, draw.uniform(6, low=0.1, high=0.4), noise)


def by_angles(x_t, predicted_noise, alpha_bar_t, alpha_bar_prev, eta=0.0, noise=None):
    """Signal and noise as the two legs of a right triangle; the fresh noise takes its share of the second leg."""
    here, there = (torch.acos(torch.as_tensor(a, dtype=torch.float64) ** 0.5) for a in (alpha_bar_t, alpha_bar_prev))
    clean = (x_t.double() - here.sin() * predicted_noise.double()) / here.cos()
    fresh = torch.zeros_like(here)
    if eta:  # Bayes' rule once more: precisions add
        kept = (here.cos() / there.cos()) ** 2
        fresh = eta**2 / (1 / there.sin() ** 2 + kept / (1 - kept))
    old = (there.sin() ** 2 - fresh) ** 0.5 * predicted_noise.double()
    new = fresh**0.5 * noise.double() if eta else 0
    return (there.cos() * clean + old + new).to(x_t)


@case("ddim_step", agrees_with=by_angles)
def without_new_noise_by_default(ddim_step, draw):
    """默认不加新噪声"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8)


@case("ddim_step", agrees_with=by_angles)
def half_of_the_noise_is_new(ddim_step, draw):
    """一部分噪声是新的"""
    return ddim_step(draw.normal(3, 4), draw.normal(3, 4), 0.3, 0.8, eta=0.5, noise=draw.normal(3, 4))
