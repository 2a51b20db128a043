"""The columns of every Parquet file: name, type, unit and meaning. `results/README.md` repeats them in prose."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; `type` is the name of an Arrow type. Tables of older versions may lack one that was `added`.

    Whole numbers may be missing where the column is `nullable`, real ones anywhere.
    """

    name: str
    type: str
    meaning: str
    added: bool = False
    nullable: bool = False


# What several tables share.

SUITE = Column("suite", "string", "name of the suite")
DATASET = Column("dataset", "string", "dataset")
LABEL = Column("model", "string", "the model's label in the suite")
HYPERPARAMETERS = Column("hyperparameters", "string", "every hyperparameter, JSON text")
SWEPT = Column("swept", "string", "the hyperparameters that the suite sweeps, JSON text")
TRAINING = Column("training", "string", "every training setting, JSON text")
CHOSEN = (
    Column("chosen_by", "string", "what chose the trials to be trained, of a search; empty if nothing did", added=True),
    Column(
        "labels_seen",
        "string",
        "what of labels that has seen: none, all, or how many images are labelled; empty if nothing did",
        added=True,
    ),
)
HIGHER_IS_BETTER = Column("higher_is_better", "bool", "whether larger scores are better")
POOL = Column(
    "pool", "string", "the trials chosen among: all, or the label of one model (label all, if it is called so)"
)
POOL_SIZE = Column("pool_size", "int64", "number of trials in the pool")
BATCH_SIZE = Column("batch_size", "int64", "images per batch")
PRECISION = Column("precision", "string", "float32, tf32 or bfloat16")
HARNESS_VERSION = Column("harness_version", "string", "version of disentanglement-harness")
TORCH_VERSION = Column("torch_version", "string", "version of torch")
GIT_COMMIT = Column(
    "git_commit", "string", "commit of the working directory, with + for uncommitted changes; empty if none"
)
METRIC_SETTINGS = Column("metric_settings", "string", "every setting of the metric, JSON text")
METRIC = (
    Column("metric", "string", "metric"),
    METRIC_SETTINGS,
)
SELECTOR = (
    Column("selector", "string", "selector"),
    Column("selector_settings", "string", "every setting of the selector, JSON text"),
)
MEASURED = (
    Column("model", "string", "registered name of the model"),
    HYPERPARAMETERS,
    DATASET,
    Column("dataset_settings", "string", "every setting of the dataset, JSON text"),
)
"""What a benchmark is of."""
MACHINE = (
    Column("device", "string", "device"),
    Column("threads", "int64", "CPU threads"),
    TORCH_VERSION,
    HARNESS_VERSION,
    GIT_COMMIT,
    Column("measured_at", "string", "when, ISO 8601, UTC"),
)
"""Where and when a benchmark was measured."""

SCORES = (
    SUITE,
    Column("trial", "string", "identity of the trial, a hash of all that decides its numbers"),
    DATASET,
    LABEL,
    Column("model_name", "string", "registered name of the model"),
    HYPERPARAMETERS,
    SWEPT,
    Column("seed", "int64", "seed of the trial"),
    Column("steps", "int64", "training steps"),
    TRAINING,
    Column("outcome", "string", "how the trial ended: finished, failed, diverged, out-of-memory, timeout, crashed"),
    *METRIC,
    Column("status", "string", "ok, not-applicable or failed"),
    Column("reason", "string", "why the metric does not apply or failed; empty when ok"),
    Column("score", "double", "the score; null unless status is ok"),
    HIGHER_IS_BETTER,
    Column("details", "string", "what the metric reports beside its score, JSON text"),
    Column("seconds", "double", "time the metric took, s"),
    Column("training_seconds", "double", "time the trial took to train, s, over all its attempts"),
    Column("device", "string", "device the trial was trained on"),
    HARNESS_VERSION,
    TORCH_VERSION,
    Column("model_version", "string", "version of the distribution that the model is from"),
    Column("metric_version", "string", "version of the distribution that the metric is from"),
    GIT_COMMIT,
    Column("finished_at", "string", "end of the trial, ISO 8601, UTC"),
    *CHOSEN,
)

