"""What every part of notifications is given: nothing is global."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from services.notifications.contact import ContactDoor
from services.notifications.policy import Policy
from services.notifications.sender import Sender, open_sender
from services.notifications.settings import NotificationsSettings
from services.notifications.store import Store, open_store
from shared import mongo
from shared.clients import ServiceClient, TokenSource


@dataclass(frozen=True)
class Notifications:
    """The service: its store, its policy, the door it asks and the sender it hands over to."""

    store: Store
    policy: Policy
    door: ContactDoor
    sender: Sender
    settings: NotificationsSettings
    http: httpx.Client
    """The connections to intake and the issuer."""

    def close(self) -> None:
        """Give back connections."""
        self.http.close()
        self.store.database.client.close()


def open_service(settings: NotificationsSettings, policy: Policy | None = None) -> Notifications:
    """The service as the settings describe it, with the policy of its files unless another one is given."""
    policy = policy or Policy.load()
    http = httpx.Client(trust_env=False)
    tokens = TokenSource(settings.tokens_url, settings.client_id, settings.client_secret, http=http)
    return Notifications(
        store=open_store(mongo.connect(settings.mongo_url), settings, policy),
        policy=policy,
        door=ContactDoor(ServiceClient(settings.intake_url, tokens, http=http)),
        sender=open_sender(settings),
        settings=settings,
        http=http,
    )
