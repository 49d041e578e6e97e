"""Distances against slow float64 loops; exact zeros, finite gradients, no cancellation."""

from __future__ import annotations

import math

import pytest
import torch

from siamese_core import distances
from siamese_core.config import DISTANCES
from siamese_core.errors import ConfigError

PLAIN = tuple(n for n in DISTANCES if n != "weighted_l1")
DTYPES = (torch.float32, torch.float64)


def slow(name: str, a: list[float], b: list[float], module) -> float:
    """The definition, number by number."""
    if name in ("euclidean", "squared_euclidean"):
        squared = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        return math.sqrt(squared) if name == "euclidean" else squared
    if name == "manhattan":
        return sum(abs(x - y) for x, y in zip(a, b, strict=True))
    if name == "cosine":
        lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
        return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / lengths
    weights = module.weight.double().tolist()
    return sum(w * abs(x - y) for w, x, y in zip(weights, a, b, strict=True)) + module.bias.item()


def build(name: str, size: int, dtype=torch.float64):
    module = distances.build(name, size).to(dtype)
    if name == "weighted_l1":
        with torch.no_grad():
            module.weight.copy_(torch.randn(size))  # some negative: they are free in the paper
            module.bias.fill_(-0.7)
    return module


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DISTANCES)
def test_pairs_and_matrix_agree_with_the_slow_loop(name, dtype):
    torch.manual_seed(3)
    q, g = torch.randn(7, 5, dtype=dtype), torch.randn(9, 5, dtype=dtype)
    module = build(name, 5, dtype)
    want = torch.tensor(
        [[slow(name, a, b, module) for b in g.double().tolist()] for a in q.double().tolist()], dtype=dtype
    )
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(module.matrix(q, g), want, **tolerance)
    torch.testing.assert_close(module.pairs(q, g[:7]), want[:, :7].diagonal(), **tolerance)
    torch.testing.assert_close(module(q, g[:7]), module.pairs(q, g[:7]))


@pytest.mark.parametrize("name", DISTANCES)
def test_the_registry_builds_every_name_of_the_config(name):
    assert set(distances.REGISTRY) == set(DISTANCES)
    assert isinstance(distances.build(name, 4), distances.REGISTRY[name])


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(ConfigError, match=r"no distance 'hamming'.*cosine"):
        distances.build("hamming", 4)


@pytest.mark.parametrize("name", PLAIN)
def test_a_row_is_at_exactly_zero_from_itself(name):
    z = torch.randn(40, 16) * torch.logspace(-3, 3, 40)[:, None] + 5
    module = distances.build(name, 16)
    assert (module.matrix(z, z).diagonal() == 0).all()
    assert (module.pairs(z, z) == 0).all()


def test_weighted_l1_of_itself_is_its_bias():
    module = build("weighted_l1", 8, torch.float32)
    z = torch.randn(6, 8)
    assert (module.matrix(z, z).diagonal() == module.bias).all()
    assert (module.pairs(z, z) == module.bias).all()


@pytest.mark.parametrize("name", DISTANCES)
def test_gradients_are_finite_at_distance_zero(name):
    module = distances.build(name, 4)
    for twin in (torch.ones(3, 4), torch.zeros(3, 4)):
        for measure in (module.pairs, module.matrix):
            a, b = twin.clone().requires_grad_(), twin.clone().requires_grad_()
            measure(a, b).sum().backward()
            assert torch.isfinite(a.grad).all()
            assert torch.isfinite(b.grad).all()


@pytest.mark.parametrize("name", DISTANCES)
def test_gradients_of_pairs_and_matrix_are_right(name):
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True).unbind()
    a, b = a.detach().requires_grad_(), b.detach().requires_grad_()
    module = build(name, 3)
    assert torch.autograd.gradcheck(module.pairs, (a, b))
    assert torch.autograd.gradcheck(module.matrix, (a, b))
    # also where an entry is so near that it is computed from the difference
    near = (a + 1e-4 * b).detach().requires_grad_()
    if name in ("squared_euclidean", "cosine"):
        assert torch.autograd.gradcheck(module.matrix, (a, near))


