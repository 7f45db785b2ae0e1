"""Right answers to chapter 17 that look nothing like the reference; the tests must accept them."""

import torch
from torch import nn

from autograder.cases import right


@right("lora_forward")
def as_two_contractions(x, w0, a, b, alpha):
    """As sums over named indices, the scale on the narrow side."""
    if b.shape[0] != w0.shape[0] or a.shape[0] != b.shape[1]:
        raise ValueError("shapes")
    narrow = torch.einsum("...k,rk->...r", x, a) * (alpha / b.shape[1])
    return torch.einsum("...k,dk->...d", x, w0) + torch.einsum("...r,dr->...d", narrow, b)


@right("lora_forward")
def one_component_at_a_time(x, w0, a, b, alpha):
    """A sum of r outer products, each added to what is there."""
    if b.shape != (len(w0), len(a)):
        raise ValueError("shapes")
    h = x @ w0.mT
    for row, column in zip(a, b.unbind(1), strict=True):
        h = h + (alpha / len(a)) * (x @ row)[..., None] * column
    return h


@right("lora_parameter_count")
def by_the_two_shapes(d, k, r):
    """The elements of two matrices that take no memory."""
    if d <= 0 or k <= 0 or r <= 0:
        raise ValueError("sizes")
    return sum(torch.empty(shape, device="meta").numel() for shape in ((r, k), (d, r)))


@right("LoRALinear")
class AFrozenCopyBesideTwoLayers(nn.Module):
    """Transposed products, A drawn from a normal distribution, and the merged layer filled number by number."""

    def __init__(self, base, r, alpha):
        super().__init__()
        if r <= 0:
            raise ValueError("rank")
        self.r, self.alpha = r, alpha
        self.base = base
        for p in base.parameters():
            p.requires_grad_(False)
        d, k = base.weight.shape
        self.lora_a = nn.Parameter((torch.randn(r, k) / (3 * k) ** 0.5).to(base.weight.dtype))
        self.lora_b = nn.Parameter(torch.zeros(d, r).to(base.weight.dtype))

    def forward(self, x):
        narrow = x.matmul(self.lora_a.t()) * (self.alpha / self.r)
        return self.base.forward(x) + narrow.matmul(self.lora_b.t())

    def merge(self):
        change = self.lora_b.detach().matmul(self.lora_a.detach()) * (self.alpha / self.r)
        layer = nn.Linear(self.base.in_features, self.base.out_features, bias=self.base.bias is not None)
        layer.weight = nn.Parameter(self.base.weight.detach() + change)
        if self.base.bias is not None:
            layer.bias = nn.Parameter(self.base.bias.detach().clone())
        return layer


@right("merge")
def as_a_sum_of_outer_products(w0, a, b, alpha):
    """One outer product for every component."""
    if b.shape[1] != a.shape[0] or w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    change = sum(torch.outer(column, row) for column, row in zip(b.unbind(1), a, strict=True))
    return torch.add(w0, change, alpha=alpha / b.shape[1])


@right("unmerge")
def by_one_fused_product(w, a, b, alpha):
    """addmm after a look at the shapes."""
    if w.shape[0] != b.shape[0] or w.shape[1] != a.shape[1]:
        raise ValueError("shapes")
    return torch.addmm(w, b, a, beta=1, alpha=-alpha / a.shape[0])


@right("lora_svd_init")
def all_of_the_strength_in_b(w0, rank):
    """An orthonormal A, and B = W₀Aᵀ: the projection of W₀ onto the strongest inputs."""
    if rank < 1 or rank > min(w0.shape):
        raise ValueError("rank")
    a = torch.linalg.svd(w0, False).Vh[:rank]
    b = w0 @ a.mT
    return w0 - b @ a, a, b


@right("lora_svd_init")
def the_residual_as_the_tail(w0, rank):
    """The residual summed from the singular values that are left, and all of the strength in A."""
    if rank not in range(1, min(w0.shape) + 1):
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(w0, full_matrices=False)
    b, a = u[:, :rank], torch.diag(s[:rank]) @ vh[:rank]
    return u[:, rank:] @ torch.diag(s[rank:]) @ vh[rank:], a, b
