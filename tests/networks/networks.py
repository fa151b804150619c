#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# How many of the architectures that people use are read, and are exact: torchvision's, timm's and transformers', small
# ones of each family, with seeded weights, exported to ONNX by PyTorch, and those of keras.applications, exported by
# tf2onnx where TensorFlow is at hand.
#
#     networks.py DIR [--gradcam PROGRAM] [--reference onnxref.py] [--only WORD] [--limit N] [--again] [--table FILE]
#     networks.py DIR [--gradcam PROGRAM] [--only WORD] --layers layers.txt [--write]
#
# The second form looks at nothing but the automatic layer of each, which is to be that of the table: lines of a network
# and a tensor, or several that will do. --write makes the table anew, to be looked through by someone who knows the
# networks: pytorch-grad-cam's README says what its users point at.
#
# For each: the logits of the exported file by ONNX Runtime against `gradcam explain --scores`; where the
# reference (an ONNX file in torch, with gradients in double) is at hand, also the Grad-CAM of the best class at the
# automatic layer and at one halfway, against `--map`. DIR holds one line of JSON for each network that is done, so
# that a run that was stopped goes on; files are removed as soon as they are compared. Needs torch, torchvision, timm,
# transformers, onnx, onnxscript, onnxruntime.
#
# A row ends as
#     exact     logits within 1e-4 of their range, both maps within 1e-3 of their maximum; or, where the network is
#               chaotic (a ReLU or a maximum that rounding turns over), no further from the reference in double than 4
#               times what that itself moves by where the picture is changed by parts in a million, or torch in float32
#     logits    logits exact; a map could not be compared, with the reason
#     refused   gradcam says why it does not read it
#     wrong     a difference: the only one that is a fault by itself
#     no file   it cannot be exported
import argparse, contextlib, importlib.util, json, os, pathlib, re, subprocess, sys, time, traceback, warnings

import numpy as np

import keras_networks

SEED = 20161007
LOGITS, MAPS, CHAOS, NEARBY = 1e-4, 1e-3, 4, 16

# Families of torchvision, the smallest of each.
TORCHVISION = """alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 maxvit_t
mnasnet0_5 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet50
resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11 vgg16_bn vit_b_32
wide_resnet50_2""".split()

# Families of transformers: configuration, and what makes it small.
TRANSFORMERS = {
    "ViT": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "DeiT": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "Beit": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "Data2VecVision": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "ViTMSN": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "IJepa": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192),
    "Dinov2": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, image_size=224),
    "Dinov2WithRegisters": dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, image_size=224),
    "Siglip": None,
    "CLIP": None,
    "Swin": dict(embed_dim=24, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8]),
    "Swinv2": dict(embed_dim=24, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8]),
    "ConvNext": dict(hidden_sizes=[24, 48, 96, 192], depths=[1, 1, 2, 1]),
    "ConvNextV2": dict(hidden_sizes=[24, 48, 96, 192], depths=[1, 1, 2, 1]),
    "ResNet": dict(embedding_size=16, hidden_sizes=[32, 64, 96, 128], depths=[1, 1, 1, 1]),
    "RegNet": dict(embedding_size=16, hidden_sizes=[32, 64, 96, 128], depths=[1, 1, 1, 1], groups_width=16),
    "Bit": dict(depths=[1, 1, 1, 1]),
    "MobileNetV1": dict(), "MobileNetV2": dict(), "MobileViT": dict(), "MobileViTV2": dict(),
    "EfficientNet": dict(width_coefficient=0.5, depth_coefficient=0.5, hidden_dim=640),
    "Segformer": dict(hidden_sizes=[16, 32, 64, 96], depths=[1, 1, 1, 1]),
    "Pvt": dict(hidden_sizes=[16, 32, 80, 96], depths=[1, 1, 1, 1]),
    "PvtV2": dict(hidden_sizes=[16, 32, 80, 96], depths=[1, 1, 1, 1]),
    "PoolFormer": dict(hidden_sizes=[16, 32, 64, 96], depths=[1, 1, 1, 1]),
    "Levit": dict(), "Cvt": dict(),
    "FocalNet": dict(embed_dim=24, depths=[1, 1, 2, 1]),
    "SwiftFormer": dict(), "TextNet": dict(), "HGNetV2": dict(), "Hiera": dict(embed_dim=32, depths=[1, 1, 2, 1]),
}
CLASSES = 20


