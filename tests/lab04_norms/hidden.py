"""What the judge runs of lab 4 besides the visible checks."""

import torch
import torch.nn.functional as F

from autograder.cases import case

HALVES = [torch.float16, torch.bfloat16]
FLOAT32 = {"dtypes": [torch.float32]}
# half a unit in the last place
ONE_ROUNDING = {torch.float16: 2**-11, torch.bfloat16: 2**-8}


def _rounded_once(came, exact, atol=1e-6):
    """Whether every number is the exact one, rounded once; float32 inside may move it by a thousandth more."""
    error = (came.double() - exact).abs()
    return bool((error <= 1.002 * ONE_ROUNDING[came.dtype] * exact.abs() + atol).all())


def _rms_norm(x, weight, eps=1e-6):
    wide = x.double()
    y = F.rms_norm(wide, wide.shape[1:], weight.double(), eps)
    return y.to(x.dtype), (wide.square().mean(1) + eps).rsqrt().float()


def _layer_norm(x, weight, bias, eps=1e-5):
    wide = x.double()
    y = F.layer_norm(wide, wide.shape[1:], weight.double(), bias.double(), eps)
    variance = (wide - wide.mean(1, keepdim=True)).square().mean(1)
    return y.to(x.dtype), wide.mean(1).float(), (variance + eps).rsqrt().float()


def _rms_norm_backward(grad_output, x, weight, rstd):
    """Autograd in float64, with the ε that makes rstd what was given."""
    wide, gamma = x.double().requires_grad_(), weight.double().requires_grad_()
    square = wide.square().mean(1)
    eps = (rstd.double() ** -2 - square).detach()
    y = wide * (square + eps).rsqrt()[:, None] * gamma
    grads = torch.autograd.grad(y, (wide, gamma), grad_output.double())
    return grads[0].to(x.dtype), grads[1].to(weight.dtype)


def _layer_norm_backward(grad_output, x, weight, mean, rstd):
    """Autograd in float64, with the ε that makes rstd what was given, and around the mean that was given."""
    wide, gamma, beta = (t.double().requires_grad_() for t in (x, weight, torch.zeros_like(weight)))
    variance = (wide - wide.mean(1, keepdim=True)).square().mean(1)
    eps = (rstd.double() ** -2 - variance).detach()
    rounded = (mean.double() - wide.mean(1)).detach()
    centred = wide - (wide.mean(1) + rounded)[:, None]
    grads = torch.autograd.grad(
        centred * (variance + eps).rsqrt()[:, None] * gamma + beta, (wide, gamma, beta), grad_output.double()
    )
    return grads[0].to(x.dtype), grads[1].to(weight.dtype), grads[2].to(weight.dtype)


def _exactly(function, *tensors):
    """The result in float64, not rounded."""
    return function(*(t.double() for t in tensors))


@case("rms_norm", agrees_with=_rms_norm, weight=2, **FLOAT32)
def one_column_more_and_less_than_a_block(rms_norm, draw):
    """比一个块多一列、少一列"""
    return [rms_norm(draw.normal(2, n, scale=3), draw.normal(n)) for n in (127, 128, 129, 1000)]


@case("rms_norm", agrees_with=_rms_norm, weight=2, **FLOAT32)
def many_short_rows(rms_norm, draw):
    """很多短行"""
    return rms_norm(draw.normal(draw.integer(20, 30), 7, scale=3), draw.normal(7))


@case("rms_norm", agrees_with=_rms_norm, **FLOAT32)
def the_longest_row_there_may_be(rms_norm, draw):
    """允许的最长的行"""
    return rms_norm(draw.normal(2, 16384, loc=1), draw.normal(16384))


@case("rms_norm", agrees_with=_rms_norm, weight=2, **FLOAT32)
def rows_cut_out_of_a_wider_table(rms_norm, draw):
    """从更宽的表里切出来的行"""
    return rms_norm(draw.normal(5, 60)[:, 9:50], draw.normal(41))


