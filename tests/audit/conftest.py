"""What the tests of the audit share."""

import pytest

from tests.audit.audited import Audited, made_predictions


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made once for all tests that only read it."""
    audited = Audited(tmp_path_factory.mktemp("made"), made_predictions())
    audited.record = audited.make()
    return audited
