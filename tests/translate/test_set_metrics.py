"""Measures of sets against SciPy, numpy, torchmetrics and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy import linalg
from sklearn.metrics import accuracy_score, balanced_accuracy_score, jaccard_score
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore

from tests.photographs import window
from translate.features.network import fit
from translate.metrics.frechet import frechet_distance
from translate.metrics.inception_score import inception_score
from translate.metrics.kernel import kernel_distance
from translate.metrics.manifold import precision_recall
from translate.metrics.recovery import Recovery

PICTURES = 600


@pytest.fixture(scope="module")
def features() -> tuple[Tensor, Tensor]:
    """What random filters see in 600 windows of photographs, and in the same with noise."""
    random = np.random.default_rng(0)
    corners = random.integers(0, 230, (PICTURES, 2))
    names = random.choice(["astronaut", "chelsea", "coffee"], PICTURES)
    pictures = np.stack(
        [
            window(str(name), 32, 32, int(top), int(left))
            for name, (top, left) in zip(names, corners, strict=True)
        ]
    )
    real = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    generator = torch.Generator().manual_seed(0)
    made = (real + 0.1 * torch.randn(real.shape, generator=generator)).clamp(0, 1)
    filters = torch.randn(64, 3, 7, 7, generator=generator) / 12

    def see(batch: Tensor) -> Tensor:
        return nn.functional.conv2d(batch, filters, stride=2).relu().mean(dim=(2, 3))

    # Of other photographs, so that both sets differ in more than noise.
    return see(fit(real[:500], 40)), see(fit(made[50:], 40))


def scipy_distance(first: Tensor, second: Tensor) -> float:
    """Heusel et al. 2017, equation 6, as it is written."""
    one, other = first.double().numpy(), second.double().numpy()
    covariance, other_covariance = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(covariance @ other_covariance)
    difference = one.mean(axis=0) - other.mean(axis=0)
    return float(difference @ difference + np.trace(covariance + other_covariance - 2 * root).real)


def test_the_frechet_distance_is_scipys(features: tuple[Tensor, Tensor]) -> None:
    first, second = features
    expected = scipy_distance(first, second)
    assert expected > 1e-4
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-3)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-3)


def test_the_frechet_distance_of_gaussians_in_closed_form() -> None:
    # Samples whose mean and covariance are exact: whitened, then given a spread and a place.
    random = np.random.default_rng(0)
    values = random.normal(size=(700, 5))
    values -= values.mean(axis=0)
    white = values @ np.linalg.inv(np.linalg.cholesky(np.cov(values, rowvar=False))).T
    spread, other_spread = np.array([1, 2, 3, 0.5, 0]), np.array([2, 2, 1, 0.1, 0])
    place = np.array([3, 0, 0, -4, 0])
    first, second = white * spread, white[::-1] * other_spread + place
    # Of covariances that commute: |m|^2 + the sum of (s1 - s2)^2.
    expected = 25 + 1 + 0 + 4 + 0.16 + 0
    given = frechet_distance(torch.from_numpy(first), torch.from_numpy(second))
    assert given == pytest.approx(expected, rel=1e-10)


def test_the_frechet_distance_of_fewer_items_than_features() -> None:
    # Two items each: covariances of rank 1, d d' and e e' with d and e half their differences
    # over the root of 1/2. Tr((d d' e e')^(1/2)) = |d.e|.
    first = torch.zeros(2, 100)
    second = torch.zeros(2, 100)
    first[0, 0], second[0, 0], second[0, 1] = 2, 3, 4
    # Means (1, 0) and (1.5, 2); variances 2 and (4.5 + 8); |d.e| = 2 * 3 / 2.
    assert frechet_distance(first, second) == pytest.approx(0.25 + 4 + 2 + 12.5 - 2 * 3)


def test_a_set_is_at_no_distance_of_itself(features: tuple[Tensor, Tensor]) -> None:
    first, _ = features
    assert frechet_distance(first, first.flip(0)) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(first[:20], first[:20]) == pytest.approx(0, abs=1e-9)


def numpy_kernel(first: Tensor, second: Tensor) -> float:
    """The unbiased estimate, Gretton et al. 2012, equation 3."""
    one, other = first.double().numpy(), second.double().numpy()

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return polynomial_kernel(a, b, degree=3, gamma=1 / a.shape[1], coef0=1)

    own, others = kernel(one, one), kernel(other, other)
    count, other_count = len(one), len(other)
    return float(
        (own.sum() - np.trace(own)) / (count * (count - 1))
        + (others.sum() - np.trace(others)) / (other_count * (other_count - 1))
        - 2 * kernel(one, other).mean()
    )


def test_the_kernel_distance_is_numpys(features: tuple[Tensor, Tensor]) -> None:
    first, second = features[0], features[1][:500]
    given = kernel_distance(first, second)
    assert given.mean == pytest.approx(numpy_kernel(first, second), rel=1e-3)
    assert (given.subsets, given.size, given.deviation) == (1, 500, 0)


def test_subsets_estimate_the_same_kernel_distance(features: tuple[Tensor, Tensor]) -> None:
    first, second = features
    expected = numpy_kernel(first, second)
    given = kernel_distance(first, second, subsets=200, size=100)
    assert (given.subsets, given.size) == (200, 100)
    assert abs(given.mean - expected) < 4 * given.deviation / math.sqrt(200)
    assert kernel_distance(first, second, subsets=3, size=100) == kernel_distance(
        first, second, subsets=3, size=100
    )
    # Sets of different sizes: as many of each as the smaller has.
    assert kernel_distance(first, second, subsets=2).size == 500


def test_kernel_distance_by_hand() -> None:
    # One feature each: k(x, y) = (x y + 1)^3. Real 0 and 1, made 1 and 1.
    real, made = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [1.0]])
    # Off the diagonal: k(0, 1) = 1 and k(1, 1) = 8; across: (1 + 1 + 8 + 8) / 4.
    assert kernel_distance(real, made).mean == pytest.approx(1 + 8 - 2 * 18 / 4)


def test_precision_and_recall_by_hand() -> None:
    # Real items on a line at 0, 1, 2, 10: with one neighbor the radii are 1, 1, 1, 8.
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    # Made at 2.5 (within 1 of 2), 3.5 (within 8 of 10), -1.5 and 19 (in no ball): precision 2/4.
    made = torch.tensor([[2.5], [3.5], [-1.5], [19.0]])
    # Radii of the made: 1, 1, 4 and 15.5: 0 is in the ball of -1.5, 1 too, 2 is within 1 of 2.5,
    # and 10 within 15.5 of 19: recall 4/4.
    assert precision_recall(real, made, neighbors=1) == (0.5, 1.0)
    assert precision_recall(made, real, neighbors=1) == (1.0, 0.5)


def test_precision_without_recall_is_collapse() -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.randn(300, 4, generator=random)
    collapsed = 0.01 * torch.randn(300, 4, generator=random)
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1
    assert recall < 0.02
    assert precision_recall(real, real + 100) == (0, 0)
    assert precision_recall(real, real.clone()) == (1, 1)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_inception_score_is_torchmetrics() -> None:
    logits = 3 * torch.randn(120, 7, generator=torch.Generator().manual_seed(0)).double()
    theirs = InceptionScore(nn.Identity(), splits=1)
    theirs.update(logits)
    expected, _ = theirs.compute()
    assert inception_score(logits, splits=1)[0] == pytest.approx(float(expected), rel=1e-9)


def test_the_inception_score_at_its_bounds() -> None:
    sure = 1e4 * torch.eye(5).repeat(4, 1)
    assert inception_score(sure, splits=1) == pytest.approx((5, 0))
    assert inception_score(torch.zeros(20, 5))[0] == pytest.approx(1)
    assert inception_score(sure[:1].repeat(20, 1))[0] == pytest.approx(1), "one class alone"


@pytest.mark.filterwarnings("ignore:y_pred contains")
def test_recovery_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, (3, 20, 30))
    found = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, 5, truth.shape))
    recovery = Recovery(6)
    for one, other in zip(found, truth, strict=True):
        recovery.add(torch.from_numpy(one), torch.from_numpy(other))
    flat, found_flat = truth.reshape(-1), found.reshape(-1)
    assert recovery.measures() == pytest.approx(
        {
            "pixel_accuracy": accuracy_score(flat, found_flat),
            "class_accuracy": balanced_accuracy_score(flat, found_flat),
            "class_iou": jaccard_score(flat, found_flat, labels=[0, 1, 2, 3], average="macro"),
        }
    )


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance, precision_recall])
def test_features_that_do_not_compare(measure) -> None:
    fine = torch.rand(9, 4)
    with pytest.raises(ValueError, match=r"two networks .* 4 and 5 wide"):
        measure(fine, torch.rand(9, 5))
    with pytest.raises(ValueError, match="or more; got"):
        measure(fine, fine[:1])
    broken = fine.clone()
    broken[0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        measure(fine, broken)


def test_labels_that_do_not_compare() -> None:
    recovery = Recovery(3)
    with pytest.raises(ValueError, match=r"labels of \(2,\), truth of \(3,\)"):
        recovery.add(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"true labels reach from 0 to 3; expected 0\.\.2"):
        recovery.add(torch.zeros(2), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="no labels"):
        recovery.measures()
