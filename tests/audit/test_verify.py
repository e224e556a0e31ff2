"""Whatever is done to an audit is found and named; what cannot be looked at is told."""

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.__main__ import main
from audit.config import AuditConfig
from audit.keys import fingerprint, read_public_key
from audit.statement import STATEMENT_FILE
from contract import exit_codes
from serving.releases.model_digest import sha256_of
from serving.releases.releases import Releases
from tests.audit.audited import Audited, made_predictions
from tests.audit.signing import make_keys


class _Released(Audited):
    """An audit in an output folder, and the version that was released with it."""

    def __init__(self, root):
        super().__init__(root, made_predictions())
        self.folder = str(root / "artifacts" / "Auditor" / "audit" / "7")
        self.record = self.make()
        self.model_dir = root / "serving" / "shop"
        self.version = self.model_dir / "5"
        shutil.copytree(self.sources.model, self.version)
        lineage = {"uri": self.folder, "sha256": sha256_of(f"{self.folder}/{STATEMENT_FILE}")}
        card = {"digest": self.record["model"]["digest"], "lineage": {"audit": lineage}}
        (self.version / "model_card.json").write_text(json.dumps(card))
        releases = Releases(str(self.model_dir))
        releases.serve(5)
        releases.move_label("canary", 5)

    def change_record(self, *path, value):
        record = json.loads(self.read("audit.json"))
        section = record
        for key in path[:-1]:
            section = section[key]
        section[path[-1]] = value
        self.write("audit.json", json.dumps(record))

    def read(self, name):
        with open(f"{self.folder}/{name}") as file:
            return file.read()

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)

    def sign_anew(self):
        """Gives the statement the digests of the files as they are: what a forger would do."""
        statement = json.loads(self.read(STATEMENT_FILE))
        for subject in statement["subject"]:
            path = f"{self.folder}/{subject['name']}"
            if os.path.exists(path):
                subject["digest"]["sha256"] = sha256_of(path)
        self.write(STATEMENT_FILE, json.dumps(statement))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Made once; its paths are in its record, so that it is put back and not copied elsewhere."""
    released = _Released(tmp_path_factory.mktemp("released") / "root")
    return released, shutil.copytree(released.root, released.root.parent / "kept")


@pytest.fixture
def released(kept):
    released, copy = kept
    shutil.rmtree(released.root)
    shutil.copytree(copy, released.root)
    return released


def _verify(capsys, path, level=1, *more):
    code = main(["verify", str(path), "--level", str(level), "--json", *more])
    found = json.loads(capsys.readouterr().out)["findings"]
    return code, [each["sentence"] for each in found if each["state"] != "holds"]


@pytest.mark.parametrize("named", ["audit", "version", "output", "run"])
def test_an_audit_holds_however_it_is_named(released, capsys, named):
    run = released.root / "runs" / "2026"
    run.mkdir(parents=True)
    (run / "summary.json").write_text(json.dumps({"audit": released.folder}))
    path = {
        "audit": released.folder,
        "version": released.version,
        "output": released.root,
        "run": run,
    }[named]
    assert _verify(capsys, path) == (exit_codes.OK, [])


def test_a_moved_output_folder_is_no_obstacle(released, capsys):
    moved = released.root / "moved"
    moved.mkdir()
    for name in ("artifacts", "serving"):
        shutil.move(released.root / name, moved / name)
    assert _verify(capsys, moved / "serving" / "shop" / "5") == (exit_codes.OK, [])


def test_what_is_no_audit_is_a_mistake_of_usage(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == exit_codes.USAGE
    assert "is no audit (audit.json)" in capsys.readouterr().err


def _weights(released):
    (released.root / "model" / "variables" / "data").write_bytes(b"other weights")


def _version_weights(released):
    (released.version / "variables" / "data").write_bytes(b"other weights")


def _added_file(released):
    (released.version / "assets").mkdir()
    (released.version / "assets" / "words").write_text("x")


def _prediction(released):
    path = f"{released.folder}/predictions.parquet"
    table = pq.read_table(path)
    labels = table.column("label.likes").to_pylist()
    place = next(place for place, label in enumerate(labels) if label is not None)
    labels[place] = 1 - labels[place]
    column = table.schema.get_field_index("label.likes")
    changed = pa.array(labels, pa.int32())
    pq.write_table(table.set_column(column, "label.likes", changed), path)


def _threshold(released):
    released.change_record("gate", "min_auc", "likes", value=0.1)


def _log_line(released):
    path = released.root / "serving" / "releases.jsonl"
    path.write_text(path.read_text().replace('"action": "label"', '"action": "serve"'))


def _log_order(released):
    path = released.root / "serving" / "releases.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))


def _input(released):
    released.events.write_text("{}\n")


def _page(released):
    released.write("report.html", released.read("report.html").replace("Blessed", "Refused"))


def _gone(released):
    os.remove(f"{released.folder}/report.html")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (_weights, "variables/data of the model was changed"),
        (_version_weights, "variables/data of the version was changed"),
        (_added_file, "assets/words of the version was not there when it was audited"),
        (_prediction, "predictions.parquet was changed: its SHA-256 is not"),
        (_threshold, "audit.json was changed: its SHA-256 is not"),
        (_log_line, "line 2 of releases.jsonl was changed"),
        (_log_order, "line 1 of releases.jsonl does not follow the line before it"),
        (_input, "events.jsonl was changed"),
        (_page, "report.html was changed"),
        (_gone, "report.html is missing"),
    ],
)
def test_each_tampering_is_found_and_named(released, capsys, tamper, said):
    tamper(released)
    code, wrong = _verify(capsys, released.version, level=0)
    assert code == exit_codes.FAILED
    assert any(said in sentence for sentence in wrong), wrong


def test_a_log_whose_end_was_cut_off_is_found(released, capsys):
    Releases(str(released.model_dir)).move_label("stable", 5)
    second = released.model_dir / "6"
    shutil.copytree(released.version, second)
    Releases(str(released.model_dir)).serve(6)
    path = released.root / "serving" / "releases.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    code, wrong = _verify(capsys, released.version, level=0)
    assert code == exit_codes.FAILED
    assert any("lines were cut off" in sentence for sentence in wrong)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("tasks", "likes", "auc", "low"), 0.99, "tasks.likes.auc.low: 0.99, not 0."),
        (("tasks", "age", "baseline", "p_value"), 0.5, "tasks.age.baseline.p_value"),
        (("tasks", "likes", "tfma", "auc"), 0.999, "tasks.likes.tfma.auc: 0.9990, not"),
        (("verdict", "blessed"), False, "the verdict does not follow: no task missed it"),
        (("gate", "min_auc", "likes"), 0.1, "gate.min_auc.likes is 0.1, but the configuration"),
        (("gate", "max_auc_drop"), 0.5, "gate.max_auc_drop is 0.5, but the configuration"),
        (("tasks", "likes", "slices", "activity", 0, "users"), 1, "slices.activity.0.users: 1"),
    ],
)
def test_a_forger_who_mends_the_digests_is_found_by_the_figures(
    released, capsys, path, value, said
):
    released.change_record(*path, value=value)
    released.sign_anew()
    code, wrong = _verify(capsys, released.folder)
    assert code == exit_codes.FAILED
    assert any(said in sentence for sentence in wrong), wrong
    # The release tells of another audit.
    assert any("is not the one with which the model was released" in each for each in wrong)


def test_a_changed_prediction_is_found_by_the_figures(released, capsys):
    _prediction(released)
    released.sign_anew()
    code, wrong = _verify(capsys, released.folder)
    assert code == exit_codes.FAILED
    assert any(sentence.startswith("tasks.likes.") for sentence in wrong)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_record_that_is_none_is_found(released, capsys, text):
    released.write("audit.json", text)
    code, wrong = _verify(capsys, released.folder)
    assert code == exit_codes.FAILED
    assert wrong[0].startswith("audit.json ")


def test_what_is_gone_cannot_be_verified(released, capsys):
    shutil.rmtree(released.root / "model")
    os.remove(released.events)
    code, wrong = _verify(capsys, released.folder, level=2)
    assert code == exit_codes.CANNOT_VERIFY
    assert any("the model is not at" in sentence for sentence in wrong)
    assert any("events.jsonl is not here" in sentence for sentence in wrong)
    assert any("the scores cannot be computed again" in sentence for sentence in wrong)


def test_findings_are_printed_for_people(released, capsys):
    assert main(["verify", str(released.version)]) == 0
    text = capsys.readouterr().out
    assert "files of the version have their SHA-256" in text
    assert " holds.\nIt is not signed: nothing shows who made it." in text
    _weights(released)
    assert main(["verify", str(released.version)]) == 1
    assert "does not hold" in capsys.readouterr().out


def test_show_prints_the_verdict(released, capsys):
    assert main(["show", str(released.version)]) == 0
    text = capsys.readouterr().out
    assert "blessed" in text
    assert "Team <ml@shop>" in text
    assert "not signed: nothing shows who made it" in text
    assert f"{released.folder}/report.html" in text
    assert main(["show", released.folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pipeline"] == "shop"


def test_a_signature_is_checked_by_the_key_that_is_named(tmp_path, capsys):
    private, public = make_keys(tmp_path)
    _, other = make_keys(tmp_path, "other")
    config = AuditConfig(signing_key=private)
    folder = Audited(tmp_path, made_predictions(), config=config).make() and f"{tmp_path}/audit"

    def wrong(*keys):
        code, found = _verify(capsys, folder, 0, *(f"--public-key={key}" for key in keys))
        return code, *found

    assert wrong(public) == wrong(other, public) == (exit_codes.OK,)
    code, said = wrong()
    assert code == exit_codes.CANNOT_VERIFY
    assert "name that key's public half" in said
    code, said = wrong(other)
    assert code == exit_codes.FAILED
    assert "audit.sig is by a foreign key" in said
    assert main(["verify", folder, "--public-key", private]) == exit_codes.USAGE
    assert "is a private key" in capsys.readouterr().err
    assert main(["show", folder]) == 0
    key = fingerprint(read_public_key(public))
    assert f"signed   it says by the key {key}" in capsys.readouterr().out.replace("\n", " ")
    with open(f"{folder}/report.html") as file:
        page = file.read()
    assert f"by the key <code>{key}</code>" in page
    assert "is not signed" not in page
    os.remove(f"{folder}/audit.sig")
    code, said = wrong(public)
    assert (code, said) == (exit_codes.FAILED, "audit.sig is missing: the signature was removed")


def test_an_unsigned_audit_does_not_hold_where_a_key_is_named(released, tmp_path, capsys):
    key = make_keys(tmp_path)[1]
    code, wrong = _verify(capsys, released.version, 0, "--public-key", key)
    assert code == exit_codes.FAILED
    assert "the audit is not signed: there is no audit.sig" in wrong


def test_diff_says_what_changed(tmp_path, capsys):
    first = Audited(tmp_path / "first", made_predictions())
    first.make()
    second = Audited(tmp_path / "second", made_predictions(loss=0.5))
    second.sources = second.sources._replace(
        configuration={**second.sources.configuration, "encoder": {"seed": 2}},
        code_digests={"Transform": "ffffffffffffffff"},
    )
    second.make()
    assert main(["diff", first.folder, second.folder, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["configuration"] == ["encoder.seed: 1 to 2"]
    assert found["code"] == ["code of Transform changed"]
    assert any("is not read any more" in change for change in found["data"])
    assert found["common_users"] == len(made_predictions().users)
    likes = found["tasks"]["likes"]
    assert likes["auc"]["difference"] < 0
    assert likes["class_drift"] == pytest.approx(0, abs=1e-9)
    scores = [made_predictions(loss=loss).scores["likes"].argmax(axis=1) for loss in (0, 0.5)]
    assert len(likes["flipped"]) == int(np.sum(scores[0] != scores[1]))
    assert main(["diff", first.folder, second.folder]) == 0
    assert "have another likeliest class" in capsys.readouterr().out
