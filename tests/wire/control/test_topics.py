"""Names of topics, what a subscription hears, and which events may be left out: one rule for the server, kernels and pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_jupyter.wire.control.topics import THINNED, TOPICS, kind_of, matches, subscriptions

PAGES = Path(__file__).parents[3] / "labextension" / "src"
NAMES = st.text("a/1", max_size=7)


def test_topics_end_with_a_slash_so_that_prefixes_do_not_mix() -> None:
    assert all(topic.endswith("/") for topic in TOPICS)


def test_only_topics_whose_events_are_whole_states_are_thinned() -> None:
    assert set(THINNED) == {"view/", "run/"}, "an event that is an increment must reach every page"
    assert set(THINNED) < set(TOPICS)


@pytest.mark.parametrize(
    ("subscription", "topic", "heard"),
    [
        ("run/a.1.local.1", "run/a.1.local.1", True),
        ("run/a.1.local.1", "run/a.1.local.10", False),
        ("run/", "run/a.1.local.10", True),
        ("run/a.1", "run/a.1.local.1", False),
        ("run", "run/a", False),
        ("runner/ssh://", "runner/ssh://host", True),
        ("view/", "run/a", False),
    ],
)
def test_a_subscription_hears_its_own_name_and_with_a_slash_at_the_end_all_below(
    subscription: str, topic: str, heard: bool
) -> None:
    assert matches(subscription, topic) == heard
    assert (subscription in subscriptions(topic)) == heard


@given(NAMES, NAMES)
def test_the_subscriptions_of_a_topic_are_those_that_match(subscription: str, topic: str) -> None:
    assert (subscription in subscriptions(topic)) == matches(subscription, topic)
    assert all(matches(name, topic) for name in subscriptions(topic))


def test_a_topic_belongs_to_a_kind_or_is_none() -> None:
    assert {kind_of(topic) for topic in ("view/a", "view/", "view/a/b")} == {"view/"}
    assert {kind_of(topic) for topic in ("view", "views/a", "", "/view/")} == {""}


def test_pages_use_the_generated_lists() -> None:
    kinds = "|".join(topic[:-1] for topic in TOPICS)
    lists = re.compile(rf"""startsWith\(['"](?:{kinds})/|(?:const|=) *\[?['"](?:{kinds})/['"]""")
    texts = [path.read_text() for path in PAGES.rglob("*.ts") if path != PAGES / "wire.ts"]
    found = [match[0] for text in texts for match in lists.finditer(text)]
    assert len(found) <= 1, "only a connection keeps the newest view for later subscribers, because the dispatcher sends it once"
