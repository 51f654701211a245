"""One worker for each system that is measured, in a process of its own; the peers' run in environments of their own.

A worker imports nothing of this project but `benchmarks.peers.protocol`, except our own.
"""
