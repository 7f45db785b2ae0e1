"""The hidden cases of chapter 15."""

import math

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import vjp

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 1e-2}


def torch_rms_norm(x, weight, eps=1e-6):
    """What torch.nn.RMSNorm calls."""
    return F.rms_norm(x, weight.shape, weight, eps)


@case("rms_norm", agrees_with=torch_rms_norm)
def the_last_of_four_dimensions(rms_norm, draw):
    """四个维度中的最后一个"""
    return rms_norm(draw.normal(2, 1, 3, 7, loc=2), draw.normal(7))


@case("rms_norm", agrees_with=torch_rms_norm)
def a_single_vector_a_single_feature_and_no_vector(rms_norm, draw):
    """单个向量、单个特征、没有向量"""
    return [
        rms_norm(draw.normal(5), draw.normal(5)),
        rms_norm(draw.normal(4, 1, scale=1e-3), draw.normal(1)),
        rms_norm(draw.normal(0, 5), draw.normal(5)),
    ]


@case("rms_norm", agrees_with=torch_rms_norm)
def a_mean_far_from_zero_stays(rms_norm, draw):
    """远离零的均值不减去"""
    return rms_norm(draw.normal(3, 7, loc=100), draw.normal(7))


@case("rms_norm", agrees_with=torch_rms_norm, weight=2)
def eps_is_inside_the_root(rms_norm, draw):
    """ε 在根号里面"""
    x = draw.normal(4, 5) * torch.tensor([[1e-4], [1e-3], [1e-2], [1.0]])
    return rms_norm(x, draw.normal(5)), rms_norm(x, draw.normal(5), eps=1e-3), rms_norm(x, draw.normal(5), 0.25)


@case("rms_norm", facet="numerics", agrees_with=torch_rms_norm)
def a_row_of_zeros_beside_tiny_and_huge_rows(rms_norm, draw):
    """零行、极小的行、极大的行"""
    x = draw.normal(4, 5) * torch.tensor([[0.0], [1e-15], [1e15], [1.0]])
    return rms_norm(x, draw.normal(5))


@case("rms_norm", facet="numerics", agrees_with=torch_rms_norm)
def without_eps_the_size_of_a_row_is_lost(rms_norm, draw):
    """ε = 0 时行的大小不影响结果"""
    x = draw.normal(3, 5)
    return rms_norm(x * 1e-12, draw.normal(5), eps=0.0), rms_norm(x * 1e12, draw.normal(5), eps=0.0)


def _in_units_of_the_last_place(came, exact):
    """The greatest error of a bfloat16 result, in units of its last place: one rounding makes at most a half."""
    unit = torch.exp2(torch.floor(torch.log2(exact.abs()))) * 2**-7
    return float(((came.to(torch.float64) - exact).abs() / unit).max())


@case("rms_norm", agrees_with=torch_rms_norm, dtypes=(torch.bfloat16,), weight=2)
def bfloat16_is_rounded_once(rms_norm, draw):
    """bfloat16 只舍入一次"""
    x, weight = draw.normal(20, 33, scale=3), draw.normal(33)
    came = rms_norm(x, weight)
    wide = x.to(torch.float64)
    exact = wide / torch.sqrt((wide**2).mean(-1, keepdim=True) + 1e-6) * weight.to(torch.float64)
    # float32 arithmetic errs by 1e-6 of the value, which is 3e-4 units of a bfloat16's last place
    return came, _in_units_of_the_last_place(came, exact) < 0.505


@case("rms_norm", facet="numerics", agrees_with=torch_rms_norm, dtypes=(torch.float16,))
def squares_that_float16_cannot_hold(rms_norm, draw):
    """float16 装不下的平方"""
    x = draw.normal(3, 9) * torch.tensor([[1e3], [1.0], [1e-4]], dtype=draw.dtype)
    return rms_norm(x, draw.normal(9), eps=1e-8)


@case("rms_norm", facet="gradient", agrees_with=torch_rms_norm, weight=2)
def gradients_of_rows_and_weight(rms_norm, draw):
    """输入与 γ 的梯度"""
    return vjp(rms_norm, draw.normal(2, 3, 5), draw.normal(5), cotangent=draw)


@case("rms_norm", facet="gradient", agrees_with=torch_rms_norm)
def gradients_at_small_rows_and_at_zero(rms_norm, draw):
    """很小的行与零行处的梯度"""
    x = draw.normal(3, 5) * torch.tensor([[0.0], [1e-3], [1e-2]])
    return vjp(rms_norm, x, draw.normal(5), cotangent=draw, eps=1e-4)


@case("rms_norm", facet="interface", agrees_with=torch_rms_norm)
def rows_and_weights_with_gaps(rms_norm, draw):
    """行与 γ 都不连续"""
    return rms_norm(draw.strided(draw.normal(3, 5)), draw.strided(draw.normal(5))), rms_norm(
        draw.normal(4, 3).mT, draw.normal(4)
    )


