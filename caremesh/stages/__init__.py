"""The six stages, one verb each, in this order: land, flatten, check, publish, curate, register.

They never import one another; `caremesh.pipeline` calls them. Each can be called again after a crash.
"""
