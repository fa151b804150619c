#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much maps flicker, with and without smooth= and scale=running.

    flicker.py [--ffmpeg BIN] [--stride N] [--noise N] [--seconds N] [MODEL CLASS CLIP|PICTURE] ...

Prints a Markdown table for each clip, and for each picture, which is shown for some seconds under noise that differs
from frame to frame. In a row for each setting:

    flicker   mean over time and pixels of |M(t) - M(t - 1)|, in thousandths of the map's range
    share     of the flicker of scale=frame without smoothing
    lag       frames that maps come later than those of the same scale without smoothing: the shift at which both
              correlate best; of clips only
    level     mean of the maps, in thousandths, since what has faded to nothing does not flicker either

Maps are what output=mask shows, at 64 columns. MODEL is an .onnx or .bin file, or - for the built-in network; without
arguments, that on the demo picture. Not part of `make test`: it judges nothing.
"""
import argparse
import os
import subprocess

SETTINGS = [(scale, smooth) for scale in ('frame', 'running') for smooth in (0, 0.2, 0.5, 1)]
WIDTH, MOST_LAG, SPARSE = 64, 60, 5
HERE = os.path.dirname(os.path.abspath(__file__))
DEMO = ['-', 'star|heart|moon|flower|fish|key|arrow|bolt|cross|ring', os.path.join(HERE, '../../samples/demo.jpg')]


def is_picture(path):
    return path.lower().endswith(('.jpg', '.jpeg', '.png', '.ppm'))


def frames_of(options, model, name, path, scale, smooth):
    """The maps of all frames, each as bytes."""
    network = '' if model == '-' else f"model='{model}':labels=imagenet:"
    filters = (f"gradcam={network}class='{name}':stride={options.stride}:scale={scale}:smooth={smooth}:output=mask,"
               f'format=gray,scale={WIDTH}:{WIDTH}:flags=area')
    source = ['-i', path]
    if is_picture(path):
        source = ['-loop', '1', '-framerate', '25', '-t', str(options.seconds)] + source
        filters = f'format=yuv420p,noise=alls={options.noise}:allf=t:all_seed=1,' + filters
    command = [options.ffmpeg, '-v', 'error', '-nostdin'] + source + ['-vf', filters, '-f', 'rawvideo', '-']
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    size = WIDTH * WIDTH
    return [data[i:i + size] for i in range(0, len(data), size)]


def flicker_of(frames):
    total = sum(sum(abs(a - b) for a, b in zip(one, other)) for one, other in zip(frames, frames[1:]))
    return 1e3 * total / 255 / WIDTH / WIDTH / max(len(frames) - 1, 1)


def level_of(frames):
    return 1e3 * sum(map(sum, frames)) / 255 / WIDTH / WIDTH / len(frames)


def correlation(one, other):
    count = len(one)
    mean, mean_other = sum(one) / count, sum(other) / count
    both = sum(a * b for a, b in zip(one, other)) / count - mean * mean_other
    spread = (sum(a * a for a in one) / count - mean * mean) * (sum(b * b for b in other) / count - mean_other ** 2)
    return both / spread ** 0.5 if spread > 0 else 0


def lag_of(frames, plain):
    """By how many frames the plain ones have to come later to be most like these."""
    some = [frame[::SPARSE] for frame in frames]
    others = [frame[::SPARSE] for frame in plain]

    def likeness(lag):
        return correlation(b''.join(some[lag:]), b''.join(others[:len(others) - lag]))

    return max(range(min(MOST_LAG, len(frames) // 2)), key=likeness)


def table(options, model, name, path):
    noise = f', noise={options.noise}' if is_picture(path) else ''
    print(f'\n{os.path.basename(path)}, {os.path.basename(model)}, class={name}, stride={options.stride}{noise}\n')
    print('| scale | smooth | flicker | share | lag | level |\n|---|---:|---:|---:|---:|---:|')
    first = plain = None
    for scale, smooth in SETTINGS:
        frames = frames_of(options, model, name, path, scale, smooth)
        flicker = flicker_of(frames)
        first = first or flicker
        plain = plain if smooth else frames
        lag = '-' if is_picture(path) else lag_of(frames, plain)
        print(f'| {scale} | {smooth} | {flicker:.2f} | {flicker / first if first else 1:.2f} | {lag} | '
              f'{level_of(frames):.0f} |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ffmpeg', default=os.path.join(HERE, '../../build/bin/ffmpeg'))
    parser.add_argument('--stride', type=int, default=1)
    parser.add_argument('--noise', type=int, default=30, help='strength, as of the filter noise')
    parser.add_argument('--seconds', type=float, default=4, help='that a picture is shown')
    parser.add_argument('what', nargs='*', metavar='MODEL CLASS CLIP|PICTURE')
    options = parser.parse_args()
    if len(options.what) % 3:
        parser.error('MODEL, CLASS and CLIP or PICTURE go together')
    what = options.what or DEMO
    for i in range(0, len(what), 3):
        table(options, *what[i:i + 3])


if __name__ == '__main__':
    main()