LEADERBOARD = (
    SUITE,
    DATASET,
    LABEL,
    HYPERPARAMETERS,
    SWEPT,
    TRAINING,
    *METRIC,
    HIGHER_IS_BETTER,
    Column("status", "string", "ok if at least one trial is scored, else not-applicable, failed or missing"),
    Column("reason", "string", "why there is no score, or why some trials have none"),
    Column("n", "int64", "number of scored trials (seeds)"),
    Column("failed", "int64", "number of trials without a score because they, or the metric, failed"),
    Column("pending", "int64", "number of trials that are not done, or not scored yet", added=True),
    Column("mean", "double", "mean score over seeds"),
    Column("std", "double", "sample standard deviation over seeds (n - 1); null for n < 2"),
    Column("ci_low", "double", "lower end of the 95 % t interval of the mean over seeds; null for n < 2"),
    Column("ci_high", "double", "upper end of it"),
    Column("rank", "int64", "rank of the mean among the settings of this dataset and metric, 1 is best", nullable=True),
    Column(
        "best",
        "bool",
        "whether it is the best of this dataset and metric, or cannot be told from the best at the 5 % level: t tests "
        "paired by seed, corrected for all settings (Holm); false for n < 2",
        added=True,
    ),
    *CHOSEN,
)

SELECTIONS = (
    SUITE,
    DATASET,
    POOL,
    POOL_SIZE,
    *SELECTOR,
    Column(
        "labels_seen",
        "string",
        "what the selector sees of labels: none, all, or how many images are labelled",
        added=True,
    ),
    Column("metric", "string", "ground-truth metric that judges the choice"),
    METRIC_SETTINGS,
    Column("status", "string", "ok, or not-applicable, where all that follows but mean and best is empty"),
    Column("reason", "string", "why the selector does not apply to the pool; empty when ok"),
    Column("cross_evaluations", "int64", "ordered pairs that the selector compared; pool_size squared if all"),
    Column("trial", "string", "identity of the chosen trial, the first of those that tie"),
    Column("chosen", "string", "the chosen trial in words"),
    Column(
        "tied",
        "int64",
        "how many trials share the selector's largest score; what follows is the mean over them",
        added=True,
        nullable=True,
    ),
    Column("score", "double", "ground-truth score of the chosen trial"),
    Column("score_low", "double", "lower end of the 95 % bootstrap interval of that score over resampled pools"),
    Column("score_high", "double", "upper end of it"),
    Column("mean", "double", "mean ground-truth score of the pool: what a random choice gives"),
    Column("best", "double", "best ground-truth score in the pool"),
    Column("regret", "double", "distance from the best score to the chosen one, >= 0"),
    Column("regret_low", "double", "lower end of the 95 % bootstrap interval of the regret over resampled pools"),
    Column("regret_high", "double", "upper end of it"),
    Column("rank_correlation", "double", "Spearman correlation of selector and metric scores; null if one is constant"),
    Column("rank_correlation_low", "double", "lower end of its 95 % bootstrap interval over resampled pools, or null"),
    Column("rank_correlation_high", "double", "upper end of it"),
    Column("beats_random", "double", "share of the other trials that the choice beats, ties count half"),
)

SELECTOR_SCORES = (
    SUITE,
    DATASET,
    POOL,
    *SELECTOR,
    Column("trial", "string", "identity of the trial"),
    Column("title", "string", "the trial in words"),
    Column("selector_score", "double", "the selector's score, the largest of a pool is chosen; null if it has none"),
)

SELECTOR_DIFFERENCES = (
    SUITE,
    DATASET,
    POOL,
    Column("metric", "string", "ground-truth metric that judges the choices"),
    METRIC_SETTINGS,
    POOL_SIZE,
    *SELECTOR,
    Column("other", "string", "the selector that it is compared with, or (random choice)"),
    Column("other_settings", "string", "every setting of the other selector, JSON text"),
    Column("difference", "double", "regret of the selector minus that of the other; below 0 it chooses better"),
    Column("low", "double", "lower end of the 95 % bootstrap interval of that over pools resampled for both alike"),
    Column("high", "double", "upper end of it"),
    Column("better", "double", "share of the resampled pools in which its regret is smaller, ties count half"),
)

