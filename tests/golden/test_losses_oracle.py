"""Losses against slow loops over the published formulas, values and gradients, and against
pytorch-metric-learning where its definitions coincide with ours."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning import distances as other_distances
from pytorch_metric_learning import losses as other_losses
from pytorch_metric_learning import miners, reducers
from torch import Tensor

from siamese_core import distances, losses
from siamese_core.config import LOSS_DISTANCES, LOSS_MINING, LOSSES, TrainConfig

DTYPES = (torch.float32, torch.float64)
LABELS = {
    "even": [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3],
    "uneven": [5, 0, 0, 0, 0, 0, 2, 1, 2, 7, 7, 7],
    "one class": [4, 4, 4, 4],
    "all different": [0, 1, 2, 3, 4],
}
COMBINATIONS = [(n, d, m) for n in LOSSES for d in LOSS_DISTANCES[n] for m in LOSS_MINING[n]]
MARGIN, TEMPERATURE, SIZE = 0.8, 0.3, 5


# ---- the slow loops: plain formulas over torch scalars, so that autograd gives their gradients ----


def slow_distance(name: str, a: Tensor, b: Tensor, module) -> Tensor:
    total = a.new_zeros(())
    if name == "cosine":
        return 1 - (a * b).sum() / (a.norm() * b.norm())
    for j in range(len(a)):
        difference = a[j] - b[j]
        if name == "manhattan":
            total = total + difference.abs()
        elif name == "weighted_l1":
            total = total + module.weight[j] * difference.abs()
        else:
            total = total + difference * difference
    if name == "weighted_l1":
        return total + module.bias
    return total.sqrt() if name == "euclidean" else total


def average(terms: list[Tensor], z: Tensor) -> Tensor:
    return torch.stack(terms).sum() / len(terms) if terms else z.sum() * 0


def positive_part(x: Tensor) -> Tensor:
    return x if x > 0 else x * 0


def slow_contrastive(d, labels, mining, z):
    n, pulled, pushed = len(labels), [], []
    for i in range(n):
        same = [d[i, j] for j in range(n) if j != i and labels[i] == labels[j]]
        different = [d[i, j] for j in range(n) if labels[i] != labels[j]]
        if mining == "hard":
            same, different = same and [max(same)], different and [min(different)]
        pulled += [x**2 for x in same]
        pushed += [positive_part(MARGIN - x) ** 2 for x in different]
    return (average(pulled, z) + average(pushed, z)) / 2


def slow_triplet(d, labels, mining, z):
    n, costs, per_anchor = len(labels), [], []
    for a in range(n):
        positives = [p for p in range(n) if p != a and labels[p] == labels[a]]
        negatives = [q for q in range(n) if labels[q] != labels[a]]
        if mining == "hard":
            if positives and negatives:
                gap = max(d[a, p] for p in positives) - min(d[a, q] for q in negatives)
                per_anchor.append(positive_part(gap + MARGIN))
            continue
        for p in positives:
            if mining == "semi_hard":
                farther = [d[a, q] for q in negatives if d[a, q] > d[a, p]]
                chosen = [min(farther)] if farther else []
            else:
                chosen = [d[a, q] for q in negatives]
            costs += [d[a, p] - x + MARGIN for x in chosen if d[a, p] - x + MARGIN > 0]
    return average(per_anchor if mining == "hard" else costs, z)


def slow_bce(d, labels, mining, z):
    n, same, different = len(labels), [], []
    for i in range(n):
        for j in range(i):
            p = 1 / (1 + torch.exp(d[i, j]))
            (same if labels[i] == labels[j] else different).append(-torch.log(p if labels[i] == labels[j] else 1 - p))
    return (average(same, z) + average(different, z)) / 2


def slow_supcon(d, labels, mining, z):
    n, anchors = len(labels), []
    for i in range(n):
        everyone = sum(torch.exp((1 - d[i, a]) / TEMPERATURE) for a in range(n) if a != i)
        positives = [p for p in range(n) if p != i and labels[p] == labels[i]]
        terms = [-torch.log(torch.exp((1 - d[i, p]) / TEMPERATURE) / everyone) for p in positives]
        if terms:
            anchors.append(average(terms, z))
    return average(anchors, z)


SLOW = {"contrastive": slow_contrastive, "triplet": slow_triplet, "bce": slow_bce, "supcon": slow_supcon}


def make(name, distance, mining="all", dtype=torch.float64):
    module = distances.build(distance, SIZE).to(dtype)
    config = TrainConfig(loss=name, distance=distance, mining=mining, margin=MARGIN, temperature=TEMPERATURE)
    return losses.build(config, module), module


def embeddings(count: int, dtype) -> Tensor:
    torch.manual_seed(11)
    return (0.6 * torch.randn(count, SIZE, dtype=torch.float64)).to(dtype).requires_grad_()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(("name", "distance", "mining"), COMBINATIONS)
def test_on_classes_is_the_slow_loop(name, distance, mining, kind, dtype):
    labels = LABELS[kind]
    loss, module = make(name, distance, mining, dtype)
    z = embeddings(len(labels), dtype)
    got = loss.on_classes(z, torch.tensor(labels))
    got.backward()
    fast = [z.grad, *[p.grad for p in module.parameters()]]

    same_z, (_, slow_module) = z.detach().double().requires_grad_(), make(name, distance)
    n = len(labels)
    d = {
        (i, j): slow_distance(distance, same_z[i], same_z[j], slow_module) for i in range(n) for j in range(n) if i != j
    }
    want = SLOW[name](d, labels, mining, same_z)
    want.backward()
    slow = [same_z.grad, *[p.grad for p in slow_module.parameters()]]

    tolerance = {"rtol": 2e-4, "atol": 2e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-11}
    torch.testing.assert_close(got.double(), want, **tolerance)
    for one, other in zip(fast, slow, strict=True):
        torch.testing.assert_close(
            one.double(), torch.zeros_like(one).double() if other is None else other, **tolerance
        )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("name", "distance"), [(n, d) for n in ("contrastive", "bce") for d in LOSS_DISTANCES[n]])
def test_on_pairs_is_the_slow_loop(name, distance, dtype):
    loss, module = make(name, distance, dtype=dtype)
    a, b = embeddings(18, dtype).chunk(2)
    same = [True, False, False, True, True, False, True, False, False]
    terms = []
    for x, y, equal in zip(a.double(), b.double(), same, strict=True):
        d = slow_distance(distance, x, y, module.double() if dtype == torch.float64 else module)
        if name == "contrastive":
            terms.append(d**2 if equal else positive_part(MARGIN - d) ** 2)
        else:
            p = 1 / (1 + torch.exp(d))
            terms.append(-torch.log(p if equal else 1 - p))
    want = average(terms, a)
    for answers in (torch.tensor(same), torch.tensor(same).long(), torch.tensor(same).float()):
        torch.testing.assert_close(loss.on_pairs(a, b, answers).double(), want.double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("distance", LOSS_DISTANCES["triplet"])
def test_on_triplets_is_the_slow_loop(distance, dtype):
    loss, module = make("triplet", distance, dtype=dtype)
    a, p, n = embeddings(27, dtype).chunk(3)
    terms = [
        positive_part(slow_distance(distance, x, y, module) - slow_distance(distance, x, w, module) + MARGIN)
        for x, y, w in zip(a, p, n, strict=True)
    ]
    torch.testing.assert_close(loss.on_triplets(a, p, n), average(terms, a), rtol=1e-5, atol=1e-6)


# ---- pytorch-metric-learning, an independent implementation ----

OTHERS = {
    "euclidean": lambda: other_distances.LpDistance(normalize_embeddings=False, p=2),
    "squared_euclidean": lambda: other_distances.LpDistance(normalize_embeddings=False, p=2, power=2),
    "manhattan": lambda: other_distances.LpDistance(normalize_embeddings=False, p=1),
}


def batch(per_class: int = 4, classes: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(per_class)[torch.randperm(classes * per_class)]
    return 0.6 * torch.randn(len(labels), SIZE), labels


@pytest.mark.parametrize("distance", OTHERS)
def test_contrastive_is_the_other_library_s_with_its_terms_squared(distance):
    z, labels = batch()
    other = other_losses.ContrastiveLoss(
        pos_margin=0, neg_margin=MARGIN, distance=OTHERS[distance](), reducer=reducers.DoNothingReducer()
    )
    found = other(z, labels)
    want = sum(found[k]["losses"].square().mean() for k in ("pos_loss", "neg_loss")) / 2
    loss, _ = make("contrastive", distance, dtype=torch.float32)
    torch.testing.assert_close(loss.on_classes(z, labels), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("distance", OTHERS)
def test_triplet_batch_all_is_the_other_library_s(distance):
    z, labels = batch()
    other = other_losses.TripletMarginLoss(margin=MARGIN, distance=OTHERS[distance]())  # averages the non-zero
    loss, _ = make("triplet", distance, dtype=torch.float32)
    torch.testing.assert_close(loss.on_classes(z, labels), other(z, labels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("distance", OTHERS)
def test_triplet_hard_is_the_other_library_s_batch_hard(distance):
    z, labels = batch()
    triplets = miners.BatchHardMiner(distance=OTHERS[distance]())(z, labels)
    other = other_losses.TripletMarginLoss(margin=MARGIN, distance=OTHERS[distance](), reducer=reducers.MeanReducer())
    loss, _ = make("triplet", distance, "hard", dtype=torch.float32)
    torch.testing.assert_close(loss.on_classes(z, labels), other(z, labels, triplets), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("distance", OTHERS)
def test_triplet_semi_hard_is_the_other_library_s_for_two_a_class(distance):
    """With one positive an anchor its miner, too, takes the nearest negative farther than the positive."""
    z, labels = batch(per_class=2, classes=12)
    miner = miners.BatchEasyHardMiner(pos_strategy="hard", neg_strategy="semihard", distance=OTHERS[distance]())
    other = other_losses.TripletMarginLoss(margin=MARGIN, distance=OTHERS[distance]())
    loss, _ = make("triplet", distance, "semi_hard", dtype=torch.float32)
    torch.testing.assert_close(loss.on_classes(z, labels), other(z, labels, miner(z, labels)), rtol=1e-4, atol=1e-5)


def test_triplet_semi_hard_takes_the_costliest_of_the_other_library_s_semi_hard_triplets():
    z, labels = batch()
    a, p, n = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=OTHERS["euclidean"]())(
        z, labels
    )
    costs = (z[a] - z[p]).norm(dim=1) - (z[a] - z[n]).norm(dim=1) + MARGIN
    per_pair: dict[tuple[int, int], list[Tensor]] = {}
    for i, j, cost in zip(a.tolist(), p.tolist(), costs, strict=True):
        per_pair.setdefault((i, j), []).append(cost)
    want = torch.stack([max(found) for found in per_pair.values()]).mean()
    loss, _ = make("triplet", "euclidean", "semi_hard", dtype=torch.float32)
    torch.testing.assert_close(loss.on_classes(z, labels), want, rtol=1e-4, atol=1e-5)


def test_supcon_is_the_other_library_s():
    z, labels = batch()
    loss, _ = make("supcon", "cosine", dtype=torch.float32)
    want = other_losses.SupConLoss(temperature=TEMPERATURE)(z, labels)
    torch.testing.assert_close(loss.on_classes(z, labels), want, rtol=1e-4, atol=1e-5)


def test_supcon_with_two_a_class_is_nt_xent():
    z, labels = batch(per_class=2, classes=9)
    loss, _ = make("supcon", "cosine", dtype=torch.float32)
    want = other_losses.NTXentLoss(temperature=TEMPERATURE)(z, labels)
    torch.testing.assert_close(loss.on_classes(z, labels), want, rtol=1e-4, atol=1e-5)
