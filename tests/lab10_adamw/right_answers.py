"""Right answers of lab 10 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("adamw_step")
def every_program_walks_in_strides(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, weight_decay):
    """Three programs, each with every third block; the root is corrected instead of v."""
    if any(x.shape != param.shape or not x.is_contiguous() for x in (param, grad, exp_avg, exp_avg_sq)):
        raise ValueError("shape")
    if step < 1 or exp_avg.dtype != torch.float32 or exp_avg_sq.dtype != torch.float32:
        raise ValueError("step or dtype")

    @triton.jit
    def walk(p_ptr, g_ptr, m_ptr, v_ptr, count, keep, beta1, share1, beta2, share2, rate, root, eps, B: tl.constexpr):
        for begin in range(tl.program_id(0) * B, count, 3 * B):
            i = begin + tl.arange(0, B)
            g = tl.load(g_ptr + i, mask=i < count, other=0).to(tl.float32)
            m = beta1 * tl.load(m_ptr + i, mask=i < count, other=0) + share1 * g
            v = beta2 * tl.load(v_ptr + i, mask=i < count, other=0) + share2 * g * g
            p = keep * tl.load(p_ptr + i, mask=i < count, other=0).to(tl.float32)
            tl.store(p_ptr + i, p - rate * m / (tl.sqrt(v) / root + eps), mask=i < count)
            tl.store(m_ptr + i, m, mask=i < count)
            tl.store(v_ptr + i, v, mask=i < count)

    averages = beta1, 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1**step), (1 - beta2**step) ** 0.5
    walk[(3,)](param, grad, exp_avg, exp_avg_sq, param.numel(), 1 - lr * weight_decay, *averages, eps, B=512)
    return param, exp_avg, exp_avg_sq


@right("adamw_step")
def plain_torch(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, weight_decay):
    """Right, only slow."""
    if any(x.shape != param.shape or not x.is_contiguous() for x in (param, grad, exp_avg, exp_avg_sq)) or step < 1:
        raise ValueError("shape or step")
    if exp_avg.dtype != torch.float32 or exp_avg_sq.dtype != torch.float32:
        raise ValueError("dtype")
    g = grad.float()
    exp_avg.mul_(beta1).add_(g, alpha=1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    root = (exp_avg_sq / (1 - beta2**step)).sqrt() + eps
    param.copy_(param.float() * (1 - lr * weight_decay) - lr / (1 - beta1**step) * exp_avg / root)
    return param, exp_avg, exp_avg_sq


@right("multi_tensor_adamw")
def a_program_for_every_tensor(params, grads, exp_avgs, exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay):
    """A program walks over the whole of its tensor; the four addresses of a tensor stand in one row."""
    from autograder.kernels import addresses

    lists = params, grads, exp_avgs, exp_avg_sqs
    if len({len(x) for x in lists}) > 1 or step < 1:
        raise ValueError("lengths or step")
    for p, g, m, v in zip(*lists, strict=True):
        if any(x.shape != p.shape or not x.is_contiguous() for x in (p, g, m, v)):
            raise ValueError("shape")
        if g.dtype != params[0].dtype or p.dtype != params[0].dtype or {m.dtype, v.dtype} != {torch.float32}:
            raise ValueError("dtype")

    @triton.jit
    def walk(table, sizes, keep, beta1, share1, beta2, share2, rate, root, eps, SHORT: tl.constexpr, B: tl.constexpr):
        own = table + 4 * tl.program_id(0)
        count = tl.load(sizes + tl.program_id(0))
        if SHORT:
            p_ptr = tl.load(own).to(tl.pointer_type(tl.bfloat16))
            g_ptr = tl.load(own + 1).to(tl.pointer_type(tl.bfloat16))
        else:
            p_ptr = tl.load(own).to(tl.pointer_type(tl.float32))
            g_ptr = tl.load(own + 1).to(tl.pointer_type(tl.float32))
        m_ptr = tl.load(own + 2).to(tl.pointer_type(tl.float32))
        v_ptr = tl.load(own + 3).to(tl.pointer_type(tl.float32))
        for begin in range(0, count, B):
            i = begin + tl.arange(0, B)
            g = tl.load(g_ptr + i, mask=i < count, other=0).to(tl.float32)
            m = beta1 * tl.load(m_ptr + i, mask=i < count, other=0) + share1 * g
            v = beta2 * tl.load(v_ptr + i, mask=i < count, other=0) + share2 * g * g
            p = keep * tl.load(p_ptr + i, mask=i < count, other=0).to(tl.float32)
            tl.store(p_ptr + i, p - rate * m / (tl.sqrt(v) / root + eps), mask=i < count)
            tl.store(m_ptr + i, m, mask=i < count)
            tl.store(v_ptr + i, v, mask=i < count)

    if params:
        table = addresses([x for row in zip(*lists, strict=True) for x in row])
        sizes = torch.tensor([p.numel() for p in params], device=params[0].device)
        averages = beta1, 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1**step), (1 - beta2**step) ** 0.5
        short = params[0].dtype == torch.bfloat16
        walk[(len(params),)](table, sizes, 1 - lr * weight_decay, *averages, eps, SHORT=short, B=1024)
    return list(params), list(exp_avgs), list(exp_avg_sqs)


@right("multi_tensor_adamw")
def plain_torch_tensor_by_tensor(params, grads, exp_avgs, exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay):
    """Right, only slow: a dozen launches for every tensor."""
    lists = params, grads, exp_avgs, exp_avg_sqs
    if len({len(x) for x in lists}) > 1 or step < 1:
        raise ValueError("lengths or step")
    for p, g, m, v in zip(*lists, strict=True):
        if any(x.shape != p.shape or not x.is_contiguous() for x in (p, g, m, v)):
            raise ValueError("shape")
        if g.dtype != params[0].dtype or p.dtype != params[0].dtype or {m.dtype, v.dtype} != {torch.float32}:
            raise ValueError("dtype")
    for p, g, m, v in zip(*lists, strict=True):
        g = g.float()
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (v / (1 - beta2**step)).sqrt() + eps
        p.copy_(p.float() * (1 - lr * weight_decay) - lr / (1 - beta1**step) * m / root)
    return list(params), list(exp_avgs), list(exp_avg_sqs)
