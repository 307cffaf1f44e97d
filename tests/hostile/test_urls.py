"""Every URL of the table is refused with its code, and nobody is dialled."""

from pathlib import Path

import pytest

from pipeline.adapters.downloads import Downloader
from pipeline.domain.errors import JobError
from tests.hostile.network import TableResolver, WatchedNetwork
from tests.hostile.urls import PUBLIC, URL_ATTACKS, UrlAttack


@pytest.mark.parametrize("attack", URL_ATTACKS, ids=lambda attack: attack.name)
def test_is_refused_and_nobody_is_dialled(attack: UrlAttack, tmp_path: Path):
    network, target = WatchedNetwork(), tmp_path / "fetched"
    resolver = TableResolver(
        {"public.example": [[PUBLIC]], **{name: [found] for name, found in attack.addresses.items()}}
    )
    downloader = Downloader(frozenset({"allowed.example:8080"}), resolve=resolver, network=network)
    with pytest.raises(JobError) as caught:
        downloader.fetch(attack.url, target, max_bytes=1000, kind="image")
    assert caught.value.code == attack.code
    assert network.dialled == []
    assert not target.exists()


def test_there_are_attacks_enough():
    assert len({attack.url + str(attack.addresses) for attack in URL_ATTACKS}) >= 150
