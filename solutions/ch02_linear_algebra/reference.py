"""Reference answers of chapter 2, linear algebra."""

from string import digits

import torch
from jaxtyping import Float
from torch import Tensor


def bmm(a: Float[Tensor, "b m k"], b: Float[Tensor, "b k n"]) -> Float[Tensor, "b m n"]:
    """Multiply two stacks of matrices, pair by pair.

    C_bij = Σ_k A_bik B_bkj                                                         (2.6)

    Args:
        a, b: stacks of equally many matrices, whose inner sizes agree. Nothing is broadcast.

    Returns:
        the stack of products. A sum over no k is 0.

    Raises:
        ValueError: an argument is not 3-dimensional, or the batch or inner sizes differ.

    Source: Atlas 2.6; agrees with `torch.bmm`.
    """
    batch, _, inner = a.shape
    if b.shape[:-1] != (batch, inner):
        raise ValueError(f"stacks of shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied")
    return (a[:, :, :, None] * b[:, None, :, :]).sum(2)


def einsum(equation: str, *operands: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Multiply tensors along named dimensions and sum over the names that the output leaves out.

    C_ij = Σ_k A_ik B_kj   ⟹   "ik,kj->ij"                                          (2.5)

    Args:
        equation: one letter a dimension, operands separated by commas; blanks mean nothing. A letter twice in one
            operand takes its diagonal. "..." stands for the remaining dimensions of an operand; those of different
            operands are aligned at the right and broadcast; an output without "..." sums over them. Without "->" the
            output is "..." and then every letter that occurs exactly once in all, in alphabetical order.
        operands: as many tensors as the equation has terms.

    Returns:
        the sum, its dimensions in the order of the output's letters.

    Raises:
        ValueError: the numbers of operands or dimensions do not fit the equation, a subscript is no letter, one
            letter has two sizes (1 broadcasts between operands, not within one), or the output names a letter twice
            or one that no operand has.

    Source: Atlas 2.5; agrees with `torch.einsum`.
    """
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = []
    rank = 0
    for term, x in zip(inputs.split(","), operands, strict=True):
        letters = term.replace("...", "")
        free = x.dim() - len(letters)
        term = term.replace("...", digits[10 - free :])  # the dimensions of "...", counted from the right
        if len(term) != x.dim() or not all(c.isalpha() for c in letters):
            raise ValueError(f"the subscripts {term!r} do not fit a tensor of shape {tuple(x.shape)}")
        terms.append((term, x))
        rank = max(rank, free)
    if not arrow:
        output = "..." + "".join(sorted(c for c in inputs if c.isalpha() and inputs.count(c) == 1))
    output = output.replace("...", digits[10 - rank :])
    names = {name for term, _ in terms for name in term}
    if not names.issuperset(output):
        raise ValueError(f"the output of {equation!r} has a subscript that no operand has")
    order = [*output, *names.difference(output)]
    product = operands[0].new_ones(())
    for term, x in terms:
        for name in names:
            while term.count(name) > 1:
                i = term.index(name)
                j = term.rindex(name)
                if x.shape[i] != x.shape[j]:
                    raise ValueError(f"the subscript {name!r} has two sizes in a tensor of shape {tuple(x.shape)}")
                x = x.diagonal(dim1=i, dim2=j)
                term = term[:i] + term[i + 1 : j] + term[j + 1 :] + name
        place = {name: k for k, name in enumerate(term)}
        x = x.permute([place[name] for name in order if name in place])
        product = product * x[tuple(slice(None) if name in place else None for name in order)]
    return product[..., None].flatten(len(output)).sum(-1)


def inverse(a: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """Invert a matrix by Gauss–Jordan elimination with row exchanges.

    [A | I]  →  [I | A⁻¹],   det(A) · A⁻¹ = adj(A)                                  (2.3)

    Args:
        a: square matrices, in any number of batch dimensions.

    Returns:
        the inverses.

    Raises:
        ValueError: `a` is not square, or one of the matrices is singular.

    Source: Atlas 2.3; agrees with `torch.linalg.inv`.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    rows = torch.cat([a, a.new_ones(a.shape[:-1]).diag_embed()], dim=-1)
    for k in range(n):  # rows that have had their turn stand at the end
        free, done = rows[..., : n - k, :], rows[..., n - k :, :]
        order = free[..., k].abs().argsort(descending=True)
        free = free.take_along_dim(order[..., None], -2)
        if (free[..., 0, k] == 0).any():
            raise ValueError("a singular matrix has no inverse")
        row = free[..., :1, :] / free[..., :1, k, None]
        others = torch.cat([free[..., 1:, :], done], dim=-2)
        rows = torch.cat([others - others[..., k, None] * row, row], dim=-2)
    return rows[..., n:]


def solve(a: Float[Tensor, "*batch n n"], b: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Solve A x = b by Gaussian elimination with partial pivoting, then back-substitution.

    Args:
        a: square matrices, in any number of batch dimensions.
        b: right-hand sides: (*batch, n), one for each matrix, or (*batch, n, k), k for each matrix.

    Returns:
        x, the shape of `b`. The residual b − A x is at rounding level beside |A||x|, however ill-conditioned A is.

    Raises:
        ValueError: `a` is not square, one of the matrices is singular, or `b` has another number of rows.

    Source: seed 002; agrees with `torch.linalg.solve` and `numpy.linalg.solve`.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    vector = b.dim() < a.dim()
    rows = torch.cat([a, b[..., None] if vector else b], dim=-1)
    pivots = []
    while rows.shape[-2] > 0:
        order = rows[..., 0].abs().argsort(descending=True)
        rows = rows.take_along_dim(order[..., None], -2)
        first, others = rows[..., :1, :], rows[..., 1:, :]
        if (first[..., 0] == 0).any():
            raise ValueError("the matrix is singular")
        pivots.append(first)
        rows = (others - others[..., :1] / first[..., :1] * first)[..., 1:]
    x = rows
    for row in reversed(pivots):
        k = x.shape[-2] + 1
        x = torch.cat([(row[..., k:] - row[..., 1:k] @ x) / row[..., :1], x], dim=-2)
    return x[..., 0] if vector else x


def determinant(a: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch"]:
    """The factor by which a matrix scales volumes, by LU elimination with pivoting.

    det(A) = ± Π_k u_kk,   det(A) · A⁻¹ = adj(A)                                    (2.3)

    Args:
        a: square matrices, in any number of batch dimensions.

    Returns:
        the determinants: 0 for a singular matrix, 1 for the empty one. The gradient is adj(A)ᵀ everywhere, also at a
        singular matrix whose rank is n − 1, where it is not 0.

    Raises:
        ValueError: `a` is not square.

    Source: Atlas 2.3; agrees with `torch.linalg.det`.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    result = a.new_ones(a.shape[:-2])
    for size in range(n, 0, -1):
        # the greatest entry of all, so that a zero pivot is met only when nothing is left
        largest = a.abs().flatten(-2).argmax(-1)[..., None, None]
        i, j = largest // size, largest % size
        row, column = a.take_along_dim(i, -2), a.take_along_dim(j, -1)
        pivot = row.take_along_dim(j, -1)
        result = result * ((-1) ** (i + j) * pivot)[..., 0, 0]
        a = a - column * (row / torch.where(pivot == 0, 1, pivot))
        index = a.new_ones(size).nonzero()  # 0 … size − 1, a column
        a = a[(index != i) & (index.mT != j)].reshape(*a.shape[:-2], size - 1, size - 1)
    return result


def slogdet(a: Float[Tensor, "*batch n n"]) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """The sign and the logarithm of a determinant that may be too large or too small for a float.

    det(A) = sign · exp(log|det A|),   log|det A| = Σ_k log|u_kk|

    Args:
        a: square matrices, in any number of batch dimensions.

    Returns:
        sign: 1, −1, or 0 for a singular matrix.
        logarithm: log|det A|, −inf for a singular matrix.

    Raises:
        ValueError: `a` is not square.

    Source: seed 002; agrees with `torch.linalg.slogdet`.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    sign, logarithm = a.new_ones(a.shape[:-2]), a.new_zeros(a.shape[:-2])
    for size in range(n, 0, -1):
        i = a[..., 0].abs().argmax(-1)[..., None]
        row, column = a.take_along_dim(i[..., None], -2), a[..., :1]
        pivot = row[..., :1]
        sign = sign * ((-1) ** i * pivot[..., 0].sign())[..., 0]
        logarithm = logarithm + pivot[..., 0, 0].abs().log()
        a = (a - column * (row / torch.where(pivot == 0, 1, pivot)))[..., 1:]
        others = a.new_ones(size).nonzero().flatten() != i
        a = a[others].reshape(*a.shape[:-2], size - 1, size - 1)
    return sign, logarithm


def adjugate(a: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """The transposed matrix of cofactors: det(A) · A⁻¹ without the division.

    adj(A)_ij = (−1)^(i+j) det(A without row j and column i),   A · adj(A) = det(A) · I      (2.3)

    Args:
        a: square matrices with n ≥ 1, in any number of batch dimensions; singular ones too.

    Returns:
        the adjugates; of a 1 × 1 matrix it is 1.

    Raises:
        ValueError: `a` is not square.

    Source: Atlas 2.3; equals det(A) · A⁻¹ wherever there is an inverse.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    index = a.new_ones(n).nonzero()  # 0 … n − 1, a column
    kept = (index != index.mT).nonzero()[:, 1].reshape(n, n - 1)  # row i: every index but i
    minors = a[..., kept[:, None, :, None], kept[:, None, :]]
    return (determinant(minors) * (-1) ** (index + index.mT)).mT


def cholesky(a: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """The square root of a positive definite matrix that is lower triangular.

    A = L Lᵀ

    Args:
        a: symmetric positive definite matrices, in any number of batch dimensions.

    Returns:
        L, lower triangular with a positive diagonal.

    Raises:
        ValueError: `a` is not square, or one of the matrices is not positive definite.

    Source: seed 002; agrees with `torch.linalg.cholesky`.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    lower = a[..., :0]
    for k in range(n):
        if not (a[..., 0, 0] > 0).all():
            raise ValueError("the matrix is not positive definite")
        column = a[..., :1] / a[..., :1, :1].sqrt()
        lower = torch.cat([lower, torch.nn.functional.pad(column, (0, 0, k, 0))], dim=-1)
        a = a[..., 1:, 1:] - column[..., 1:, :] * column[..., 1:, :].mT
    return lower


def qr(a: Float[Tensor, "*batch m n"]) -> tuple[Float[Tensor, "*batch m k"], Float[Tensor, "*batch k n"]]:
    """Factor a matrix into orthonormal columns and a triangle, by Householder reflections.

    A = Q R,   QᵀQ = I,   k = min(m, n)                                             (2.2)

    Args:
        a: matrices, tall or wide, of any rank, in any number of batch dimensions; the squares of a column's entries
            may underflow.

    Returns:
        q: orthonormal columns to machine precision, however ill-conditioned `a` is.
        r: upper triangular, exact zeros below the diagonal. The sign of each row of `r`, and of the column of `q`
        beside it, is yours to choose.

    Source: Atlas 2.2; agrees with `torch.linalg.qr` up to those signs.
    """
    m, n = a.shape[-2:]
    index = a.new_ones(m).nonzero().flatten()  # 0 … m − 1
    q = a.new_ones(m).diag()
    for k in range(min(m, n)):
        x = a[..., k] * (index >= k)
        largest = x.abs().amax(-1, keepdim=True)
        x = x / torch.where(largest == 0, 1, largest)  # its square may underflow
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        # added with the sign of x_k: nothing cancels
        normal = (x + (index == k) * torch.where(x[..., k, None] < 0, -length, length))[..., None]
        square = normal.mT @ normal
        scaled = normal * (2 / torch.where(square == 0, 1, square))
        a = a - scaled @ (normal.mT @ a)
        q = q - (q @ normal) @ scaled.mT
    k = min(m, n)
    return q.expand(*a.shape[:-1], m)[..., :k], a[..., :k, :].triu()


def least_squares(x: Float[Tensor, "*batch m n"], y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The coefficients that bring X θ closest to y, by a QR factorisation.

    θ = argmin ‖X θ − y‖₂,   R θ = Qᵀ y  with  X = Q R

    Args:
        x: matrices of full column rank, m ≥ n, in any number of batch dimensions.
        y: targets: (*batch, m), or (*batch, m, k) for k targets at once.

    Returns:
        θ: (*batch, n) or (*batch, n, k). It keeps its digits up to a condition number of 1/ε, not 1/√ε.

    Raises:
        ValueError: `y` has another number of rows than `x`, or `x` has fewer rows than columns.

    Source: seed 002; agrees with `torch.linalg.lstsq` and `numpy.linalg.lstsq`.
    """
    q, r = qr(x)
    right = q.mT @ (y[..., None] if y.dim() < x.dim() else y)
    return solve(r, right[..., 0] if y.dim() < x.dim() else right)


def linear_regression(
    x: Float[Tensor, "samples features"], y: Float[Tensor, "samples"]
) -> tuple[Float[Tensor, "features"], Float[Tensor, ""]]:
    """Fit y ≈ x · w + b by least squares, with an intercept.

    w, b = argmin Σ_i (x_i · w + b − y_i)²

    Args:
        x: one row a sample, more samples than features; columns of any mean, even one far larger than their spread.
        y: one target a sample.

    Returns:
        w: the weights.
        b: the intercept, 0-dimensional.

    Raises:
        ValueError: `x` and `y` have different numbers of samples.

    Source: seeds 000 and 002; agrees with `sklearn.linear_model.LinearRegression`.
    """
    weights = least_squares(x - x.mean(0), y - y.mean())
    return weights, y.mean() - x.mean(0) @ weights


def symmetric_eigen(a: Float[Tensor, "*batch n n"]) -> tuple[Float[Tensor, "*batch n"], Float[Tensor, "*batch n n"]]:
    """Diagonalise a symmetric matrix by Jacobi rotations.

    A = Q Λ Qᵀ,   QᵀQ = I

    Args:
        a: symmetric matrices, in any number of batch dimensions; eigenvalues may be negative and repeated.

    Returns:
        eigenvalues: ascending.
        eigenvectors: orthonormal columns, in the order of the eigenvalues; their signs are yours to choose.

    Raises:
        ValueError: `a` is not square.

    Source: seed 002; agrees with `torch.linalg.eigh` up to those signs.
    """
    m, n = a.shape[-2:]
    if m != n:
        raise ValueError(f"matrices of shape {tuple(a.shape)} are not square")
    identity = vectors = a.new_ones(a.shape[:-1]).diag_embed()
    for _ in range(10):
        for p, q in torch.combinations(torch.arange(n)).tolist():
            # the smaller eigenvalue of the two comes to p
            angle = torch.atan2(-2 * a[..., p, q], a[..., q, q] - a[..., p, p]) / 2
            rotation = identity.clone()
            rotation[..., p, p] = rotation[..., q, q] = angle.cos()
            rotation[..., q, p] = angle.sin()
            rotation[..., p, q] = -angle.sin()
            a = rotation.mT @ a @ rotation
            vectors = vectors @ rotation
    return a.diagonal(dim1=-2, dim2=-1), vectors


def svd(
    a: Float[Tensor, "*batch m n"],
) -> tuple[Float[Tensor, "*batch m k"], Float[Tensor, "*batch k"], Float[Tensor, "*batch k n"]]:
    """Factor a matrix into a rotation, a scaling and a rotation, by one-sided Jacobi rotations.

    A = U Σ Vᵀ,   UᵀU = VᵀV = I,   k = min(m, n)                                    (2.1)

    Args:
        a: matrices, tall or wide, of any rank, in any number of batch dimensions.

    Returns:
        u: orthonormal columns, also those that belong to singular values of 0.
        s: the singular values, descending, none negative.
        vh: Vᵀ, orthonormal rows. The sign of a column of `u` and of the row of `vh` beside it is yours to choose.

    Source: Atlas 2.1; agrees with `torch.linalg.svd(full_matrices=False)` up to those signs.
    """
    m, n = a.shape[-2:]
    if m < n:
        u, s, vh = svd(a.mT)
        return vh.mT, s, u.mT
    # A on top of I: what turns the columns of A into U Σ turns those of I into V
    turned = torch.cat([a, a.new_ones(a.mT.shape[:-1]).diag_embed()], dim=-2)
    for _ in range(10):
        for pair in torch.combinations(a.new_ones(n).nonzero().flatten()):
            x, y = turned[..., pair].unbind(-1)
            overlap, gap = (x * y)[..., :m].sum(-1), (x * x - y * y)[..., :m].sum(-1)
            angle = torch.atan2(2 * overlap, gap)[..., None] / 2  # the longer one comes first
            rotated = torch.stack([angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x], dim=-1)
            turned = turned.index_copy(-1, pair, rotated)
    # columns of U Σ that are 0 have no direction: Q has one for them
    u, r = qr(turned[..., :m, :])
    signed = r.diagonal(dim1=-2, dim2=-1)
    return torch.where(signed < 0, -1, 1)[..., None, :] * u, signed.abs(), turned[..., m:, :].mT


def low_rank_approximation(a: Float[Tensor, "*batch m n"], rank: int) -> Float[Tensor, "*batch m n"]:
    """The matrix of a given rank that is closest to A.

    A_r = Σ_{i ≤ r} σ_i u_i v_iᵀ,   ‖A − A_r‖₂ = σ_{r+1}                            (from 2.1)

    Args:
        a: matrices, in any number of batch dimensions.
        rank: from 0 to min(m, n).

    Returns:
        the approximation, the shape of `a`.

    Raises:
        ValueError: `rank` is not from 0 to min(m, n).

    Source: Atlas 2.1; Eckart and Young 1936; agrees with a truncated `torch.linalg.svd`.
    """
    if not 0 <= rank <= min(a.shape[-2:]):
        raise ValueError(f"a matrix of shape {tuple(a.shape[-2:])} has no approximation of rank {rank}")
    u, s, vh = svd(a)
    return u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]


def pseudo_inverse(a: Float[Tensor, "*batch m n"], rtol: float | None = None) -> Float[Tensor, "*batch n m"]:
    """The matrix that gives the shortest least-squares solution, for any shape and rank.

    A⁺ = V Σ⁺ Uᵀ,   σ⁺ = 1/σ where σ > rtol · σ₁, else 0

    Args:
        a: matrices, tall or wide, of any rank, in any number of batch dimensions.
        rtol: what counts as 0, relative to the greatest singular value; max(m, n) · ε of the dtype if None.

    Returns:
        A⁺, with the four properties of Penrose: A A⁺ A = A, A⁺ A A⁺ = A⁺, and A A⁺ and A⁺ A are symmetric.

    Source: seed 002; agrees with `torch.linalg.pinv`.
    """
    u, s, vh = svd(a)
    threshold = max(a.shape[-2:]) * torch.finfo(a.dtype).eps if rtol is None else rtol
    zero = s <= threshold * s[..., :1]
    inverted = torch.where(zero, 0, 1 / torch.where(zero, 1, s))
    return vh.mT * inverted[..., None, :] @ u.mT


def project(a: Float[Tensor, "m n"], x: Float[Tensor, "m *k"]) -> Float[Tensor, "m *k"]:
    """The point of the column space of A that is closest to x.

    P x = Q Qᵀ x,   the columns of Q an orthonormal basis of the columns of A

    Args:
        a: a matrix, tall or wide, of any rank. A singular value up to max(m, n) · ε · σ₁ counts as 0.
        x: a vector, or a matrix whose columns are projected.

    Returns:
        the projection, the shape of `x`. Projecting it again changes nothing, and x − P x is orthogonal to `a`.

    Raises:
        ValueError: `a` and `x` have different numbers of rows.

    Source: seed 000.
    """
    u, s, _ = svd(a)
    basis = u * (s > max(a.shape) * torch.finfo(a.dtype).eps * s[:1])
    return basis @ (basis.mT @ x)


def spectral_norm(a: Float[Tensor, "*batch m n"], iterations: int = 100) -> Float[Tensor, "*batch"]:
    """How much a matrix can stretch a vector, by power iteration.

    ‖A‖₂ = max_{‖v‖ = 1} ‖A v‖ = σ_max(A)                                           (2.4)

    Args:
        a: matrices of any shape, in any number of batch dimensions; entries near 1e15 or 1e-15 too.
        iterations: how often a vector goes through A and back through Aᵀ.

    Returns:
        the greatest singular values; 0 for a matrix of zeros. The gradient is u vᵀ, the singular vectors' product.

    Source: Atlas 2.4; agrees with `torch.linalg.matrix_norm(ord=2)`.
    """
    largest = a.detach().abs().amax((-2, -1), keepdim=True)
    unit = a.detach() / torch.where(largest == 0, 1, largest)  # squares neither overflow nor underflow
    v = torch.randn_like(unit[..., :1, :]).mT
    for _ in range(iterations):
        v = torch.nn.functional.normalize(unit.mT @ (unit @ v), dim=-2)
    return torch.linalg.vector_norm(a @ v, dim=(-2, -1))


def condition_number(a: Float[Tensor, "*batch m n"]) -> Float[Tensor, "*batch"]:
    """By how much a relative error of the input may grow in the solution.

    κ(A) = σ_max / σ_min

    Args:
        a: matrices of any shape with at least one entry, in any number of batch dimensions.

    Returns:
        a number ≥ 1; inf for a singular matrix, one whose σ_min is at most max(m, n) · ε · σ_max.

    Source: seed 002; agrees with `torch.linalg.cond`.
    """
    s = svd(a)[1]
    largest, smallest = s[..., 0], s[..., -1]
    singular = smallest <= max(a.shape[-2:]) * torch.finfo(a.dtype).eps * largest
    return torch.where(singular, torch.inf, largest / torch.where(singular, 1, smallest))


def pca(
    x: Float[Tensor, "samples features"], n_components: int
) -> tuple[Float[Tensor, "k features"], Float[Tensor, "samples k"], Float[Tensor, "k"]]:
    """The directions in which a cloud of points varies most.

    C = (1/(N − 1)) Σ_i (x_i − x̄)(x_i − x̄)ᵀ,   C w_k = λ_k w_k,   λ₁ ≥ λ₂ ≥ …

    Args:
        x: one row a sample, at least two samples.
        n_components: k, from 1 to min(samples, features).

    Returns:
        components: orthonormal rows w_k, in the order of their variances; the sign of each is yours to choose.
        scores: the coordinates (x_i − x̄) · w_k of the samples.
        explained variance: λ_k, descending.

    Raises:
        ValueError: `n_components` is not from 1 to min(samples, features).

    Source: seeds 000 and 002; agrees with `sklearn.decomposition.PCA` up to those signs.
    """
    if not 0 < n_components <= min(x.shape):
        raise ValueError(f"{tuple(x.shape)} samples and features have no {n_components} components")
    u, s, vh = svd(x - x.mean(0))
    u, s, vh = u[:, :n_components], s[:n_components], vh[:n_components]
    return vh, u * s, s**2 / (len(x) - 1)
