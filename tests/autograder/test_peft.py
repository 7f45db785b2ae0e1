"""Chapter 17 against `peft`, the library that practice uses: the same layer, the same merge, the same PiSSA."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import nn

from autograder.chapters import Chapter

REFERENCE = Chapter(Path(__file__).parents[2], "ch17_lora").reference
RANK, ALPHA = 4, 6.0


def adapter(layer: nn.Linear, **options) -> Linear:
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=["layer"], **options)
    return Linear(layer, "default", config=config, r=RANK, lora_alpha=ALPHA).double()


@pytest.fixture
def base():
    torch.manual_seed(0)
    return nn.Linear(7, 5).double()


def trained(theirs: Linear, ours: nn.Module) -> None:
    """Gives both the same B, which is 0 at the start, and the same A."""
    with torch.no_grad():
        theirs.lora_B["default"].weight.normal_()
        ours.lora_a.copy_(theirs.lora_A["default"].weight)
        ours.lora_b.copy_(theirs.lora_B["default"].weight)


def test_the_layer_computes_what_pefts_does(base):
    theirs, ours = adapter(base), REFERENCE.LoRALinear(base, RANK, ALPHA)
    x = torch.randn(3, 7, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))  # both begin with the base's own output
    trained(theirs, ours)
    torch.testing.assert_close(ours(x), theirs(x))
    assert not torch.allclose(ours(x), base(x))


def test_the_merged_weight_is_pefts(base):
    weight = base.weight.detach().clone()
    theirs, ours = adapter(base), REFERENCE.LoRALinear(base, RANK, ALPHA)
    trained(theirs, ours)
    theirs.merge()
    merged = theirs.get_base_layer().weight
    a, b = ours.lora_a.detach(), ours.lora_b.detach()
    torch.testing.assert_close(REFERENCE.merge(weight, a, b, ALPHA), merged.detach())
    torch.testing.assert_close(REFERENCE.unmerge(merged.detach(), a, b, ALPHA), weight)


def test_a_begins_as_pefts_does():
    layer = nn.Linear(4000, 3)
    theirs, ours = adapter(layer).lora_A["default"].weight, REFERENCE.LoRALinear(layer, RANK, ALPHA).lora_a
    for a in (theirs, ours):
        assert a.std().item() == pytest.approx((1 / (3 * 4000)) ** 0.5, rel=0.05)


def test_the_strongest_directions_are_pissas(base):
    weight = base.weight.detach().clone()
    theirs = adapter(base.float(), init_lora_weights="pissa")
    residual, a, b = REFERENCE.lora_svd_init(weight, RANK)
    torch.testing.assert_close(theirs.get_base_layer().weight.double(), residual, rtol=1e-5, atol=1e-6)
    scaled = (ALPHA / RANK) * theirs.lora_B["default"].weight @ theirs.lora_A["default"].weight
    torch.testing.assert_close(scaled, b @ a, rtol=1e-5, atol=1e-6)
