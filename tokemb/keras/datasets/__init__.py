"""Feeding Keras models: batches of ids and labels, for ``tf.data`` and as a ``keras.utils.PyDataset``.

``examples`` makes rows of ids and labels of what the user has, ``order`` says which rows come together and when,
``batches`` cuts them out; ``tf_dataset`` and ``py_dataset`` hand them to Keras.
"""
