"""MIG-sup: the gap of the mutual information gap, seen from the codes."""

from harness import Evaluation, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information, top_two


class MIGSup(Metric):
    """MIG-sup, in [0, 1]: does each code tell of one factor only?

    For each code, its mutual information with the factor that it tells most of minus that with the second, each in
    units of the factor's entropy; the mean over codes. It sees what MIG does not: two factors in one code. What MIG
    sees, one factor in two codes, it does not. Codes are put in 20 equal-width bins over 10,000 observations.

    A dead code is left out, as the authors leave out codes that hardly vary; without any other the score is 0. A
    factor with one level is left out. With a single factor there is no second: a code's gap is all of its
    information.
    """

    source = (
        "Li et al. 2020, Progressive Learning and Disentanglement of Hierarchical Representations, arXiv:2002.10549"
    )
    range = (0, 1)

    def score(self, evaluation: Evaluation) -> Score:
        """The mean gap; details hold that of each code (D,), the information (D, F) and the entropies (F,) in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation)
        shares = found.information[:, found.varying] / found.factor_entropy[found.varying]
        first, second = top_two(shares)
        gaps = first - second
        alive = found.code_entropy > 0
        value = float(gaps[alive].mean()) if alive.any() else 0.0
        return Score(value, {"per_code": gaps.tolist(), **found.details()})
