#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One of keras.applications as ONNX: seeded weights, batch norms that have seen noise, scores before the softmax,
# pictures of height x width x 3. As a program, since Keras has one backend a process; networks.py runs it.
#
#     keras_networks.py NAME NETWORK.onnx PICTURES.npy CLASSES SEED
#
# PICTURES.npy holds n x 3 x height x width of mean 0 and deviation 1, and is replaced by n x height x width x 3 in the
# range that the network takes.
import os, sys

import numpy as np

# Where the variables' names hide from tf2onnx (Normalization, JIT-compiled convolutions), PyTorch exports.
TENSORFLOW = """DenseNet121 InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small
NASNetMobile ResNet50 ResNet50V2 ResNet101V2 Xception""".split()
PYTORCH = "EfficientNetB0 EfficientNetV2B0 MobileNetV2 ResNet50V2 VGG16".split()
NETWORKS = ["tensorflow/" + n for n in TENSORFLOW] + ["torch/" + n for n in PYTORCH]
SIZES = dict(InceptionResNetV2=299, InceptionV3=299, Xception=299)


def size(name):
    return SIZES.get(name.partition("/")[2], 224)


def settle(network, pictures, seed):
    """Layer scales of 1e-6 get values, batch norms the statistics of noise."""
    import keras
    draw = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
        elif type(layer).__name__ == "LayerScale":
            layer.set_weights([0.5 + 0.1 * draw.standard_normal(w.shape) for w in layer.get_weights()])
    network(pictures, training=True)


def write(network, file, shape):
    import keras
    if keras.backend.backend() == "torch":
        network.export(file, format="onnx", verbose=False)
        return
    import tensorflow
    import tf2onnx
    signature = (tensorflow.TensorSpec((None, *shape), tensorflow.float32, name="image"),)
    run = tensorflow.function(lambda image: network(image, training=False), input_signature=signature)
    tf2onnx.convert.from_function(run, input_signature=signature, opset=17, output_path=file)


def main(name, file, array, classes, seed):
    backend, _, model = name.partition("/")
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND=backend)
    import keras
    keras.utils.set_random_seed(int(seed))
    pictures = np.load(array).transpose(0, 2, 3, 1)
    network = getattr(keras.applications, model)(weights=None, classes=int(classes), classifier_activation=None,
                                                 input_shape=pictures.shape[1:])
    within = [type(layer).__name__ for layer in network.layers[:4]]
    if "Rescaling" in within or "Normalization" in within:
        pictures = 127.5 + 50 * pictures
    pictures = np.ascontiguousarray(pictures, np.float32)
    settle(network, pictures, int(seed))
    write(network, file, pictures.shape[1:])
    np.save(array, pictures)


if __name__ == "__main__":
    main(*sys.argv[1:])
