"""What the judge runs of lab 11 besides the visible checks."""

import torch

from autograder.cases import case

HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]
ONLY32 = [torch.float32]
ONLY16 = [torch.float16]
# sums of 9·10⁴ in float32 are exact to some hundredths, and half of their terms cancel
BIG_SUMS = {"rtol": 1e-3, "atol": 0.1}


def _grouped(x, weight, counts):
    rows = x.double().split(counts.tolist())
    return torch.cat([own @ w for own, w in zip(rows, weight.double(), strict=True)]).to(x.dtype)


def _routed(x, weight, expert, gate):
    products = torch.einsum("td,tkdn->tkn", x.double(), weight.double()[expert])
    return torch.einsum("tk,tkn->tn", gate.double(), products).to(x.dtype)


def _counts(*counts):
    return torch.tensor(counts)


def _weight(draw, *shape):
    return draw.normal(*shape, scale=shape[1] ** -0.5)


def _experts(draw, tokens, choices, experts):
    return torch.stack([draw.permutation(experts)[:choices] for _ in range(tokens)])


@case("grouped_matmul", agrees_with=_grouped, dtypes=ALL, weight=2)
def one_row_more_and_less_than_a_tile(grouped_matmul, draw):
    """比一块多一行、少一行"""
    counts = _counts(15, 17, 1, 16, 33)
    return grouped_matmul(draw.normal(82, 37), _weight(draw, 5, 37, 13), counts)


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32, weight=2)
def experts_without_rows_anywhere(grouped_matmul, draw):
    """没有行的专家，在开头、中间和末尾"""
    weight = _weight(draw, 7, 21, 30)
    return [
        grouped_matmul(draw.normal(19, 21), weight, _counts(*counts))
        for counts in ((0, 0, 4, 0, 11, 4, 0), (0, 0, 0, 0, 0, 0, 19))
    ]


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32, weight=2)
def one_expert_of_many_with_nearly_all_rows(grouped_matmul, draw):
    """几乎所有的行都归一个专家"""
    counts = [0] * 18
    counts[3], counts[7], counts[17] = 2, 262, 3
    return grouped_matmul(draw.normal(267, 9), _weight(draw, 18, 9, 5), _counts(*counts))


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32, weight=2)
def more_columns_and_a_longer_sum_than_a_tile_has(grouped_matmul, draw):
    """列数和求和长度都超过一块"""
    return grouped_matmul(draw.normal(31, 70), _weight(draw, 2, 70, 129), _counts(20, 11))


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY16, weight=2)
def large_tiles(grouped_matmul, draw):
    """大的块"""
    return grouped_matmul(draw.normal(210, 40), _weight(draw, 2, 40, 20), _counts(130, 80))


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32)
def random_counts(grouped_matmul, draw):
    """随机的行数"""
    counts = draw.integers(0, 40, 6)
    return grouped_matmul(draw.normal(int(counts.sum()), 18), _weight(draw, 6, 18, 7), counts)


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32, weight=2)
def rows_and_weights_that_are_not_contiguous(grouped_matmul, draw):
    """不连续的行与权重"""
    x = draw.strided(draw.normal(25, 19))
    by_rows = _weight(draw, 3, 19, 23).mT.contiguous().mT
    counts = draw.strided(_counts(9, 10, 6))
    return [
        grouped_matmul(x, by_rows, counts),
        grouped_matmul(draw.normal(19, 25).mT, draw.strided(_weight(draw, 6, 19, 23))[::2], counts),
    ]


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY16, facet="numerics", weight=2, **BIG_SUMS)
def sums_that_half_precision_cannot_hold_on_the_way(grouped_matmul, draw):
    """求和途中超出半精度范围"""
    x, weight = draw.uniform(20, 100, low=25, high=35), draw.uniform(2, 100, 9, low=25, high=35)
    rest = draw.normal(2, 100, 9)
    return grouped_matmul(torch.cat([x, x], 1), torch.cat([weight, rest - weight], 1), _counts(8, 12))


@case("grouped_matmul", agrees_with=_grouped, dtypes=HALVES, facet="numerics", weight=2)
def half_precision_is_rounded_once(grouped_matmul, draw):
    """半精度只舍入一次"""
    return grouped_matmul(draw.uniform(20, 300, low=0.5), draw.uniform(2, 300, 9), _counts(8, 12))


@case("grouped_matmul", agrees_with=_grouped, dtypes=ONLY32, facet="numerics")
def what_is_infinite_stays_with_its_expert(grouped_matmul, draw):
    """无穷大只影响自己的专家"""
    x, weight = draw.normal(24, 20), _weight(draw, 4, 20, 11)
    x[8], weight[1] = torch.inf, torch.nan
    return grouped_matmul(x, weight, _counts(8, 0, 1, 15))


