"""Statistics of the difference of two samples of scores: intervals, tests, effect sizes and power."""

import math
import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

LEVEL = 0.95
"""Of every interval."""
POWER = 0.8
"""The chance of finding an effect that a study is planned for."""

RESAMPLES = 9_999
"""Of the bootstrap, and of a permutation test that cannot look at every arrangement; 13 pairs have fewer signs."""
MOST_PAIRS = 10_000
"""Beyond so many pairs a difference is not worth looking for."""

QUANTILES = 4_000
"""Of the distribution of a standard deviation, over which the power of a test is averaged."""
ROUNDING = 1e-12
"""What scores that are equal may differ by, in units of the larger."""

Sample = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """The difference of two means, first minus second, with its intervals, tests and effect size.

    Attributes:
        paired: whether the scores are pairs: of the same seed, and so of the same batches and draws.
        n: number of pairs, or of scores of the first sample.
        n_second: number of pairs, or of scores of the second sample.
        mean: the mean difference, in the metric's units.
        low, high: 95 % t interval (Student's for pairs, else Welch's); None for fewer than two scores of a sample.
        bootstrap_low, bootstrap_high: 95 % interval of `bootstrap_t`, which skewed scores need; None for three pairs or
            fewer, and where too many scores are equal.
        improvement: probability that the first is better: the share of pairs, or of all combinations of two scores
            (Mann & Whitney, 1947), in which it is; ties count half.
        wins: number of pairs in which the first is better; None if unpaired.
        p: p value of the two-sided permutation test of no difference, which changes the signs of pairs, or the labels
            of unpaired scores, at random.
        exact: whether the test went through all arrangements; otherwise p is an estimate.
        effect: the mean over the standard deviation: of the differences (d_z) or, unpaired, of both samples (d);
            None where all are equal.
    """

    paired: bool
    n: int
    n_second: int
    mean: float
    low: float | None
    high: float | None
    bootstrap_low: float | None
    bootstrap_high: float | None
    improvement: float
    wins: int | None
    p: float | None
    exact: bool
    effect: float | None


def paired_difference(
    first: ArrayLike, second: ArrayLike, rng: np.random.Generator, *, higher_is_better: bool = True
) -> Difference:
    """Compare scores (n,) with scores (n,) of the same seeds, in the same order."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    differences = _differences(a, b)
    gains = differences if higher_is_better else -differences
    low, high = _t_interval(differences)
    # Without a difference each pair's sign might as well be the other one: 2 ** n arrangements.
    boot_low, boot_high = bootstrap_t((differences,), _mean_and_error, rng)
    p, exact = _permutation((differences,), _mean, "samples", rng, 2.0 ** len(differences))
    deviation = differences.std(ddof=1) if len(differences) > 1 else 0.0
    return Difference(
        paired=True,
        n=len(a),
        n_second=len(b),
        mean=float(differences.mean()),
        low=low,
        high=high,
        bootstrap_low=boot_low,
        bootstrap_high=boot_high,
        improvement=float(((gains > 0) + 0.5 * (gains == 0)).mean()),
        wins=int((gains > 0).sum()),
        p=p,
        exact=exact,
        effect=float(differences.mean() / deviation) if deviation > 0 and _varies(differences) else None,
    )


def unpaired_difference(
    first: ArrayLike, second: ArrayLike, rng: np.random.Generator, *, higher_is_better: bool = True
) -> Difference:
    """Compare scores (n,) with unrelated scores (m,), such as those of other seeds."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    enough = len(a) > 1 and len(b) > 1
    spread = enough and (_varies(a) or _varies(b))
    mean = float(a.mean() - b.mean())
    low = high = mean if enough else None
    if spread:
        with warnings.catch_warnings():  # SciPy warns where all scores of one sample are equal, which is no mistake.
            warnings.simplefilter("ignore", RuntimeWarning)
            interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(LEVEL)
        low, high = float(interval.low), float(interval.high)
    boot_low, boot_high = bootstrap_t((a, b), _mean_difference_and_error, rng)
    p, exact = _permutation((a, b), _mean_difference, "independent", rng, math.comb(len(a) + len(b), len(a)))
    improvement = float(stats.mannwhitneyu(a, b).statistic) / (len(a) * len(b))
    pooled = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2) if enough else 0.0
    return Difference(
        paired=False,
        n=len(a),
        n_second=len(b),
        mean=mean,
        low=low,
        high=high,
        bootstrap_low=boot_low,
        bootstrap_high=boot_high,
        improvement=improvement if higher_is_better else 1 - improvement,
        wins=None,
        p=p,
        exact=exact,
        effect=mean / pooled if spread and pooled > 0 else None,
    )


