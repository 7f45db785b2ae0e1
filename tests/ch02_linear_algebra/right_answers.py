"""Right answers to chapter 2 that look nothing like the reference; the tests must accept them."""

import math

import torch

from autograder.cases import right


@right("bmm")
def as_a_sum_of_outer_products(a, b):
    """One outer product for each k."""
    if a.dim() != 3 or b.dim() != 3 or len(a) != len(b) or a.size(2) != b.size(1):
        raise ValueError("shapes do not fit")
    result = a.new_zeros(a.size(0), a.size(1), b.size(2))
    for k in range(a.size(2)):
        result = result + a[:, :, k, None] * b[:, None, k]
    return result


@right("einsum")
def two_operands_at_a_time(equation, *operands):
    """Every operand is brought to one common order of letters, the batch's dimensions as capitals from elsewhere."""
    equation = equation.replace(" ", "")
    left, _, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError("number of operands")
    spare = "αβγδεζηθ"
    rank = 0
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        extra = x.dim() - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise ValueError("number of subscripts")
        terms[i] = term.replace("...", spare[len(spare) - extra :])
        rank = max(rank, extra)
        if not all(c.isalpha() for c in terms[i]):
            raise ValueError("subscripts are letters")
    if "->" not in equation:
        letters = "".join(terms)
        right = "..." + "".join(sorted(c for c in set(letters) if c not in spare and letters.count(c) == 1))
    right = right.replace("...", spare[len(spare) - rank :])
    every = sorted(set("".join(terms)))
    if len(set(right)) < len(right) or not set(right) <= set(every):
        raise ValueError("output")
    total = None
    for term, x in zip(terms, operands, strict=True):
        for c in set(term):
            sizes = {x.shape[i] for i, d in enumerate(term) if d == c}
            if len(sizes) > 1:
                raise ValueError("sizes")
            while term.count(c) > 1:
                i, j = [k for k, d in enumerate(term) if d == c][:2]
                x = torch.diagonal(x, 0, i, j)
                term = "".join(d for k, d in enumerate(term) if k not in (i, j)) + c
        missing = [c for c in every if c not in term]
        x = x[(...,) + (None,) * len(missing)]
        names = term + "".join(missing)
        x = x.permute(*[names.index(c) for c in every]) if every else x
        total = x if total is None else total * x
    for k in reversed(range(len(every))):
        if every[k] not in right:
            total = total.sum(k)
    rest = [c for c in every if c in right]
    return total.permute(*[rest.index(c) for c in right]) if right else total


@right("inverse")
def by_elimination_and_two_triangles(a):
    """One matrix at a time, with explicit row swaps."""
    if a.dim() < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError("not square")
    n = a.shape[-1]
    results = []
    for m in a.reshape(-1, n, n).unbind() if a.numel() else []:
        rows = [torch.cat([m[i], torch.eye(n, dtype=a.dtype)[i]]) for i in range(n)]
        for k in range(n):
            best = max(range(k, n), key=lambda i: abs(float(rows[i][k])))
            rows[k], rows[best] = rows[best], rows[k]
            if float(rows[k][k]) == 0:
                raise ValueError("singular")
            rows[k] = rows[k] / rows[k][k]
            rows = [rows[i] if i == k else rows[i] - rows[i][k] * rows[k] for i in range(n)]
        results.append(torch.stack(rows)[:, n:])
    return torch.stack(results).reshape(a.shape) if results else a.clone()


