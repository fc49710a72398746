"""Inner loops compiled by numba; imported only when a job is large enough to pay for compiling."""
