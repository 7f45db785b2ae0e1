"""The visible checks of chapter 15: what a student sees on pressing check. Draws are fixed and public."""

import math

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

RULES = {
    "rms_norm": Rules(forbids=("*rms_norm*", "RMSNorm")),
    "swish": Rules(forbids=("silu", "SiLU", "glu")),
}


def torch_rms_norm(x, weight, eps=1e-6):
    """Equation 15.1 by torch, which asks for the shape of what is normalised."""
    return F.rms_norm(x, weight.shape, weight, eps)


@case("rms_norm", agrees_with=torch_rms_norm)
def each_row_is_divided_by_its_root_mean_square(rms_norm, draw):
    """每一行除以自己的均方根"""
    return rms_norm(draw.normal(3, 5, scale=4), draw.normal(5))


@case("rms_norm", facet="numerics", agrees_with=torch_rms_norm)
def eps_counts_where_a_row_is_small(rms_norm, draw):
    """行很小时 ε 起作用"""
    return rms_norm(draw.normal(3, 5, scale=1e-3), draw.normal(5), eps=1e-5)


@case("swish", agrees_with=F.silu)
def at_beta_one_it_is_silu(swish, draw):
    """β = 1 时就是 SiLU"""
    return swish(draw.normal(3, 5, scale=3))


@case("swish", expected=torch.tensor([-1.0, 0.0, 1.0, 2.0], dtype=torch.float64))
def at_beta_zero_half_of_every_number_passes(swish, draw):
    """β = 0 时每个数通过一半"""
    return swish(torch.tensor([-2.0, 0.0, 2.0, 4.0], dtype=draw.dtype), beta=0.0)


def by_linear_layers(x, w, v):
    """Equation 15.2 by torch's own functions, which keep weights (out, in)."""
    return F.silu(F.linear(x, w.mT)) * F.linear(x, v.mT)


@case("swiglu", agrees_with=by_linear_layers)
def four_features_become_three(swiglu, draw):
    """四个特征变成三个"""
    return swiglu(draw.normal(2, 5, 4), draw.normal(4, 3), draw.normal(4, 3))


@case("swiglu", agrees_with=by_linear_layers)
def a_single_vector(swiglu, draw):
    """单个向量"""
    return swiglu(draw.normal(3), draw.normal(3, 5), draw.normal(3, 5))


@case(
    "rope_angles", dtypes=(torch.float64,), expected=torch.tensor([[0, 0], [1, 0.01], [7, 0.07]], dtype=torch.float64)
)
def two_pairs_at_three_positions(rope_angles, draw):
    """三个位置，两对特征"""
    return rope_angles(torch.tensor([0, 1, 7]), 4)


@case("rope_angles", dtypes=(torch.float64,), expected=torch.tensor([3, 0.3, 0.03], dtype=torch.float64))
def one_position_with_another_base(rope_angles, draw):
    """一个位置，另一个底数"""
    return rope_angles(torch.tensor(3.0, dtype=draw.dtype), 6, base=1000.0)


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


QUARTER, SIXTH = math.pi / 2, math.pi / 3
TWO_PAIRS = torch.tensor([[-2.0, 1.0, 4 - math.sqrt(27), 3 + math.sqrt(48)]], dtype=torch.float64)
TWO_TURNS = torch.tensor([[-4.0, 3.0], [1.0, math.sqrt(3)]], dtype=torch.float64)


@case("apply_rope", expected=TWO_TURNS)
def a_quarter_turn_and_a_sixth_of_a_turn(apply_rope, draw):
    """转 90° 和转 60°"""
    x = torch.tensor([[3.0, 4.0], [2.0, 0.0]], dtype=draw.dtype)
    positions = torch.tensor([QUARTER, SIXTH], dtype=torch.float64)
    return turned(apply_rope, x, positions, mirror_neighbours)


@case("apply_rope", expected=TWO_PAIRS)
def neighbours_are_paired_and_the_second_pair_turns_more_slowly(apply_rope, draw):
    """相邻的特征配对，第二对转得慢"""
    x = torch.tensor([[1.0, 2.0, 8.0, 6.0]], dtype=draw.dtype)
    positions = torch.tensor([QUARTER], dtype=torch.float64)
    return turned(apply_rope, x, positions, mirror_neighbours, base=2.25)


