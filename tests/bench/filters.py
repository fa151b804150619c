#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time per 1080p frame of the gradcam filter beside FFmpeg's own copy and overlay (a whole frame with alpha), for
several pixel formats. One thread; contestants in turn in each round, the least of all rounds.

The frames come out of the loop filter, which hands out the same picture again and again, as a decoder does that still
needs it: whoever draws has to copy it first. gradcam is measured so, and in place, on frames that are its own. It
computes a single map (by the built-in network); with blend=flat all pixels are drawn on. A filter's time is the
processor time of a run with it less that of one without, and that for many frames less that for few, so that neither
the start of ffmpeg nor the network counts.

    filters.py [--ffmpeg BIN] [--frames N] [--rounds N] [--options gradcam's] [FORMAT...]
"""
import argparse
import os
import subprocess
import sys

FEW = 20
SIZE = "1920x1080"
FORMATS = ["yuv420p", "nv12", "yuv422p", "yuyv422", "yuv444p", "gray", "yuv420p10le", "p010le", "rgb24", "rgba", "gbrp",
           "yuv420p16le", "rgb48le", "rgba64le"]
# What overlay calls the formats that it draws on, and what is laid over them.
OVERLAY = {
    "yuv420p": ("yuv420", "yuva420p"), "yuv422p": ("yuv422", "yuva422p"), "yuv444p": ("yuv444", "yuva444p"),
    "yuv420p10le": ("yuv420p10", "yuva420p10le"), "rgb24": ("rgb", "rgba"), "rgba": ("rgb", "rgba"),
    "gbrp": ("gbrp", "gbrap"),
}


def cpu_time(ffmpeg, pixels, chain, frames):
    """Seconds of processor time of a run."""
    loop = "loop=loop=-1:size=1,setpts=N"
    graph = f"testsrc2=s={SIZE},format={pixels},{loop}[in];"
    if chain.startswith("overlay"):
        name, over = OVERLAY[pixels]
        graph += f"color=red@0.5:s={SIZE},format={over},{loop}[over];[in][over]overlay=format={name}[out]"
    else:
        graph += f"[in]{chain}[out]"
    command = [ffmpeg, "-v", "error", "-nostdin", "-filter_complex_threads", "1", "-filter_complex", graph,
               "-map", "[out]", "-frames:v", str(frames), "-f", "null", "-"]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.environ.get("BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
    parser.add_argument("--ffmpeg", default=os.path.join(build, "bin/ffmpeg"))
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--options", default="blend=flat")
    parser.add_argument("formats", nargs="*", default=FORMATS)
    args = parser.parse_args()
    gradcam = f"gradcam=class=0:stride=1000000:threads=1:{args.options}"

    print(f"{SIZE}, one thread, ms per frame, gradcam with {args.options}\n")
    print("| format | copy | overlay | gradcam | gradcam in place | gradcam / copy |\n|---|---|---|---|---|---|")
    for pixels in args.formats:
        chains = ["null", "copy", gradcam, f"copy,{gradcam}"] + (["overlay"] if pixels in OVERLAY else [])
        least = {}
        for _ in range(args.rounds):
            for chain in chains:
                for frames in (FEW, FEW + args.frames):
                    time = cpu_time(args.ffmpeg, pixels, chain, frames)
                    least[chain, frames] = min(time, least.get((chain, frames), time))
        ms = {chain: 1e3 * (least[chain, FEW + args.frames] - least[chain, FEW]) / args.frames for chain in chains}
        copy, ours = ms["copy"] - ms["null"], ms[gradcam] - ms["null"]
        overlay = f"{ms['overlay'] - ms['null']:.2f}" if pixels in OVERLAY else ""
        in_place = ms[f"copy,{gradcam}"] - ms["copy"]
        print(f"| {pixels} | {copy:.2f} | {overlay} | {ours:.2f} | {in_place:.2f} | {ours / copy:.1f} |", flush=True)


if __name__ == "__main__":
    main()
