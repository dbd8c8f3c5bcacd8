"""SimCLR by lightly on CIFAR-10 with a four-layer ConvNet: kNN accuracy and wall time as one line of JSON."""
import json, os, sys, time
import lightly, torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision import transforms as T
from lightly.transforms import SimCLRTransform
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead

root, epochs = os.environ['SELFSUP_CIFAR10'], 2 if os.environ.get('SELFSUP_QUICK') else 5
workers = os.cpu_count()
torch.manual_seed(1)
torch.set_num_threads(workers)


def convnet():
    layers, c = [], 3
    for width, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        layers += [nn.Conv2d(c, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


@torch.no_grad()
def features(net, split):
    net.eval()
    norm = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    loader = DataLoader(ImageFolder(f'{root}/{split}', T.Compose([T.ToTensor(), norm])), 512, num_workers=workers)
    out = [(F.normalize(net(x)), y) for x, y in loader]
    net.train()
    return torch.cat([a for a, _ in out]), torch.cat([b for _, b in out])


def knn(net, k=200, t=0.1):
    f, y = features(net, 'train')
    g, z = features(net, 'test')
    right = 0
    for q, w in zip(g.split(1000), z.split(1000)):
        s, i = (q @ f.T).topk(k)
        votes = torch.zeros(len(q), 10).scatter_add_(1, y[i], (s / t).exp())
        right += (votes.argmax(1) == w).sum().item()
    return 100 * right / len(z)


backbone = convnet().to(memory_format=torch.channels_last)
head = SimCLRProjectionHead(256, 512, 128)
start = time.time()
data = ImageFolder(f'{root}/train', SimCLRTransform(input_size=32, gaussian_blur=0.0))
loader = DataLoader(data, 256, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True)
opt = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.06, momentum=0.9, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs * len(loader))
loss_of = NTXentLoss(0.5)
for e in range(epochs):
    total = 0.0
    for (x0, x1), *_ in loader:
        z = head(backbone(torch.cat([x0, x1]).to(memory_format=torch.channels_last)))
        loss = loss_of(*z.chunk(2))
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item()
    print(f'epoch {e + 1} loss {total / len(loader):.4f}', file=sys.stderr)
seconds = time.time() - start
print(json.dumps({'rows': [{'case': 'kNN accuracy', 'value': knn(backbone), 'unit': '%'},
                           {'case': 'training, decoding included', 'value': seconds, 'unit': 's'}],
                  'versions': f'torch {torch.__version__}, lightly {lightly.__version__}'}))
