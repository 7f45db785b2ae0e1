"""On what lab 9 is timed where there is a GPU.

torch has no NF4. The builtin is what eager torch does at its best: a table of 256 bytes with two levels each, an
embedding lookup, a product with the scales, and then `linear`.
"""

import torch
import torch.nn.functional as F

from autograder.workloads import workload

LEVELS = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)


def _by_bytes(packed, absmax, shape):
    levels = torch.tensor(LEVELS, device=packed.device, dtype=torch.float16)
    pairs = torch.stack([levels.repeat_interleave(16), levels.repeat(16)], dim=1)
    return (F.embedding(packed.int(), pairs).view(-1, 64) * absmax.half()[:, None]).view(shape)


def _by_codes(packed, absmax, shape):
    levels = torch.tensor(LEVELS, device=packed.device)
    codes = torch.stack([packed >> 4, packed & 15], dim=1).flatten().int()
    return (levels[codes].view(-1, 64) * absmax[:, None]).half().view(shape)


def _linear(dequantize):
    return lambda x, packed, absmax, shape: F.linear(x, dequantize(packed, absmax, shape))


def _stored(draw, rows, columns):
    packed = draw.integers(0, 256, rows * columns // 2).to(torch.uint8)
    return packed, draw.uniform(rows * columns // 64, low=0.5, high=2).float(), (rows, columns)


# eager torch rounds levels, scales and products to float16, a kernel only products
@workload(
    "dequantize_nf4",
    builtin=_by_bytes,
    naive=_by_codes,
    sizes=(1024, 8192, 65536),
    dtype=torch.float16,
    bytes_moved=lambda packed, absmax, shape: packed.nbytes + absmax.nbytes + 2 * shape[0] * shape[1],
    rtol=2**-8,
    atol=1e-5,
)
def a_matrix_of_4096_columns(draw, rows):
    """4096 列的矩阵"""
    return _stored(draw, rows, 4096)


# the weights of the builtin are rounded as above: on sums of 8192 terms of variance 1/8192, errors of some 10⁻⁴
@workload(
    "dequantize_matmul",
    builtin=_linear(_by_bytes),
    naive=_linear(_by_codes),
    sizes=(4096, 11008, 28672),
    dtype=torch.float16,
    bytes_moved=lambda x, packed, absmax, shape: x.nbytes + packed.nbytes + absmax.nbytes + 2 * len(x) * shape[0],
    rtol=2e-3,
    atol=4e-3,
)
def one_token_through_a_layer_of_8192_inputs(draw, outputs):
    """一个 token 经过 8192 个输入的层"""
    return draw.normal(1, 8192, scale=8192**-0.5), *_stored(draw, outputs, 8192)
