"""Optuna's sampler as one of the harness."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from harness import Axis, Field, Interval, Sampler, Settings, UserError, seed_for

try:
    import optuna
except ImportError:
    raise UserError("it needs optuna; do: pip install '.[optuna]' in the harness's checkout") from None


class OptunaSampler(Sampler):
    """Tree-structured Parzen estimators, as Optuna has them.

    Optuna's study is in the memory alone: a run makes it anew from the results folder.
    """

    class Config(Settings):
        """When they begin."""

        random: int = Field(10, ge=1, description="settings drawn at random before results are looked at")

    source: ClassVar[str] = (
        "Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization; Akiba et al. 2019, Optuna, arXiv:1907.10902"
    )

    def __init__(self, config: Settings, space: Mapping[str, Axis], seed: int) -> None:
        super().__init__(config, space, seed)
        startup = cast("OptunaSampler.Config", config).random
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # What is being tried counts as bad, so that suggestions made at once are different.
            sampler = optuna.samplers.TPESampler(
                seed=seed_for(seed, "optuna") % 2**32, n_startup_trials=startup, constant_liar=True
            )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._trials: list[Any] = []
        self._distributions = {name: _distribution(axis) for name, axis in space.items()}

    def suggest(self) -> dict[str, Any]:
        """Ask for the next settings."""
        trial = self._study.ask(self._distributions)
        self._trials.append(trial)
        return {name: _value(self.space[name], value) for name, value in trial.params.items()}

    def tell(self, number: int, value: float) -> None:
        """Tell what a suggestion is worth."""
        if math.isfinite(value):
            self._study.tell(self._trials[number], value)
        else:
            self._study.tell(self._trials[number], state=optuna.trial.TrialState.FAIL)


def _value(axis: Axis, value: Any) -> Any:
    return value if isinstance(axis, Interval) else axis[value]


def _distribution(axis: Axis) -> Any:
    if not isinstance(axis, Interval):
        return optuna.distributions.CategoricalDistribution(range(len(axis)))
    log = axis.scale == "log"
    if axis.whole:
        return optuna.distributions.IntDistribution(int(axis.start), int(axis.end), log=log)
    return optuna.distributions.FloatDistribution(float(axis.start), float(axis.end), log=log)
