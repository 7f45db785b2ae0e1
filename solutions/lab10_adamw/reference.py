from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from autograder.kernels import addresses


@triton.jit
def adamw_kernel(
    param_ptr,
    grad_ptr,
    exp_avg_ptr,
    exp_avg_sq_ptr,
    count,
    lr,
    shrink,
    share1,
    share2,
    correction1,
    correction2,
    eps,
    BLOCK: tl.constexpr,
):
    """One step of AdamW on the BLOCK elements that are this program's: parameter and both averages, in place.

    Program p has the elements from p · BLOCK on; those that are not below `count` do not exist. `count` may be so large
    that the place of an element does not fit into 32 bits. The arithmetic is done in float32, and the new parameter is
    rounded once.

    param_ptr, grad_ptr: the parameter θ and its gradient g, float32 or bfloat16. exp_avg_ptr, exp_avg_sq_ptr: the
        averages m and v, float32. All four lie without gaps, in one order.
    lr: η. shrink: 1 − ηλ, by which the decay multiplies θ. eps: ε.
    share1, share2: 1 − β₁ and 1 − β₂, the new number's share in each average; β₁ m + (1 − β₁) g = m + (1 − β₁)(g − m).
    correction1, correction2: 1 − β₁ᵗ and 1 − β₂ᵗ.
    """
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    exists = place < count
    param = tl.load(param_ptr + place, mask=exists).to(tl.float32)
    grad = tl.load(grad_ptr + place, mask=exists).to(tl.float32)
    m = tl.load(exp_avg_ptr + place, mask=exists)
    v = tl.load(exp_avg_sq_ptr + place, mask=exists)
    m += share1 * (grad - m)
    v += share2 * (grad * grad - v)
    step = (m / correction1) / (tl.sqrt(v / correction2) + eps)
    tl.store(param_ptr + place, shrink * param - lr * step, mask=exists)
    tl.store(exp_avg_ptr + place, m, mask=exists)
    tl.store(exp_avg_sq_ptr + place, v, mask=exists)


