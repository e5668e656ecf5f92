"""Pushes images as tasks of a Ray cluster: `python ray_tasks.py 12 images/*.qcow2`.

Ray runs a task again if its node fails, or if it raises `Transient`. All nodes need `imgpush`, the images and a
clouds.yaml.
"""

import subprocess
import sys

import ray

REQUEUE = 75


class Transient(Exception):
    """Every failure of the shard may not last."""


@ray.remote(max_retries=5, retry_exceptions=[Transient])
def push(shard: str, images: list[str]) -> str:
    """Pushes the images of a shard, and returns its report."""
    command = ["imgpush", "push", "--shard", shard, f"--requeue-exit={REQUEUE}", "--if-exists", "skip", "--json"]
    done = subprocess.run([*command, *images], stdout=subprocess.PIPE, text=True)
    if done.returncode == REQUEUE:
        raise Transient(shard)
    return done.stdout


def main() -> int:
    total, *images = sys.argv[1:]
    ray.init()
    shards = [push.remote(f"{number}/{total}", images) for number in range(1, int(total) + 1)]
    for number, report in enumerate(ray.get(shards), start=1):
        with open(f"report-{number}.json", "w", encoding="utf-8") as file:
            file.write(report)
    reports = [f"report-{number}.json" for number in range(1, int(total) + 1)]
    return subprocess.run(["imgpush", "report", "merge", *reports]).returncode


if __name__ == "__main__":
    sys.exit(main())
