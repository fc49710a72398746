"""From verified pairs to clusters around medoids (a star cover), also incrementally.

`pipeline.find_clusters` is the way in; `star_cover` alone clusters edges that are known already.
"""