@right("solve")
def one_unknown_at_a_time(a, b):
    """By recursion: eliminate the first unknown, solve the rest, substitute back."""
    if a.shape[-1] != a.shape[-2] or a.shape[-1] != b.shape[a.dim() - 2]:
        raise ValueError("shapes do not fit")
    if b.dim() < a.dim():
        return one_unknown_at_a_time(a, b[..., None])[..., 0]
    if a.shape[-1] == 0:
        return b.clone()
    i = a[..., 0].abs().max(-1, keepdim=True).indices
    swap = torch.arange(a.shape[-1]).expand(*i.shape[:-1], -1)
    swap = torch.where(swap == 0, i, torch.where(swap == i, 0, swap))[..., None]
    a, b = a.take_along_dim(swap, -2), b.take_along_dim(swap, -2)
    if bool((a[..., 0, 0] == 0).any()):
        raise ValueError("singular")
    factor = a[..., 1:, :1] / a[..., :1, :1]
    rest = one_unknown_at_a_time(a[..., 1:, 1:] - factor * a[..., :1, 1:], b[..., 1:, :] - factor * b[..., :1, :])
    first = (b[..., :1, :] - a[..., :1, 1:] @ rest) / a[..., :1, :1]
    return torch.cat([first, rest], -2)


@right("determinant")
def expanded_along_the_first_row(a):
    """Laplace's expansion: n! terms, and right for every small matrix."""
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    if n == 0:
        return a.new_ones(a.shape[:-2])
    minors = [expanded_along_the_first_row(torch.cat([a[..., 1:, :j], a[..., 1:, j + 1 :]], -1)) for j in range(n)]
    return sum((-1) ** j * a[..., 0, j] * minors[j] for j in range(n))


@right("slogdet")
def rows_exchanged_explicitly(a):
    """Partial pivoting on one matrix at a time, counting the swaps."""
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    signs, logarithms = [], []
    for m in a.reshape(math.prod(a.shape[:-2]), n, n):
        rows, sign, logarithm = list(m.unbind()), a.new_ones(()), a.new_zeros(())
        for k in range(n):
            best = max(range(k, n), key=lambda i: abs(float(rows[i][k])))
            if best != k:
                rows[k], rows[best], sign = rows[best], rows[k], -sign
            pivot = rows[k][k]
            if pivot == 0:
                sign, logarithm = a.new_zeros(()), a.new_full((), -math.inf)
                break
            sign, logarithm = sign * torch.sign(pivot), logarithm + torch.log(abs(pivot))
            for i in range(k + 1, n):
                rows[i] = rows[i] - rows[i][k] / pivot * rows[k]
        signs.append(sign)
        logarithms.append(logarithm)
    if not signs:
        return a.new_ones(a.shape[:-2]), a.new_zeros(a.shape[:-2])
    return torch.stack(signs).reshape(a.shape[:-2]), torch.stack(logarithms).reshape(a.shape[:-2])


@right("adjugate")
def by_the_characteristic_polynomial(a):
    """Faddeev and LeVerrier: powers of A and their traces, without a single minor."""
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    identity = torch.eye(n, dtype=a.dtype).expand_as(a)
    m = identity
    for k in range(1, n):
        product = a @ m
        c = -product.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None] / k
        m = product + c * identity
    return m if n % 2 else -m


@right("cholesky")
def one_entry_at_a_time(a):
    """The textbook's sums, row by row."""
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    entries = {}
    for i in range(n):
        for j in range(i + 1):
            rest = a[..., i, j] - sum(entries[i, k] * entries[j, k] for k in range(j))
            if i == j and not bool((rest > 0).all()):
                raise ValueError("not positive definite")
            entries[i, j] = rest.sqrt() if i == j else rest / entries[j, j]
    if n == 0:
        return a.clone()
    zero = torch.zeros_like(a[..., 0, 0])
    return torch.stack([torch.stack([entries.get((i, j), zero) for j in range(n)], -1) for i in range(n)], -2)


