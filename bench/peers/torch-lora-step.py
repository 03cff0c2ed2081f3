"""The peer of bench/train.ts: one LoRA step of the same shape in PyTorch, fp32 or bf16.

usage: torch-lora-step.py WORK_JSON THREADS fp32|bf16
Answers each line on standard input with one line of JSON: {"ms": milliseconds of a step, "loss": nats, "rssMb": peak memory}.
"""
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

c = json.loads(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
dtype = torch.bfloat16 if sys.argv[3] == "bf16" else torch.float32
D, H, K, hd, ffn, V = c["hiddenSize"], c["heads"], c["kvHeads"], c["headDim"], c["ffnSize"], c["vocabSize"]
B, T, rank, scale = c["rows"], c["length"], c["rank"], c["alpha"] / c["rank"]


class Linear(torch.nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.w = torch.nn.Parameter(((torch.rand(o, i) - 0.5) * 0.07).to(dtype), requires_grad=False)
        self.a = torch.nn.Parameter((torch.rand(rank, i) - 0.5) * 2 / math.sqrt(i))
        self.b = torch.nn.Parameter(torch.zeros(o, rank))

    def forward(self, x):
        return F.linear(x, self.w) + F.linear(F.linear(x, self.a.to(dtype)), self.b.to(dtype)) * scale


def norm(x):
    f = x.float()
    return (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


angles = torch.outer(torch.arange(T).float(), c["ropeTheta"] ** (-torch.arange(0, hd, 2).float() / hd))
angles = torch.cat([angles, angles], -1)
cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
mask = torch.full((T, T), -1e9).triu(1).to(dtype)


def rope(x):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = Linear(D, H * hd), Linear(D, K * hd), Linear(D, K * hd)
        self.o = Linear(H * hd, D)
        self.g, self.u, self.d = Linear(D, ffn), Linear(D, ffn), Linear(ffn, D)

    def forward(self, x):
        h = norm(x)
        q = rope(self.q(h).view(B, T, H, hd).transpose(1, 2))
        k = rope(self.k(h).view(B, T, K, hd).transpose(1, 2)).repeat_interleave(H // K, 1)
        v = self.v(h).view(B, T, K, hd).transpose(1, 2).repeat_interleave(H // K, 1)
        p = torch.softmax((q @ k.transpose(-1, -2) / math.sqrt(hd) + mask).float(), -1).to(dtype)
        x = x + self.o((p @ v).transpose(1, 2).reshape(B, T, H * hd))
        h = norm(x)
        return x + self.d(F.silu(self.g(h)) * self.u(h))


embedding = ((torch.rand(V, D) - 0.5) * 0.07).to(dtype)
blocks = torch.nn.ModuleList([Block() for _ in range(c["layers"])])
optimizer = torch.optim.AdamW([p for p in blocks.parameters() if p.requires_grad], lr=1e-3)
ids = (torch.arange(B * T) * 7919 % V).view(B, T)
labels = (torch.arange(B * T) + 1) * 7919 % V
for _ in sys.stdin:
    start = time.perf_counter()
    x = embedding[ids]
    for block in blocks:
        x = block(x)
    loss = F.cross_entropy(F.linear(norm(x), embedding).view(-1, V).float(), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    ms = 1000 * (time.perf_counter() - start)
    # ru_maxrss is in kilobytes on Linux
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"ms": ms, "loss": loss.item(), "rssMb": rss}), flush=True)
