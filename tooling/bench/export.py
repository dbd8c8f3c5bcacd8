"""Opens the models that export.mjs wrote in onnxruntime, torchvision and timm, and reports how far their features differ.

The differences are relative to the largest feature, in millionths.
"""
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import timm
import torch
import torchvision
from safetensors.torch import load_file

folder = Path(__file__).parents[2] / ".cache" / "bench-export"
found = json.loads((folder / "cases.json").read_text())
mean, std = (torch.tensor(found["normalisation"][key]).view(3, 1, 1) for key in ("mean", "std"))
rows = []


def difference(features, wanted):
    return 1e6 * float(np.abs(features - wanted).max() / np.abs(wanted).max())


def torch_network(name, names, size, weights):
    """torchvision's or timm's network with the exported weights; every weight must fit."""
    if names == "timm":
        patch = 4 if size <= 64 else 16
        kind = {"vit-tiny": "vit_tiny_patch16_224", "vit-small": "vit_small_patch16_224"}[name]
        network = timm.create_model(kind, num_classes=0, img_size=size, patch_size=patch)
    else:
        network = getattr(torchvision.models, name)()
        if size <= 64:
            network.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
            network.maxpool = torch.nn.Identity()
        network.fc = torch.nn.Identity()
    network.load_state_dict(weights, strict=True)
    return network.eval()


for case in found["cases"]:
    name, size, names = case["name"], case["size"], case["names"]
    wanted = np.load(folder / f"{case['id']}.npy")
    pixels = np.load(folder / f"images-{size}.npy").reshape(-1, size, size, 3)
    floats = (pixels / 255).transpose(0, 3, 1, 2).astype(np.float32)
    for kind, images in (("uint8", pixels.astype(np.uint8)), ("float", floats)):
        path = str(folder / f"{case['id']}-{kind}.onnx")
        onnx.checker.check_model(path, full_check=True)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        (features,) = session.run(["features"], {"images": images})
        value = difference(features, wanted)
        rows.append({"case": f"{name}, {size} pixels: onnxruntime, {kind}", "value": value, "unit": "millionths"})
    if names == "own":
        continue
    network = torch_network(name, names, size, load_file(folder / f"{case['id']}.safetensors"))
    with torch.no_grad():
        features = network((torch.from_numpy(floats) - mean) / std).numpy()
    value = difference(features, wanted)
    rows.append({"case": f"{name}, {size} pixels: {names}", "value": value, "unit": "millionths"})

versions = f"onnx {onnx.__version__}, onnxruntime {ort.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
print(json.dumps({"versions": versions, "rows": rows}))