@case("grouped_matmul", agrees_with=_grouped, dtypes=HALVES, facet="interface")
def no_rows_no_columns_and_single_numbers(grouped_matmul, draw):
    """没有行、没有列、单个数"""
    return [
        grouped_matmul(draw.normal(rows, inner), draw.normal(len(counts), inner, columns), _counts(*counts))
        for rows, inner, columns, counts in (
            (0, 4, 3, (0, 0)),
            (5, 4, 0, (2, 3)),
            (5, 0, 3, (2, 3)),
            (1, 1, 1, (1,)),
            (3, 1, 1, (0, 2, 1)),
        )
    ]


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def inner_sizes_that_differ_are_refused(grouped_matmul, draw):
    """拒绝内侧维度不同的输入"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 5, 3), _counts(2, 4))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def more_counts_than_experts_are_refused(grouped_matmul, draw):
    """拒绝比专家多的行数"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 4, 3), _counts(2, 3, 1))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def counts_that_are_no_whole_numbers_are_refused(grouped_matmul, draw):
    """拒绝不是整数的行数"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 4, 3), torch.tensor([2.0, 4.0]))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def rows_that_are_no_table_are_refused(grouped_matmul, draw):
    """拒绝不是表的行"""
    return grouped_matmul(draw.normal(6, 4, 4), draw.normal(2, 4, 3), _counts(2, 4))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def one_matrix_for_all_is_refused(grouped_matmul, draw):
    """拒绝只有一个矩阵的权重"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 4), _counts(2, 4))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def no_expert_at_all_is_refused(grouped_matmul, draw):
    """拒绝没有专家"""
    return grouped_matmul(draw.normal(0, 4), draw.normal(0, 4, 3), torch.empty(0, dtype=torch.int64))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def two_dtypes_are_refused(grouped_matmul, draw):
    """拒绝两种 dtype"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 4, 3).half(), _counts(2, 4))


@case("grouped_matmul", raises=ValueError, facet="interface", dtypes=[torch.float64])
def float64_is_refused(grouped_matmul, draw):
    """拒绝 float64"""
    return grouped_matmul(draw.normal(6, 4), draw.normal(2, 4, 3), _counts(2, 4))


@case("routed_matmul", agrees_with=_routed, dtypes=ALL, weight=2)
def tokens_in_any_order(routed_matmul, draw):
    """次序任意的 token"""
    expert = _experts(draw, 31, 2, 4)
    return routed_matmul(draw.normal(31, 37), _weight(draw, 4, 37, 13), expert, draw.uniform(31, 2))


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, weight=2)
def one_choice_and_all_of_them(routed_matmul, draw):
    """只选一个专家，与全部都选"""
    weight = _weight(draw, 3, 21, 30)
    return [
        routed_matmul(draw.normal(17, 21), weight, _experts(draw, 17, choices, 3), draw.uniform(17, choices))
        for choices in (1, 3)
    ]


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, weight=2)
def experts_that_nobody_chose(routed_matmul, draw):
    """没有人选的专家"""
    x, weight = draw.normal(19, 10), _weight(draw, 8, 10, 6)
    chosen = [draw.integers(0, 2, 19, 2), 3 + 2 * draw.integers(0, 2, 19, 2)]
    return [routed_matmul(x, weight, expert, draw.uniform(19, 2)) for expert in chosen]


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, weight=2)
def all_tokens_at_one_expert(routed_matmul, draw):
    """所有 token 都在同一个专家"""
    expert = torch.full((140, 1), draw.integer(0, 2))
    return routed_matmul(draw.normal(140, 9), _weight(draw, 2, 9, 5), expert, draw.uniform(140, 1, low=0.5))


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, weight=2)
def wide_experts_and_many_features(routed_matmul, draw):
    """很宽的专家与很多特征"""
    return routed_matmul(draw.normal(11, 70), _weight(draw, 2, 70, 129), _experts(draw, 11, 2, 2), draw.uniform(11, 2))


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, weight=2)
def tokens_weights_and_gates_that_are_not_contiguous(routed_matmul, draw):
    """不连续的 token、权重与门"""
    expert, gate = _experts(draw, 25, 2, 3), draw.uniform(2, 25)
    by_rows = _weight(draw, 3, 19, 23).mT.contiguous().mT
    return routed_matmul(draw.strided(draw.normal(25, 19)), by_rows, draw.strided(expert), gate.mT)


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32)
def gates_of_any_sign_and_size(routed_matmul, draw):
    """任意符号和大小的门"""
    gate = draw.normal(20, 3, scale=2)
    gate[4] = 0
    return routed_matmul(draw.normal(20, 12), _weight(draw, 4, 12, 9), _experts(draw, 20, 3, 4), gate)


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32)
def an_expert_named_twice_counts_twice(routed_matmul, draw):
    """同一个专家选了两次就算两次"""
    expert = draw.integers(0, 3, 20, 1).expand(20, 2)
    return routed_matmul(draw.normal(20, 12), _weight(draw, 3, 12, 9), expert, draw.uniform(20, 2))


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY16, facet="numerics", weight=2, **BIG_SUMS)
def sums_that_half_precision_cannot_hold(routed_matmul, draw):
    """半精度装不下的和"""
    x, weight = draw.uniform(20, 100, low=25, high=35), draw.uniform(2, 100, 9, low=25, high=35)
    weight[1] = draw.normal(100, 9) - weight[0]
    expert = torch.tensor([[0, 1]]).expand(20, 2)
    return routed_matmul(x, weight, expert, draw.uniform(20, 1, low=0.5).expand(20, 2))


@case("routed_matmul", agrees_with=_routed, dtypes=HALVES, facet="numerics", weight=2)
def half_precision_is_rounded_once_for_all_choices(routed_matmul, draw):
    """所有选择加起来只舍入一次"""
    expert = _experts(draw, 30, 5, 5)
    return routed_matmul(draw.uniform(30, 200), draw.uniform(5, 200, 40), expert, draw.uniform(30, 5))


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY16, facet="numerics")
def gates_in_float32_beside_half_precision(routed_matmul, draw):
    """半精度的 token 与 float32 的门"""
    gate = draw.uniform(20, 2).float() * 1e-6
    return routed_matmul(
        draw.normal(20, 12, scale=500), draw.normal(4, 12, 9, scale=500), _experts(draw, 20, 2, 4), gate
    )


@case("routed_matmul", agrees_with=_routed, dtypes=ONLY32, facet="numerics")
def what_is_infinite_stays_with_its_token(routed_matmul, draw):
    """无穷大只影响自己的 token"""
    x, weight = draw.normal(24, 20), _weight(draw, 4, 20, 11)
    x[8], weight[3] = torch.inf, torch.nan
    return routed_matmul(x, weight, draw.integers(0, 3, 24, 2), draw.uniform(24, 2))


@case("routed_matmul", agrees_with=_routed, dtypes=HALVES, facet="interface")
def no_tokens_no_choices_no_columns_and_single_numbers(routed_matmul, draw):
    """没有 token、没有选择、没有列、单个数"""
    return [
        routed_matmul(
            draw.normal(tokens, inner),
            draw.normal(experts, inner, columns),
            draw.integers(0, experts, tokens, choices),
            draw.uniform(tokens, choices),
        )
        for tokens, choices, experts, inner, columns in (
            (0, 2, 3, 4, 5),
            (6, 0, 3, 4, 5),
            (6, 2, 3, 4, 0),
            (6, 2, 3, 0, 5),
            (1, 1, 1, 1, 1),
        )
    ]


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def a_gate_too_many_is_refused(routed_matmul, draw):
    """拒绝多出来的门"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5), draw.integers(0, 3, 6, 2), draw.uniform(6, 3))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def experts_of_fewer_tokens_are_refused(routed_matmul, draw):
    """拒绝少于 token 数的路由"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5), draw.integers(0, 3, 5, 2), draw.uniform(5, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def experts_that_are_no_whole_numbers_are_refused(routed_matmul, draw):
    """拒绝不是整数的专家编号"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5), draw.integers(0, 3, 6, 2).float(), draw.uniform(6, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def one_list_of_experts_is_refused(routed_matmul, draw):
    """拒绝一维的路由"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5), draw.integers(0, 3, 6), draw.uniform(6))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def features_that_differ_are_refused(routed_matmul, draw):
    """拒绝特征数不同的输入"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 7, 5), draw.integers(0, 3, 6, 2), draw.uniform(6, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def tokens_that_are_no_table_are_refused(routed_matmul, draw):
    """拒绝不是表的 token"""
    return routed_matmul(draw.normal(6, 4, 2), draw.normal(3, 4, 5), draw.integers(0, 3, 6, 2), draw.uniform(6, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def a_single_matrix_is_refused(routed_matmul, draw):
    """拒绝单个矩阵"""
    return routed_matmul(draw.normal(6, 4), draw.normal(4, 5), draw.integers(0, 4, 6, 2), draw.uniform(6, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def an_empty_list_of_experts_is_refused(routed_matmul, draw):
    """拒绝没有专家"""
    return routed_matmul(draw.normal(0, 4), draw.normal(0, 4, 5), draw.integers(0, 1, 0, 2), draw.uniform(0, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def tokens_and_weights_of_two_dtypes_are_refused(routed_matmul, draw):
    """拒绝两种 dtype"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5).half(), draw.integers(0, 3, 6, 2), draw.uniform(6, 2))


@case("routed_matmul", raises=ValueError, facet="interface", dtypes=[torch.float64])
def tokens_in_float64_are_refused(routed_matmul, draw):
    """拒绝 float64 的 token"""
    return routed_matmul(draw.normal(6, 4), draw.normal(3, 4, 5), draw.integers(0, 3, 6, 2), draw.uniform(6, 2))
