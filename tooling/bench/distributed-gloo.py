"""All-reduce of float32 values between two processes with PyTorch's Gloo: python distributed-gloo.py RANK PORT VALUES TIMES"""
import json
import os
import sys
import time

import torch
import torch.distributed as dist

rank, port, values, times = (int(argument) for argument in sys.argv[1:5])
torch.set_num_threads(1)
os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
milliseconds = []
for i in range(times + 2):
    x = torch.full((values,), float(rank + 1))
    started = time.perf_counter()
    dist.all_reduce(x)
    milliseconds.append(1000 * (time.perf_counter() - started))
    assert x[0] == 3
print(json.dumps({"milliseconds": milliseconds[2:], "version": torch.__version__}))
