"""Which way a turn goes, and its question completed from the turns before."""