@right("qr")
def by_givens_rotations(a):
    """Zeros are made one by one, from the bottom, by rotations of two rows."""
    m, n = a.shape[-2:]
    k = min(m, n)
    q = torch.eye(m, dtype=a.dtype).expand(*a.shape[:-2], m, m)
    for j in range(k):
        for i in range(m - 1, j, -1):
            x, y = a[..., j, j], a[..., i, j]
            zero = (x == 0) & (y == 0)
            x = torch.where(zero, 1, x)
            length = torch.hypot(x, y)
            c, s = x / length, y / length
            g = torch.eye(m, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
            g[..., j, j], g[..., i, i], g[..., j, i], g[..., i, j] = c, c, s, -s
            a, q = g @ a, q @ g.mT
    return q[..., :k], torch.triu(a[..., :k, :])


@right("least_squares")
def on_the_triangle_of_a_larger_matrix(x, y):
    """R of [X | y] holds Qᵀy in its last columns; then back-substitution."""
    m, n = x.shape[-2:]
    if m < n or y.shape[x.dim() - 2] != m:
        raise ValueError("shapes do not fit")
    vector = y.dim() < x.dim()
    r = torch.cat([x, y[..., None] if vector else y], -1)
    index = torch.arange(m)
    for k in range(n):
        column = torch.where(index >= k, r[..., k], 0)
        length = column.square().sum(-1, keepdim=True).sqrt()
        head = column[..., k, None]
        normal = column + torch.where(index == k, torch.where(head < 0, -1, 1) * length, 0)
        normal = (normal / normal.square().sum(-1, keepdim=True).sqrt())[..., None]
        r = r - 2 * normal * (normal * r).sum(-2, keepdim=True)
    answer = r[..., :0, n:]
    for k in reversed(range(n)):
        known = (r[..., k, k + 1 : n, None] * answer).sum(-2, keepdim=True)
        answer = torch.cat([(r[..., k : k + 1, n:] - known) / r[..., k, k, None, None], answer], -2)
    return answer[..., 0] if vector else answer


@right("linear_regression")
def with_modified_gram_schmidt(x, y):
    """Centred columns orthogonalised together with the targets: the coefficients fall out of the triangle."""
    if len(x) != len(y):
        raise ValueError("numbers of samples differ")
    mean, height = x.sum(0) / len(x), y.sum() / len(y)
    columns = [*(x - mean).unbind(1), y - height]
    n = len(columns) - 1
    r = {}
    for i in range(n):
        square = (columns[i] * columns[i]).sum()
        for j in range(i + 1, n + 1):
            r[i, j] = (columns[i] * columns[j]).sum() / square
            columns[j] = columns[j] - r[i, j] * columns[i]
    w = [None] * n
    for i in reversed(range(n)):
        w[i] = r[i, n] - sum(r[i, j] * w[j] for j in range(i + 1, n))
    w = torch.stack(w)
    return w, height - (mean * w).sum()


@right("symmetric_eigen")
def jacobi_with_the_smaller_angle(a):
    """Rotations by at most 45 degrees, the eigenvalues sorted at the end."""
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    vectors = torch.eye(n, dtype=a.dtype).expand_as(a)
    for _ in range(14):
        for p in range(n):
            for q in range(p):
                off, gap = a[..., p, q], a[..., q, q] - a[..., p, p]
                angle = torch.atan2(2 * off * torch.where(gap < 0, -1, 1), gap.abs()) / 2
                c, s = angle.cos(), angle.sin()
                g = torch.eye(n, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
                g[..., p, p], g[..., q, q], g[..., p, q], g[..., q, p] = c, c, s, -s
                a, vectors = g.mT @ a @ g, vectors @ g
    values, order = a.diagonal(dim1=-2, dim2=-1).sort(-1)
    return values, vectors.take_along_dim(order[..., None, :], -1)


@right("svd")
def rotations_by_the_smaller_angle(a):
    """One-sided Jacobi on a list of columns, sorted at the end; directions for zeros by Gram–Schmidt."""
    m, n = a.shape[-2:]
    if m < n:
        u, s, vh = rotations_by_the_smaller_angle(a.mT)
        return vh.mT, s, u.mT
    if a.numel() == 0:
        k = min(m, n)
        return a[..., :k], a.new_zeros(*a.shape[:-2], k), a.new_zeros(*a.shape[:-2], k, n)
    if a.dim() > 2:
        parts = [rotations_by_the_smaller_angle(x) for x in a]
        return tuple(torch.stack(part) for part in zip(*parts, strict=True))
    columns, turns = list(a.unbind(1)), list(torch.eye(n, dtype=a.dtype).unbind(1))
    for _ in range(15):
        for p in range(n):
            for q in range(p + 1, n):
                x, y = columns[p], columns[q]
                alpha, beta, gamma = x @ x, y @ y, x @ y
                if gamma == 0:
                    continue
                zeta = (beta - alpha) / (2 * gamma)
                t = (1 if zeta >= 0 else -1) / (abs(zeta) + torch.sqrt(1 + zeta * zeta))
                c = 1 / torch.sqrt(1 + t * t)
                columns[p], columns[q] = c * (x - t * y), c * (y + t * x)
                x, y = turns[p], turns[q]
                turns[p], turns[q] = c * (x - t * y), c * (y + t * x)
    order = sorted(range(n), key=lambda i: -float(columns[i] @ columns[i]))
    sizes = [torch.sqrt(columns[i] @ columns[i]) if columns[i].any() else columns[i].sum() for i in order]
    basis = []
    for i, size in zip(order, sizes, strict=True):
        if float(size) > 50 * torch.finfo(a.dtype).eps * float(sizes[0]):
            basis.append(columns[i] / size)
            continue
        candidates = []
        for e in torch.eye(m, dtype=a.dtype).unbind():
            for _ in range(2):
                for b in basis:
                    e = e - (b @ e) * b
            candidates.append(e)
        best = max(candidates, key=lambda e: float(e @ e))
        basis.append(best / torch.sqrt(best @ best))
    return torch.stack(basis, 1), torch.stack(sizes), torch.stack([turns[i] for i in order])


@right("low_rank_approximation")
def by_projecting_on_the_first_directions(a, rank):
    """A V_r V_rᵀ, with V from rotations that make the columns of A orthogonal."""
    m, n = a.shape[-2:]
    if rank < 0 or rank > min(m, n):
        raise ValueError("rank")
    if m < n:
        return by_projecting_on_the_first_directions(a.mT, rank).mT
    v, b = torch.eye(n, dtype=a.dtype).expand(*a.shape[:-2], n, n), a
    for _ in range(12):
        for p in range(n):
            for q in range(p + 1, n):
                x, y = b[..., p], b[..., q]
                angle = torch.atan2(2 * (x * y).sum(-1), (x * x).sum(-1) - (y * y).sum(-1)) / 2
                g = torch.eye(n, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
                g[..., p, p], g[..., q, q] = angle.cos(), angle.cos()
                g[..., q, p], g[..., p, q] = angle.sin(), -angle.sin()
                v, b = v @ g, b @ g
    return a @ v[..., :rank] @ v[..., :rank].mT


@right("pseudo_inverse")
def rotated_columns_divided_by_their_squares(a, rtol=None):
    """With A V = U Σ the pseudo-inverse is V Σ⁻² (A V)ᵀ: U itself is never needed."""
    m, n = a.shape[-2:]
    if m < n:
        return rotated_columns_divided_by_their_squares(a.mT, rtol).mT
    v = torch.eye(n, dtype=a.dtype).expand(*a.shape[:-2], n, n)
    b = a
    for _ in range(13):
        for p in range(n):
            for q in range(p + 1, n):
                x, y = b[..., p], b[..., q]
                angle = torch.atan2(2 * (x * y).sum(-1), (x * x).sum(-1) - (y * y).sum(-1)) / 2
                g = torch.eye(n, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
                g[..., p, p], g[..., q, q] = angle.cos(), angle.cos()
                g[..., q, p], g[..., p, q] = angle.sin(), -angle.sin()
                v, b = v @ g, b @ g
    s = b.square().sum(-2)
    tolerance = m * torch.finfo(a.dtype).eps if rtol is None else rtol
    kept = s.sqrt() > tolerance * s.sqrt()[..., :1]
    return v * torch.where(kept, 1 / torch.where(kept, s, 1), 0)[..., None, :] @ b.mT


@right("project")
def the_columns_orthogonalised_with_pivoting(a, x):
    """Gram–Schmidt, twice, always taking the longest column that is left."""
    if len(a) != len(x):
        raise ValueError("rows differ")
    result, rest, limit = torch.zeros_like(x), list(a.unbind(1)), 0.0
    matrix = x if x.dim() == 2 else x[:, None]
    basis = []
    while rest:
        rest.sort(key=lambda c: float(c @ c))
        column = rest.pop()
        length = float(column @ column) ** 0.5
        limit = limit or max(a.shape) * torch.finfo(a.dtype).eps * length
        if length <= limit:
            break
        for b in basis:
            column = column - (b @ column) * b
        q = column / torch.sqrt(column @ column)
        basis.append(q)
        rest = [c - (q @ c) * q for c in rest]
    for q in basis:
        part = q[:, None] * (q @ matrix)
        result = result + (part if x.dim() == 2 else part[:, 0])
    return result


@right("spectral_norm")
def squared_until_one_direction_is_left(a, iterations=100):
    """Repeated squaring of the normalised Gram matrix instead of a vector; the norm of A on what remains."""
    gram = (a.mT @ a).detach()
    scale = gram.abs().amax((-2, -1), keepdim=True)
    safe = torch.where(scale == 0, 1, scale)
    v = torch.randn(*a.shape[:-2], a.shape[-1], 1, dtype=a.dtype)
    for _ in range(iterations):
        v = gram / safe @ v
        length = v.square().sum(-2, keepdim=True).sqrt()
        v = v / torch.where(length == 0, 1, length)
    return (a @ v).square().sum((-2, -1)).sqrt()


@right("condition_number")
def from_rotated_columns(a):
    """The lengths of orthogonalised columns, the greatest over the smallest."""
    a = a.mT if a.shape[-2] < a.shape[-1] else a
    n, m = a.shape[-1], a.shape[-2]
    for _ in range(13):
        for p in range(n):
            for q in range(p + 1, n):
                x, y = a[..., p], a[..., q]
                angle = torch.atan2(2 * (x * y).sum(-1), (x * x).sum(-1) - (y * y).sum(-1)) / 2
                g = torch.eye(n, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
                g[..., p, p], g[..., q, q] = angle.cos(), angle.cos()
                g[..., q, p], g[..., p, q] = angle.sin(), -angle.sin()
                a = a @ g
    s = torch.linalg.vector_norm(a, dim=-2)
    low, high = s.min(-1).values, s.max(-1).values
    zero = low <= m * torch.finfo(a.dtype).eps * high
    return torch.where(zero, math.inf, high / torch.where(zero, 1, low))


@right("pca")
def rotations_of_the_centred_cloud(x, n_components):
    """The axes are turned until the centred columns are uncorrelated."""
    n, d = x.shape
    if n_components < 1 or n_components > min(n, d):
        raise ValueError("number of components")
    centred = x - x.sum(0) / n
    v, b = torch.eye(d, dtype=x.dtype), centred
    for _ in range(13):
        for p in range(d):
            for q in range(p + 1, d):
                f, g = b[:, p], b[:, q]
                angle = torch.atan2(2 * (f @ g), f @ f - g @ g) / 2
                turn = torch.eye(d, dtype=x.dtype)
                turn[p, p], turn[q, q], turn[q, p], turn[p, q] = angle.cos(), angle.cos(), angle.sin(), -angle.sin()
                v, b = v @ turn, b @ turn
    components = v[:, :n_components].mT
    scores = centred @ components.mT
    return components, scores, scores.square().sum(0) / (n - 1)
