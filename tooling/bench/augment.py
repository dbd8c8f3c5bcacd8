"""lightly's SimCLRTransform in a DataLoader with as many workers as cores: one line of JSON."""
import glob, json, os, tempfile, time
import lightly, numpy as np, torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from lightly.transforms import SimCLRTransform

torch.set_num_threads(os.cpu_count())
SECONDS = 6 if os.environ.get('SELFSUP_QUICK') else 15


class Small(Dataset):
    """Decoded images in memory, like ours."""
    def __init__(self):
        self.pixels = np.random.default_rng(1).integers(0, 256, (2560, 32, 32, 3), dtype=np.uint8)
        self.transform = SimCLRTransform(input_size=32, gaussian_blur=0.0)
    def __len__(self): return len(self.pixels)
    def __getitem__(self, i): return self.transform(Image.fromarray(self.pixels[i]))


class Large(Dataset):
    """The files created by augment.mjs."""
    def __init__(self):
        self.files = sorted(glob.glob(os.path.join(tempfile.gettempdir(), 'selfsup-bench-500x375', '*.jpg')))
        self.transform = SimCLRTransform(input_size=224)
    def __len__(self): return len(self.files)
    def __getitem__(self, i): return self.transform(Image.open(self.files[i]).convert('RGB'))


def rate(data, batch):
    views, start = 0, None
    loader = DataLoader(data, batch, shuffle=True, drop_last=True, num_workers=os.cpu_count(), persistent_workers=True)
    while True:
        for _ in loader:
            if start is None:
                start = time.time()
            else:
                views += 2 * batch
            if time.time() - start > SECONDS:
                return views / (time.time() - start)


print(json.dumps({'rows': [{'case': '(a) 32x32, decoded', 'value': rate(Small(), 256), 'unit': 'views/s'},
                           {'case': '(b) 500x375 JPEG to 224x224', 'value': rate(Large(), 64), 'unit': 'views/s'}],
                  'versions': f'torch {torch.__version__}, lightly {lightly.__version__}'}))
