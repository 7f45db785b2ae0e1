"""Calls whose tensors are moved: on this machine to a copy on the CPU, which is what moving to a GPU looks like."""

import torch

from autograder.devices import on_device


def test_results_and_changes_in_place_come_back():
    def doubled(x, out):
        out.copy_(2 * x)
        return out, [x + 1]

    x, out = torch.arange(6.0), torch.zeros(6)
    result, (one,) = on_device(doubled, "cpu")(x, out=out)
    assert torch.equal(out, 2 * x) and torch.equal(result, out) and torch.equal(one, x + 1)


def test_the_function_sees_copies_with_the_same_strides_and_sharing():
    wide = torch.arange(24.0).view(4, 6)
    seen = {}

    def look(a, b):
        seen.update(a=a, b=b)
        a[0, 0] = 100
        return b[0, 0].clone()

    view = wide[:, 1:4].mT
    assert on_device(look, "cpu")(view, wide[:, 1:]) == 100  # both are of one storage
    assert seen["a"].stride() == view.stride() and not seen["a"].is_contiguous()
    assert seen["a"].data_ptr() != view.data_ptr()
    assert wide[0, 1] == 100


def test_gradients_reach_what_was_moved():
    x = torch.ones(3, requires_grad=True)
    grads = on_device(lambda x: torch.autograd.grad((x**2).sum(), x)[0], "cpu")(x)
    assert torch.equal(grads, 2 * torch.ones(3))


def test_other_values_pass_through():
    def look(flag, shape, table, number=1.5):
        return {"all": (flag, shape, table["t"].sum().item(), number, None)}

    assert on_device(look, "cpu")(True, (2, 3), {"t": torch.ones(2)}) == {"all": (True, (2, 3), 2.0, 1.5, None)}