@case("rms_norm", facet="interface", raises=ValueError)
def one_weight_for_all_features_is_refused(rms_norm, draw):
    """拒绝只有一个元素的 γ"""
    return rms_norm(draw.normal(3, 5), draw.normal(1))


@case("rms_norm", facet="interface", raises=ValueError)
def a_weight_for_each_row_as_well_is_refused(rms_norm, draw):
    """拒绝每行各不相同的 γ"""
    return rms_norm(draw.normal(3, 5), draw.normal(3, 5))


def swish_by_torch(z, beta=1.0):
    """Equation 15.3 through torch's SiLU: z·σ(βz) = SiLU(βz)/β."""
    return F.silu(beta * z) / beta if beta else z / 2


@case("swish", agrees_with=swish_by_torch, weight=2)
def gates_of_several_steepnesses(swish, draw):
    """几种陡度的门"""
    z = draw.normal(3, 7, scale=2)
    return [swish(z, 0.5), swish(z, beta=1.702), swish(z, 3), swish(z, -1.5), swish(z, 0)]


@case("swish", facet="interface", agrees_with=F.silu)
def swish_of_any_shape(swish, draw):
    """任意形状"""
    return [swish(draw.normal()), swish(draw.normal(0, 3)), swish(draw.normal(1, 1, 7))]


@case("swish", facet="interface", agrees_with=F.silu)
def swish_of_a_view_with_gaps(swish, draw):
    """有间隔的视图（不连续）"""
    return swish(draw.strided(draw.normal(3, 5))), swish(draw.normal(4, 3).mT)


@case("swish", agrees_with=F.silu, **ROUNDED)
def swish_in_bfloat16(swish, draw):
    """bfloat16 的 swish"""
    return swish(draw.normal(5, 7, scale=2))


@case("swish", facet="numerics", agrees_with=swish_by_torch)
def swish_at_plus_and_minus_a_thousand(swish, draw):
    """±1000 处的值"""
    z = torch.tensor([-1000.0, -100.0, 1e-30, 0.3, 100.0, 1000.0], dtype=draw.dtype)
    return swish(z), swish(z, beta=4.0), swish(z, beta=-1.0)


@case("swish", facet="gradient", agrees_with=swish_by_torch)
def gradients_of_swish(swish, draw):
    """swish 的梯度"""
    return [vjp(swish, draw.normal(3, 7, scale=2), cotangent=draw, beta=beta) for beta in (1.0, 0.3, 2.0)]


@case("swish", facet="gradient", agrees_with=swish_by_torch, weight=2)
def gradients_of_swish_at_zero_and_at_a_thousand(swish, draw):
    """0 与 ±1000 处的梯度"""
    z = torch.tensor([-1000.0, -100.0, 0.0, 0.3, 100.0, 1000.0], dtype=draw.dtype)
    return vjp(swish, z, cotangent=draw), vjp(swish, z, cotangent=draw, beta=2.0)


def gated_by_torch(x, w, v):
    """Equation 15.2 with torch's SiLU and linear layers, which keep their weights (out, in)."""
    return F.silu(F.linear(x, w.mT)) * F.linear(x, v.mT)


@case("swiglu", agrees_with=gated_by_torch, weight=2)
def a_wider_and_a_narrower_hidden_layer(swiglu, draw):
    """更宽与更窄的隐藏层"""
    return [swiglu(draw.normal(2, 3, 5), draw.normal(5, n), draw.normal(5, n)) for n in (11, 2, 1)]


@case("swiglu", agrees_with=gated_by_torch, weight=2)
def square_weights_are_not_transposed(swiglu, draw):
    """方阵权重不转置"""
    return swiglu(draw.normal(3, 4), draw.normal(4, 4), draw.normal(4, 4))


@case("swiglu", facet="interface", agrees_with=gated_by_torch)
def one_vector_no_vectors_and_one_feature(swiglu, draw):
    """一个向量、没有向量、一个特征"""
    return [
        swiglu(draw.normal(4), draw.normal(4, 3), draw.normal(4, 3)),
        swiglu(draw.normal(0, 4), draw.normal(4, 3), draw.normal(4, 3)),
        swiglu(draw.normal(2, 1), draw.normal(1, 3), draw.normal(1, 3)),
    ]


@case("swiglu", facet="interface", agrees_with=gated_by_torch)
def weights_that_are_not_contiguous(swiglu, draw):
    """不连续的权重"""
    return swiglu(draw.strided(draw.normal(3, 4)), draw.normal(5, 4).mT, draw.strided(draw.normal(4, 5)))


@case("swiglu", facet="numerics", agrees_with=gated_by_torch)
def gates_far_open_and_far_closed(swiglu, draw):
    """大开与紧闭的门"""
    return swiglu(draw.normal(3, 4, scale=1000), draw.normal(4, 5), draw.normal(4, 5))


