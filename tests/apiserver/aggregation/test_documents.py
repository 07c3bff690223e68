"""What aggregated discovery shows of remote group versions, and which APIServices are local."""

from __future__ import annotations

from steersman.api import kinds
from steersman.apiserver.aggregation.documents import discovered_version, merged_order
from steersman.apiserver.aggregation.local import wanted_services
from steersman.apiserver.aggregation.remote import Remote, user_headers
from steersman.apiserver.authn import User


def remote(group: str, version: str = "v1", priority: int = 100) -> Remote:
    return Remote(f"{version}.{group}", group, version, "ns", "s", 443, "", False, priority, 10)


def test_remote_groups_come_after_the_local_ones_by_priority() -> None:
    order = merged_order(
        [("", ["v1"]), ("apps", ["v1"])], [remote("low"), remote("high", priority=200), remote("apps", "v9")]
    )
    assert order == [("", ["v1"]), ("apps", ["v1", "v9"]), ("high", ["v1"]), ("low", ["v1"])]


def test_sub_resources_stand_below_their_parents_and_the_unreachable_are_stale() -> None:
    one = remote("wardle.example.com")
    one.resources = (
        {
            "name": "flunders",
            "singularName": "flunder",
            "namespaced": True,
            "kind": "Flunder",
            "verbs": ["get"],
        },
        {"name": "flunders/status", "kind": "Flunder", "namespaced": True, "verbs": ["update"]},
    )
    shown = discovered_version(one)
    assert shown["freshness"] == "Stale"
    (entry,) = shown["resources"]
    assert entry["scope"] == "Namespaced"
    assert [below["subresource"] for below in entry["subresources"]] == ["status"]


def test_every_served_group_version_has_a_local_api_service() -> None:
    wanted = wanted_services([kinds.PODS, kinds.DEPLOYMENTS])
    assert set(wanted) == {"v1.", "v1.apps"}
    assert wanted["v1."]["spec"]["groupPriorityMinimum"] > wanted["v1.apps"]["spec"]["groupPriorityMinimum"]
    assert "group" not in wanted["v1."]["spec"]


def test_the_remote_is_told_who_asks() -> None:
    user = User("ann", uid="7", groups=("devs", "all"), extra={"example.com/x": ["1"]})
    assert user_headers(user) == [
        ("X-Remote-User", "ann"),
        ("X-Remote-Uid", "7"),
        ("X-Remote-Group", "devs"),
        ("X-Remote-Group", "all"),
        ("X-Remote-Extra-example.com%2Fx", "1"),
    ]
