"""Compactness: does one code only tell of each factor?"""

from harness import Evaluation, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information
from harness_metrics.codes.modularity import code_modularity


class Compactness(Metric):
    """Compactness, in [0, 1]: modularity with codes and factors exchanged.

    A factor is coded compactly if one code only has mutual information with it: its score is 1 minus the mean over
    the other codes of their squared information, relative to that of the most informative one. The mean over
    factors. Ridgeway & Mozer name compactness beside modularity and explicitness and give a measure of these two;
    this is theirs of modularity, on the same information: codes in 20 equal-width bins, 10,000 observations.

    It says nothing of how much the code tells: noise in all codes but one is compact. A dead code is no code and
    changes nothing. With a single code, every factor that it tells of is compact. A factor with one level is left
    out, and one that no code tells of scores 0.
    """

    source = "Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic Loss, arXiv:1802.05312"
    range = (0, 1)

    def score(self, evaluation: Evaluation) -> Score:
        """Compactness; details hold that of each factor that varies, the information (D, F) and the entropies (F,).

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation)
        information = found.information[:, found.varying]
        alive = found.code_entropy > 0
        if not alive.any():
            return Score(0.0, {"per_factor": [0.0] * information.shape[1], **found.details()})
        per_factor = code_modularity(information[alive].T)
        return Score(float(per_factor.mean()), {"per_factor": per_factor.tolist(), **found.details()})
