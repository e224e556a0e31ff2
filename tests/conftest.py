"""What tests of several packages use."""

import functools

import pytest


@pytest.fixture(scope="session")
def run_transform():
    """Returns a function that runs Transform on users' texts.

    It takes a folder, users as dicts of the raw texts of `history` and `target`, and the fields
    of a `TextConfig`; it returns the transformed rows and the analysed graph.
    """
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam

    from trainer.text.preprocessing import preprocessing_fn

    def run(folder, users, **text):
        metadata = tft.DatasetMetadata.from_feature_spec(
            {name: tf.io.VarLenFeature(tf.string) for name in ("history", "target")}
        )
        function = functools.partial(preprocessing_fn, custom_config={"text": text})
        with tft_beam.Context(temp_dir=str(folder / "temp")):
            (rows, _), transform_fn = (
                users,
                metadata,
            ) | tft_beam.AnalyzeAndTransformDataset(function)
            _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        return rows, tft.TFTransformOutput(str(folder / "graph"))

    return run