def bootstrap_t(
    samples: Sequence[Sample], estimate: Callable[[Sequence[Sample]], tuple[Sample, Sample]], rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """The 95 % studentised bootstrap interval of an estimate (Efron & Tibshirani, 1993, section 12.5).

    The distance of an estimate from the truth, in standard errors, is taken to be distributed as that of resamples from
    the estimate. That allows for skewness and for few scores, where percentiles and BCa intervals are too short. Of
    5, 10 or 30 normal or exponential scores it holds the truth in 93 to 97 % of simulated studies; a BCa interval of
    five does in 80 to 85 %. Differences of a skewness of 6 (log-normal) are too skewed for any: 89 to 92 %, by t 82 to
    88 %.

    Args:
        samples: each (n,); each is resampled by itself.
        estimate: makes an estimate and its standard error of samples; of R resamples of each, (R, n), it makes R.
        rng: draws the resamples.

    Returns:
        The ends. An end is None where the scores set no bound: resamples of few scores, or of many equal ones, often
        have a standard error of 0.
    """
    value, error = (float(number) for number in estimate(samples))
    if all(not _varies(sample) for sample in samples):
        return (value, value) if min(len(sample) for sample in samples) > 1 else (None, None)
    if not error > 0:  # Nor is NaN, of a sample of one.
        return None, None
    values, errors = estimate([rng.choice(sample, (RESAMPLES, len(sample))) for sample in samples])
    away = values - value
    unbounded = np.where(away == 0, 0.0, np.copysign(np.inf, away))
    distances = np.divide(away, errors, out=unbounded, where=errors > 1e-9 * error)
    # No interpolation, which would be between infinities.
    ends = np.quantile(distances, [(1 + LEVEL) / 2, (1 - LEVEL) / 2], method="inverted_cdf")
    low, high = (value - float(end) * error if np.isfinite(end) else None for end in ends)
    return low, high


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Correct the p values of a family of tests (Holm, 1979); None stays None and is no member.

    The smallest is multiplied by the size of the family, the next by one less, and so on, and none becomes smaller
    than the one before. The chance of any false finding in the family then stays below the level.
    """
    order = sorted((value, position) for position, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    largest = 0.0
    for rank, (value, position) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * value))
        corrected[position] = largest
    return corrected


def paired_p_values(samples: ArrayLike, reference: ArrayLike) -> list[float]:
    """The p value of a two-sided paired t test of each sample (m, n) against one reference (n,), n > 1.

    Where all differences are equal there is nothing to estimate: p is 1 if they are 0, and otherwise 0.
    """
    differences = _differences(np.asarray(samples, dtype=float), np.asarray(reference, dtype=float))
    varying = np.array([_varies(row) for row in differences])
    p = np.where(differences.any(axis=1), 0.0, 1.0)
    if varying.any():
        p[varying] = stats.ttest_1samp(differences[varying], 0.0, axis=1).pvalue
    return [float(value) for value in p]


def unpaired_p_value(first: ArrayLike, second: ArrayLike) -> float:
    """The p value of Welch's two-sided t test of two samples of two numbers or more."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if not _varies(a) and not _varies(b):
        return float(a[0] == b[0])
    with warnings.catch_warnings():  # SciPy warns where all scores of one sample are equal, which is no mistake.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


def fewest_pairs(family: int) -> int:
    """The fewest pairs with which a permutation test can reach significance at a level corrected for a family.

    See `least_p`.
    """
    return 1 + math.ceil(math.log2(max(family, 1) / (1 - LEVEL)))


def least_p(n: int, n_second: int, *, paired: bool) -> float:
    """The smallest two-sided p value that a permutation test of so many scores can have.

    n pairs have 2 ** n signs: with five pairs nothing is below 0.0625. Three scores and three others can be told apart
    in 20 ways: nothing is below 0.1.
    """
    return 2.0 ** (1 - n) if paired else 2 / math.comb(n + n_second, n)


def paired_power(effect: float, pairs: int) -> float:
    """The chance that a two-sided paired t test at the level 0.05 finds an effect.

    Args:
        effect: the mean of the differences over their standard deviation, d_z.
        pairs: number of pairs, two or more.
    """
    degrees = pairs - 1
    critical = stats.t.ppf((1 + LEVEL) / 2, degrees)
    shift = abs(effect) * math.sqrt(pairs)
    power = float(stats.nct.sf(critical, degrees, shift) + stats.nct.cdf(-critical, degrees, shift))
    if not math.isnan(power):
        return power
    # SciPy's noncentral t distribution has no result for many large effects. It is the mean of normal ones over what
    # the sample's standard deviation may be, in units of the true one.
    tails = 1 - (np.arange(QUANTILES) + 0.5) / QUANTILES
    deviations = np.sqrt(special.chdtri(degrees, tails) / degrees)
    powers = special.ndtr(shift - critical * deviations) + special.ndtr(-shift - critical * deviations)
    return float(powers.mean())


def pairs_needed(effect: float) -> int | None:
    """The fewest pairs with which a two-sided paired t test finds an effect (d_z) with a chance of `POWER`.

    None if 10,000 are too few.
    """
    candidates = range(2, MOST_PAIRS + 1)
    found = bisect_left(candidates, True, key=lambda pairs: paired_power(effect, pairs) >= POWER)
    return candidates[found] if found < len(candidates) else None


def _mean(sample: Sample, axis: int = -1) -> Sample:
    return np.asarray(np.mean(sample, axis=axis))


def _mean_difference(first: Sample, second: Sample, axis: int = -1) -> Sample:
    return np.asarray(np.mean(first, axis=axis) - np.mean(second, axis=axis))


def _mean_and_error(samples: Sequence[Sample]) -> tuple[Sample, Sample]:
    (sample,) = samples
    return _mean(sample), np.sqrt(variances(sample) / sample.shape[-1])


def _mean_difference_and_error(samples: Sequence[Sample]) -> tuple[Sample, Sample]:
    first, second = samples
    return _mean_difference(first, second), np.sqrt(
        variances(first) / first.shape[-1] + variances(second) / second.shape[-1]
    )


def variances(samples: Sample) -> Sample:
    """The variance of each of samples (..., n), as (...); NaN for single scores."""
    if samples.shape[-1] < 2:
        return np.full(samples.shape[:-1], np.nan)
    return np.asarray(samples.var(axis=-1, ddof=1))


def _varies(sample: Sample) -> bool:
    """Whether a sample's numbers differ by more than rounding."""
    return bool(np.ptp(sample) > ROUNDING * np.abs(sample).max())


def _differences(first: Sample, second: Sample) -> Sample:
    """First minus second; 0 where they differ by no more than rounding."""
    differences = first - second
    return np.where(np.abs(differences) > ROUNDING * np.maximum(np.abs(first), np.abs(second)), differences, 0.0)


def _t_interval(sample: Sample) -> tuple[float | None, float | None]:
    if len(sample) < 2:
        return None, None
    if not _varies(sample):  # SciPy would divide by zero.
        return float(sample[0]), float(sample[0])
    interval = stats.ttest_1samp(sample, 0.0).confidence_interval(LEVEL)
    return float(interval.low), float(interval.high)


def _permutation(
    samples: tuple[Sample, ...], statistic: object, kind: str, rng: np.random.Generator, arrangements: float
) -> tuple[float | None, bool]:
    """The two-sided p value, and whether it is exact; None where a sample has fewer than two scores."""
    if min(len(sample) for sample in samples) < 2:
        return None, False
    found = stats.permutation_test(
        samples, statistic, permutation_type=kind, n_resamples=RESAMPLES, vectorized=True, rng=rng
    )
    return float(found.pvalue), arrangements <= RESAMPLES
