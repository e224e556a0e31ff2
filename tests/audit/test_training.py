"""The curves of TensorBoard's logs, and the share of unknown words."""

import tensorflow as tf

from audit.training_section import training_section
from audit.unknown_words import unknown_words_check
from trainer.text.config import TextConfig


def _log(folder, *losses):
    with tf.summary.create_file_writer(str(folder)).as_default():
        for epoch, loss in enumerate(losses):
            tf.summary.scalar("epoch_loss", loss, step=epoch)


def test_losses_of_every_epoch(tmp_path):
    _log(tmp_path / "e" / "train", 3.0, 2.0, 1.5)
    _log(tmp_path / "e" / "validation", 3.5, float("nan"))
    _log(tmp_path / "h" / "likes" / "train", 0.5)
    (tmp_path / "h" / "age" / "train").mkdir(parents=True)
    runs = {"encoder": str(tmp_path / "e"), "head": str(tmp_path / "h"), "no": str(tmp_path / "x")}
    assert training_section(runs) == {
        "encoder": {
            "epochs": [1, 2, 3],
            "loss": [3.0, 2.0, 1.5],
            "validation_loss": [3.5, None, None],
        },
        "head: likes": {"epochs": [1], "loss": [0.5], "validation_loss": [None]},
    }


def test_half_a_record_of_a_killed_training_is_left_out(tmp_path):
    _log(tmp_path / "train", 3.0, 2.0)
    (log,) = (tmp_path / "train").iterdir()
    log.write_bytes(log.read_bytes()[:-5])
    found = training_section({"encoder": str(tmp_path)})
    assert found["encoder"]["loss"] == [3.0]


def test_unknown_words_are_counted(tmp_path):
    path = str(tmp_path / "examples.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for texts in (["Running shoes", "xyzzy"], [], ["shoe"]):
            value = tf.train.BytesList(value=[text.encode() for text in texts])
            features = {"behaviors": tf.train.Feature(bytes_list=value)}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    vocabulary = tmp_path / "model" / "assets" / "vocabulary"
    configuration = {"text": TextConfig().model_dump(mode="json")}

    def check(*words):
        vocabulary.parent.mkdir(parents=True, exist_ok=True)
        vocabulary.write_text("".join(f"{word}\t1\n" for word in words))
        return unknown_words_check(path, str(tmp_path / "model"), configuration)

    # Stems: run, shoe, xyzzi, shoe.
    found = check("run", "shoe")
    assert found["holds"] is True
    assert found["evidence"].startswith("25.0% of 4 words of evaluated users are unknown")
    assert check("run")["holds"] is False
    vocabulary.unlink()
    assert unknown_words_check(path, str(tmp_path / "model"), configuration)["holds"] is None