# two products of four terms, each term good to 8 bits, and their product: errors of 2 % of numbers up to about 10
@case("swiglu", agrees_with=gated_by_torch, dtypes=(torch.bfloat16,), rtol=6e-2, atol=2e-1)
def swiglu_in_bfloat16(swiglu, draw):
    """bfloat16 的 SwiGLU"""
    return swiglu(draw.normal(5, 4), draw.normal(4, 7), draw.normal(4, 7))


@case("swiglu", facet="gradient", agrees_with=gated_by_torch, weight=2)
def gradients_of_input_and_both_weights(swiglu, draw):
    """输入与两个权重的梯度"""
    return vjp(swiglu, draw.normal(2, 3, 4), draw.normal(4, 5), draw.normal(4, 5), cotangent=draw)


@case("swiglu", facet="gradient", agrees_with=gated_by_torch)
def gradients_through_closed_gates(swiglu, draw):
    """紧闭的门处的梯度"""
    return vjp(swiglu, draw.normal(3, 4, scale=1000), draw.normal(4, 5), draw.normal(4, 5), cotangent=draw)


@case("swiglu", facet="interface", raises=ValueError)
def weights_of_two_widths_are_refused(swiglu, draw):
    """拒绝宽度不同的两个权重"""
    return swiglu(draw.normal(3, 4), draw.normal(4, 5), draw.normal(4, 1))


@case("swiglu", facet="interface", raises=ValueError)
def weights_for_other_inputs_are_refused(swiglu, draw):
    """拒绝与输入不符的权重"""
    return swiglu(draw.normal(3, 4), draw.normal(3, 4), draw.normal(3, 4))


