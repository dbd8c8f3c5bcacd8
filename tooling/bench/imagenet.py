"""lightly's SimCLRTransform in a DataLoader that reads the tars of imagenet.mjs as a WebDataset: one line of JSON."""
import glob, io, json, os, random, resource, tarfile, tempfile, time
import lightly, torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from lightly.transforms import SimCLRTransform

torch.set_num_threads(os.cpu_count())
SECONDS = float(os.environ.get('SELFSUP_IMAGENET_SECONDS') or (10 if os.environ.get('SELFSUP_QUICK') else 60))
BATCH = 64


class Tars(IterableDataset):
    """As the package webdataset reads: shards in random order, divided among the workers; images through a buffer of 1,000."""
    def __init__(self):
        self.tars = sorted(glob.glob(os.path.join(tempfile.gettempdir(), 'selfsup-bench-imagenet', 'train-*.tar')))
        self.transform = SimCLRTransform(input_size=224)

    def files(self):
        worker = get_worker_info()
        tars = self.tars[worker.id::worker.num_workers]
        random.shuffle(tars)
        for path in tars:
            with tarfile.open(path, 'r|') as tar:
                for member in tar:
                    if member.name.endswith('.jpg'):
                        yield tar.extractfile(member).read()

    def __iter__(self):
        buffer = []
        for file in self.files():
            if len(buffer) < 1000:
                buffer.append(file)
                continue
            i = random.randrange(len(buffer))
            file, buffer[i] = buffer[i], file
            yield self.transform(Image.open(io.BytesIO(file)).convert('RGB'))


def processor_time(pids):
    ticks = os.sysconf('SC_CLK_TCK')
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    for pid in pids:
        fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
        used += (int(fields[11]) + int(fields[12])) / ticks
    return used


loader = DataLoader(Tars(), BATCH, drop_last=True, num_workers=os.cpu_count())
batches = iter(loader)
next(batches)
pids = [worker.pid for worker in batches._workers]
views, started, before = 0, time.time(), processor_time(pids)
for _ in batches:
    views += 2 * BATCH
    if time.time() - started > SECONDS:
        break
elapsed, used = time.time() - started, processor_time(pids) - before
print(json.dumps({'rows': [{'case': 'views of SimCLR at 224 pixels', 'value': views / elapsed, 'unit': 'views/s'},
                           {'case': 'processor time of 1,000 views', 'value': 1000 * used / views, 'unit': 's'}],
                  'versions': f'torch {torch.__version__}, lightly {lightly.__version__}'}), flush=True)
os._exit(0)
