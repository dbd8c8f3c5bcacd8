"""lightly's NTXentLoss, forward and backward, of pairs with 128 features: one line of JSON."""
import json, os, resource, time, lightly, torch
from lightly.loss import NTXentLoss

QUICK = bool(os.environ.get('SELFSUP_QUICK'))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
loss, rows = NTXentLoss(0.5), []


def times(z, count):
    """Milliseconds of each run, without the first one, which is for warm-up."""
    out = []
    for _ in range(count + 1):
        for x in z:
            x.grad = None
        start = time.time()
        loss(*z).backward()
        out.append(1e3 * (time.time() - start))
    return out[1:]


for pairs in (256, 1024, 4096):
    z = [torch.randn(pairs, 128, requires_grad=True) for _ in range(2)]
    before, medians = peak(), []
    # The faster of both: small sizes can be faster with one thread.
    for threads in (1, os.cpu_count()):
        torch.set_num_threads(threads)
        measured = sorted(times(z, 2 if pairs > 2000 else 10 if QUICK else 20))
        medians.append(measured[len(measured) // 2])
    rows.append({'case': f'NT-Xent, {pairs} pairs', 'value': min(medians), 'unit': 'ms'})
    if pairs > 2000:
        rows.append({'case': f'additional memory for {pairs} pairs', 'value': max(1, peak() - before), 'unit': 'MB'})
print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}, lightly {lightly.__version__}'}))
