"""PyTorch's kNN and scikit-learn's logistic regression and mini-batch k-means on the same features: one line of JSON."""
import json, os, resource, time, warnings, numpy, sklearn, torch
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings('ignore')
QUICK = bool(os.environ.get('SELFSUP_QUICK'))
FOLDER = os.environ['SELFSUP_FEATURES']
rows = []
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(name):
    labels = numpy.fromfile(f'{FOLDER}/{name}.i32', dtype=numpy.int32)
    return numpy.fromfile(f'{FOLDER}/{name}.f32', dtype=numpy.float32).reshape(len(labels), -1), labels


def measure(name, run, warm_up):
    warm_up()
    times = []
    for _ in range(1 if QUICK else 2):
        start = time.time()
        result = run()
        times.append(time.time() - start)
    rows.append({'case': name, 'value': min(times), 'unit': 's'})
    return result


def knn(train, train_labels, test, k=200, temperature=0.07, chunk=512):
    """Wu et al. 2018 as in lightly and DINO: cosine, topk, votes weighted by exp(s / T); test images in chunks."""
    with torch.no_grad():
        gallery = torch.nn.functional.normalize(train, dim=1).t().contiguous()
        one_hot = torch.nn.functional.one_hot(train_labels.long()).float()
        predictions = []
        for queries in torch.nn.functional.normalize(test, dim=1).split(chunk):
            weights, indices = (queries @ gallery).topk(k, dim=1)
            weights = ((weights - 1) / temperature).exp()
            predictions.append((one_hot[indices] * weights.unsqueeze(-1)).sum(1).argmax(1))
        return torch.cat(predictions)


(train, train_labels), (test, test_labels) = read('train'), read('test')
tensors = torch.from_numpy(train), torch.from_numpy(train_labels), torch.from_numpy(test)
before = peak()
predictions = measure('kNN', lambda: knn(*tensors), lambda: knn(tensors[0], tensors[1], tensors[2][:64]))
rows.append({'case': 'kNN, accuracy', 'value': 100 * (predictions.numpy() == test_labels).mean().item(), 'unit': '%'})
rows.append({'case': 'kNN, additional memory', 'value': max(1, peak() - before), 'unit': 'MB'})


def probe(count):
    scaler = StandardScaler().fit(train[:count])
    model = LogisticRegression(C=1e3 / count, max_iter=150).fit(scaler.transform(train[:count]), train_labels[:count])
    return model.score(scaler.transform(test), test_labels)


accuracy = measure('linear probe', lambda: probe(len(train)), lambda: probe(64))
rows.append({'case': 'linear probe, accuracy', 'value': 100 * accuracy, 'unit': '%'})
cluster = lambda count, clusters: MiniBatchKMeans(clusters, random_state=1, n_init='auto').fit(train[:count])
model = measure('k-means, 100 clusters', lambda: cluster(len(train), 100), lambda: cluster(64, 2))
inertia = -model.score(train)
rows.append({'case': 'k-means, inertia per point', 'value': inertia / len(train), 'unit': 'inertia'})
print(json.dumps({'rows': rows, 'versions': f'torch {torch.__version__}, scikit-learn {sklearn.__version__}'}))
