"""Erasure: one person's data leave landing, releases, quarantine and curated tables, with a receipt.

It is planned whole before anything is changed, and noted in the lake; wherever it is killed, the same command finishes
it, and no other command writes to the lake before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caremesh.aws import Aws
from caremesh.erasure.apply import Erasing, count_exports, make_release
from caremesh.erasure.plan import ErasurePlan, plan_erasure, release_homes
from caremesh.errors import UsageError
from caremesh.fhir.belongings import Key
from caremesh.lake.erasures import Receipt, clear_pending, read_pending, write_pending
from caremesh.lake.local import LocalLake
from caremesh.lake.opening import open_lake
from caremesh.lake.release import Erasure
from caremesh.pipeline import writing
from caremesh.products import Domain, find_domains, select_products
from caremesh.settings import Settings

_SUBJECT = re.compile(r"Patient/(?P<id>[A-Za-z0-9.\-]{1,64})")


@dataclass(frozen=True)
class Preview:
    """What an erasure would do, in numbers: resources, lines by export, and what goes from each release.

    `linked` other Patient records are linked with hers; `downloads` go on and are dropped; `left` files name her and
    cannot be rewritten.
    """

    resources: int
    exports: Mapping[str, Mapping[str, int]]
    releases: Mapping[tuple[str, str], Erasure]
    linked: int
    downloads: int
    left: tuple[Path, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of hers was found."""
        return not self.exports and not self.releases


def open_erasable(settings: Settings) -> LocalLake:
    """The lake, where one person's data can be erased from it; raise UsageError where it is in S3."""
    lake = open_lake(settings, Aws(settings.aws))
    if not isinstance(lake, LocalLake):
        raise UsageError(
            "erasing works on a lake in a folder, not on one in S3",
            where=str(settings.lake),
            hint="erase her in the FHIR server, export anew, and make the lake anew; docs/how-to/erase-a-person.md",
        )
    lake.require()
    return lake


def read_subject(text: str) -> Key:
    """The patient that a command names; raise UsageError where it names none."""
    found = _SUBJECT.fullmatch(text)
    if not found:
        raise UsageError("a person is named as Patient/ID", hint="caremesh erase Patient/ID")
    return ("Patient", found["id"])


def preview(settings: Settings, subject: str, *, salt: str) -> Preview:
    """What an erasure would do; nothing is changed."""
    lake = open_erasable(settings)
    with writing(settings, lake, "erase --dry-run"):
        plan = _plan(settings, lake, find_domains(settings.domains_dir), subject, salt)
        return _preview(settings, lake, plan)


def erase(
    settings: Settings,
    subject: str | None,
    *,
    salt: str,
    confirm: Callable[[Preview], bool],
    say: Callable[[str], None],
) -> Receipt | None:
    """Erase a person's data, or finish what was begun; None where nothing of hers is there, or nobody confirmed.

    `subject` None: only finish an erasure that was interrupted. Raises UsageError where that is another person's.
    """
    lake = open_erasable(settings)
    with writing(settings, lake, "erase", erasing=True):
        domains, pending = find_domains(settings.domains_dir), read_pending(lake.root)
        if pending is None:
            clear_pending(lake.root)
            if subject is None:
                raise UsageError(
                    "no person was named, and no erasure was interrupted", hint="caremesh erase Patient/ID"
                )
            plan = _plan(settings, lake, domains, subject, salt)
            shown = _preview(settings, lake, plan)
            if not confirm(shown) or shown.is_empty:
                return None
            pending = plan.pending
            write_pending(lake.root, pending)
        elif subject not in (None, pending.subject):
            raise UsageError(
                "the erasure of another person was interrupted", hint=f"finish it first: {settings.command('erase')}"
            )
        return Erasing(pending, settings, lake, domains, "caremesh erase", say).finish()


def _plan(settings: Settings, lake: LocalLake, domains: Sequence[Domain], subject: str, salt: str) -> ErasurePlan:
    products = select_products(domains)
    return plan_erasure(read_subject(subject), settings=settings, lake=lake, products=products, salt=salt)


def _preview(settings: Settings, lake: LocalLake, plan: ErasurePlan) -> Preview:
    """What a plan comes to. Each release is made once for trial: nothing is begun that cannot be finished."""
    releases = {}
    for home in release_homes(lake.root):
        made = make_release(plan.pending, home, settings=settings, lake=lake)
        if made:
            releases[made.product, home.name] = made.erasures[-1]
    return Preview(
        resources=len(plan.pending.keys),
        exports=count_exports(plan.pending),
        releases=releases,
        linked=plan.linked,
        downloads=len(plan.pending.downloads),
        left=plan.left,
    )
