"""Operations of kernel-cases.mjs in PyTorch on the processor: one line of JSON."""
import json, os, time, torch
from torch.nn import functional as F

QUICK = bool(os.environ.get('SELFSUP_QUICK'))
torch.manual_seed(1)
noise = lambda *shape: torch.randn(*shape)
last = lambda *shape: noise(*shape).to(memory_format=torch.channels_last)
x, weight = last(16, 32, 16, 16), last(32, 32, 3, 3)
a, b, gamma, beta = noise(256, 256), noise(256, 256), noise(32), noise(32)
z1, z2, keys = noise(128, 64), noise(128, 64), noise(1024, 64)
weights = [torch.nn.Parameter(noise(9216 if i % 2 == 0 else 64)) for i in range(20)]
averages = [noise(w.numel()) for w in weights]
for w in weights:
    w.grad = noise(w.numel())


def gradients(operation, inputs):
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = operation(*inputs)
    return torch.autograd.grad(y, inputs, torch.ones_like(y))


def nt_xent(z1, z2):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = (z @ z.T / 0.5).masked_fill(torch.eye(256, dtype=torch.bool), -1e30)
    return F.cross_entropy(logits, (torch.arange(256) + 128) % 256)


def standardised(z):
    return F.batch_norm(z, None, None, training=True)


def step(optimizer):
    return lambda: optimizer.step()


convolution = lambda x, w: F.conv2d(x, w, padding=1)
norm = lambda x, gamma, beta: F.relu(F.batch_norm(x, None, None, gamma, beta, training=True))
cases = {
    'convolution, 16 x 16 x 16 x 32 by 3 x 3 x 32 x 32': lambda: convolution(x, weight),
    'its gradients': lambda: gradients(convolution, [x, weight]),
    'product of 256 x 256': lambda: a @ b,
    'product of 256 x 256, the first transposed': lambda: a.T @ b,
    'batch normalisation with ReLU, 4096 x 32': lambda: norm(x, gamma, beta),
    'batch normalisation with ReLU and its gradients': lambda: gradients(norm, [x, gamma, beta]),
    'NT-Xent of 128 pairs with gradients': lambda: gradients(nt_xent, [z1, z2]),
    'standardised cross-correlation, 128 x 64': lambda: standardised(z1).T @ standardised(z2),
    'the 20 largest of 128 x 1024 products of 64 values': lambda: torch.topk(z1 @ keys.T, 20),
    '65,536 normal numbers': lambda: torch.randn(65_536),
    'SGD with momentum, 20 variables': step(torch.optim.SGD(weights, 0.1, momentum=0.9, weight_decay=1e-4)),
    'AdamW, 20 variables': step(torch.optim.AdamW(weights, 0.1, weight_decay=1e-4)),
    'moving averages of 20 variables': lambda: torch._foreach_lerp_(averages, [w.data for w in weights], 0.01),
    'mean over 4096 x 32': lambda: x.mean((0, 2, 3)),
    'cumulative sums of 256 x 256': lambda: torch.cumsum(a, 1),
}
rows = []
for name, run in cases.items():
    times = []
    for _ in range(4 if QUICK else 12):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    times = sorted(times[1:])
    rows.append({'case': name, 'value': times[len(times) // 2], 'unit': 'ms'})
print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}'}))