def timm_names():
    """The two smallest networks of each of timm's modules, of different families where there are two."""
    import timm
    from timm.models import list_modules, list_models
    names = []
    for module in list_modules():
        sized = []
        for name in list_models(module=module):
            config = timm.models.get_pretrained_cfg(name)
            size = config.input_size if config else (3, 224, 224)
            if size[0] != 3 or size[1] > 384:
                continue
            sized.append((name, size[1]))
        rank = {}
        for name, size in sized:
            with torch_meta():
                try:
                    parameters = sum(p.numel() for p in timm.create_model(name, num_classes=CLASSES).parameters())
                except Exception:
                    continue
            if parameters < 40e6:
                rank[name] = parameters
        chosen = []
        for name in sorted(rank, key=rank.get):
            family = re.split(r"[_\d]", name)[0]
            if family not in [f for f, _ in chosen]:
                chosen.append((family, name))
            if len(chosen) == 2:
                break
        names += [n for _, n in chosen]
    return names


def torch_meta():
    import torch
    return torch.device("meta")


def make(name):
    """The network of a row, with its input's height and width."""
    import torch
    kind, _, model = name.partition(":")
    torch.manual_seed(SEED)
    if kind == "torchvision":
        import torchvision
        more = dict(aux_logits=False, init_weights=True) if model in ("googlenet", "inception_v3") else {}
        size = 299 if model == "inception_v3" else 224
        return getattr(torchvision.models, model)(weights=None, num_classes=CLASSES, **more), size
    if kind == "timm":
        import timm
        network = timm.create_model(model, num_classes=CLASSES, exportable=True)
        return network, network.default_cfg.get("input_size", (3, 224, 224))[1]
    import transformers
    config = getattr(transformers, model + "Config")
    size = 224
    if TRANSFORMERS[model] is None:
        small = dict(hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=192)
        config = config(vision_config=small, num_labels=CLASSES)
    else:
        config = config(num_labels=CLASSES, **TRANSFORMERS[model])
    inner = getattr(transformers, model + "ForImageClassification")(config)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x).logits
    return Logits(), size


def settle(network, size):
    """Weights that are all alike (zero heads, layer scales of 1e-6) get values, batch norms the statistics of noise."""
    import torch
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > 1 and parameter.is_floating_point() and float(parameter.std()) < 1e-3:
                base = float(parameter.mean()) if abs(float(parameter.mean())) > 0.01 else 0.1
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(base + 0.1 * noise if parameter.dim() > 1 or base > 0.2 else base + 0.05 * noise)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            network(torch.from_numpy(np.concatenate([picture(size, k) for k in range(4)])))
    network.eval()
    return network


def picture(size, seed=0):
    """Smooth noise and an edge, of mean 0 and deviation about 1: 1 x 3 x size x size."""
    draw = np.random.default_rng(SEED + seed)
    total = np.zeros((3, size, size))
    for cells in (4, 16, 64):
        coarse = draw.standard_normal((3, cells, cells))
        index = np.arange(size) * cells // size
        total += coarse[:, index][:, :, index]
    total[:, : size // 2, size // 3: size // 2] += 1.5
    return (total / total.std()).astype(np.float32)[None]


@contextlib.contextmanager
def quiet():
    """Nothing of what exporters say, which is by the megabyte, reaches the terminal."""
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)
        [os.close(f) for f in kept + [nowhere]]