COMPARISONS = (
    SUITE,
    DATASET,
    *METRIC,
    HIGHER_IS_BETTER,
    Column("setting", "string", "what is compared: the model's label and what is swept"),
    Column("baseline", "string", "what it is compared with"),
    Column("status", "string", "ok, or no-scores if one of the two has none"),
    Column("reason", "string", "why there are no scores"),
    Column("paired", "bool", "whether scores are paired by seed"),
    Column("n", "int64", "pairs of seeds or, unpaired, scores of the setting", nullable=True),
    Column("n_second", "int64", "pairs of seeds or, unpaired, scores of the baseline", nullable=True),
    Column("failed", "int64", "trials of the setting without a score"),
    Column("baseline_failed", "int64", "trials of the baseline without a score"),
    Column("dropped", "string", "seeds that are left out because one of a pair has no score, a JSON list"),
    Column("difference", "double", "mean score of the setting minus that of the baseline"),
    Column("low", "double", "lower end of its 95 % t interval (Welch's if unpaired); null for n < 2"),
    Column("high", "double", "upper end of it"),
    Column(
        "bootstrap_low",
        "double",
        "lower end of its 95 % studentised bootstrap interval; null where scores set no bound",
    ),
    Column("bootstrap_high", "double", "upper end of it"),
    Column("wins", "int64", "pairs in which the setting is better; null if unpaired", nullable=True),
    Column("improvement", "double", "probability that the setting is better than the baseline, ties count half"),
    Column("effect", "double", "difference over the standard deviation: of differences, or of scores if unpaired"),
    Column("p", "double", "of the two-sided permutation test of no difference; null for n < 2"),
    Column("exact", "bool", "whether that test looked at all arrangements; else at 9,999"),
    Column("p_holm", "double", "p corrected for all comparisons of this table (Holm, 1979)"),
    Column("family", "int64", "how many comparisons the correction is for"),
    Column(
        "pairs_needed",
        "int64",
        "pairs with which a paired t test finds such an effect in 80 % of studies",
        nullable=True,
    ),
    Column("sentence", "string", "the comparison in words"),
)

HISTORY = (
    Column("step", "int64", "updates done when the losses were read, 1 is the first"),
    Column("seconds", "double", "training time up to here, s, over all attempts"),
    Column("images_per_second", "double", "images per second of training since the row before"),
)
"""Followed by one double column per loss term, named objective/term."""

BENCHMARKS = (
    *MEASURED,
    Column("image", "string", "shape of an image, channels x height x width"),
    BATCH_SIZE,
    Column("engine", "string", "eager, compiled or graph"),
    Column("fleet", "int64", "models trained as one"),
    PRECISION,
    Column("steps_per_second", "double", "training steps per second, median of five stretches"),
    Column("slowest_steps_per_second", "double", "of the slowest stretch"),
    Column("fastest_steps_per_second", "double", "of the fastest stretch"),
    Column("model_steps_per_second", "double", "steps per second times models"),
    Column("images_per_second", "double", "model steps per second times images per batch"),
    Column("start_seconds", "double", "what the first steps took beyond later ones, compilation above all, s"),
    Column("peak_bytes", "int64", "most memory in use: of tensors on a GPU, of the whole process elsewhere"),
    Column("flop_per_model_step", "double", "operations of matrix products and convolutions in a step of one model"),
    Column("flop_per_second", "double", "those times model steps per second"),
    Column("flop_ceiling", "double", "operations per second of a large matrix product in the same process"),
    Column("flop_fraction", "double", "flop_per_second / flop_ceiling"),
    Column("bytes_per_model_step", "double", "bytes that the eager engine's operations read and write, caches ignored"),
    Column("bytes_per_second", "double", "those times model steps per second; more than is moved where caches help"),
    Column("bytes_ceiling", "double", "bytes per second of a large copy in the same process, read and written"),
    Column("bytes_fraction", "double", "bytes_per_second / bytes_ceiling"),
    Column("joules_per_model_step", "double", "energy of the GPU per step of one model, J; null if unknown"),
    *MACHINE,
)

TIMES_TO_SCORE = (
    *MEASURED,
    BATCH_SIZE,
    PRECISION,
    Column("metric", "string", "metric"),
    Column("target", "double", "the score to be reached"),
    Column("seconds", "double", "training time until it was, s, without scoring; null if it was not"),
    Column("steps", "int64", "training steps done, of every seed that was tried"),
    Column("best", "double", "the best score seen"),
    *MACHINE,
)

TABLES: dict[str, Sequence[Column]] = {
    "scores": SCORES,
    "leaderboard": LEADERBOARD,
    "selections": SELECTIONS,
    "selector_scores": SELECTOR_SCORES,
    "selector_differences": SELECTOR_DIFFERENCES,
    "comparisons": COMPARISONS,
    "history": HISTORY,
    "benchmarks": BENCHMARKS,
    "times_to_score": TIMES_TO_SCORE,
}
