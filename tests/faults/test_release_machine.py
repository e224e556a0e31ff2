"""Pushes, labels, rollbacks and retention in any order, each maybe killed in any of its writes."""

import contextlib
import os
import shutil
import tempfile

import hypothesis
import hypothesis.stateful as stateful
import pushes
import pytest
from hypothesis import strategies as st
from injection import KILLED

pytestmark = pytest.mark.slow

_DEATHS = st.just(0) | st.integers(1, 30)
_ANY = st.integers(0, 9)


class Releases(stateful.RuleBasedStateMachine):
    """What holds after every step, whatever came before."""

    in_child = None

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        # A model whose push was completed, or is to be by the next one; None: a person decided.
        self.pushing = None

    def teardown(self):
        shutil.rmtree(self.folder)

    def _newest(self):
        versions = pushes.whole_versions(self.folder)
        return (max(versions), versions[max(versions)]) if versions else (0, None)

    @stateful.rule(content=st.sampled_from("abc"), keep=st.sampled_from([None, 1, 2]), die=_DEATHS)
    def push(self, content, keep, die):
        before, newest = self._newest()
        labels = pushes.served(self.folder)[1]
        code = self.in_child(pushes.push, self.folder, content, keep, die)
        assert code in (0, KILLED)
        # A push moves no label; the first one gives them all.
        assert not labels or pushes.served(self.folder)[1] == labels
        number, is_now = self._newest()
        if number != before:
            assert (is_now, number > before) == (content, True)
            self.pushing = content
        if code == 0:
            assert is_now == content
            if newest != content or self.pushing == content:
                assert number in pushes.served(self.folder)[0]

    @stateful.rule(
        method=st.sampled_from(["move_label", "rollback", "serve", "prune"]),
        label=st.sampled_from(["stable", "canary"]),
        which=_ANY,
        die=_DEATHS,
    )
    def change(self, method, label, which, die):
        before = pushes.served(self.folder)
        versions = sorted(pushes.whole_versions(self.folder))
        number = versions[which % len(versions)] if versions else 7
        arguments = {
            "move_label": (label, number),
            "rollback": (),
            "serve": (number,),
            "prune": (1 + which % 3,),
        }
        code = self.in_child(pushes.change, self.folder, method, arguments[method], die)
        # 1: nothing to go back to, no such version.
        assert code in (0, 1, KILLED)
        after = pushes.served(self.folder)
        if method == "prune":
            assert after == before
        elif code == 0 or after != before or method != "serve":
            self.pushing = None
        if code == 0 and method in ("move_label", "serve"):
            assert number in after[0]

    @stateful.invariant()
    def all_is_whole(self):
        versions = pushes.whole_versions(self.folder)
        numbers, labels = pushes.served(self.folder)
        # Whatever happens, what clients ask for is there.
        assert not numbers or labels["stable"] in versions
        with contextlib.suppress(FileNotFoundError):
            names = os.listdir(os.path.join(self.folder, "serving", "shop"))
            assert {name for name in names if name.isdigit()} == set(map(str, versions))


def test_releases(in_child, capfd):
    # Children that find nothing to go back to print their traceback.
    Releases.in_child = staticmethod(in_child)
    stateful.run_state_machine_as_test(
        Releases,
        settings=hypothesis.settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
