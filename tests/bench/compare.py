#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole Grad-CAM by gradcam beside the forward pass alone of other engines: a table of milliseconds and ratios.

    compare.py [--gradcam BIN] [--threads N] [--rounds N] [--runs N] [--precision f32|bf16] DIRECTORY|MODEL.onnx ...

Run it with the Python of an environment that holds the contestants; those that cannot be imported are left out:
onnxruntime, openvino, ncnn (with pnnx-made MODEL.ncnn.param beside the model), and torch with pytorch-grad-cam, whose
network is torchvision's of the file's name and whose time is that of a whole Grad-CAM.

gradcam takes MODEL.bin where one lies beside the model, else compiles one for the run (`gradcam compile`), as its users
do: weights of connected layers behind a ReLU are then stored so that those of inputs that are zero are never read.

Contestants take turns, round after round, so that what else the machine does hits all of them alike; of each the least
time of all rounds counts. At --precision bf16 those take part that have it. Inputs are one random picture in the size
of the model.
The ratio is gradcam's time over the best of the others' forward passes: below 1, the whole map is there before anyone
else has so much as the scores. Not part of `make test`: it takes minutes and judges nothing.
"""
import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time


def best(call, runs):
    call()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return 1e3 * min(times)


def compiled(path, options):
    beside = os.path.splitext(path)[0] + '.bin'
    if os.path.exists(beside):
        return beside
    made = os.path.join(options.scratch, 'model.bin')
    subprocess.run([options.gradcam, 'compile', path, '-o', made], check=True, capture_output=True)
    return made


def gradcam(path, options):
    command = [options.gradcam, 'bench', compiled(path, options), '--json', '-t', str(options.threads),
               '-n', str(options.runs),
               '--precision', options.precision]

    def run():
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)['min_ms']
    run()                                       # fails here where it cannot run the model
    return run


def picture(shape):
    import numpy
    sides = [d if isinstance(d, int) and d > 0 else (1, 3, 224, 224)[i] for i, d in enumerate(shape)]
    return numpy.random.default_rng(1).standard_normal(sides, dtype='float32')


def onnxruntime(path, options):
    import onnxruntime as ort
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    session = ort.InferenceSession(path, settings, providers=['CPUExecutionProvider'])
    source = session.get_inputs()[0]
    feed = {source.name: picture(source.shape)}
    return lambda: best(lambda: session.run(None, feed), options.runs)


def openvino(path, options):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path)
    if model.inputs[0].partial_shape.is_dynamic:
        model.reshape([1, 3, 224, 224])
    compiled = core.compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': options.threads,
                                                 'PERFORMANCE_HINT': 'LATENCY',
                                                 'INFERENCE_PRECISION_HINT': options.precision})
    request, x = compiled.create_infer_request(), picture(list(model.inputs[0].shape))
    return lambda: best(lambda: request.infer([x]), options.runs)


def ncnn(path, options):
    import ncnn as engine
    base = os.path.splitext(path)[0] + '.ncnn'
    if not os.path.exists(base + '.param'):
        return None
    net = engine.Net()
    net.opt.num_threads = options.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    net.load_param(base + '.param')
    net.load_model(base + '.bin')
    x = engine.Mat(picture([3, 224, 224]))

    def forward():
        with net.create_extractor() as extractor:
            extractor.input('in0', x)
            extractor.extract('out0')
    return lambda: best(forward, options.runs)


def pytorch_grad_cam(path, options):
    import torch
    import torchvision
    from pytorch_grad_cam import GradCAM
    make = getattr(torchvision.models, os.path.splitext(os.path.basename(path))[0], None)
    if not make:
        return None
    torch.set_num_threads(options.threads)
    model = make(weights=None).eval()
    # The last module whose output has rows and columns, as gradcam chooses it.
    layers, x = [], torch.from_numpy(picture([1, 3, 224, 224]))
    hooks = [m.register_forward_hook(lambda m, _, y: layers.append(m) if getattr(y, 'ndim', 0) == 4 and y.shape[-1] > 1
                                     else None) for m in model.modules() if not list(m.children())]
    model(x)
    for hook in hooks:
        hook.remove()
    if not layers:
        return None
    cam = GradCAM(model=model, target_layers=[layers[-1]])
    return lambda: best(lambda: cam(input_tensor=x, targets=None), options.runs)


# Name, what must be importable, whether it computes a whole map (and not only the scores).
CONTESTANTS = [
    (gradcam, [], True), (onnxruntime, ['onnxruntime'], False), (openvino, ['openvino'], False),
    (ncnn, ['ncnn'], False), (pytorch_grad_cam, ['torch', 'torchvision', 'pytorch_grad_cam'], True),
]
HAVE_BF16 = [gradcam, openvino]


def importable(modules):
    try:
        for module in modules:
            importlib.import_module(module)
    except Exception:
        return False
    return True


def machine():
    name, flags = platform.processor() or platform.machine(), []
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            fields = dict(line.split(':', 1) for line in file.read().split('\n\n')[0].split('\n') if ':' in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        name = fields.get('model name', name)
        flags = [f for f in fields.get('flags', '').split() if f in (
            'avx2', 'fma', 'f16c', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8')]
    except OSError:
        pass
    load = '%.1f' % os.getloadavg()[0]
    return f'{name}, {os.cpu_count()} processors, {" ".join(flags)}; load {load} at the start'


def prepare(path, contestants, options):
    calls = {}
    for run, _, _ in contestants:
        try:
            calls[run.__name__] = run(path, options)
        except Exception as error:
            print(f'{run.__name__} leaves out {os.path.basename(path)}: {str(error).splitlines()[0]}', file=sys.stderr)
    return {name: call for name, call in calls.items() if call}


def compare(path, contestants, options):
    calls = prepare(path, contestants, options)
    times = {name: float('inf') for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            times[name] = min(times[name], call())
    forwards = [times[run.__name__] for run, _, whole in contestants if not whole and run.__name__ in times]
    own = times.get('gradcam')
    row = [os.path.splitext(os.path.basename(path))[0]]
    row += ['%.1f' % times[run.__name__] if run.__name__ in times else '' for run, _, _ in contestants]
    row.append('%.2f' % (own / min(forwards)) if own and forwards else '')
    print('| ' + ' | '.join(row) + ' |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='+', metavar='DIRECTORY|MODEL.onnx')
    parser.add_argument('--gradcam', default='build/bin/gradcam')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--precision', choices=['f32', 'bf16'], default='f32')
    parser.add_argument('--runs', type=int, default=10, help='runs of each contestant in a round')
    options = parser.parse_args()
    paths = []
    for entry in options.models:
        paths += sorted(os.path.join(entry, f) for f in os.listdir(entry) if f.endswith('.onnx')) \
            if os.path.isdir(entry) else [entry]
    contestants = [c for c in CONTESTANTS if importable(c[1]) and (options.precision == 'f32' or c[0] in HAVE_BF16)]
    print(f'{machine()}; threads {options.threads}, {options.precision}. '
          f'Milliseconds, the least of {options.rounds} rounds.\n')
    print('| network | ' + ' | '.join(run.__name__ + (' map' if whole else ' forward') for run, _, whole in contestants)
          + ' | gradcam / best forward |')
    print('|---|' + '---:|' * (len(contestants) + 1))
    with tempfile.TemporaryDirectory() as options.scratch:
        for path in paths:
            compare(path, contestants, options)


if __name__ == '__main__':
    main()
