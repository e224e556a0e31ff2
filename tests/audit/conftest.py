"""What the tests of the audit share."""

import pytest

from tests.audit.audited import Audited, made_predictions


@pytest.fixture
def audited(tmp_path):
    return Audited(tmp_path, made_predictions())
