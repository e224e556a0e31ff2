"""From the paths of a configuration to those that the containers see."""

from __future__ import annotations

import os

from contract.errors import UsageError
from pipeline.config import PipelineConfig
from pipeline.kubeflow_config import KubeflowConfig

IMAGE_FOLDER = "/app"
"""The project's folder in the image, see the Dockerfile."""

PROJECT_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

KFP, VERTEX = "kfp", "vertex"


class Paths:
    """Maps paths, and refuses those that no container could open.

    Args:
        config: The pipeline's configuration.
        target: `kfp` or `vertex`.
    """

    def __init__(self, config: PipelineConfig, target: str):
        self._config = config
        self._kubeflow: KubeflowConfig = config.kubeflow
        self._target = target

    def as_steps_see_it(self, config: PipelineConfig) -> PipelineConfig:
        """The configuration with every path as the containers see it.

        Raises:
            UsageError: If a path is in no volume, no object store and not in the image.
        """
        data = config.data
        schemas = data.schemas.model_copy(
            update={
                kind: self._in_image(f"data.schemas.{kind}", path)
                for kind in ("unlabelled", "labelled")
                if (path := getattr(data.schemas, kind))
            }
        )
        data = data.model_copy(
            update={
                "events": self._data("events", self._kubeflow.events or data.events),
                "labels": self._data("labels", self._kubeflow.labels or data.labels),
                "schemas": schemas,
            }
        )
        text = config.text
        if text.stop_words:
            path = self._in_image("text.stop_words", text.stop_words)
            text = text.model_copy(update={"stop_words": path})
        if text.jieba.user_dictionary:
            path = self._in_image("text.jieba.user_dictionary", text.jieba.user_dictionary)
            jieba = text.jieba.model_copy(update={"user_dictionary": path})
            text = text.model_copy(update={"jieba": jieba})
        audit = config.audit.model_copy(
            update={
                "signing_key": config.audit.signing_key and self._secret(config.audit.signing_key),
                "public_keys": tuple(
                    self._in_image("audit.public_keys", path) for path in config.audit.public_keys
                ),
            }
        )
        return config.model_copy(update={"data": data, "text": text, "audit": audit})

    def serving_dir(self) -> str:
        """Folder that models are pushed to.

        Raises:
            UsageError: If it is not one that every run finds again.
        """
        path = self._kubeflow.serving_dir
        if path is None and self._kubeflow.volumes and self._target == KFP:
            path = os.path.join(self._kubeflow.volumes[0].mount_path, "serving", self._config.name)
        if path is None:
            raise UsageError(
                "kubeflow.serving_dir: is required: gs://..., or on Kubeflow a folder below the "
                "mount_path of one of kubeflow.volumes. `python -m pipeline init --kubeflow` "
                "writes a section `kubeflow` to begin with."
            )
        if path.startswith("gs://") and self._config.serving.publish_models:
            raise UsageError(
                f"serving.publish_models: models are published from a volume, and serving_dir is "
                f"{path}. Leave one of the two out."
            )
        if path.startswith("gs://") or self._in_volume(path):
            return path
        if "://" in path:
            raise UsageError(
                f"kubeflow.serving_dir: {path} cannot be written: TensorFlow has no file system "
                "for it. Use gs://, or a folder below the mount_path of one of kubeflow.volumes, "
                "and serving.publish_models: s3://... to have models copied there."
            )
        raise UsageError(self._not_in_volume("kubeflow.serving_dir", path))

    def checkpoints(self, serving_dir: str) -> str | None:
        """Folder for the state of a training that a killed pod left.

        Args:
            serving_dir: As the method of this name returns it.

        Returns:
            A folder in a volume; None if the configuration names none and models go elsewhere.

        Raises:
            UsageError: If it is in no volume.
        """
        if path := self._kubeflow.checkpoints:
            if not self._in_volume(path):
                raise UsageError(self._not_in_volume("kubeflow.checkpoints", path))
            return path
        for folder in (volume.mount_path for volume in self._kubeflow.volumes):
            if serving_dir.startswith(folder + "/"):
                return os.path.join(folder, "checkpoints", self._config.name)
        return None

    def _data(self, key: str, path: str) -> str:
        if path.startswith("minio://"):
            raise UsageError(
                f"kubeflow.{key}: {path}: Beam does not know minio://. Write s3:// and see "
                "docs/kubeflow.md for the endpoint, or mount a volume."
            )
        if "://" in path or self._in_volume(path):
            return path
        raise UsageError(self._not_in_volume(f"kubeflow.{key}", path))

    def _in_image(self, key: str, path: str) -> str:
        """Small files come with the code."""
        if "://" in path or self._in_volume(path):
            return path
        inside = os.path.relpath(path, PROJECT_FOLDER)
        if inside.startswith(os.pardir):
            raise UsageError(
                f"{key}: {path} is outside of the project, so the image lacks it. Move it into "
                "configs/, or into a volume."
            )
        return os.path.join(IMAGE_FOLDER, inside)

    def _secret(self, path: str) -> str:
        """A private key: it has no business in an image."""
        if not self._in_volume(path):
            raise UsageError(
                f"audit.signing_key: {path} is in none of kubeflow.secret_volumes. Make a secret "
                "of it (kubectl create secret generic NAME --from-file=signing.pem), mount it "
                "there, and give the path below its mount_path."
            )
        return path

    def _in_volume(self, path: str) -> bool:
        folders = [
            *(volume.mount_path for volume in self._kubeflow.volumes),
            *(volume.mount_path for volume in self._kubeflow.secret_volumes),
        ]
        if self._target == VERTEX:
            folders = ["/gcs"]
        return any(path.startswith(folder.rstrip("/") + "/") for folder in folders)

    def _not_in_volume(self, key: str, path: str) -> str:
        if self._target == VERTEX:
            return f"{key}: {path} is no path on Vertex AI. Use gs://."
        mounted = ", ".join(volume.mount_path for volume in self._kubeflow.volumes) or "none"
        return (
            f"{key}: {path} is in no volume (mounted: {mounted}) and no object store, so no "
            "container could open it. Give a path below the mount_path of one of "
            "kubeflow.volumes, or a URI."
        )