def export(network, x, path):
    """Writes the network as ONNX, by PyTorch's exporter of long standing, else by its newer one."""
    import torch
    with quiet():
        for opset in (17, 18):
            try:
                torch.onnx.export(network, (torch.from_numpy(x),), path, dynamo=False, opset_version=opset,
                                  input_names=["image"], output_names=["logits"])
                return
            except Exception as error:
                first = error
        try:
            torch.onnx.export(network, (torch.from_numpy(x),), path, dynamo=True, opset_version=18, verbose=False,
                              external_data=False, input_names=["image"], output_names=["logits"])
        except Exception:
            raise first


def write(name, file):
    """Exports the network of a row, ready to be compared; returns the picture for it."""
    kind, _, model = name.partition(":")
    if kind == "keras":
        array = file + ".npy"
        np.save(array, np.concatenate([picture(keras_networks.size(model), k) for k in range(4)]))
        run(sys.executable, keras_networks.__file__, model, file, array, str(CLASSES), str(SEED))
        return np.load(array)[:1]
    network, size = make(name)
    x = picture(size)
    export(settle(network, size), x, file)
    return x


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=600)
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["status %d" % done.returncode]
        raise Refused(told[-1 if program == sys.executable else 0][:300])
    return done.stdout


class Refused(Exception):
    pass


def to_grid(tensor, height, width):
    """A layer's tensor as channels x height x width: NCHW, NHWC, or tokens with others before the patches."""
    tensor = tensor[0]
    if tensor.dim() == 3 and tensor.shape[0] == 1 and tensor.shape[1] == height * width:
        tensor = tensor[0]
    if tensor.dim() == 3 and tuple(tensor.shape[1:]) == (height, width):
        return tensor
    if tensor.dim() == 3 and tuple(tensor.shape[:2]) == (height, width):
        return tensor.permute(2, 0, 1)
    if tensor.dim() == 2 and tensor.shape[0] >= height * width:
        return tensor[-height * width:].reshape(height, width, -1).permute(2, 0, 1)
    return None


def reference_values(reference, file, x, name, logits, top, shape, kind):
    """The reference's logits and Grad-CAM (before its ReLU) at a layer in one precision; ValueError says why not."""
    import torch
    reference.dtype(kind)
    network = reference.Ref(file)
    values = network.run({network.inputs[0].name: torch.from_numpy(x).to(kind).requires_grad_(True)})
    tensor = values.get(name)
    if tensor is None or not tensor.requires_grad:
        raise ValueError("the reference has no tensor %s" % name)
    y = values[logits].reshape(-1)
    gradient, = torch.autograd.grad(y[top], tensor, allow_unused=True)
    if gradient is None:
        raise ValueError("the score does not depend on %s" % name)
    a, g = to_grid(tensor.detach(), *shape), to_grid(gradient, *shape)
    if a is None:
        raise ValueError("%s is %s in the file, %d x %d here" % (name, list(tensor.shape), *shape))
    return y.detach().double().numpy(), (g.mean((1, 2))[:, None, None] * a).sum(0).double().numpy()


def relative(ours, exact):
    """Largest difference of two maps after their ReLU, by the exact one's maximum; of what was negative, its size."""
    scale = max(exact.max(), 1e-3 * np.abs(exact).max(), 1e-30)
    return float(np.abs(np.maximum(ours, 0) - np.maximum(exact, 0)).max() / scale)


def compare_map(reference, file, x, layer, logits, top):
    """Distance of the map at a layer from the reference in double; and, where it is not within MAPS, what rounding
    alone makes of the reference: its distance in float32, or in double of pictures a few millionths away, the largest
    of all until one explains ours; else None."""
    import torch
    ours = np.load(layer["map"])
    ask = lambda kind, picture: reference_values(reference, file, picture, layer["name"], logits, top, ours.shape,
                                                 kind)[1]
    exact = ask(torch.float64, x)
    distance, chaos = relative(ours, exact), None
    if distance > MAPS:
        chaos = relative(ask(torch.float32, x), exact)
        draw = np.random.default_rng(SEED)
        for _ in range(NEARBY):
            if distance <= CHAOS * chaos:
                break
            nearby = x * (1 + 4e-6 * draw.standard_normal(x.shape))
            chaos = max(chaos, relative(ask(torch.float64, nearby), exact))
    return distance, chaos


