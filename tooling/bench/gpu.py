"""The same steps in PyTorch on an NVIDIA GPU, channels-last: one line of JSON."""
import json, os, statistics, sys, time, torch
from step import convnet, loss_of, resnet18

torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True
quick = os.environ.get('SELFSUP_QUICK') == '1'
device = 'cuda' if torch.cuda.is_available() else 'cpu'


def speed_of(net, mixed=False, compiled=False, images=512):
    """Images per second, the median over some runs of steps; only the loss of each run's last step is read."""
    net = net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), 0.06, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(images, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    forward = torch.compile(net) if compiled else net
    speeds, steps = [], 2 if quick else 20
    for _ in range(2 if quick else 6):
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast(device, torch.bfloat16, enabled=mixed):
                z = forward(x)
            loss = loss_of(z.float())
            loss.backward()
            optimizer.step()
        loss.item()
        speeds.append(images * steps / (time.perf_counter() - start))
    return statistics.median(speeds[1:])


rows = []
for way, settings in {'float32': {}, 'bfloat16': {'mixed': True}, 'float32, by torch.compile': {'compiled': True}, 'bfloat16, by torch.compile': {'mixed': True, 'compiled': True}}.items():
    for name, network in {'ResNet-18': resnet18, 'ConvNet': convnet}.items():
        try:
            rows.append({'case': f'{name}, {way}', 'value': speed_of(network(), **settings), 'unit': 'images/s'})
        except Exception as error:
            print(name, way, error, file=sys.stderr)
print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}'}))
