"""Connecting to a Ray cluster: whether it is there, and what each trial gets of it."""

import logging
import os
import socket
from dataclasses import dataclass

from harness.errors import UserError

CONNECT_SECONDS = 10.0
"""How long a cluster may take to answer."""


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that this process is connected to, and what each trial gets of it.

    Attributes:
        device: where trials compute, "cpu" or "cuda".
        threads: CPU threads of a trial, which are Ray's CPUs.
        gpus: Ray's GPUs of a trial: a fraction where several share one.
        count: trials at a time; None for as many as there is room for.
    """

    device: str = "cpu"
    threads: int = 1
    gpus: float = 0.0
    count: int | None = None

    def __str__(self) -> str:
        share = f"{self.threads} CPU(s)" + (f" and {self.gpus:g} GPU(s)" if self.gpus else "")
        return f"{self.count or 'as many as fit'} at a time on a Ray cluster, {share} each"


def connect(address: str, device: str, jobs: int | None, *, threads: int | None = None, per_gpu: int = 1) -> Cluster:
    """Connect to a Ray cluster.

    Args:
        address: "HOST:PORT" of its head, "auto" for the one that this machine belongs to, or "local" for a new one of
            this machine alone.
        device: "auto" (GPUs if the cluster has any), "cpu" or "cuda".
        jobs: trials at a time; None for as many as there is room for.
        threads: CPU threads of each; 1 by default, so that numbers do not depend on the cluster.
        per_gpu: trials that share a GPU.

    Raises:
        UserError: Ray is not installed, the cluster is not there, or none of its nodes has so much to give.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device {device}: with --ray choose from auto, cpu, cuda; Ray chooses among GPUs")
    _reach(address)
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(node.get("GPU", 0) for node in nodes)
    if device == "cuda" and not gpus:
        raise UserError(f"--device {device}: the Ray cluster has no GPU; use --device cpu")
    on_gpus = device != "cpu" and gpus > 0
    cluster = Cluster("cuda" if on_gpus else "cpu", threads or 1, 1 / per_gpu if on_gpus else 0.0, jobs)
    if not any(node.get("CPU", 0) >= cluster.threads and node.get("GPU", 0) >= cluster.gpus for node in nodes):
        share = f"{cluster.threads} CPU(s) and {cluster.gpus:g} GPU(s)"
        raise UserError(f"--ray {address}: no node of the cluster has {share}, which each trial is to have")
    return cluster


def _reach(address: str) -> None:
    try:
        import ray
    except ImportError:
        raise UserError("--ray: Ray is not installed; do: pip install '.[ray]' in the harness's checkout") from None
    host, separator, port = address.rpartition(":")
    if separator and port.isdecimal():
        try:  # Ray itself would try for ever.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise UserError(f"--ray {address}: nothing answers there: {error}") from None
    elif address not in ("auto", "local"):
        raise UserError(f"--ray {address}: choose HOST:PORT of the cluster's head, auto or local")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"--ray {address}: cannot connect: {str(error).splitlines()[0]}") from None
