"""The fixtures of the clients."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.database import Database
from tests import gateway_process, postgres
from tests.clients import project as projects
from tests.clients.project import Project
from tests.resolvers import world


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project, built; nothing changes it."""
    projects.install()
    project = projects.copy(tmp_path_factory.mktemp("clients"))
    project.build()
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a copy of the project of this test's own, not built."""
    projects.install()
    return projects.copy(tmp_path)


@dataclass(frozen=True)
class Gateway:
    """A gateway that serves the world of the resolvers' tests, and an owner's token."""

    url: str
    token: str

    async def ask(self, query: str, variables: dict[str, Any]) -> Any:
        """Return what it answers, as the document that it is."""
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}) as client:
            request = {"query": query, "variables": variables}
            return (await client.post(self.url, json=request, timeout=30)).json()


@pytest.fixture(scope="session")
async def gateway(postgres_url: str, template_url: str) -> AsyncIterator[Gateway]:
    """Yield a gateway as it is run in production."""
    async with postgres.database(postgres_url, template_url=template_url) as url:
        database = Database(url)
        await world.fill(database)
        await database.close()
        token = await gateway_process.run("token", "--subject", world.OWNER.subject)
        async with gateway_process.serve(DATABASE_URL=url) as served:
            yield Gateway(f"{served.url}/graphql", token.output.strip())
