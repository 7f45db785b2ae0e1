"""The visible checks of chapter 2: what a student sees on pressing check. Draws are fixed and public."""

import numpy as np
import sklearn.decomposition
import sklearn.linear_model
import torch

from autograder.cases import Rules, case
from autograder.operations import vjp

INVERSE = ("inv", "inv_ex", "inverse", "linalg_inv*", "*tensorinv", "*pinv*", "pinverse")
SOLVE = ("*solve*", "*lstsq*", "gelsy", "cho_factor", "lu", "lu_factor*", "linalg_lu*", "lu_with_info", "lu_unpack")
DETERMINANT = ("det", "*slogdet", "logdet", "linalg_det", "adjugate")
ORTHOGONAL = ("qr", "linalg_qr", "geqrf", "*orgqr", "ormqr", "*householder*", "orth", "null_space")
SPECTRUM = ("*svd*", "eig*", "linalg_eig*", "lobpcg", "pca*", "PCA", "TruncatedSVD", "polar", "schur")
NORM = ("*matrix_norm", "linalg_norm", "nuclear_norm", "cond", "linalg_cond", "*matrix_rank")
CHOLESKY = ("*cholesky*", "cho_factor", "ldl*", "linalg_ldl*")
FACTORISATIONS = (*INVERSE, *SOLVE, *DETERMINANT, *ORTHOGONAL, *SPECTRUM, *CHOLESKY)
PRODUCTS = ("*bmm*", "*matmul*", "mm", "addmm*", "mv", "*einsum*", "*tensordot*", "inner", "*bilinear*", "linear")

# the chapter's own functions have these names too: what is forbidden is what a library computes
RULES = {
    "bmm": Rules(forbids=(*PRODUCTS, "dot", "vdot", "vecdot", "linalg_vecdot")),
    "einsum": Rules(forbids=("*einsum*", "*tensordot*", "*bilinear*", "contract*")),
    "inverse": Rules(forbids=FACTORISATIONS),
    "solve": Rules(forbids=FACTORISATIONS),
    "determinant": Rules(forbids=FACTORISATIONS),
    "slogdet": Rules(forbids=FACTORISATIONS),
    "adjugate": Rules(forbids=FACTORISATIONS),
    "cholesky": Rules(forbids=FACTORISATIONS),
    "qr": Rules(forbids=FACTORISATIONS),
    "least_squares": Rules(forbids=FACTORISATIONS),
    "linear_regression": Rules(forbids=(*FACTORISATIONS, "LinearRegression", "linregress", "polyfit", "Ridge*")),
    "symmetric_eigen": Rules(forbids=FACTORISATIONS),
    "svd": Rules(forbids=FACTORISATIONS),
    "low_rank_approximation": Rules(forbids=FACTORISATIONS),
    "pseudo_inverse": Rules(forbids=FACTORISATIONS),
    "project": Rules(forbids=FACTORISATIONS),
    "spectral_norm": Rules(forbids=(*FACTORISATIONS, *NORM, "spectral_norm")),
    "condition_number": Rules(forbids=(*FACTORISATIONS, *NORM)),
    "pca": Rules(forbids=FACTORISATIONS),
}


@case("bmm", agrees_with=torch.bmm)
def a_stack_of_products(bmm, draw):
    """一摞矩阵，逐对相乘"""
    return bmm(draw.normal(3, 2, 4), draw.normal(3, 4, 5))


@case("bmm", facet="interface", raises=ValueError)
def a_stack_of_another_height_is_refused(bmm, draw):
    """矩阵个数不同，应当报错"""
    return bmm(draw.normal(3, 2, 4), draw.normal(1, 4, 5))


@case("einsum", agrees_with=torch.einsum)
def the_matrix_product(einsum, draw):
    """矩阵乘法"""
    return einsum("ik,kj->ij", draw.normal(2, 3), draw.normal(3, 4))


@case("einsum", agrees_with=torch.einsum)
def a_trace_a_sum_and_an_outer_product(einsum, draw):
    """迹、求和与外积"""
    x = draw.normal(3, 3)
    return einsum("ii", x), einsum("ij->j", x), einsum("i,j->ij", x[0], x[1])


@case("einsum", agrees_with=torch.einsum)
def an_ellipsis_stands_for_the_batch(einsum, draw):
    """省略号代表批量维"""
    return einsum("...qd,...kd->...qk", draw.normal(2, 3, 4, 5), draw.normal(3, 6, 5))


@case("inverse", agrees_with=torch.linalg.inv)
def the_inverse_of_a_matrix(inverse, draw):
    """一个矩阵的逆"""
    return inverse(draw.normal(3, 3) / 4 + 2 * torch.eye(3, dtype=draw.dtype))


