"""What Keras 3 took out of ``keras.preprocessing``: the modules ``text`` and ``sequence``.

Neither imports Keras or TensorFlow. docs/migrating.md says where they differ from the originals.
"""
