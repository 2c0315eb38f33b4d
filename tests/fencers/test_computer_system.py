"""What is read from a System: nothing but what it clearly says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from doctor_daemon.core.proof import Power
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.computer_system import (
    FORCE_OFF,
    ON,
    WORDS_MAX,
    System,
    cleaned,
    complaint,
    parse,
)
from tests.fencers.systems import PATH, UUID, Json, reset, system

BMC = URL(f"https://bmc-7.example:8443{PATH}")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def parsed(body: object) -> System:
    return parse(json.dumps(body).encode(), BMC)


def test_a_system_is_read() -> None:
    found = parsed(system("On"))
    assert found.identity.uuid == UUID
    assert (found.identity.serial, found.identity.name) == ("S-1234", "System")
    assert found.identity.model == "PowerThing 9000"
    assert (found.power, found.said) == (Power.ON, "On")
    assert (str(found.reset.target), found.reset.obstacle) == (
        f"https://bmc-7.example:8443{PATH}/Actions/ComputerSystem.Reset",
        "",
    )


def test_off_is_off() -> None:
    found = parsed(system("Off"))
    assert (found.power, found.said) == (Power.OFF, "Off")


@pytest.mark.parametrize(
    "power",
    ["PoweringOff", "PoweringOn", "Paused", "off", "OFF", " Off", "Off\n", "", None, 0, False, []],
)
def test_i6_anything_else_is_unknown(power: object) -> None:
    found = parsed(system(power))
    assert found.power is Power.UNKNOWN
    assert found.said.startswith("PowerState: ")


def test_i6_no_power_state_is_unknown() -> None:
    body = system()
    del body["PowerState"]
    assert parsed(body).power is Power.UNKNOWN
    assert parsed(body).said == "PowerState: absent"


@given(values)
def test_i6_only_the_exact_words_are_known(power: object) -> None:
    exact = {"On": Power.ON, "Off": Power.OFF}
    known = exact.get(power, Power.UNKNOWN) if isinstance(power, str) else Power.UNKNOWN
    assert parsed(system(power)).power is known


@given(st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode()))
def test_rubbish_is_permanent_and_nothing_else(content: bytes) -> None:
    with pytest.raises(Permanent):
        parse(content, BMC)
    assert isinstance(complaint(content), str)


@given(st.dictionaries(st.sampled_from([*system()]), values, max_size=4))
def test_a_system_with_any_field_spoilt_is_read_or_refused(changes: Json) -> None:
    try:
        found = parsed(system("On", **changes))
    except Permanent:
        return
    assert found.identity.uuid == found.identity.uuid.lower()
    assert found.power is not Power.OFF or changes["PowerState"] == "Off"


def test_what_stands_twice_is_no_answer() -> None:
    text = json.dumps(system("On")).replace('"Model"', '"PowerState": "Off", "Model"')
    with pytest.raises(Permanent, match="not one JSON object"):
        parse(text.encode(), BMC)


def test_a_deep_body_is_no_answer() -> None:
    with pytest.raises(Permanent, match="not one JSON object"):
        parse(b"[" * 200_000, BMC)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"@odata.type": "#ComputerSystemCollection.X", "Members": [{"@odata.id": "/a"}, 3]},
            r'a collection of 2 \("/a"\): configure one member',
        ),
        ({"Members": []}, r"a collection of 0 \(none\)"),
        ({"UUID": UUID, "PowerState": "Off", "Systems": {"@odata.id": "/x"}}, "service's root"),
        ({**system("Off"), "@odata.type": "#Chassis.v1_7_0.Chassis"}, "expected a #ComputerS"),
        ({**system("Off"), "@odata.type": "#Manager.v1_5_0.Manager"}, "expected a #ComputerS"),
        ({**system("Off"), "@odata.type": None}, "absent; expected a #ComputerSystem"),
    ],
)
def test_b5_what_is_no_system_is_refused_with_words(body: Json, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        parsed(body)


@pytest.mark.parametrize(
    "uuid",
    [
        None,
        "",
        7,
        "3f6c1a529f0d4f0e8a367d1d0c5a9b11",
        "{" + UUID + "}",
        UUID + "\n",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    ],
)
def test_a14_a_uuid_that_names_no_machine_is_refused(uuid: object) -> None:
    with pytest.raises(Permanent, match="expected the machine's own"):
        parsed(system(UUID=uuid))


@pytest.mark.parametrize(
    "target",
    [
        f"{PATH}/Actions/ComputerSystem.Reset/",
        f"https://bmc-7.example:8443{PATH}/Actions/ComputerSystem.Reset",
        f"https://BMC-7.example:8443{PATH}/Actions/Oem/Vendor.Reset",
    ],
)
def test_the_target_may_be_anything_below_the_system(target: str) -> None:
    found = parsed(system(Actions={"#ComputerSystem.Reset": reset(target=target)}))
    assert found.reset.obstacle == ""


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        7,
        "/",
        PATH,
        PATH + "/",
        "/redfish/v1/Systems/2/Actions/ComputerSystem.Reset",
        "/redfish/v1/Systems/10/Actions/ComputerSystem.Reset",
        f"{PATH}/../2/Actions/ComputerSystem.Reset",
        f"{PATH}/%2e%2e/2/Actions/ComputerSystem.Reset",
        f"{PATH}/..%2F2/Actions/ComputerSystem.Reset",
        f"{PATH}/%252e%252e/2/Actions/ComputerSystem.Reset",
        f"{PATH}/..;/2/Actions/ComputerSystem.Reset",
        f"{PATH}/Actions/ComputerSystem.Reset?to=elsewhere",
        f"{PATH}/Actions/ComputerSystem.Reset#elsewhere",
        f"//other.example{PATH}/Actions/ComputerSystem.Reset",
        f"https://other.example:8443{PATH}/Actions/ComputerSystem.Reset",
        f"https://bmc-7.example:8443@other.example{PATH}/Actions/ComputerSystem.Reset",
        f"https://root:calvin@bmc-7.example:8443{PATH}/Actions/ComputerSystem.Reset",
        f"https://bmc-7.example{PATH}/Actions/ComputerSystem.Reset",
        f"http://bmc-7.example:8443{PATH}/Actions/ComputerSystem.Reset",
        "javascript:alert(1)",
        "https://[",
        "https://bmc-7.example:99999/",
    ],
)
def test_e4_a_target_elsewhere_is_an_obstacle(target: object) -> None:
    found = parsed(system(Actions={"#ComputerSystem.Reset": reset(target=target)}))
    assert found.reset.obstacle.startswith("its reset leads elsewhere")
    assert found.reset.target == BMC


@given(st.text())
def test_e4_no_target_leads_off_the_system(target: str) -> None:
    found = parsed(system(Actions={"#ComputerSystem.Reset": reset(target=target)}))
    assert found.reset.target.origin() == BMC.origin()
    assert found.reset.target.path.startswith(PATH)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (None, "no ComputerSystem.Reset"),
        ([], "no ComputerSystem.Reset"),
        ({}, "no ComputerSystem.Reset"),
        ({"#ComputerSystem.Reset": "x"}, "no ComputerSystem.Reset"),
        (
            {"#ComputerSystem.Reset": reset(**{"ResetType@Redfish.AllowableValues": ["On"]})},
            'does not offer ForceOff, only \\["On"\\]',
        ),
        (
            {"#ComputerSystem.Reset": reset(**{"ResetType@Redfish.AllowableValues": "ForceOff"})},
            'does not offer ForceOff, only "ForceOff"',
        ),
    ],
)
def test_b6_without_force_off_there_is_an_obstacle(actions: object, words: str) -> None:
    found = parsed(system(Actions=actions))
    assert found.reset.obstacle
    with pytest.raises(Permanent, match=words):
        raise Permanent(found.reset.obstacle)


@pytest.mark.parametrize(
    ("allowed", "obstacles"),
    [
        (["On", "ForceOff"], ("", "")),
        (["ForceOff"], ("", 'it does not offer On, only ["ForceOff"]')),
        (["On"], ('it does not offer ForceOff, only ["On"]', "")),
        ([], ("it does not offer ForceOff, only []", "it does not offer On, only []")),
    ],
)
def test_each_reset_has_its_own_obstacle(allowed: object, obstacles: tuple[str, str]) -> None:
    listed = reset(**{"ResetType@Redfish.AllowableValues": allowed})
    found = parsed(system(Actions={"#ComputerSystem.Reset": listed})).reset
    assert (found.obstacle_to(FORCE_OFF), found.obstacle_to(ON)) == obstacles


def test_what_cannot_be_reset_cannot_be_switched_on() -> None:
    for actions in (None, {"#ComputerSystem.Reset": reset(target="/elsewhere")}):
        found = parsed(system(Actions=actions)).reset
        assert found.obstacle_to(ON) == found.obstacle_to(FORCE_OFF) != ""


def test_values_that_are_not_listed_are_taken_for_allowed() -> None:
    listed = reset()
    del listed["ResetType@Redfish.AllowableValues"]
    found = parsed(system(Actions={"#ComputerSystem.Reset": listed})).reset
    assert (found.obstacle, found.on_obstacle) == ("", "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "A general error."}, "A general error."),
        (
            {"message": "See info.", "@Message.ExtendedInfo": [{"Message": "Is off."}]},
            "Is off.; See info.",
        ),
        ({"message": "x", "@Message.ExtendedInfo": {"Message": "no list"}}, "no list; x"),
        ({"message": "x", "@Message.ExtendedInfo": [{"Message": "x"}, 3, {}]}, "x"),
        ({"message": 7}, ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_a_complaint_is_found(error: object, words: str) -> None:
    assert complaint(json.dumps({"error": error}).encode()) == words


def test_no_complaint_in_what_is_no_json() -> None:
    assert complaint(b"<html>") == ""


@given(st.text())
def test_e3_words_are_one_printable_bounded_line(text: str) -> None:
    line = cleaned(text)
    assert line.isprintable()
    assert len(line) <= WORDS_MAX


def test_e3_words_cannot_forge_a_log_line() -> None:
    assert cleaned("a\r\n2026 ERROR\x1b[2Jfake\u202egnp\x00") == "a 2026 ERROR [2Jfake gnp"
