"""The mutual information gap (MIG): is each factor coded in one code only?"""

from harness import Evaluation, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information, top_two
from harness_metrics.codes.protocols import SampledSettings


class MutualInformationGap(Metric):
    """Mutual information gap (MIG), in [0, 1].

    For each factor, the mutual information with the most informative code minus that with the second,
    in units of the factor's entropy; the mean over factors. Codes are put in 20 equal-width bins over
    `points` observations; information is the plug-in estimate in nats, which is too high by 0.03 nats in 10,000
    observations of 32 levels. Both published protocols (disentanglement_lib and InfoGAN-CR) agree on this definition.

    A dead code carries no information and changes nothing. A single code has no second: its gap is all
    of its information. A factor with one level has no entropy and is left out of the mean.
    """

    class Config(SampledSettings):
        """Size of the sample."""

    source = "Chen et al. 2018, Isolating Sources of Disentanglement in VAEs, arXiv:1802.04942, section 4"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The gap; details hold the information of every code and factor (D, F) and the entropies (F,) in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation, self.config.points)
        first, second = top_two(found.information[:, found.varying].T)
        gaps = (first - second) / found.factor_entropy[found.varying]
        return Score(float(gaps.mean()), found.details())