@case("inverse", agrees_with=torch.linalg.inv)
def a_first_pivot_of_zero(inverse, draw):
    """第一个主元是 0"""
    return inverse(torch.tensor([[0, 2, 1], [1, 0, 1], [1, 3, 0]], dtype=draw.dtype) * draw.choice([1, 2, 4]))


@case("solve", agrees_with=torch.linalg.solve)
def one_right_hand_side(solve, draw):
    """一个右端向量"""
    return solve(draw.normal(4, 4) / 4 + 2 * torch.eye(4, dtype=draw.dtype), draw.normal(4))


@case("solve", agrees_with=torch.linalg.solve)
def a_matrix_that_begins_with_zero(solve, draw):
    """以 0 开头的矩阵"""
    return solve(torch.tensor([[0, 2], [1, 1]], dtype=draw.dtype), draw.normal(2, 3))


@case("determinant", agrees_with=torch.linalg.det)
def a_volume_with_its_sign(determinant, draw):
    """有正负的体积"""
    return determinant(draw.normal(4, 4))


@case("determinant", agrees_with=torch.linalg.det)
def two_rows_that_must_be_swapped(determinant, draw):
    """必须交换的两行"""
    return determinant(torch.tensor([[0, 2, 0], [3, 0, 0], [0, 0, 5]], dtype=draw.dtype))


@case("slogdet", agrees_with=torch.linalg.slogdet)
def sign_and_logarithm(slogdet, draw):
    """符号与对数"""
    return tuple(slogdet(draw.normal(2, 4, 4)))


def _adjugate_by_inverse(a):
    """det(A) · A⁻¹, where A has an inverse."""
    return torch.linalg.det(a)[..., None, None] * torch.linalg.inv(a)


@case("adjugate", agrees_with=_adjugate_by_inverse)
def the_determinant_times_the_inverse(adjugate, draw):
    """行列式乘以逆矩阵"""
    return adjugate(draw.normal(3, 3) / 4 + 2 * torch.eye(3, dtype=draw.dtype))


@case("adjugate", expected=torch.tensor([[6.0, -3.0], [-4.0, 2.0]]))
def a_singular_matrix_has_one_too(adjugate, draw):
    """奇异矩阵也有伴随矩阵"""
    return adjugate(torch.tensor([[2.0, 3.0], [4.0, 6.0]], dtype=draw.dtype))


@case("cholesky", agrees_with=torch.linalg.cholesky)
def the_root_of_a_positive_definite_matrix(cholesky, draw):
    """正定矩阵的平方根"""
    x = draw.normal(4, 4)
    return cholesky(x @ x.mT + torch.eye(4, dtype=draw.dtype))


@case("cholesky", facet="interface", raises=ValueError)
def an_indefinite_matrix_is_refused(cholesky, draw):
    """不正定的矩阵，应当报错"""
    return cholesky(torch.tensor([[1.0, 2.0], [2.0, 1.0]], dtype=draw.dtype))


@case("qr", agrees_with=torch.linalg.qr)
def the_factors_give_the_matrix_back(qr, draw):
    """两个因子乘回原矩阵"""
    q, r = qr(draw.normal(5, 3))
    return q @ r, r.abs()


@case("qr", agrees_with=torch.linalg.qr)
def the_columns_of_q_are_orthonormal(qr, draw):
    """Q 的各列标准正交"""
    q, _ = qr(draw.normal(5, 3))
    return q.mT @ q


def _lstsq(x, y):
    """torch.linalg.lstsq's solution."""
    vector = y.dim() < x.dim()
    solution = torch.linalg.lstsq(x, y[..., None] if vector else y).solution
    return solution[..., 0] if vector else solution


@case("least_squares", agrees_with=_lstsq)
def more_equations_than_unknowns(least_squares, draw):
    """方程多于未知数"""
    return least_squares(draw.normal(8, 3), draw.normal(8))


def _sklearn_regression(x, y):
    """sklearn.linear_model.LinearRegression, in double precision."""
    model = sklearn.linear_model.LinearRegression().fit(x.double().numpy(), y.double().numpy())
    return torch.from_numpy(np.array(model.coef_)).to(x.dtype), torch.tensor(model.intercept_, dtype=x.dtype)


