"""Chinese word segmentation as jieba does it, in TensorFlow operations."""
