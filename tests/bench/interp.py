#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far what interp=hold, linear and motion show between key frames is from a map for each frame.

    interp.py [--ffmpeg BIN] [--strides 5,10,25] MODEL CLASS CLIP [MODEL CLASS CLIP] ...

Prints a Markdown table with a row for each clip and stride: the mean distance, in pixels of the clip, of the centre of
the hotter half of what is shown from that of the frame's own map; and the mean difference of the two maps, in
thousandths of their range. MODEL is an .onnx or .bin file, or - for the built-in network. Scenes whose movement is
known are measured by tests/filter/test_interp. Not part of `make test`: it judges nothing.
"""
import argparse
import json
import os
import subprocess

INTERPS = ('hold', 'linear', 'motion')
WIDTH = 80
HERE = os.path.dirname(os.path.abspath(__file__))


def size_of(options, path):
    probe = os.path.join(os.path.dirname(options.ffmpeg), 'ffprobe')
    out = subprocess.run([probe, '-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=width,height', '-of',
                          'json', path], check=True, stdout=subprocess.PIPE).stdout
    stream = json.loads(out)['streams'][0]
    return stream['width'], stream['height']


def maps_of(options, model, name, path, interp, stride):
    """The maps of all frames, each as WIDTH x WIDTH bytes."""
    network = '' if model == '-' else f"model='{model}':labels=imagenet:"
    filters = (f"gradcam={network}class='{name}':stride={stride}:interp={interp}:output=mask,format=gray,"
               f'scale={WIDTH}:{WIDTH}:flags=area')
    data = subprocess.run([options.ffmpeg, '-v', 'error', '-nostdin', '-flags2', '+export_mvs', '-i', path, '-vf',
                           filters, '-f', 'rawvideo', '-'], check=True, stdout=subprocess.PIPE).stdout
    return [data[i:i + WIDTH * WIDTH] for i in range(0, len(data), WIDTH * WIDTH)]


def centre_of(frame):
    """In 0..1; None where all is cold."""
    weights = [(max(value - 128, 0), i) for i, value in enumerate(frame)]
    total = sum(weight for weight, _ in weights)
    if not total:
        return None
    return (sum(weight * (i % WIDTH + 0.5) for weight, i in weights) / total / WIDTH,
            sum(weight * (i // WIDTH + 0.5) for weight, i in weights) / total / WIDTH)


def compare(size, frames, own, centres):
    """Mean distance of centres and mean difference of maps."""
    far = [((x - u) ** 2 * size[0] ** 2 + (y - v) ** 2 * size[1] ** 2) ** 0.5
           for (x, y), (u, v) in ((centre_of(frame), centre) for frame, centre in zip(frames, centres)
                                  if centre and centre_of(frame))]
    total = sum(sum(abs(a - b) for a, b in zip(one, other)) for one, other in zip(frames, own))
    return sum(far) / max(len(far), 1), 1e3 * total / 255 / WIDTH / WIDTH / max(len(own), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ffmpeg', default=os.path.join(HERE, '../../build/bin/ffmpeg'))
    parser.add_argument('--strides', default='5,10,25')
    parser.add_argument('what', nargs='+', metavar='MODEL CLASS CLIP')
    options = parser.parse_args()
    if len(options.what) % 3:
        parser.error('MODEL, CLASS and CLIP go together')
    print('| clip | stride |' + ''.join(f' {name}, px |' for name in INTERPS) +
          ''.join(f' {name} |' for name in INTERPS))
    print('|---|' + '---:|' * (1 + 2 * len(INTERPS)))
    for i in range(0, len(options.what), 3):
        model, name, path = options.what[i:i + 3]
        own = maps_of(options, model, name, path, 'hold', 1)
        centres = [centre_of(frame) for frame in own]
        for stride in map(int, options.strides.split(',')):
            found = [compare(size_of(options, path), maps_of(options, model, name, path, interp, stride), own, centres)
                     for interp in INTERPS]
            print(f'| {os.path.basename(path)} | {stride} |' + ''.join(f' {px:.1f} |' for px, _ in found) +
                  ''.join(f' {part:.1f} |' for _, part in found), flush=True)


if __name__ == '__main__':
    main()