@case("linear_regression", agrees_with=_sklearn_regression)
def a_plane_through_noisy_points(linear_regression, draw):
    """穿过带噪声的点的平面"""
    x = draw.normal(20, 3)
    return linear_regression(x, x @ draw.normal(3) + 5 + 0.1 * draw.normal(20))


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def eigenvalues_in_ascending_order(symmetric_eigen, draw):
    """特征值升序排列"""
    x = draw.normal(4, 4)
    return symmetric_eigen(x + x.mT)[0]


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def eigenvectors_diagonalise_the_matrix(symmetric_eigen, draw):
    """特征向量把矩阵对角化"""
    x = draw.normal(4, 4)
    values, vectors = symmetric_eigen(x + x.mT)
    return vectors * values @ vectors.mT, vectors.mT @ vectors


def _svd(a):
    """torch's reduced factors."""
    return torch.linalg.svd(a, full_matrices=False)


@case("svd", agrees_with=_svd)
def three_factors_of_a_tall_matrix(svd, draw):
    """高矩阵的三个因子"""
    u, s, vh = svd(draw.normal(5, 3))
    return s, u * s @ vh, u.mT @ u, vh @ vh.mT


@case("svd", agrees_with=_svd)
def three_factors_of_a_wide_matrix(svd, draw):
    """宽矩阵的三个因子"""
    u, s, vh = svd(draw.normal(2, 4))
    return s, u * s @ vh, u.mT @ u, vh @ vh.mT


def _truncated(a, rank):
    """The first terms of torch's singular value decomposition."""
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    return u[..., :rank] @ torch.diag_embed(s[..., :rank]) @ vh[..., :rank, :]


@case("low_rank_approximation", agrees_with=_truncated)
def the_best_matrix_of_rank_two(low_rank_approximation, draw):
    """最佳的秩 2 近似"""
    return low_rank_approximation(draw.normal(5, 4), 2)


@case("pseudo_inverse", agrees_with=torch.linalg.pinv)
def the_inverse_of_a_tall_matrix(pseudo_inverse, draw):
    """高矩阵的伪逆"""
    x = torch.eye(5, 3, dtype=draw.dtype) * 2
    return pseudo_inverse(x + draw.normal(5, 3) / 4)


def _projection(a, x):
    """A A⁺ x."""
    return a @ (torch.linalg.pinv(a) @ x)


@case("project", agrees_with=_projection)
def the_nearest_point_of_a_plane(project, draw):
    """平面上最近的点"""
    return project(torch.eye(4, 2, dtype=draw.dtype) * 2 + draw.normal(4, 2) / 4, draw.normal(4))


def _spectral(a, iterations=100):
    """torch's 2-norm of a matrix."""
    return torch.linalg.matrix_norm(a, ord=2)


@case("spectral_norm", agrees_with=_spectral)
def the_greatest_stretch(spectral_norm, draw):
    """最大的伸长倍数"""
    scales = torch.tensor([2.5, 1.0, 0.5], dtype=draw.dtype)
    return spectral_norm(torch.linalg.qr(draw.normal(5, 3))[0] * scales)


@case("condition_number", agrees_with=torch.linalg.cond)
def the_greatest_stretch_over_the_least(condition_number, draw):
    """最大与最小伸长倍数之比"""
    return condition_number(draw.normal(4, 4) / 4 + 2 * torch.eye(4, dtype=draw.dtype))


@case("condition_number", expected=torch.tensor(torch.inf))
def a_singular_matrix_has_an_infinite_one(condition_number, draw):
    """奇异矩阵的条件数是无穷大"""
    return condition_number(torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=draw.dtype))


def _sklearn_pca(x, n_components):
    """sklearn.decomposition.PCA, in double precision."""
    model = sklearn.decomposition.PCA(n_components, svd_solver="full")
    scores = model.fit_transform(x.double().numpy())
    return tuple(
        torch.from_numpy(np.array(part)).to(x.dtype) for part in (model.components_, scores, model.explained_variance_)
    )


@case("pca", agrees_with=_sklearn_pca)
def directions_and_variances_of_a_cloud(pca, draw):
    """点云的方向与方差"""
    scales = torch.tensor([4.0, 2.0, 1.0], dtype=draw.dtype)
    components, scores, variance = pca(draw.normal(12, 3) * scales + 7, 2)
    return scores @ components, components.abs(), variance


@case("pca", facet="interface", raises=ValueError)
def more_components_than_features_are_refused(pca, draw):
    """成分多于特征，应当报错"""
    return pca(draw.normal(12, 3), 4)


@case("determinant", facet="gradient", agrees_with=torch.linalg.det)
def the_gradient_is_the_transposed_adjugate(determinant, draw):
    """梯度是转置的伴随矩阵"""
    return vjp(determinant, draw.normal(3, 3), cotangent=draw)