def angles_one_by_one(positions, dim, base=10000.0):
    """Equation 15.5 with Python's own numbers."""
    angles = [float(m) * math.pow(base, -2 * i / dim) for m in positions.flatten() for i in range(dim // 2)]
    return torch.tensor(angles, dtype=torch.float64).reshape(*positions.shape, dim // 2)


@case("rope_angles", agrees_with=angles_one_by_one)
def positions_in_a_table(rope_angles, draw):
    """排成表的位置"""
    return rope_angles(draw.integers(1, 100, 2, 1, 3), 10), rope_angles(draw.integers(1, 100, 4), 2)


@case("rope_angles", agrees_with=angles_one_by_one)
def fractional_and_negative_positions(rope_angles, draw):
    """分数位置与负位置"""
    return rope_angles(draw.normal(5, scale=30), 6)


@case("rope_angles", agrees_with=angles_one_by_one)
def another_base(rope_angles, draw):
    """另一个底数"""
    positions = draw.integers(1, 1000, 4)
    return rope_angles(positions, 8, 500_000), rope_angles(positions, 8, base=draw.number(5.0, 50.0))


@case("rope_angles", facet="numerics", agrees_with=angles_one_by_one, weight=2)
def positions_of_a_million_keep_their_digits(rope_angles, draw):
    """百万级的位置保持有效数字"""
    angles = rope_angles(draw.integers(1_000_000, 2_000_000, 5), 64)
    return angles, angles.cos()


@case("rope_angles", dtypes=(torch.float32, torch.float16, torch.bfloat16), agrees_with=angles_one_by_one)
def angles_are_float64_whatever_the_positions_are(rope_angles, draw):
    """无论位置是什么 dtype，角度都是 float64"""
    return rope_angles(draw.integers(1, 200, 6).to(draw.dtype), 12), rope_angles(torch.arange(1, 4).to(torch.int32), 6)


@case("rope_angles", facet="interface", agrees_with=angles_one_by_one)
def one_position_and_no_position(rope_angles, draw):
    """一个位置与没有位置"""
    return rope_angles(draw.normal(), 6), rope_angles(draw.normal(0), 6), rope_angles(draw.normal(3, 0), 4)


@case("rope_angles", facet="interface", agrees_with=angles_one_by_one)
def positions_with_gaps(rope_angles, draw):
    """有间隔的位置"""
    return rope_angles(draw.strided(draw.integers(1, 50, 3, 4)), 6), rope_angles(draw.normal(4, 3).mT, 4)


@case("rope_angles", facet="interface", raises=ValueError)
def an_odd_number_of_features_is_refused(rope_angles, draw):
    """拒绝奇数个特征"""
    return rope_angles(draw.integers(0, 9, 3), 5)


def turned(rope, x, positions, mirror, **options):
    """What `rope` gives if it turns by +mθ; if it turns by −mθ, the mirror image, so that either turn is right."""
    probe = rope(torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64))
    plain = rope(x, positions, **options)
    mirrored = mirror(rope(mirror(x), positions, **options))
    return mirrored if float(probe[0, 1]) < 0 else plain


def mirror_neighbours(x):
    """The second of each two neighbouring features with the other sign."""
    return x * torch.tensor([1, -1]).repeat(x.shape[-1] // 2)


def mirror_halves(x):
    """The second half of the features with the other sign."""
    return x * torch.tensor([1, -1]).repeat_interleave(x.shape[-1] // 2)


def by_complex_numbers(x, positions, base=10000.0):
    """15.4 with the pair (a, b) as the number a + ib, and a turn as a factor of size 1, in double precision."""
    angles = angles_one_by_one(positions, x.shape[-1], base)
    pairs = torch.view_as_complex(x.to(torch.float64).unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


def by_complex_numbers_half(x, positions, base=10000.0):
    """The same with i and i + d/2 as the pair."""
    angles = angles_one_by_one(positions, x.shape[-1], base)
    pairs = torch.complex(*x.to(torch.float64).chunk(2, dim=-1))
    product = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([product.real, product.imag], dim=-1).to(x.dtype)


def rope_case(exercise, **options):
    """Make a driver `(turn, rope, draw)` a case of one of the two layouts."""
    oracle, mirror = {
        "apply_rope": (by_complex_numbers, mirror_neighbours),
        "apply_rope_half": (by_complex_numbers_half, mirror_halves),
    }[exercise]

    def decorate(driver):
        def layout(rope, draw):
            return driver(lambda x, positions, **kwargs: turned(rope, x, positions, mirror, **kwargs), rope, draw)

        layout.__name__, layout.__doc__ = driver.__name__, driver.__doc__
        return case(exercise, agrees_with=oracle, **options)(layout)

    return decorate


# drivers that both layouts share: `turn` is the answer with its direction settled, `rope` the answer as it is


def heads_of_a_batch(turn, rope, draw):
    """一批数据的多个头"""
    return turn(draw.normal(2, 3, 5, 6), torch.arange(5)), turn(draw.normal(4, 10), draw.integers(1, 60, 4))


def positions_of_their_own_for_every_sequence(turn, rope, draw):
    """每个序列各有自己的位置"""
    return turn(draw.normal(2, 3, 5, 4), draw.integers(1, 60, 2, 1, 5))


def one_position_for_all(turn, rope, draw):
    """所有向量共用一个位置"""
    return turn(draw.normal(3, 5, 4), torch.tensor([7])), turn(draw.normal(8), torch.tensor(3))


def positions_between_and_below_the_whole_numbers(turn, rope, draw):
    """分数位置与负位置"""
    return turn(draw.normal(5, 6), draw.normal(5, scale=20))


def a_base_of_ones_own(turn, rope, draw):
    """自己给定的底数"""
    return turn(draw.normal(5, 8), draw.integers(1, 60, 5), base=50.0)


def positions_beyond_a_hundred_thousand(turn, rope, draw):
    """超过十万的位置"""
    return turn(draw.normal(5, 8), draw.integers(100_000, 1_000_000, 5))


def bfloat16_at_positions_in_the_thousands(turn, rope, draw):
    """bfloat16，位置上千"""
    return turn(draw.normal(5, 8), draw.integers(1000, 9000, 5))


def scores_at_distances_anywhere_in_the_text(turn, rope, draw):
    """同样的距离，文中不同处的分数"""
    query, key = draw.normal(4, 6), draw.normal(4, 6)
    distance, place = draw.integers(1, 30, 4), draw.integers(1, 300, 4)
    return [(turn(query, at + distance) * turn(key, at)).sum(-1) for at in (place, 2 * place, 0 * place)]


def lengths_of_vectors_and_position_zero(turn, rope, draw):
    """长度不变，位置 0 处不动"""
    x = draw.normal(4, 6)
    return rope(x, draw.integers(1, 60, 4)).norm(dim=-1), rope(x, torch.zeros(4, dtype=torch.int64))


def tiny_and_huge_features(turn, rope, draw):
    """极小与极大的特征"""
    sizes = torch.tensor([[1e-30], [1e30]])
    return turn(draw.normal(2, 6) * sizes, draw.integers(1, 60, 2)) / sizes


def one_vector_and_no_vectors(turn, rope, draw):
    """一个向量与没有向量"""
    return turn(draw.normal(1, 1, 2), torch.tensor([5])), turn(draw.normal(3, 0, 4), torch.arange(0))


def features_and_positions_with_gaps(turn, rope, draw):
    """特征与位置都不连续"""
    return turn(draw.strided(draw.normal(3, 6)), draw.strided(draw.integers(1, 60, 3))), turn(
        draw.normal(6, 3).mT, draw.integers(1, 60, 3)
    )


def a_turned_gradient_turned_on_is_the_cotangent(turn, rope, draw):
    """反向转回去的梯度，再转一次就是余切向量"""
    x, positions, seed = draw.normal(2, 5, 6), draw.integers(1, 60, 5), draw.fresh_seed()
    (gradient,) = vjp(rope, x, positions, cotangent=seed)
    return rope(gradient, positions), turn(x, positions)


def features_without_a_partner_are_refused(rope, draw):
    """拒绝奇数个特征"""
    return rope(draw.normal(3, 5), torch.arange(3))


def positions_for_another_length_are_refused(rope, draw):
    """拒绝个数不符的位置"""
    return rope(draw.normal(3, 4), torch.arange(4))


# a rounding of each cosine, of each product and of the sum, for features up to 4
ROPE_ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 2e-2, "atol": 6e-2}

neighbours_values = rope_case("apply_rope")(heads_of_a_batch)
neighbours_own = rope_case("apply_rope")(positions_of_their_own_for_every_sequence)
neighbours_one = rope_case("apply_rope")(one_position_for_all)
neighbours_between = rope_case("apply_rope")(positions_between_and_below_the_whole_numbers)
neighbours_base = rope_case("apply_rope")(a_base_of_ones_own)
neighbours_far = rope_case("apply_rope", facet="numerics", weight=2)(positions_beyond_a_hundred_thousand)
neighbours_bfloat16 = rope_case("apply_rope", **ROPE_ROUNDED)(bfloat16_at_positions_in_the_thousands)
neighbours_scores = rope_case("apply_rope", weight=2)(scores_at_distances_anywhere_in_the_text)
neighbours_lengths = rope_case("apply_rope", facet="interface")(lengths_of_vectors_and_position_zero)
neighbours_sizes = rope_case("apply_rope", facet="numerics")(tiny_and_huge_features)
neighbours_few = rope_case("apply_rope", facet="interface")(one_vector_and_no_vectors)
neighbours_gaps = rope_case("apply_rope", facet="interface")(features_and_positions_with_gaps)
neighbours_gradient = rope_case("apply_rope", facet="gradient")(a_turned_gradient_turned_on_is_the_cotangent)
neighbours_odd = case("apply_rope", facet="interface", raises=ValueError)(features_without_a_partner_are_refused)
neighbours_length = case("apply_rope", facet="interface", raises=ValueError)(positions_for_another_length_are_refused)

halves_values = rope_case("apply_rope_half")(heads_of_a_batch)
halves_own = rope_case("apply_rope_half")(positions_of_their_own_for_every_sequence)
halves_one = rope_case("apply_rope_half")(one_position_for_all)
halves_between = rope_case("apply_rope_half")(positions_between_and_below_the_whole_numbers)
halves_base = rope_case("apply_rope_half")(a_base_of_ones_own)
halves_far = rope_case("apply_rope_half", facet="numerics")(positions_beyond_a_hundred_thousand)
halves_bfloat16 = rope_case("apply_rope_half", **ROPE_ROUNDED)(bfloat16_at_positions_in_the_thousands)
halves_scores = rope_case("apply_rope_half", weight=2)(scores_at_distances_anywhere_in_the_text)
halves_lengths = rope_case("apply_rope_half", facet="interface")(lengths_of_vectors_and_position_zero)
halves_sizes = rope_case("apply_rope_half", facet="numerics")(tiny_and_huge_features)
halves_few = rope_case("apply_rope_half", facet="interface")(one_vector_and_no_vectors)
halves_gaps = rope_case("apply_rope_half", facet="interface")(features_and_positions_with_gaps)
halves_gradient = rope_case("apply_rope_half", facet="gradient")(a_turned_gradient_turned_on_is_the_cotangent)
halves_odd = case("apply_rope_half", facet="interface", raises=ValueError)(features_without_a_partner_are_refused)
halves_length = case("apply_rope_half", facet="interface", raises=ValueError)(positions_for_another_length_are_refused)


@rope_case("apply_rope_half", weight=2)
def the_other_layout_with_its_features_reordered(turn, rope, draw):
    """另一种布局，特征重排之后"""
    x, order = draw.normal(3, 5, 10), torch.arange(10).reshape(5, 2).T.flatten()
    return turn(x[..., order], torch.arange(5))


def by_a_table_of_two_columns(dim):
    """The features written in rows of two, read column by column."""
    return torch.arange(dim).reshape(dim // 2, 2).T.flatten()


@case("half_split_order", agrees_with=by_a_table_of_two_columns, dtypes=(torch.float64,))
def two_features_and_many(half_split_order, draw):
    """两个特征与许多特征"""
    return [half_split_order(dim) for dim in (2, 6, 2 * draw.integer(4, 50))]


@case("half_split_order", agrees_with=by_a_table_of_two_columns)
def one_layout_of_rope_from_the_other(half_split_order, draw):
    """由一种 RoPE 布局得到另一种"""
    x, order = draw.normal(5, 12), half_split_order(12)
    return by_complex_numbers_half(x[:, order], torch.arange(5)), by_complex_numbers(x, torch.arange(5))[:, order]


@case("half_split_order", facet="interface", raises=ValueError)
def an_odd_number_of_features_has_no_order(half_split_order, draw):
    """拒绝奇数个特征"""
    return half_split_order(2 * draw.integer(2, 9) + 1)


def separated(draw, *shape):
    """Logits in an order of their own in each row, so far apart that none are tied.

    They lie in [0, 0.3) above the multiples of 0.6, so that one column may be shifted by 0.3, 0.9, 1.5 or 2.1.
    """
    count = math.prod(shape[:-1])
    ranks = [draw.permutation(shape[-1]) for _ in range(count)]
    ranks = torch.stack(ranks) if ranks else torch.zeros(0, shape[-1])
    return 0.6 * (ranks.reshape(shape) - shape[-1] / 2).to(draw.dtype) + draw.uniform(*shape, high=0.3)


def through_minus_infinity(logits, k):
    """Equation 15.6 as one softmax over all experts, those outside T set to −inf."""
    chosen = torch.argsort(logits, dim=-1, descending=True)[..., :k]
    mask = torch.full_like(logits, -torch.inf).scatter(-1, chosen, 0.0)
    return torch.softmax(logits + mask, dim=-1)


@case("top_k_routing", agrees_with=through_minus_infinity, weight=2)
def every_k_from_one_to_all(top_k_routing, draw):
    """k 从 1 到全部"""
    logits = separated(draw, 4, 5)
    return [top_k_routing(logits, k) for k in (2, 3, 4, 5, 1)]


@case("top_k_routing", agrees_with=through_minus_infinity)
def a_batch_of_sequences(top_k_routing, draw):
    """一批序列"""
    return top_k_routing(separated(draw, 2, 3, 7), 3), top_k_routing(separated(draw, 6), 2)


@case("top_k_routing", agrees_with=through_minus_infinity)
def all_scores_below_zero(top_k_routing, draw):
    """分数全为负"""
    return top_k_routing(separated(draw, 5, 6) - 20, 2)


@case("top_k_routing", facet="numerics", agrees_with=through_minus_infinity, weight=2)
def scores_of_ten_thousand(top_k_routing, draw):
    """大小为 10⁴ 的分数"""
    # multiples of 1/8, which float32 keeps exactly there
    logits = (separated(draw, 4, 5) * 8).round() / 8
    return top_k_routing(logits + 10_000, 2), top_k_routing(logits - 10_000, 2), top_k_routing(logits * 10_000, 3)


@case("top_k_routing", facet="numerics", agrees_with=through_minus_infinity)
def experts_that_are_not_available(top_k_routing, draw):
    """不可用的专家（−inf）"""
    logits = separated(draw, 4, 5)
    logits[:, 1] = -torch.inf
    logits[0, 2:] = -torch.inf
    return top_k_routing(logits, 2)


@case("top_k_routing", agrees_with=through_minus_infinity, **ROUNDED)
def routing_in_bfloat16(top_k_routing, draw):
    """bfloat16 的路由"""
    return top_k_routing(separated(draw, 5, 6), 3)


@case("top_k_routing", facet="gradient", agrees_with=through_minus_infinity, weight=2)
def gradients_reach_the_chosen_scores_only(top_k_routing, draw):
    """梯度只到达选中的分数"""
    return [vjp(top_k_routing, separated(draw, 4, 6), cotangent=draw, k=k) for k in (2, 3)]


@case("top_k_routing", facet="interface", agrees_with=through_minus_infinity)
def one_expert_and_no_tokens(top_k_routing, draw):
    """一个专家与没有 token"""
    return top_k_routing(draw.normal(3, 1), 1), top_k_routing(draw.normal(0, 4), 2)


@case("top_k_routing", facet="interface", agrees_with=through_minus_infinity)
def scores_that_are_not_contiguous(top_k_routing, draw):
    """不连续的分数"""
    return top_k_routing(draw.strided(separated(draw, 3, 5)), 2), top_k_routing(separated(draw, 3, 5).mT, 2)


@case("top_k_routing", facet="interface", raises=ValueError)
def no_expert_at_all_is_refused(top_k_routing, draw):
    """拒绝 k = 0"""
    return top_k_routing(separated(draw, 3, 5), 0)


@case("top_k_routing", facet="interface", raises=ValueError)
def more_experts_than_there_are_is_refused(top_k_routing, draw):
    """拒绝 k 超过专家数"""
    return top_k_routing(separated(draw, 3, 5), 6)


def routed(draw, count, dim, experts, k):
    """Tokens, router weights and how many of the tokens each expert gets.

    Of four times as many tokens those are taken whose choice is clearest, so that no rounding can change it.
    """
    tokens, weight = draw.normal(4 * count, dim, scale=2), draw.normal(dim, experts)
    scores = (tokens @ weight).sort(dim=-1, descending=True)
    margin = scores.values[:, k - 1] - scores.values[:, k] if k < experts else scores.values[:, 0]
    clearest = margin.argsort(descending=True)[:count].sort().values
    return tokens[clearest], weight, scores.indices[clearest, :k].flatten().bincount(minlength=experts).tolist()


def metered(draw, dim, counts):
    """For each count an expert of its own, which refuses to see more rows than that, in however many calls."""

    def make(index, count, weight):
        left = [count]

        def expert(rows):
            if rows.dim() != 2:
                raise TypeError(f"an expert takes rows (n, {dim}), not a tensor of shape {tuple(rows.shape)}")
            left[0] -= len(rows)
            if left[0] < 0:
                raise ValueError(f"expert {index} was given more rows than the {count} that are routed to it")
            return torch.tanh(rows @ weight)

        return expert

    return [make(index, count, draw.normal(dim, dim)) for index, count in enumerate(counts)]


def token_by_token(x, router_weight, experts, k):
    """Equation 15.7 by a loop over tokens, each of which calls its own experts."""
    results = []
    for token in x.reshape(-1, x.shape[-1]):
        scores = token @ router_weight
        chosen = scores.sort(descending=True).indices[:k]
        shares = F.softmax(scores[chosen], dim=0)
        parts = [share * experts[int(i)](token[None])[0] for share, i in zip(shares, chosen, strict=True)]
        results.append(sum(parts))
    stacked = torch.stack(results) if results else x.new_zeros(0, x.shape[-1])
    return stacked.reshape(x.shape)


@case("moe", agrees_with=token_by_token, weight=3)
def each_expert_sees_just_the_rows_routed_to_it(moe, draw):
    """每个专家恰好只看到分给它的行"""
    x, weight, counts = routed(draw, 11, 5, 4, 2)
    return moe(x, weight, metered(draw, 5, counts), 2)


@case("moe", agrees_with=token_by_token, weight=2)
def one_expert_a_token_and_all_experts(moe, draw):
    """每个 token 一个专家，以及全部专家"""
    found = []
    for k in (1, 3):
        x, weight, counts = routed(draw, 6, 4, 3, k)
        found.append(moe(x, weight, metered(draw, 4, counts), k))
    return found


@case("moe", agrees_with=token_by_token)
def a_batch_of_sequences_and_a_single_token(moe, draw):
    """一批序列与单个 token"""
    x, weight, counts = routed(draw, 6, 5, 4, 2)
    one, other_weight, other_counts = routed(draw, 1, 5, 4, 3)
    return moe(x.reshape(2, 3, 5), weight, metered(draw, 5, counts), 2), moe(
        one[0], other_weight, metered(draw, 5, other_counts), 3
    )


@case("moe", agrees_with=token_by_token)
def an_expert_that_nobody_needs(moe, draw):
    """没有 token 需要的专家"""
    x, weight, counts = routed(draw, 5, 4, 3, 2)
    # the last expert's scores lie far below all others: −100 times a feature that is always 1
    x = torch.cat([x, torch.ones(5, 1, dtype=draw.dtype)], dim=1)
    weight = F.pad(F.pad(weight, (0, 0, 0, 1)), (0, 1))
    weight[-1, -1] = -100
    return moe(x, weight, metered(draw, 5, [*counts, 0]), 2)


# in float64 alone: float32 does not know the differences of scores of thousands well enough
@case("moe", facet="numerics", agrees_with=token_by_token, dtypes=(torch.float64,))
def gates_that_underflow(moe, draw):
    """下溢的权重"""
    x, weight, counts = routed(draw, 6, 4, 3, 2)
    return moe(x, weight * 1000, metered(draw, 4, counts), 2)


@case("moe", facet="gradient", agrees_with=token_by_token, weight=2)
def gradients_of_tokens_and_router(moe, draw):
    """token 与路由权重的梯度"""
    x, weight, counts = routed(draw, 7, 5, 4, 2)
    return vjp(moe, x, weight, metered(draw, 5, counts), cotangent=draw, k=2)


@case("moe", agrees_with=token_by_token, dtypes=(torch.bfloat16,), rtol=6e-2, atol=6e-2)
def moe_in_bfloat16(moe, draw):
    """bfloat16 的 MoE"""
    # one-hot tokens and whole scores, so that the routing is exact; the output is two roundings of tanh
    weight = torch.stack([draw.permutation(4) for _ in range(5)]).to(draw.dtype)
    return moe(torch.eye(5, dtype=draw.dtype), weight, metered(draw, 5, [5] * 4), 2)


@case("moe", facet="interface", agrees_with=token_by_token)
def no_tokens_and_one_expert(moe, draw):
    """没有 token，以及只有一个专家"""
    return moe(draw.normal(0, 4), draw.normal(4, 3), metered(draw, 4, [0, 0, 0]), 2), moe(
        draw.normal(3, 4), draw.normal(4, 1), metered(draw, 4, [3]), 1
    )


@case("moe", facet="interface", agrees_with=token_by_token)
def tokens_that_are_not_contiguous(moe, draw):
    """不连续的 token"""
    x, weight, counts = routed(draw, 6, 4, 3, 2)
    return moe(draw.strided(x), draw.strided(weight), metered(draw, 4, counts), 2), moe(
        x.mT.contiguous().mT.reshape(2, 3, 4).transpose(0, 1), weight, metered(draw, 4, counts), 2
    )


@case("moe", facet="interface", raises=ValueError)
def fewer_experts_than_scores_is_refused(moe, draw):
    """拒绝专家少于分数"""
    return moe(draw.normal(5, 4), draw.normal(4, 3), metered(draw, 4, [99, 99]), 2)


@case("moe", facet="interface", raises=ValueError)
def more_experts_than_scores_is_refused(moe, draw):
    """拒绝专家多于分数"""
    return moe(draw.normal(5, 4), draw.normal(4, 3), metered(draw, 4, [99] * 4), 2)


@case("moe", facet="interface", raises=ValueError)
def a_token_for_no_expert_is_refused(moe, draw):
    """拒绝 k = 0"""
    return moe(draw.normal(5, 4), draw.normal(4, 3), metered(draw, 4, [99] * 3), 0)


def shares_one_by_one(logits, k):
    """N·Σ fP with the slots counted by one-hot vectors."""
    logits = logits.reshape(-1, logits.shape[-1])
    count = logits.shape[-1]
    slots = F.one_hot(logits.argsort(dim=-1, descending=True)[:, :k], count)
    share = slots.to(logits.dtype).mean((0, 1))
    return count * share @ F.softmax(logits, dim=-1).mean(0)


@case("load_balancing_loss", agrees_with=shares_one_by_one, weight=2)
def routed_slots_of_every_k(load_balancing_loss, draw):
    """各种 k 的路由名额"""
    logits = separated(draw, 9, 5)
    logits[:, 0] += 1.5
    return [load_balancing_loss(logits, k) for k in (1, 2, 3, 4, 5)]


@case("load_balancing_loss", agrees_with=shares_one_by_one)
def tokens_of_a_whole_batch(load_balancing_loss, draw):
    """整批数据的 token 一起算"""
    logits = separated(draw, 3, 2, 5)
    logits[0, ..., 1] += 2.1
    return load_balancing_loss(logits, 2)


@case("load_balancing_loss", agrees_with=shares_one_by_one, weight=2)
def more_tokens_than_experts_and_the_reverse(load_balancing_loss, draw):
    """token 多于专家，专家多于 token"""
    many, few = separated(draw, 50, 3), separated(draw, 2, 9)
    many[:, 1] += 0.3
    return load_balancing_loss(many, 2), load_balancing_loss(few, 3)


@case("load_balancing_loss", facet="numerics", agrees_with=shares_one_by_one, weight=2)
def routers_that_are_very_sure(load_balancing_loss, draw):
    """非常确信的路由"""
    logits = separated(draw, 7, 5)
    logits[:, 2] += 0.3
    return load_balancing_loss(logits * 1000, 2), load_balancing_loss(logits * 1000 - 1e4, 1)


@case("load_balancing_loss", facet="gradient", agrees_with=shares_one_by_one, weight=2)
def gradients_through_the_probabilities(load_balancing_loss, draw):
    """梯度流过概率"""
    logits = separated(draw, 6, 5)
    logits[:, 2] += 0.9
    return [vjp(load_balancing_loss, logits, cotangent=draw, k=k) for k in (1, 2)]


# a mean over nine tokens of numbers with 8 bits
@case("load_balancing_loss", agrees_with=shares_one_by_one, **ROUNDED)
def balance_in_bfloat16(load_balancing_loss, draw):
    """bfloat16 的负载均衡"""
    logits = separated(draw, 9, 4)
    logits[:, 0] = logits.amax(1) + 0.6
    return load_balancing_loss(logits, 2)


@case("load_balancing_loss", facet="interface", agrees_with=shares_one_by_one)
def one_token_one_expert(load_balancing_loss, draw):
    """一个 token，一个专家"""
    return load_balancing_loss(draw.normal(3, 1), 1), load_balancing_loss(separated(draw, 4), 2)


@case("load_balancing_loss", facet="interface", agrees_with=shares_one_by_one)
def logits_with_gaps(load_balancing_loss, draw):
    """不连续的 logits"""
    return load_balancing_loss(draw.strided(separated(draw, 7, 4)), 2), load_balancing_loss(separated(draw, 4, 7).mT, 2)


@case("load_balancing_loss", facet="interface", raises=ValueError)
def slots_for_no_expert_is_refused(load_balancing_loss, draw):
    """拒绝 k = 0"""
    return load_balancing_loss(separated(draw, 5, 4), 0)


@case("load_balancing_loss", facet="interface", raises=ValueError)
def more_slots_than_experts_is_refused(load_balancing_loss, draw):
    """拒绝 k 超过专家数"""
    return load_balancing_loss(separated(draw, 5, 4), 5)
