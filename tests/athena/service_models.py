"""botocore's models of AWS's services, read once for all boto3 sessions of this process.

Each session reads and parses them anew, 0.3 s of CPU for S3 and Glue; a run of CareMesh makes a session of its own.
Nothing else is shared: clients, credentials, regions and addresses stay those of each session.
"""

from __future__ import annotations

from functools import cache


def share_models() -> None:
    """Give all sessions from now on one loader for each path that models are looked for on; done once, it stays."""
    import botocore.loaders
    import botocore.session

    if botocore.session.create_loader is botocore.loaders.create_loader:
        botocore.session.create_loader = cache(botocore.loaders.create_loader)
