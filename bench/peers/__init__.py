"""Other runners of SQL on FHIR, each in a throw-away environment of its own, at one pinned version.

A runner that cannot be installed or started here stays in the report, with the reason.
"""

from bench.peers.install import Environment, install
from bench.peers.known import PEERS, Peer

__all__ = ["PEERS", "Environment", "Peer", "install"]
