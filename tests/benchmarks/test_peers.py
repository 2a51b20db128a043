"""A step of a beta-VAE here, by a plain loop, and by the libraries that train one too, over the same batches in turns.

    pip install --no-deps pythae==0.1.2 disent==0.8.0    (disent imports lightning as well)

Networks, batch size and precision are equal. What is theirs is what one of their steps does: the model's or framework's
loss, `backward`, and `torch.optim.Adam` as it comes; their trainers' loops, loaders and logs are left out. Each has a
process of its own, as its users have it.
"""

from statistics import median

import pytest
from peers import PEERS, Stepping, beta_vae

ROUNDS = 9


@pytest.mark.parametrize(("image_size", "width"), [(32, 0.5), (64, 1.0)])
def test_a_step_of_a_beta_vae(benchmark, image_size, width):
    for module, _ in PEERS.values():
        pytest.importorskip(module)
    case, steps = beta_vae(image_size, width), 320 // image_size
    loops = {name: Stepping(name, case) for name in ("here", "plain", *PEERS)}
    seconds = {name: [] for name in loops}

    def one_round():
        for name, loop in loops.items():
            seconds[name].append(loop(steps))

    one_round()
    for times in seconds.values():
        times.clear()
    benchmark.pedantic(one_round, rounds=ROUNDS)
    print()
    for name, times in seconds.items():
        ratio = median(theirs / ours for ours, theirs in zip(seconds["here"], times, strict=True))
        benchmark.extra_info[name] = median(times)
        print(f"{name} {image_size}x{image_size}: {median(times) * 1000:.1f} ms computing, {ratio:.2f} times ours")
    for loop in loops.values():
        loop.end()