def compare_logits(reference, file, x, layer, logits, ours, theirs):
    """Distances of our logits and of ONNX Runtime's from the reference in double, by their range."""
    import torch
    shape = np.load(layer["map"]).shape
    exact = reference_values(reference, file, x, layer["name"], logits, 0, shape, torch.float64)[0]
    return [float(np.abs(y - exact).max() / max(np.ptp(exact), 1e-6)) for y in (ours, theirs)]


def check(name, args, reference):
    import onnxruntime
    row = dict(name=name)
    file = str(args.dir / "network.onnx")
    began = time.time()
    try:
        x = write(name, file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(file, options)
        expected = session.run(None, {session.get_inputs()[0].name: x})[0].reshape(-1)
    except Exception as error:
        return dict(row, result="no file", why=(str(error).strip().splitlines() or [type(error).__name__])[0][:200])
    row["export_s"] = round(time.time() - began, 1)
    array, scores = str(args.dir / "x.npy"), str(args.dir / "scores.npy")
    np.save(array, x)
    try:
        began = time.time()
        layers = json.loads(run(args.gradcam, "layers", file, "--json"))
        row["open_s"] = round(time.time() - began, 2)
        automatic = next(k for k, l in enumerate(layers) if l["auto"])
        chosen = [layers[automatic], layers[max(automatic // 2, 1)]]
        row["layer"], row["at"] = chosen[0]["name"], "%d of %d" % (automatic, len(layers))
        row["shape"] = [chosen[0].get(k) for k in ("channels", "height", "width")]
        top = int(expected.argmax())
        for k, layer in enumerate(chosen):
            layer["map"] = str(args.dir / ("map%d.npy" % k))
            run(args.gradcam, "explain", array, "-m", file, "-c", str(top), "--labels", "none", "-l", layer["name"],
                "--map", layer["map"], "--scores", scores)
        ours = np.load(scores).reshape(-1)
    except Refused as error:
        return dict(row, result="refused", why=str(error))
    except Exception as error:
        return dict(row, result="wrong", why="%s: %s" % (type(error).__name__, str(error)[:200]))
    if ours.shape != expected.shape:
        return dict(row, result="wrong", why="%d scores, not %d" % (ours.size, expected.size))
    row["logits"] = float(np.abs(ours - expected).max() / max(np.ptp(expected), 1e-6))
    return dict(row, **judge(row, args, reference, file, x, chosen, session.get_outputs()[0].name, ours, expected, top))


def judge(row, args, reference, file, x, chosen, logits, ours, expected, top):
    """The result of a row whose logits and maps are there, and why."""
    faults, notes = [], []
    if not row["logits"] <= LOGITS:
        mine = theirs = None
        if reference:
            mine, theirs = compare_logits(reference, file, x, chosen[0], logits, ours, expected)
        told = "logits are %.1e of their range from ONNX Runtime's" % row["logits"]
        told += ", %.1e from the exact ones, where those are %.1e" % (mine, theirs) if reference else ""
        (notes if reference and mine <= CHAOS * theirs else faults).append(told)
    unknown = [] if reference else ["no reference for maps"]
    row["maps"] = []
    for layer in chosen if reference else []:
        try:
            distance, chaos = compare_map(reference, file, x, layer, logits, top)
        except Exception as error:
            row["maps"].append(None)
            unknown.append("the reference: %s" % str(error)[:120])
            continue
        row["maps"].append(distance)
        if chaos is not None:
            told = "%s: map is %.1e from the exact one, rounding moves that by %.1e" % (layer["name"], distance, chaos)
            (notes if distance <= CHAOS * chaos else faults).append(told)
    why = "; ".join(faults + unknown + notes)
    return dict(result="wrong" if faults else "logits" if unknown else "exact", **({"why": why} if why else {}))


def check_layers(names, args):
    """One line of TAP for each network; the number of layers that are not the table's."""
    wanted = {}
    if not args.write:
        wanted = dict(line.split(None, 1) for line in args.layers.read_text().splitlines() if line[:1] not in "#")
    file, lines, wrong = str(args.dir / "network.onnx"), [], 0
    for name in names:
        if not args.write and name not in wanted:
            continue
        try:
            write(name, file)
            layer = json.loads(run(args.gradcam, "info", file, "--labels", "none", "--json"))["layer"]
        except Exception as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            print("skip - %s: %s" % (name, told), flush=True)
            continue
        lines.append("%s %s" % (name, layer))
        good = args.write or layer in wanted[name].split()
        wrong += not good
        print("ok - " + name if good else "not ok - %s: %s, not %s" % (name, layer, wanted[name]), flush=True)
    if args.write:
        head = [line for line in args.layers.read_text().splitlines() if line[:1] == "#"]
        args.layers.write_text("\n".join(head + sorted(lines)) + "\n")
    return wrong


def table(rows):
    count = lambda *r: sum(row["result"] in r for row in rows)
    files = [r for r in rows if r["result"] != "no file"]
    read = count("exact", "logits", "wrong")
    lines = ["%d architectures, %d exported; of these %d read (%.1f %%), %d exact in logits and both maps, %d in logits"
             " alone, %d wrong, %d refused." % (len(rows), len(files), read, 100 * read / max(len(files), 1),
                                                 count("exact"), count("logits"), count("wrong"), count("refused")), "",
             "| network | | logits | map | map halfway | automatic layer | why |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row["name"], row["result"], "%.0e" % row["logits"] if "logits" in row else ""]
        cells += ["%.0e" % m if m is not None else "" for m in row.get("maps", [None, None])]
        cells += ["%s (%s)" % (row["layer"], row["at"]) if "layer" in row else "", row.get("why", "")]
        lines.append("| " + " | ".join(c.replace("|", "/") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="How many architectures are read, and are exact.")
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--gradcam", default="build/bin/gradcam")
    parser.add_argument("--reference", help="onnxref.py: an ONNX file in torch, with gradients")
    parser.add_argument("--only", default="", help="names that contain this word")
    parser.add_argument("--limit", type=int, default=10000)
    parser.add_argument("--again", default="", help="results to forget first, such as wrong,refused")
    parser.add_argument("--table", type=pathlib.Path, help="write the table, in Markdown")
    parser.add_argument("--layers", type=pathlib.Path, help="a table: look at automatic layers only")
    parser.add_argument("--write", action="store_true", help="write that table")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    reference = None
    if args.reference:
        spec = importlib.util.spec_from_file_location("reference", args.reference)
        reference = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reference)
    cache = args.dir / "timm.txt"
    if not cache.exists():
        cache.write_text("\n".join(timm_names()))
    names = ["torchvision:" + n for n in TORCHVISION] + ["timm:" + n for n in cache.read_text().split()]
    names += ["transformers:" + n for n in TRANSFORMERS]
    names += ["keras:" + n for n in keras_networks.NETWORKS if importlib.util.find_spec("tf2onnx")]
    if args.layers:
        return check_layers([n for n in names if args.only in n], args) > 0
    journal = args.dir / "journal.jsonl"
    rows = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    rows = [r for r in rows if r["result"] not in args.again.split(",") or args.only not in r["name"]]
    journal.write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = {r["name"] for r in rows}
    for name in [n for n in names if n not in done and args.only in n][: args.limit]:
        try:
            row = check(name, args, reference)
        except Exception:
            row = dict(name=name, result="wrong", why=traceback.format_exc().strip().splitlines()[-1][:200])
        rows.append(row)
        with journal.open("a") as out:
            out.write(json.dumps(row) + "\n")
        print(row["result"], name, row.get("why", ""), flush=True)
    for left in args.dir.glob("network.onnx*"):
        left.unlink()
    rows.sort(key=lambda r: names.index(r["name"]) if r["name"] in names else len(names))
    text = table(rows)
    if args.table:
        args.table.write_text(text)
    print(text.splitlines()[0])
    return any(r["result"] == "wrong" for r in rows)


if __name__ == "__main__":
    sys.exit(main())