@case("apply_rope", expected=torch.full((3,), math.cos(3) - 7 * math.sin(3), dtype=torch.float64))
def the_score_depends_on_the_distance_alone(apply_rope, draw):
    """分数只取决于距离"""
    query, key = torch.tensor([[1.0, 2.0]], dtype=draw.dtype), torch.tensor([[3.0, -1.0]], dtype=draw.dtype)

    def score(m, n):
        """The product of the query, turned at position m, with the key, turned at position n."""
        ends = [(query, m), (key, n)]
        q, k = (turned(apply_rope, x, torch.tensor([position]), mirror_neighbours) for x, position in ends)
        return (q * k).sum()

    return torch.stack([score(3, 0), score(5, 2), score(40, 37)])


@case("apply_rope_half", expected=TWO_TURNS)
def two_features_are_one_pair_in_either_layout(apply_rope_half, draw):
    """只有两个特征时，两种布局相同"""
    x = torch.tensor([[3.0, 4.0], [2.0, 0.0]], dtype=draw.dtype)
    positions = torch.tensor([QUARTER, SIXTH], dtype=torch.float64)
    return turned(apply_rope_half, x, positions, mirror_halves)


@case("apply_rope_half", expected=TWO_PAIRS[:, [0, 2, 1, 3]])
def a_feature_is_paired_with_the_one_half_a_vector_away(apply_rope_half, draw):
    """特征与相隔半个向量的特征配对"""
    x = torch.tensor([[1.0, 8.0, 2.0, 6.0]], dtype=draw.dtype)
    positions = torch.tensor([QUARTER], dtype=torch.float64)
    return turned(apply_rope_half, x, positions, mirror_halves, base=2.25)


@case("half_split_order", expected=torch.tensor([0, 2, 1, 3]), dtypes=(torch.float64,))
def two_pairs_are_taken_apart(half_split_order, draw):
    """两对特征拆开"""
    return half_split_order(4)


@case("half_split_order", facet="interface", raises=ValueError)
def an_odd_number_of_features_has_no_pairs(half_split_order, draw):
    """奇数个特征不能配对"""
    return half_split_order(5)


@case("top_k_routing", expected=torch.tensor([[0, 0, 3 / 7, 4 / 7], [1, 0, 0, 0]], dtype=torch.float64))
def the_two_best_of_four_share_the_weight(top_k_routing, draw):
    """四个专家里最好的两个分享权重"""
    probabilities = torch.tensor([[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0]], dtype=draw.dtype)
    return top_k_routing(probabilities.log(), 2)


@case("top_k_routing", agrees_with=lambda logits, k: torch.softmax(logits, dim=-1))
def with_all_experts_it_is_softmax(top_k_routing, draw):
    """选全部专家时就是 softmax"""
    return top_k_routing(draw.normal(3, 5), 5)


@case("moe", expected=torch.tensor([[70.0, 0.0], [0.0, 4.0]], dtype=torch.float64))
def each_token_is_a_weighted_sum_of_its_two_experts(moe, draw):
    """每个 token 是它两个专家的加权和"""
    router_weight = torch.tensor([[0.1, 0.3, 0.6], [0.4, 0.2, 0.1]], dtype=draw.dtype).log()
    experts = [lambda rows: rows, lambda rows: 10 * rows, lambda rows: 100 * rows]
    return moe(torch.eye(2, dtype=draw.dtype), router_weight, experts, 2)


@case("moe", expected=torch.tensor([[30.0, 0.0], [0.0, 2.0]], dtype=torch.float64))
def an_expert_sees_its_own_tokens_only(moe, draw):
    """专家只看到分给自己的 token"""

    def first(rows):
        if rows[:, 0].any():
            raise ValueError("the first expert was given a token that is routed to the second")
        return 2 * rows

    def second(rows):
        if rows[:, 1].any():
            raise ValueError("the second expert was given a token that is routed to the first")
        return 30 * rows

    return moe(torch.eye(2, dtype=draw.dtype), torch.eye(2, dtype=draw.dtype).flip(0), [first, second], 1)


@case("load_balancing_loss", expected=torch.tensor(1.35, dtype=torch.float64))
def the_same_two_of_three_experts_for_every_token(load_balancing_loss, draw):
    """每个 token 都去同样的两个专家"""
    return load_balancing_loss(torch.tensor([[0.7, 0.2, 0.1]], dtype=draw.dtype).log().expand(5, 3), 2)


@case("load_balancing_loss", expected=torch.tensor(1.0, dtype=torch.float64))
def a_token_for_every_expert_gives_one(load_balancing_loss, draw):
    """每个专家恰得一个 token 时为 1"""
    return load_balancing_loss(4 * torch.eye(5, dtype=draw.dtype), 1)
