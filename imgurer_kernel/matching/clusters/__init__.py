"""From verified pairs to clusters around medoids (a star cover), also step by step."""
