"""MoCo, BYOL, Barlow Twins and SimCLR with lightly on CIFAR-10 and the four-layer ConvNet, 3 epochs: kNN accuracy and time.

SELFSUP_CIFAR10=... python methods-lightly.py ['NAME, float32' 'NAME, mixed' ...] (mixed: with autocast). Run it once; the results are saved in methods-lightly.json."""
import copy, json, os, sys, time
import lightly, torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision import transforms as T
from lightly.loss import BarlowTwinsLoss, NegativeCosineSimilarity, NTXentLoss
from lightly.models.modules import (BarlowTwinsProjectionHead, BYOLPredictionHead, BYOLProjectionHead,
                                    MoCoProjectionHead, SimCLRProjectionHead)
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms import MoCoV2Transform, SimCLRTransform
from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform
from lightly.utils.scheduler import cosine_schedule

root, epochs, workers = os.environ['SELFSUP_CIFAR10'], 3, os.cpu_count()
kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'methods-lightly.json')
torch.set_num_threads(workers)


def convnet():
    layers, c = [], 3
    for width, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        layers += [nn.Conv2d(c, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to(memory_format=torch.channels_last)


@torch.no_grad()
def features(net, split):
    net.eval()
    norm = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    loader = DataLoader(ImageFolder(f'{root}/{split}', T.Compose([T.ToTensor(), norm])), 512, num_workers=workers)
    out = [(F.normalize(net(x)), y) for x, y in loader]
    return torch.cat([a for a, _ in out]), torch.cat([b for _, b in out])


def knn(net, k=200, t=0.07):
    f, y = features(net, 'train')
    g, z = features(net, 'test')
    right = 0
    for q, w in zip(g.split(1000), z.split(1000)):
        s, i = (q @ f.T).topk(k)
        votes = torch.zeros(len(q), 10).scatter_add_(1, y[i], (s / t).exp())
        right += (votes.argmax(1) == w).sum().item()
    return 100 * right / len(z)


def byol_views():
    views = [view(input_size=32, gaussian_blur=0.0) for view in (BYOLView1Transform, BYOLView2Transform)]
    return BYOLTransform(*views)


class SimCLR(nn.Module):
    views = staticmethod(lambda: SimCLRTransform(input_size=32, gaussian_blur=0.0))

    def __init__(self):
        super().__init__()
        self.backbone, self.head, self.loss_of = convnet(), SimCLRProjectionHead(256, 512, 128), NTXentLoss(0.5)

    def loss(self, x0, x1, progress):
        return self.loss_of(*self.head(self.backbone(torch.cat([x0, x1]))).chunk(2))


class MoCo(nn.Module):
    views = staticmethod(lambda: MoCoV2Transform(input_size=32, gaussian_blur=0.0))

    def __init__(self):
        super().__init__()
        self.backbone, self.head = convnet(), MoCoProjectionHead(256, 512, 128)
        self.slow_backbone, self.slow_head = copy.deepcopy(self.backbone), copy.deepcopy(self.head)
        deactivate_requires_grad(self.slow_backbone)
        deactivate_requires_grad(self.slow_head)
        self.loss_of = NTXentLoss(0.1, memory_bank_size=(4096, 128))

    def loss(self, x0, x1, progress):
        update_momentum(self.backbone, self.slow_backbone, 0.99)
        update_momentum(self.head, self.slow_head, 0.99)
        with torch.no_grad():
            keys = self.slow_head(self.slow_backbone(x1))
        return self.loss_of(self.head(self.backbone(x0)), keys)


class BYOL(nn.Module):
    views = staticmethod(byol_views)

    def __init__(self):
        super().__init__()
        self.backbone, self.head = convnet(), BYOLProjectionHead(256, 1024, 256)
        self.predictor = BYOLPredictionHead(256, 1024, 256)
        self.slow_backbone, self.slow_head = copy.deepcopy(self.backbone), copy.deepcopy(self.head)
        deactivate_requires_grad(self.slow_backbone)
        deactivate_requires_grad(self.slow_head)
        self.loss_of = NegativeCosineSimilarity()

    def loss(self, x0, x1, progress):
        momentum = cosine_schedule(progress, 1, 0.99, 1)
        update_momentum(self.backbone, self.slow_backbone, momentum)
        update_momentum(self.head, self.slow_head, momentum)
        p0, p1 = [self.predictor(self.head(self.backbone(x))) for x in (x0, x1)]
        with torch.no_grad():
            z0, z1 = [self.slow_head(self.slow_backbone(x)) for x in (x0, x1)]
        return 0.5 * (self.loss_of(p0, z1) + self.loss_of(p1, z0))


class BarlowTwins(nn.Module):
    views = staticmethod(byol_views)

    def __init__(self):
        super().__init__()
        self.backbone, self.head = convnet(), BarlowTwinsProjectionHead(256, 1024, 1024)
        self.loss_of = BarlowTwinsLoss()

    def loss(self, x0, x1, progress):
        return self.loss_of(self.head(self.backbone(x0)), self.head(self.backbone(x1)))


def measure(make, autocast):
    torch.manual_seed(1)
    model = make()
    start = time.time()
    data = ImageFolder(f'{root}/train', make.views())
    loader = DataLoader(data, 256, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True)
    trained = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.SGD(trained, lr=0.06, momentum=0.9, weight_decay=5e-4)
    steps, done = epochs * len(loader), 0
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    for epoch in range(epochs):
        for (x0, x1), *_ in loader:
            x0, x1 = [x.to(memory_format=torch.channels_last) for x in (x0, x1)]
            with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
                loss = model.loss(x0, x1, done / steps)
            opt.zero_grad()
            loss.backward()
            opt.step()
            schedule.step()
            done += 1
        print(f'{make.__name__} epoch {epoch + 1} loss {loss.item():.4f}', file=sys.stderr, flush=True)
    seconds = time.time() - start
    return {'knn': knn(model.backbone), 'seconds': seconds}


makers = {'simclr': SimCLR, 'moco': MoCo, 'byol': BYOL, 'barlow-twins': BarlowTwins}
results = json.load(open(kept)) if os.path.exists(kept) else {}
for case in sys.argv[1:] or [f'{name}, {precision}' for name in makers for precision in ('float32', 'mixed')]:
    if case in results:
        continue
    name, precision = case.split(', ')
    results[case] = measure(makers[name], autocast=precision == 'mixed')
    results['versions'] = f'torch {torch.__version__}, lightly {lightly.__version__}'
    with open(kept, 'w') as file:
        json.dump(results, file, indent=2)
        file.write('\n')