@case("rms_norm", agrees_with=_rms_norm, **FLOAT32)
def a_transposed_table_and_a_weight_with_gaps(rms_norm, draw):
    """转置的表，与不连续的权重"""
    return rms_norm(draw.normal(24, 5).mT, draw.strided(draw.normal(24)))


@case("rms_norm", agrees_with=_rms_norm, weight=2, **FLOAT32)
def rows_that_are_as_small_as_the_root_of_eps(rms_norm, draw):
    """与 eps 的平方根一样小的行，以及全零的行"""
    x = draw.normal(4, 33) * torch.tensor([[1e-3], [1e-4], [0], [3e-3]])
    return rms_norm(x, draw.normal(33)), rms_norm(100 * x, draw.normal(33), 1e-2)


@case("rms_norm", agrees_with=_rms_norm, facet="numerics", **FLOAT32)
def a_nan_stays_in_its_row(rms_norm, draw):
    """NaN 只影响所在的那一行"""
    x = draw.normal(3, 12)
    x[1, 5] = torch.nan
    return rms_norm(x, draw.normal(12))


@case("rms_norm", agrees_with=_rms_norm, facet="numerics", dtypes=HALVES)
def half_precision_is_rounded_once(rms_norm, draw):
    """半精度只舍入一次"""
    x, weight = draw.normal(3, 400, loc=0.5), draw.normal(400)
    y, rstd = rms_norm(x, weight)
    return _rounded_once(y, F.rms_norm(x.double(), (400,), weight.double(), 1e-6)), rstd


@case("rms_norm", agrees_with=_rms_norm, facet="numerics", dtypes=HALVES)
def squares_that_half_precision_cannot_hold(rms_norm, draw):
    """半精度装不下的平方"""
    x, weight = draw.normal(3, 65, scale=1000), draw.normal(65)
    y, rstd = rms_norm(x, weight)
    return _rounded_once(y, F.rms_norm(x.double(), (65,), weight.double(), 1e-6)), rstd


@case("rms_norm", agrees_with=_rms_norm, facet="interface", dtypes=HALVES, rtol=2**-7, atol=1e-5)
def a_weight_in_float32(rms_norm, draw):
    """float32 的权重"""
    # rtol: one rounding of bfloat16
    return rms_norm(draw.normal(2, 40), draw.normal(40).float())


@case("rms_norm", agrees_with=_rms_norm, facet="interface", **FLOAT32)
def one_row_one_column_and_no_rows(rms_norm, draw):
    """一行、一列、没有行"""
    return [rms_norm(draw.normal(*shape), draw.normal(shape[1])) for shape in ((1, 1), (4, 1), (1, 6), (0, 6))]


