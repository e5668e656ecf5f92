"""Prints the seconds that OpenSSL, by hashlib, takes for a digest: hash_speed.py ALGORITHM MIB, for benches/peers."""

import hashlib
import sys
import time

algorithm, mib = sys.argv[1], int(sys.argv[2])
chunk = bytes(1 << 20)
digest = hashlib.new(algorithm)
start = time.perf_counter()
for _ in range(mib):
    digest.update(chunk)
digest.hexdigest()
print(time.perf_counter() - start)
