"""The section `kubeflow` of the configuration."""

import pytest

from pipeline.config import ConfigError, load_config
from pipeline.config_reference import config_reference
from pipeline.kubeflow_config import KubeflowConfig

_TAINT = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}


def test_steps_of_a_kind_have_the_same_defaults():
    config = KubeflowConfig()
    assert config.step("Transform") == config.step("Evaluator")
    assert config.step("EncoderTrainer").memory_limit == 16
    assert config.step("Pusher").memory_limit == 3
    assert config.step("EncoderTrainer").gpus == 0


def test_own_settings_come_on_top():
    config = KubeflowConfig.model_validate(
        {
            "node_selector": {"pool": "batch"},
            "tolerations": [_TAINT],
            "steps": {
                "EncoderTrainer": {
                    "gpus": 2,
                    "cpu_limit": 32,
                    "node_selector": {"gpu": "h100"},
                    "tolerations": [{"operator": "Exists"}],
                }
            },
        }
    )
    trainer, pusher = config.step("EncoderTrainer"), config.step("Pusher")
    assert (trainer.gpus, trainer.cpu_limit, trainer.cpu_request) == (2, 32, 4)
    assert trainer.node_selector == {"pool": "batch", "gpu": "h100"}
    assert [toleration.key for toleration in trainer.tolerations] == ["spot", None]
    assert pusher.node_selector == {"pool": "batch"}
    assert [toleration.key for toleration in pusher.tolerations] == ["spot"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("steps: {Trainer: {gpus: 1}}", "there is no step Trainer; allowed: Auditor"),
        ("steps: {Pusher: {gpu: 1}}", "kubeflow.steps.Pusher.gpu: there is no such key"),
        ("steps: {Pusher: {cpu_limit: 0}}", "kubeflow.steps.Pusher.cpu_limit: 0 is not allowed"),
        (
            "steps: {Pusher: {cpu_request: 2}}",
            "steps.Pusher: cpu_request 2 is above cpu_limit 1; give both",
        ),
        ("volumes: [{claim: Logs, mount_path: /x}]", "kubeflow.volumes.0.claim: 'Logs'"),
        ("volumes: [{claim: logs, mount_path: x}]", "kubeflow.volumes.0.mount_path: 'x'"),
        ("retries: {count: -1}", "kubeflow.retries.count: -1 is not allowed"),
        ("steps: {Pusher: {node_affinity: [{key: a, weight: 0}]}}", "node_affinity.0.weight: 0"),
        ("image_pull_policy: Sometimes", "kubeflow.image_pull_policy: 'Sometimes'"),
        ("secret_variables: [{secret: s}]", "kubeflow.secret_variables.0.variables: is required"),
    ],
)
def test_mistakes_are_named(tmp_path, section, message):
    path = tmp_path / "config.yaml"
    path.write_text(
        "name: shop\ndata: {events: e, labels: l}\ntasks: {docs: }\nkubeflow:\n  " + section
    )
    with pytest.raises(ConfigError) as raised:
        load_config(str(path))
    assert message in str(raised.value)


def test_the_reference_explains_it():
    text = config_reference()
    assert "gpu_image: Image of steps with GPUs" in text
    assert "mount_path: Absolute path in the containers." in text
