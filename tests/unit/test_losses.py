"""Losses by hand: known values, what each reads, batches without a valid term."""

from __future__ import annotations

import math

import pytest
import torch

from siamese_core import distances, losses
from siamese_core.config import LOSS_DISTANCES, LOSS_MINING, LOSS_SAMPLERS, LOSSES, TrainConfig
from siamese_core.errors import ConfigError
from siamese_core.losses import triplet

COMBINATIONS = [(n, d, m) for n in LOSSES for d in LOSS_DISTANCES[n] for m in LOSS_MINING[n]]


def make(name: str, distance: str, mining: str = "all", size: int = 2, **more) -> losses.Loss:
    config = TrainConfig(loss=name, distance=distance, mining=mining, **more)
    return losses.build(config, distances.build(distance, size))


def line(*places: float) -> torch.Tensor:
    """Embeddings on a line, so that distances can be read off."""
    return torch.tensor([[x, 0.0] for x in places], requires_grad=True)


@pytest.mark.parametrize("name", LOSSES)
def test_the_registry_builds_every_name_and_reads_what_the_config_says(name):
    assert set(losses.REGISTRY) == set(LOSSES)
    loss = make(name, LOSS_DISTANCES[name][0])
    assert loss.reads == frozenset(LOSS_SAMPLERS[name])
    a = torch.eye(4)[:, :2].clone()
    given = {"pairs": (a, a, torch.ones(4)), "triplets": (a, a, a), "classes": (a, torch.tensor([0, 0, 1, 1]))}
    for sampler, values in given.items():
        call = getattr(loss, f"on_{sampler}")
        if sampler in loss.reads:
            assert call(*values).shape == ()
        else:
            with pytest.raises(ConfigError, match=f"The {name} loss cannot learn from") as caught:
                call(*values)
            assert all(other in str(caught.value) for other in loss.reads)


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(ConfigError, match=r"no loss 'arcface'.*supcon"):
        losses.build(TrainConfig(loss="arcface"), distances.build("cosine", 2))


def test_contrastive_pairs_by_hand():
    loss = make("contrastive", "euclidean", margin=2.0)
    a, b = line(0, 0, 0, 0), line(3, 0.5, 0.5, 5)
    value = loss.on_pairs(a, b, torch.tensor([1, 1, 0, 0]))
    assert value.item() == pytest.approx((3**2 + 0.5**2 + (2 - 0.5) ** 2 + 0) / 4)


def test_contrastive_classes_weigh_same_and_different_alike():
    loss = make("contrastive", "euclidean", margin=10.0)
    value = loss.on_classes(line(0, 1, 4, 6), torch.tensor([0, 0, 1, 2]))
    pushed = [10 - 4, 10 - 6, 10 - 3, 10 - 5, 10 - 2]
    assert value.item() == pytest.approx((1 + sum(x * x for x in pushed) / 5) / 2)


def test_contrastive_hard_by_hand():
    loss = make("contrastive", "euclidean", "hard", margin=10.0)
    value = loss.on_classes(line(0, 1, 3, 7), torch.tensor([0, 0, 0, 1]))
    far, near = [3, 2, 3], [7, 6, 4, 4]
    assert value.item() == pytest.approx((sum(x * x for x in far) / 3 + sum((10 - x) ** 2 for x in near) / 4) / 2)


def test_triplets_by_hand():
    loss = make("triplet", "euclidean", margin=1.0)
    value = loss.on_triplets(line(0, 0, 0), line(2, 2, 2), line(1, 2.5, 9))
    assert value.item() == pytest.approx((2 + 0.5 + 0) / 3)


@pytest.mark.parametrize(
    ("mining", "terms"),
    [
        # items 0 and 2 of one class, negatives at 1.5 and 6 and 9; the positive distance is 2
        ("all", [2 - 1.5 + 3, 2 - 0.5 + 3, 2 - 4 + 3]),
        ("semi_hard", [2 - 4 + 3]),
        ("hard", [2 - 1.5 + 3, 2 - 0.5 + 3]),
    ],
)
def test_triplet_mining_by_hand(mining, terms):
    loss = make("triplet", "euclidean", mining, margin=3.0)
    value = loss.on_classes(line(0, 2, 1.5, 6, 9), torch.tensor([0, 0, 1, 2, 3]))
    assert value.item() == pytest.approx(sum(terms) / len(terms))


