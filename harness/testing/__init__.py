"""What a plugin's author runs on a plugin: does it keep the contract, and if not, what to change?

`harness check NAME` prints the answers; the same checks are ordinary tests in a plugin's own suite:

    import pytest
    from harness.testing import checks

    @pytest.mark.parametrize("check", checks("my-model"), ids=str)
    def test_contract(check):
        check()
"""

from harness.testing.all_checks import checks
from harness.testing.check import Check, CheckFailed, ContractAdvice

__all__ = ["Check", "CheckFailed", "ContractAdvice", "checks"]
