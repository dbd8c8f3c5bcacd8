"""SimCLR steps with ResNet-18 in PyTorch, channels-last: python gpu-check.py float32|bfloat16 eager|compile. One line of JSON.

Views are made on the device in batched passes: one grid_sample for crop and flip, colours by one matrix per image.
"""
import json, math, os, statistics, sys, time, torch
import torch.nn.functional as F
from step import convnet, loss_of, resnet18

precision, how = sys.argv[1:3]
dry = os.environ.get('SELFSUP_DRY') == '1'
device = 'cuda' if torch.cuda.is_available() and not dry else 'cpu'
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True
images, steps, runs = (8, 2, 2) if dry else (512, 20, 5)


def views(x):
    """Random resized crops, flips, jitter of brightness, contrast, saturation and hue, and grey images. x: uint8 [n, h, w, 3]."""
    n, d = len(x), x.device
    x = x.permute(0, 3, 1, 2).to(torch.float32).div(255)
    area = torch.empty(n, device=d).uniform_(0.08, 1).sqrt()
    ratio = torch.empty(n, device=d).uniform_(math.log(3 / 4), math.log(4 / 3)).exp().sqrt()
    w, h = (area * ratio).clamp(max=1), (area / ratio).clamp(max=1)
    cx, cy = (torch.rand(n, device=d) * 2 - 1) * (1 - w), (torch.rand(n, device=d) * 2 - 1) * (1 - h)
    flip = torch.where(torch.rand(n, device=d) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(w)
    theta = torch.stack([torch.stack([w * flip, zero, cx], 1), torch.stack([zero, h, cy], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
    jitter = (torch.rand(n, 1, 1, 1, device=d) < 0.8).float()
    factor = lambda s: 1 + jitter * (torch.rand(n, 1, 1, 1, device=d) * 2 - 1) * s
    x = (x * factor(0.4)).clamp(0, 1)
    grey = lambda v: (v * torch.tensor([0.299, 0.587, 0.114], device=d).view(1, 3, 1, 1)).sum(1, keepdim=True)
    mean = grey(x).mean((2, 3), keepdim=True)
    x = ((x - mean) * factor(0.4) + mean).clamp(0, 1)
    g = grey(x)
    x = (g + (x - g) * factor(0.4)).clamp(0, 1)
    angle = jitter.view(n) * (torch.rand(n, device=d) * 2 - 1) * 0.1 * 2 * math.pi
    c, s = angle.cos(), angle.sin()
    one = torch.ones_like(c)
    to = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]], device=d)
    turn = torch.stack([torch.stack([one, 0 * c, 0 * c], 1), torch.stack([0 * c, c, -s], 1), torch.stack([0 * c, s, c], 1)], 1)
    x = torch.einsum('nij,njhw->nihw', torch.linalg.inv(to) @ turn @ to, x).clamp(0, 1)
    x = torch.where(torch.rand(n, 1, 1, 1, device=d) < 0.2, grey(x).expand_as(x), x)
    return ((x - 0.45) / 0.225).to(memory_format=torch.channels_last)


net = (convnet() if dry else resnet18()).to(device)
optimizer = torch.optim.SGD(net.parameters(), 0.06, momentum=0.9, weight_decay=5e-4)
pixels = torch.randint(0, 256, (images, 32, 32, 3), dtype=torch.uint8, device=device)
forward = torch.compile(net) if how == 'compile' else net


def step(x):
    optimizer.zero_grad()
    with torch.autocast(device, torch.bfloat16, enabled=precision == 'bfloat16'):
        z = forward(x)
    loss = loss_of(z.float())
    loss.backward()
    optimizer.step()
    return loss


def speed(make):
    speeds = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(steps):
            loss = step(make())
        loss.item()
        speeds.append(images * steps / (time.perf_counter() - start))
    return statistics.median(speeds[1:])


start = time.perf_counter()
fixed = torch.cat([views(pixels), views(pixels)]).to(memory_format=torch.channels_last)
step(fixed).item()
rows = [
    {'case': 'first step', 'value': time.perf_counter() - start, 'unit': 's'},
    {'case': 'speed without views', 'value': speed(lambda: fixed), 'unit': 'images/s'},
    {'case': 'speed with views', 'value': speed(lambda: torch.cat([views(pixels), views(pixels)])), 'unit': 'images/s'},
]
print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}'}))