def test_semi_hard_asks_for_strictly_farther_and_is_nothing_where_there_is_none():
    loss = make("triplet", "euclidean", "semi_hard", margin=1.0)
    tied = loss.on_classes(line(0, 2, -2), torch.tensor([0, 0, 1]))  # from 0: negative as far as the positive
    assert tied.item() == 0  # from 2: the negative at 4 is beyond the margin
    nearer = loss.on_classes(line(0, 2, 1), torch.tensor([0, 0, 1]))
    assert nearer.item() == 0


def test_bce_by_hand():
    loss = make("bce", "weighted_l1")
    with torch.no_grad():
        loss.distance.weight.fill_(1.0)
        loss.distance.bias.fill_(-1.0)
    value = loss.on_pairs(line(0, 0), line(1, 3), torch.tensor([True, False]))
    p = [1 / (1 + math.exp(0)), 1 / (1 + math.exp(2))]
    assert value.item() == pytest.approx(-(math.log(p[0]) + math.log(1 - p[1])) / 2)


def test_supcon_by_hand_skips_anchors_without_a_positive():
    loss = make("supcon", "cosine", temperature=0.5)
    z = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    value = loss.on_classes(z, torch.tensor([0, 0, 1]))
    assert value.item() == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + math.exp(0))))


@pytest.mark.parametrize(("name", "distance", "mining"), COMBINATIONS)
def test_a_batch_without_a_valid_term_gives_zero_with_a_gradient(name, distance, mining):
    loss = make(name, distance, mining, size=3)
    cases = {"nothing": [], "one item": [0]}
    if name in ("triplet", "supcon"):
        cases["no positive"] = [0, 1, 2]
    if name == "triplet":
        cases["no negative"] = [0, 0, 0]
    for what, labels in cases.items():
        z = torch.randn(len(labels), 3, requires_grad=True)
        value = loss.on_classes(z, torch.tensor(labels, dtype=torch.int64))
        assert value.item() == 0, what
        value.backward()
        assert (z.grad == 0).all(), what


@pytest.mark.parametrize(("name", "distance", "mining"), COMBINATIONS)
def test_a_collapsed_batch_has_a_finite_loss_and_gradient(name, distance, mining):
    loss = make(name, distance, mining, size=3)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    for z in (torch.ones(6, 3, requires_grad=True), torch.zeros(6, 3, requires_grad=True)):
        value = loss.on_classes(z, labels)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(z.grad).all()
        if not (name == "triplet" and mining == "semi_hard"):  # equally far is not farther
            assert value.item() > 0


def test_empty_pairs_and_triplets_give_zero_with_a_gradient():
    z = torch.zeros(0, 2, requires_grad=True)
    for name, distance in (("contrastive", "euclidean"), ("bce", "weighted_l1")):
        make(name, distance).on_pairs(z, z, torch.zeros(0)).backward()
    make("triplet", "cosine").on_triplets(z, z, z).backward()


def test_nan_embeddings_give_a_nan_loss_and_are_not_hidden():
    z = torch.randn(6, 2)
    z[1, 0] = torch.nan
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    for name, distance, mining in COMBINATIONS:
        loss = make(name, distance, mining)
        assert torch.isnan(loss.on_classes(z, labels)), (name, distance, mining)
        if "pairs" in loss.reads:
            assert torch.isnan(loss.on_pairs(z[:3], z[3:], torch.tensor([1, 1, 1]))), (name, distance)
            assert torch.isnan(loss.on_pairs(z[:3], z[3:], torch.tensor([0, 0, 0]))), (name, distance)
        if "triplets" in loss.reads:
            assert torch.isnan(loss.on_triplets(z[:2], z[2:4], z[4:])), (name, distance)


def test_the_learned_distance_trains_with_its_loss():
    loss = make("bce", "weighted_l1", size=4)
    assert {n for n, _ in loss.named_parameters()} == {"distance.weight", "distance.bias"}
    loss.on_classes(torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert all(p.grad.abs().sum() > 0 for p in loss.parameters())


def test_semi_hard_mining_in_pieces_is_the_same(monkeypatch):
    z, labels = torch.randn(30, 4), torch.arange(30) % 5
    loss = make("triplet", "euclidean", "semi_hard", size=4)
    whole = loss.on_classes(z, labels)
    monkeypatch.setattr(triplet, "CHUNK", 100)
    torch.testing.assert_close(loss.on_classes(z, labels), whole)


@pytest.mark.parametrize("mining", LOSS_MINING["triplet"])
def test_a_batch_of_256_fits(mining):
    labels = torch.arange(64).repeat_interleave(4)
    z = torch.randn(256, 8, requires_grad=True)
    make("triplet", "euclidean", mining, size=8).on_classes(z, labels).backward()
    assert z.grad.abs().sum() > 0
