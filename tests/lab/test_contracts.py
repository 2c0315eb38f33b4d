"""Every behaviour of the lab names its contract test, and every contract test its behaviour."""

import re
from pathlib import Path

import doctor_daemon.lab
from tests.lab.cinder_contract import CinderContract, LongCinderContract
from tests.lab.ironic_contract import IronicContract
from tests.lab.keystone_contract import KeystoneContract
from tests.lab.neutron_contract import NeutronContract
from tests.lab.nova_contract import LongNovaContract, NovaContract
from tests.lab.old_nova_contract import OldNovaContract
from tests.lab.redfish_contract import RedfishContract

CONTRACTS = (
    NovaContract,
    LongNovaContract,
    OldNovaContract,
    KeystoneContract,
    RedfishContract,
    CinderContract,
    LongCinderContract,
    NeutronContract,
    IronicContract,
)


def names_of(contract: type) -> set[str]:
    return {name for name in dir(contract) if name.startswith("test_")}


def test_the_table_is_complete() -> None:
    sections = re.split(r"^(\w+Contract)$", doctor_daemon.lab.__doc__ or "", flags=re.MULTILINE)
    table = dict(zip(sections[1::2], sections[2::2], strict=True))
    for contract in CONTRACTS:
        assert set(re.findall(r"\btest_\w+", table[contract.__name__])) == names_of(contract)


def test_every_contract_test_that_the_lab_names_exists() -> None:
    known = set().union(*map(names_of, CONTRACTS))
    for file in Path(doctor_daemon.lab.__path__[0]).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"\btest_\w+", text)) <= known, file


def test_the_lab_imports_nothing_of_the_daemon() -> None:
    for file in Path(doctor_daemon.lab.__path__[0]).glob("*.py"):
        imported = re.findall(r"^from (doctor_daemon\S*)", file.read_text("utf-8"), re.MULTILINE)
        assert [name for name in imported if not name.startswith("doctor_daemon.lab")] == []
