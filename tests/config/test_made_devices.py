"""The devices that a file comes to: what they are told of their hosts, and what cannot be made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.engine.making import power_devices
from doctor_daemon.engine.own_probes import Answers
from doctor_daemon.errors import ConfigError
from doctor_daemon.fencers.fence_agent import FenceAgent
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.metrics import Metrics
from doctor_daemon.plugins import Faults
from doctor_daemon.ports import PowerDevice

Reading = Callable[[str], Settings]
IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2)]
PDU = (
    "{type: fence_agent, agent: fence_apc, parameters: {ip: 192.0.2.1, username: u, plug: '{n}'}, "
    "secrets: {password: bmc}, alias: '{host}', uuid: '00000000-0000-4000-8000-00000000000{n}'}"
)
BMC = (
    "{type: ipmi, address: '192.0.2.{n}', username: u, password_file: bmc, serial: 'S{n}', "
    "uuid: '00000000-0000-4000-8000-00000000000{n}'}"
)


def made(settings: Settings) -> dict[str, PowerDevice]:
    faults = Faults()
    devices = power_devices(settings.devices, Metrics(), Answers(), faults)
    faults.raise_any()
    return devices


def test_a14_a_device_is_told_which_host_it_is_to_stand_before(read: Reading) -> None:
    devices = made(read(f"hosts: [{{names: 'a-[1-2]', levels: [[{PDU}, {BMC}]]}}]\n"))
    for number, id_ in enumerate(IDS, 1):
        outlet, bmc = devices[f"a-{number}/fence_agent"], devices[f"a-{number}/ipmi"]
        assert isinstance(outlet, FenceAgent)
        assert isinstance(bmc, Ipmi)
        assert (outlet.expects, bmc.expects) == (id_, id_)


def test_d3_an_agent_that_does_not_fit_is_told_with_its_host(read: Reading) -> None:
    wrong = PDU.replace("username: u", "user: u")
    with pytest.raises(ConfigError) as caught:
        made(read(f"hosts: [{{names: 'a-[1-2]', levels: [[{wrong}]]}}]\n"))
    place = "hosts: a-1/fence_agent and 1 more: fence_apc: the agent"
    unknown, missing = str(caught.value).splitlines()
    assert unknown == f"{place} knows no parameter 'user'; did you mean 'username'?"
    assert missing == f"{place} needs the parameter 'username'"


def test_b5_a_device_that_cannot_say_which_machine_it_cuts_is_a_warning(read: Reading) -> None:
    blind = PDU.replace("alias: '{host}'", "i_accept_no_identity: true")
    warnings = read(f"hosts: [{{names: 'a-[1-2]', levels: [[{blind}]]}}]\n").warnings
    assert "hosts: 2 power devices cannot say which machine they cut: a drill can" in warnings


NODE = (
    "{type: ironic, clouds_file: bmc, cloud: c, "
    "node: '10000000-0000-4000-8000-00000000000{n}', node_name: '{host}', "
    "uuid: '00000000-0000-4000-8000-00000000000{n}'}"
)


def test_b1_a_level_of_what_is_remembered_alone_is_refused(read: Reading) -> None:
    level = read(f"hosts: [{{names: 'a-[1-2]', levels: [[{NODE}, {BMC}], manual]}}]\n")
    plan, _ = level.plans.values()
    assert [device.proves for device in plan.levels[0].devices] == [False, True]
    assert not any(device.tells_host for device in plan.levels[0].devices)
    for alone in (NODE, f"{NODE}, {NODE.replace('ironic', 'ironic, name: again')}"):
        with pytest.raises(ConfigError, match="ironic alone proves no host off"):
            read(f"hosts: [{{names: 'a-[1-2]', levels: [[{BMC}], [{alone}]]}}]\n")


def test_b1_a_witness_is_given_the_time_that_its_answers_take(read: Reading) -> None:
    slow = BMC.replace("username", "timeout_s: 7.5, tells: host, username")
    plan, _ = read(f"hosts: [{{names: 'a-[1-2]', levels: [[{PDU}], [{slow}]]}}]\n").plans.values()
    outlet, bmc = (level.devices[0] for level in plan.levels)
    assert (outlet.tells_host, outlet.answer_s) == (False, 10.0)
    assert (bmc.tells_host, bmc.answer_s) == (True, 7.5)


def test_b1_what_is_remembered_is_no_witness(read: Reading) -> None:
    witness = NODE.replace("ironic", "ironic, tells: host")
    with pytest.raises(ConfigError, match="ironic reads no power; expected supply"):
        read(f"hosts: [{{names: 'a-[1-2]', levels: [[{witness}, {BMC}]]}}]\n")


def test_b5_a_node_that_is_known_by_nothing_is_refused(read: Reading) -> None:
    blind = NODE.replace("node_name: '{host}', ", "")
    with pytest.raises(ConfigError, match="expected `node_name` or `bmc_address`"):
        read(f"hosts: [{{names: 'a-[1-2]', levels: [[{blind}, {BMC}]]}}]\n")