def test_the_learned_weights_and_bias_get_their_gradient_from_pairs_and_matrix_alike():
    torch.manual_seed(0)
    module = build("weighted_l1", 6)
    q, g = torch.randn(5, 6, dtype=torch.float64), torch.randn(7, 6, dtype=torch.float64)
    module.matrix(q, g).square().sum().backward()
    by_matrix = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    module.pairs(q.repeat_interleave(7, 0), g.repeat(5, 1)).square().sum().backward()
    for one, other in zip(by_matrix, module.parameters(), strict=True):
        torch.testing.assert_close(one, other.grad)


@pytest.mark.parametrize("offset", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "cosine"])
def test_near_rows_keep_their_digits(name, offset):
    """The plain matrix product would give 0 or nonsense for rows this near."""
    torch.manual_seed(1)
    centre = torch.randn(20, 32) + offset
    near = centre + 1e-4 * torch.randn(20, 32) * (1 + offset)
    module = distances.build(name, 32)
    exact = module.matrix(centre.double(), near.double()).float()
    torch.testing.assert_close(module.matrix(centre, near), exact, rtol=2e-3, atol=0)


@pytest.mark.parametrize("near", [distances.NEAR, 1e-6])
def test_far_clouds_of_near_rows_keep_their_digits(near, monkeypatch):
    """With the smaller bound it is the centring that saves them, not the second look at near entries."""
    monkeypatch.setattr(distances, "NEAR", near)
    z = torch.randn(50, 8) + 1000.0
    exact = distances.squared_matrix(z.double(), z.double())
    torch.testing.assert_close(distances.squared_matrix(z, z).double(), exact, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", PLAIN)
def test_a_collapsed_embedding_has_all_distances_equal(name):
    z = torch.full((30, 12), 0.3) if name != "cosine" else torch.full((30, 12), -2.0)
    assert distances.build(name, 12).matrix(z, z[:7]).unique().numel() == 1


def test_the_cosine_distance_ignores_length_and_ends_at_two():
    module = distances.build("cosine", 3)
    a = torch.tensor([[1.0, 2.0, 3.0]])
    assert module.pairs(a, 7 * a).item() == pytest.approx(0, abs=1e-12)
    assert module.pairs(a, -0.5 * a).item() == pytest.approx(2)
    assert module.pairs(torch.tensor([[1.0, 0, 0]]), torch.tensor([[0, 1.0, 0]])).item() == pytest.approx(1)


@pytest.mark.parametrize("size", [2, 64, 1024])
def test_weighted_l1_starts_undecided_between_equal_and_unrelated(size):
    torch.manual_seed(0)
    module = distances.build("weighted_l1", size)
    z = torch.nn.functional.normalize(torch.randn(400, size), dim=1)
    same, different = torch.sigmoid(-module.pairs(z, z)), torch.sigmoid(-module.pairs(z, z.roll(1, 0)))
    assert same.mean().item() == pytest.approx(0.95, abs=0.01)
    assert different.mean().item() < 0.35


@pytest.mark.parametrize("name", DISTANCES)
def test_empty_batches_give_empty_answers(name):
    module = distances.build(name, 4)
    nothing, some = torch.zeros(0, 4), torch.rand(3, 4)
    assert module.pairs(nothing, nothing).shape == (0,)
    assert module.matrix(nothing, some).shape == (0, 3)
    assert module.matrix(some, nothing).shape == (3, 0)


def test_many_near_rows_are_computed_in_pieces(monkeypatch):
    z = torch.randn(30, 4)
    whole = distances.squared_matrix(z, z.repeat(2, 1))
    monkeypatch.setattr(distances, "CHUNK", 12)
    torch.testing.assert_close(distances.squared_matrix(z, z.repeat(2, 1)), whole)
    assert (distances.squared_matrix(z, z).diagonal() == 0).all()
