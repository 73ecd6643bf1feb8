"""Datasets of ids and labels for Keras models, as a ``tf.data.Dataset`` or a ``keras.utils.PyDataset``.

``examples`` encodes texts and labels, ``order`` assigns rows to batches, and ``batches`` pads each batch.
``tf_dataset`` and ``py_dataset`` pass the batches to Keras. ``training`` uses ``order``, ``labels`` and ``tf_dataset``.
"""
