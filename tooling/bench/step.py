"""The same steps in PyTorch, channels-last: eager, with torch.compile, and in bfloat16 with autocast. Prints one line of JSON."""
import json, os, resource, subprocess, sys, time, torch
import torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(os.cpu_count())


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        same = stride == 1 and i == o
        self.sc = nn.Identity() if same else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.sc(x))


def pooled(layers, features):
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 512), nn.ReLU(), nn.Linear(512, 128)]
    return nn.Sequential(*layers, *head).to(memory_format=torch.channels_last)


def resnet18():
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return pooled(stem + [Block(*w) for w in widths], 512)


def convnet():
    layers, c = [], 3
    for width, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        layers += [nn.Conv2d(c, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        c = width
    return pooled(layers, 256)


def loss_of(z, t=0.5):
    z = F.normalize(z)
    s = z @ z.T / t
    s.fill_diagonal_(-1e9)
    n = len(z) // 2
    return F.cross_entropy(s, torch.arange(2 * n, device=z.device).roll(n))


def speed_of(net, images, compiled=False, mixed=False):
    """Images per second of the fastest step; the first two steps are for warm-up."""
    optimizer = torch.optim.SGD(net.parameters(), 0.06, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(images, 3, 32, 32).to(memory_format=torch.channels_last)
    forward = torch.compile(net) if compiled else net
    times = []
    for _ in range(4 if os.environ.get('SELFSUP_QUICK') else 8):
        start = time.time()
        optimizer.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=mixed):
            z = forward(x)
        loss = loss_of(z.float())
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.time() - start)
    return images / min(times[2:])


def mixed_precision_is_fast():
    """Whether ours uses bfloat16 by default on this processor."""
    if not os.path.exists('/proc/cpuinfo'):
        return False
    with open('/proc/cpuinfo') as file:
        flags = file.read().split()
    return 'avx512_bf16' in flags or 'amx_bf16' in flags


if __name__ == '__main__':
    if sys.argv[1:] == ['compiled']:
        print(json.dumps(speed_of(resnet18(), 256, compiled=True)))
        sys.exit()
    rows = [{'case': 'ResNet-18, against PyTorch eager', 'value': speed_of(resnet18(), 256), 'unit': 'images/s'}]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # In a separate process, whose memory does not count here. torch.compile needs a C++ compiler.
    child = subprocess.run([sys.executable, __file__, 'compiled'], capture_output=True, text=True)
    if child.returncode == 0:
        rows.append({'case': 'ResNet-18, against torch.compile', 'value': json.loads(child.stdout.splitlines()[-1]), 'unit': 'images/s'})
    rows.append({'case': 'peak memory, against PyTorch eager', 'value': memory, 'unit': 'MB'})
    rows.append({'case': 'ConvNet, against PyTorch eager', 'value': speed_of(convnet(), 512), 'unit': 'images/s'})
    if mixed_precision_is_fast():
        rows.append({'case': 'ResNet-18, against PyTorch autocast', 'value': speed_of(resnet18(), 256, mixed=True), 'unit': 'images/s'})
        rows.append({'case': 'ConvNet, against PyTorch autocast', 'value': speed_of(convnet(), 512, mixed=True), 'unit': 'images/s'})
    print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}'}))