@case("rms_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_vector_is_refused(rms_norm, draw):
    """拒绝向量"""
    return rms_norm(draw.normal(8), draw.normal(8))


@case("rms_norm", raises=ValueError, facet="interface", **FLOAT32)
def more_columns_than_a_block_may_have_are_refused(rms_norm, draw):
    """拒绝超过上限的列数"""
    return rms_norm(draw.normal(1, 16385), draw.normal(16385))


@case("rms_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_table_without_columns_is_refused(rms_norm, draw):
    """拒绝没有列的表"""
    return rms_norm(draw.normal(0, 0), draw.normal(0))


@case("rms_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_weight_of_another_length_is_refused(rms_norm, draw):
    """拒绝长度不符的权重"""
    return rms_norm(draw.normal(3, 8), draw.normal(9))


def _call_rms(draw, rows, columns, scale=1.0, eps=1e-6):
    x, weight = draw.normal(rows, columns, loc=0.3) * scale, draw.normal(columns)
    return draw.normal(rows, columns), x, weight, _rms_norm(x, weight, eps)[1]


@case("rms_norm_backward", agrees_with=_rms_norm_backward, weight=2, **FLOAT32)
def columns_around_a_block(rms_norm_backward, draw):
    """块大小附近的各种列数"""
    return [rms_norm_backward(*_call_rms(draw, 3, columns)) for columns in (31, 33, 65)]


@case("rms_norm_backward", agrees_with=_rms_norm_backward, weight=2, **FLOAT32)
def more_strips_than_a_tile_has_rows(rms_norm_backward, draw):
    """条带数比第二个 kernel 一次读的行数还多"""
    return rms_norm_backward(*_call_rms(draw, draw.integer(21, 23), 6, scale=4))


@case("rms_norm_backward", agrees_with=_rms_norm_backward, **FLOAT32)
def two_rows_of_three_hundred_columns(rms_norm_backward, draw):
    """两行，三百列"""
    return rms_norm_backward(*_call_rms(draw, 2, 300))


@case("rms_norm_backward", agrees_with=_rms_norm_backward, weight=2, **FLOAT32)
def tensors_that_are_not_contiguous(rms_norm_backward, draw):
    """不连续的张量"""
    _, x, weight, rstd = _call_rms(draw, 6, 20)
    wide = torch.cat([draw.normal(6, 3), x, draw.normal(6, 2)], dim=1)
    grads = rms_norm_backward(draw.normal(20).expand(6, 20), wide[:, 3:23], draw.strided(weight), draw.strided(rstd))
    return grads, rms_norm_backward(draw.normal(20, 6).mT, x.mT.contiguous().mT, weight, rstd)


@case("rms_norm_backward", agrees_with=_rms_norm_backward, **FLOAT32)
def rows_in_which_eps_counts(rms_norm_backward, draw):
    """eps 起作用的行"""
    return rms_norm_backward(*_call_rms(draw, 6, 33, scale=0.1, eps=0.02))


@case("rms_norm_backward", agrees_with=_rms_norm_backward, facet="numerics", **FLOAT32)
def a_gradient_that_is_nan_stays_in_its_row_and_column(rms_norm_backward, draw):
    """NaN 梯度只影响所在的行和列"""
    grad_output, *rest = _call_rms(draw, 6, 12)
    grad_output[4, 7] = torch.nan
    return rms_norm_backward(grad_output, *rest)


@case("rms_norm_backward", agrees_with=_rms_norm_backward, facet="numerics", dtypes=HALVES)
def half_precision_rounds_each_gradient_once(rms_norm_backward, draw):
    """半精度的每个梯度只舍入一次"""
    call = _call_rms(draw, 5, 60)
    exact = _exactly(_rms_norm_backward, *call)
    return [_rounded_once(a, b, 2e-6) for a, b in zip(rms_norm_backward(*call), exact, strict=True)]


@case("rms_norm_backward", agrees_with=_rms_norm_backward, facet="numerics", dtypes=[torch.float16])
def strips_that_cancel_each_other(rms_norm_backward, draw):
    """相互抵消的条带"""
    x, weight, half = draw.normal(4, 30, loc=4), draw.normal(30), draw.normal(4, 30, scale=100)
    both = torch.cat([half, draw.normal(4, 30) - half])
    call = both, torch.cat([x, x]), weight, _rms_norm(torch.cat([x, x]), weight)[1]
    exact = _exactly(_rms_norm_backward, *call)
    # sums of about 500 that are taken in float32 are off by up to 2⁻²⁴ · 500 an addition
    return [_rounded_once(a, b, 1e-3) for a, b in zip(rms_norm_backward(*call), exact, strict=True)]


@case("rms_norm_backward", agrees_with=_rms_norm_backward, facet="numerics", **FLOAT32)
def two_calls_give_the_same_bits(rms_norm_backward, draw):
    """两次调用，结果逐位相同"""
    call = _call_rms(draw, 5, 30)
    first, second = rms_norm_backward(*call), rms_norm_backward(*call)
    return first, [torch.equal(a, b) for a, b in zip(first, second, strict=True)]


@case(
    "rms_norm_backward",
    agrees_with=_rms_norm_backward,
    facet="interface",
    dtypes=[torch.bfloat16],
    rtol=2**-7,
    atol=1e-5,
)
def the_gradient_of_a_float32_weight_is_float32(rms_norm_backward, draw):
    """float32 权重的梯度也是 float32"""
    # rtol: one rounding of bfloat16
    x, weight = draw.normal(5, 40), draw.normal(40).float()
    return rms_norm_backward(draw.normal(5, 40), x, weight, _rms_norm(x, weight)[1])


@case("rms_norm_backward", agrees_with=_rms_norm_backward, facet="interface", **FLOAT32)
def gradients_of_one_row_one_column_and_no_rows(rms_norm_backward, draw):
    """一行、一列、没有行时的梯度"""
    return [rms_norm_backward(*_call_rms(draw, *shape, eps=0.1)) for shape in ((1, 1), (9, 1), (1, 6), (0, 6))]


@case("rms_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_gradient_of_another_shape_is_refused(rms_norm_backward, draw):
    """拒绝形状不符的梯度"""
    _, x, weight, rstd = _call_rms(draw, 3, 8)
    return rms_norm_backward(draw.normal(8, 3), x, weight, rstd)


@case("rms_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_weight_that_does_not_fit_is_refused(rms_norm_backward, draw):
    """拒绝不符的权重"""
    grad_output, x, _, rstd = _call_rms(draw, 3, 8)
    return rms_norm_backward(grad_output, x, draw.normal(9), rstd)


@case("rms_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def an_rstd_for_other_rows_is_refused(rms_norm_backward, draw):
    """拒绝行数不符的 rstd"""
    grad_output, x, weight, _ = _call_rms(draw, 3, 8)
    return rms_norm_backward(grad_output, x, weight, draw.uniform(4, low=1, high=2))


@case("rms_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_stack_of_tables_is_refused(rms_norm_backward, draw):
    """拒绝三维张量"""
    x = draw.normal(2, 3, 4)
    return rms_norm_backward(x, x, draw.normal(3, 4), draw.uniform(2, low=1, high=2))


@case("layer_norm", agrees_with=_layer_norm, weight=2, **FLOAT32)
def rows_of_one_column_more_and_less_than_a_block(layer_norm, draw):
    """比一个块多一列、少一列的行"""
    return [
        layer_norm(draw.normal(2, n, loc=2, scale=3), draw.normal(n), draw.normal(n)) for n in (127, 128, 129, 1000)
    ]


@case("layer_norm", agrees_with=_layer_norm, weight=2, **FLOAT32)
def a_tall_narrow_table(layer_norm, draw):
    """又高又窄的表"""
    return layer_norm(draw.normal(draw.integer(20, 30), 7, loc=-1), draw.normal(7), draw.normal(7))


@case("layer_norm", agrees_with=_layer_norm, **FLOAT32)
def the_widest_table_there_may_be(layer_norm, draw):
    """允许的最宽的表"""
    return layer_norm(draw.normal(2, 16384, loc=1), draw.normal(16384), draw.normal(16384))


@case("layer_norm", agrees_with=_layer_norm, weight=2, **FLOAT32)
def columns_cut_out_of_a_wider_table(layer_norm, draw):
    """从更宽的表里切出来的列"""
    return layer_norm(draw.normal(5, 60, loc=1)[:, 9:50], draw.normal(41), draw.normal(41))


@case("layer_norm", agrees_with=_layer_norm, **FLOAT32)
def a_transposed_table_and_vectors_with_gaps(layer_norm, draw):
    """转置的表，与不连续的向量"""
    vectors = draw.strided(draw.normal(24)), draw.strided(draw.normal(24))
    return layer_norm(draw.normal(24, 5).mT, *vectors)


@case("layer_norm", agrees_with=_layer_norm, weight=2, **FLOAT32)
def deviations_that_are_as_small_as_the_root_of_eps(layer_norm, draw):
    """标准差与 eps 的平方根一样小的行，以及元素全都相同的行"""
    x = draw.normal(4, 33) * torch.tensor([[3e-3], [1e-3], [0], [1e-2]])
    vectors = draw.normals(2, (33,))
    return layer_norm(x, *vectors), layer_norm(100 * x + 1, *vectors, 1e-2)


# the mean of these rows, rounded to float32, is off by up to 2⁻²⁵ · 2000 = 6e-5 deviations
@case("layer_norm", agrees_with=_layer_norm, weight=2, rtol=1e-4, atol=1e-3, **FLOAT32)
def means_a_thousand_times_the_deviation(layer_norm, draw):
    """均值是标准差的一千倍"""
    return layer_norm(draw.normal(3, 200, loc=draw.number(1500, 2000)), draw.uniform(200), draw.normal(200))


@case("layer_norm", agrees_with=_layer_norm, facet="numerics", **FLOAT32)
def a_row_with_a_nan_does_not_touch_the_others(layer_norm, draw):
    """有 NaN 的行不影响别的行"""
    x = draw.normal(3, 12)
    x[1, 5] = torch.nan
    return layer_norm(x, draw.normal(12), draw.normal(12))


@case("layer_norm", agrees_with=_layer_norm, facet="numerics", dtypes=HALVES)
def results_in_half_precision_are_rounded_once(layer_norm, draw):
    """半精度的结果只舍入一次"""
    x, weight, bias = draw.normal(3, 400, loc=0.5), *draw.normals(2, (400,))
    y, mean, rstd = layer_norm(x, weight, bias)
    return _rounded_once(y, F.layer_norm(x.double(), (400,), weight.double(), bias.double())), mean, rstd


@case("layer_norm", agrees_with=_layer_norm, facet="numerics", dtypes=HALVES)
def sums_that_half_precision_cannot_hold(layer_norm, draw):
    """半精度装不下的和"""
    x, weight, bias = draw.normal(3, 65, loc=2000, scale=1000), *draw.normals(2, (65,))
    y, _, rstd = layer_norm(x, weight, bias)
    return _rounded_once(y, F.layer_norm(x.double(), (65,), weight.double(), bias.double())), rstd


@case("layer_norm", agrees_with=_layer_norm, facet="interface", dtypes=HALVES, rtol=2**-7, atol=1e-5)
def weight_and_bias_in_float32(layer_norm, draw):
    """float32 的权重和偏置"""
    # rtol: one rounding of bfloat16
    return layer_norm(draw.normal(2, 40), draw.normal(40).float(), draw.normal(40).float())


@case("layer_norm", agrees_with=_layer_norm, facet="interface", **FLOAT32)
def a_single_row_a_single_column_and_no_rows(layer_norm, draw):
    """单独一行、单独一列、没有行"""
    shapes = (1, 1), (4, 1), (1, 6), (0, 6)
    return [layer_norm(draw.normal(*shape), *draw.normals(2, (shape[1],))) for shape in shapes]


@case("layer_norm", raises=ValueError, facet="interface", **FLOAT32)
def what_is_no_table_is_refused(layer_norm, draw):
    """拒绝不是表的张量"""
    return layer_norm(draw.normal(8), draw.normal(8), draw.normal(8))


@case("layer_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_table_that_is_too_wide_is_refused(layer_norm, draw):
    """拒绝太宽的表"""
    return layer_norm(draw.normal(1, 16385), draw.normal(16385), draw.normal(16385))


@case("layer_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_table_of_no_columns_is_refused(layer_norm, draw):
    """拒绝零列的表"""
    return layer_norm(draw.normal(0, 0), draw.normal(0), draw.normal(0))


@case("layer_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_weight_that_is_too_long_is_refused(layer_norm, draw):
    """拒绝太长的权重"""
    return layer_norm(draw.normal(3, 8), draw.normal(9), draw.normal(8))


@case("layer_norm", raises=ValueError, facet="interface", **FLOAT32)
def a_bias_that_is_too_long_is_refused(layer_norm, draw):
    """拒绝太长的偏置"""
    return layer_norm(draw.normal(3, 8), draw.normal(8), draw.normal(9))


def _call_layer(draw, rows, columns, loc=1.0, scale=1.0, eps=1e-5):
    x, weight = draw.normal(rows, columns, loc=loc) * scale, draw.normal(columns)
    return draw.normal(rows, columns), x, weight, *_layer_norm(x, weight, weight, eps)[1:]


@case("layer_norm_backward", agrees_with=_layer_norm_backward, weight=2, **FLOAT32)
def tables_of_about_a_block(layer_norm_backward, draw):
    """大小接近一个块的表"""
    return [layer_norm_backward(*_call_layer(draw, 3, columns)) for columns in (31, 33, 65)]


@case("layer_norm_backward", agrees_with=_layer_norm_backward, weight=2, **FLOAT32)
def strips_that_fill_more_than_one_tile(layer_norm_backward, draw):
    """条带多到第二个 kernel 一次读不完"""
    return layer_norm_backward(*_call_layer(draw, draw.integer(21, 23), 6, scale=4))


@case("layer_norm_backward", agrees_with=_layer_norm_backward, **FLOAT32)
def two_rows_of_two_hundred_columns(layer_norm_backward, draw):
    """两行，两百列"""
    return layer_norm_backward(*_call_layer(draw, 2, 200))


@case("layer_norm_backward", agrees_with=_layer_norm_backward, weight=2, **FLOAT32)
def inputs_that_are_not_contiguous(layer_norm_backward, draw):
    """不连续的输入"""
    _, x, weight, mean, rstd = _call_layer(draw, 6, 20)
    wide = torch.cat([draw.normal(6, 3), x, draw.normal(6, 2)], dim=1)
    vectors = draw.strided(weight), draw.strided(mean), draw.strided(rstd)
    grads = layer_norm_backward(draw.normal(20).expand(6, 20), wide[:, 3:23], *vectors)
    return grads, layer_norm_backward(draw.normal(20, 6).mT, x.mT.contiguous().mT, weight, mean, rstd)


@case("layer_norm_backward", agrees_with=_layer_norm_backward, **FLOAT32)
def deviations_beside_which_eps_counts(layer_norm_backward, draw):
    """标准差小到 eps 起作用的行"""
    return layer_norm_backward(*_call_layer(draw, 6, 33, scale=0.1, eps=0.02))


@case("layer_norm_backward", agrees_with=_layer_norm_backward, **FLOAT32)
def rows_that_are_far_from_zero(layer_norm_backward, draw):
    """离零很远的行"""
    return layer_norm_backward(*_call_layer(draw, 5, 40, loc=500))


@case("layer_norm_backward", agrees_with=_layer_norm_backward, facet="numerics", **FLOAT32)
def a_nan_in_the_gradient_stays_in_its_row_and_column(layer_norm_backward, draw):
    """梯度里的 NaN 只影响所在的行和列"""
    grad_output, *rest = _call_layer(draw, 6, 12)
    grad_output[4, 7] = torch.nan
    return layer_norm_backward(grad_output, *rest)


@case("layer_norm_backward", agrees_with=_layer_norm_backward, facet="numerics", dtypes=HALVES)
def gradients_in_half_precision_are_rounded_once(layer_norm_backward, draw):
    """半精度的梯度只舍入一次"""
    call = _call_layer(draw, 5, 50)
    exact = _exactly(_layer_norm_backward, *call)
    return [_rounded_once(a, b, 2e-6) for a, b in zip(layer_norm_backward(*call), exact, strict=True)]


@case("layer_norm_backward", agrees_with=_layer_norm_backward, facet="numerics", dtypes=[torch.float16])
def strips_whose_sums_cancel(layer_norm_backward, draw):
    """各条带的和相互抵消"""
    x, weight, half = draw.normal(4, 30, loc=4), draw.normal(30), draw.normal(4, 30, loc=100, scale=100)
    both = torch.cat([half, draw.normal(4, 30) - half])
    call = both, torch.cat([x, x]), weight, *_layer_norm(torch.cat([x, x]), weight, weight)[1:]
    exact = _exactly(_layer_norm_backward, *call)
    # sums of about 2000 that are taken in float32 are off by up to 2⁻²⁴ · 2000 an addition
    return [_rounded_once(a, b, 2e-3) for a, b in zip(layer_norm_backward(*call), exact, strict=True)]


@case("layer_norm_backward", agrees_with=_layer_norm_backward, facet="numerics", **FLOAT32)
def the_same_bits_in_two_calls(layer_norm_backward, draw):
    """两次调用的结果逐位相同"""
    call = _call_layer(draw, 5, 30)
    first, second = layer_norm_backward(*call), layer_norm_backward(*call)
    return first, [torch.equal(a, b) for a, b in zip(first, second, strict=True)]


@case(
    "layer_norm_backward",
    agrees_with=_layer_norm_backward,
    facet="interface",
    dtypes=[torch.bfloat16],
    rtol=2**-7,
    atol=1e-5,
)
def gradients_of_float32_vectors_are_float32(layer_norm_backward, draw):
    """float32 向量的梯度也是 float32"""
    # rtol: one rounding of bfloat16
    x, weight = draw.normal(5, 40), draw.normal(40).float()
    return layer_norm_backward(draw.normal(5, 40), x, weight, *_layer_norm(x, weight, weight)[1:])


@case("layer_norm_backward", agrees_with=_layer_norm_backward, facet="interface", **FLOAT32)
def one_row_one_column_or_no_rows_at_all(layer_norm_backward, draw):
    """一行、一列或者没有行"""
    return [layer_norm_backward(*_call_layer(draw, *shape, eps=0.1)) for shape in ((1, 1), (9, 1), (1, 6), (0, 6))]


@case("layer_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_gradient_that_does_not_fit_is_refused(layer_norm_backward, draw):
    """拒绝不符的梯度"""
    _, *rest = _call_layer(draw, 3, 8)
    return layer_norm_backward(draw.normal(8, 3), *rest)


@case("layer_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_weight_for_other_columns_is_refused(layer_norm_backward, draw):
    """拒绝列数不符的权重"""
    grad_output, x, _, mean, rstd = _call_layer(draw, 3, 8)
    return layer_norm_backward(grad_output, x, draw.normal(9), mean, rstd)


@case("layer_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_mean_for_other_rows_is_refused(layer_norm_backward, draw):
    """拒绝行数不符的均值"""
    grad_output, x, weight, _, rstd = _call_layer(draw, 3, 8)
    return layer_norm_backward(grad_output, x, weight, draw.normal(4), rstd)


@case("layer_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def an_rstd_of_another_length_is_refused(layer_norm_backward, draw):
    """拒绝长度不符的 rstd"""
    grad_output, x, weight, mean, _ = _call_layer(draw, 3, 8)
    return layer_norm_backward(grad_output, x, weight, mean, draw.uniform(4, low=1, high=2))


@case("layer_norm_backward", raises=ValueError, facet="interface", **FLOAT32)
def a_pile_of_tables_is_refused(layer_norm_backward, draw):
    """拒绝一摞表"""
    x, ones = draw.normal(2, 3, 4), draw.uniform(2, low=1, high=2)
    return layer_norm_backward(x, x, draw.normal(3, 4), ones, ones)