def adamw_step(
    param: Float[Tensor, "*shape"],
    grad: Float[Tensor, "*shape"],
    exp_avg: Float[Tensor, "*shape"],
    exp_avg_sq: Float[Tensor, "*shape"],
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """One step of AdamW on one tensor, in place, in one pass over memory.

    m_t = β₁ m_{t−1} + (1−β₁) g_t,   v_t = β₂ v_{t−1} + (1−β₂) g_t²                  (11.9)
    m̂_t = m_t / (1−β₁ᵗ),   v̂_t = v_t / (1−β₂ᵗ)                                      (11.10)
    θ_t = θ_{t−1} − η (m̂_t / (√v̂_t + ε) + λ θ_{t−1})                                (11.3)

    Args:
        param, grad: θ and g, float32 or bfloat16, contiguous, of one shape, which may be empty.
        exp_avg, exp_avg_sq: m and v, float32, contiguous, of that shape.
        step: t, which counts from 1.
        lr, beta1, beta2, eps, weight_decay: η, β₁, β₂, ε, λ.

    Returns:
        param, exp_avg and exp_avg_sq, the tensors that were given, as they are after the step.

    Raises:
        ValueError: the shapes differ, a tensor is not contiguous, an average is not float32, or `step` is below 1.

    Source: Atlas 11.3; Loshchilov and Hutter (2019); agrees with `torch.optim.AdamW(fused=True)` in float32.
    """
    tensors = (param, grad, exp_avg, exp_avg_sq)
    if any(tensor.shape != param.shape or not tensor.is_contiguous() for tensor in tensors):
        raise ValueError(f"four contiguous tensors of one shape are needed, not {[tuple(t.shape) for t in tensors]}")
    if not exp_avg.dtype == exp_avg_sq.dtype == torch.float32:
        raise ValueError(f"the averages must be float32, not {exp_avg.dtype} and {exp_avg_sq.dtype}")
    if step < 1:
        raise ValueError(f"steps count from 1, and this one is {step}")
    adamw_kernel[(triton.cdiv(param.numel(), 1024),)](
        *tensors,
        param.numel(),
        lr,
        1 - lr * weight_decay,
        1 - beta1,
        1 - beta2,
        1 - beta1**step,
        1 - beta2**step,
        eps,
        BLOCK=1024,
    )
    return param, exp_avg, exp_avg_sq


@triton.jit
def multi_tensor_adamw_kernel(
    address_ptr,
    size_ptr,
    owner_ptr,
    begin_ptr,
    tensors,
    lr,
    shrink,
    share1,
    share2,
    correction1,
    correction2,
    eps,
    HALF: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One step of AdamW on the BLOCK elements that are this program's, of whichever tensor they are part.

    Program p has elements of tensor number owner[p], from begin[p] on, a multiple of BLOCK; those that are not below
    the tensor's size do not exist. What is calculated is what `adamw_kernel` calculates. A loaded address becomes a
    pointer by `.to(tl.pointer_type(tl.float32))`, or another dtype in place of tl.float32.

    address_ptr: 4 · tensors numbers in int64, where parameters, gradients, first and second averages begin: first of
        all parameters, then of all gradients, and so on.
    size_ptr: `tensors` numbers in int64, how many elements each tensor has.
    owner_ptr, begin_ptr: for every program a number in int64.
    lr, shrink, share1, share2, correction1, correction2, eps: as in `adamw_kernel`.
    HALF: whether parameters and gradients are bfloat16, or else float32; the averages are float32. The arithmetic is
        done in float32, and the new parameter rounded once.
    """
    owner = tl.load(owner_ptr + tl.program_id(0))
    place = tl.load(begin_ptr + tl.program_id(0)) + tl.arange(0, BLOCK)
    exists = place < tl.load(size_ptr + owner)
    kind: tl.constexpr = tl.bfloat16 if HALF else tl.float32
    param_ptr = tl.load(address_ptr + owner).to(tl.pointer_type(kind)) + place
    grad_ptr = tl.load(address_ptr + tensors + owner).to(tl.pointer_type(kind)) + place
    exp_avg_ptr = tl.load(address_ptr + 2 * tensors + owner).to(tl.pointer_type(tl.float32)) + place
    exp_avg_sq_ptr = tl.load(address_ptr + 3 * tensors + owner).to(tl.pointer_type(tl.float32)) + place
    param = tl.load(param_ptr, mask=exists).to(tl.float32)
    grad = tl.load(grad_ptr, mask=exists).to(tl.float32)
    m = tl.load(exp_avg_ptr, mask=exists)
    v = tl.load(exp_avg_sq_ptr, mask=exists)
    m += share1 * (grad - m)
    v += share2 * (grad * grad - v)
    step = (m / correction1) / (tl.sqrt(v / correction2) + eps)
    tl.store(param_ptr, shrink * param - lr * step, mask=exists)
    tl.store(exp_avg_ptr, m, mask=exists)
    tl.store(exp_avg_sq_ptr, v, mask=exists)


def multi_tensor_adamw(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """One step of AdamW on a list of tensors of whatever sizes, in place, in one launch.

    (11.3) with (11.9) and (11.10), as `adamw_step` says, on every tensor with its own averages.

    Args:
        params, grads: the parameters and their gradients, contiguous, all float32 or all bfloat16. The lists may be
            empty, and so may tensors.
        exp_avgs, exp_avg_sqs: m and v of each parameter, float32, contiguous.
        step, lr, beta1, beta2, eps, weight_decay: as in `adamw_step`, the same for all.

    Returns:
        lists of the parameters, first and second averages, the tensors that were given, as they are after the step.

    Raises:
        ValueError: the lists differ in length, the tensors of one place in shape, a tensor is not contiguous, dtypes
            are mixed, or `step` is below 1.

    Source: Atlas 11.3; agrees with `torch.optim.AdamW(fused=True)` in float32; the table of addresses is Apex's idea.
    """
    lists = (params, grads, exp_avgs, exp_avg_sqs)
    if any(len(tensors) != len(params) for tensors in lists) or step < 1:
        raise ValueError(f"lists of one length are needed, not {[len(x) for x in lists]}, and a step from 1 on")
    if any(t.shape != params[i].shape or not t.is_contiguous() for x in lists for i, t in enumerate(x)):
        raise ValueError("a tensor is not contiguous, or differs in shape from its parameter")
    if len({t.dtype for x in lists[:2] for t in x}) > 1 or {t.dtype for x in lists[2:] for t in x} - {torch.float32}:
        raise ValueError("parameters and gradients must be of one dtype, and the averages float32")
    if params:
        sizes = torch.tensor([p.numel() for p in params])
        blocks = triton.cdiv(sizes, 2048)
        owner = torch.repeat_interleave(blocks)
        begin = 2048 * (torch.arange(len(owner)) - (blocks.cumsum(0) - blocks)[owner])
        tables = torch.cat([sizes, owner, begin]).to(params[0].device)
        multi_tensor_adamw_kernel[(len(owner),)](
            addresses([tensor for tensors in lists for tensor in tensors]),
            *tables.split([len(sizes), len(owner), len(owner)]),
            len(params),
            lr,
            1 - lr * weight_decay,
            1 - beta1,
            1 - beta2,
            1 - beta1**step,
            1 - beta2**step,
            eps,
            HALF=params[0].dtype == torch.bfloat16,
            BLOCK=2048,
            num_warps=8,
        )
    return list(params), list(exp_avgs), list(exp_avg_sqs)
