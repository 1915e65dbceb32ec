"""The reading workloads, as a client sends them, and the gateway that answers them in-process."""

from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import text

from billing.access import Person
from models.database import Database
from resolvers import ids
from resolvers.context import Context
from resolvers.schema import schema

_CONVERSATIONS = "id conversationId title messageCount credits billingType updatedAt user { name }"

WORKLOADS = {
    "page": f"""query($id: ID!) {{ workspace(id: $id) {{
        conversationUsage(first: 50) {{ nodes {{ {_CONVERSATIONS} }} pageInfo {{ endCursor }} }}
    }} }}""",
    "dashboard": f"""query($id: ID!) {{ workspace(id: $id) {{
        name subscription {{ plan {{ name }} }} creditBalance {{ remaining }}
        conversationUsage(first: 20) {{ nodes {{ {_CONVERSATIONS} }} }}
        mcpHttpCalls(first: 20) {{
            nodes {{ callId credits createdAt apiKey {{ name }} user {{ name }} }}
        }}
        importUsage(first: 20) {{
            nodes {{ taskId importType importUrl credits createdAt user {{ name }} }}
        }}
        creditAdjustments(first: 20) {{ nodes {{ type amount description createdAt }} }}
    }} }}""",
    "summary": f"""query($id: ID!) {{ workspace(id: $id) {{
        conversationUsage(first: 50, filterBy: {{updatedAt: {{quickPick: LAST_30_DAYS}}}}) {{
            nodes {{ {_CONVERSATIONS} }} summary {{ conversationCount messageCount credits }}
        }}
    }} }}""",
    "tiny": """query($id: ID!) { workspace(id: $id) { name creditBalance { remaining } } }""",
}


@dataclass(frozen=True)
class Gateway:
    """The gateway's schema over a database, asked as the owner of its largest workspace."""

    database: Database
    workspace_id: UUID
    viewer: Person

    @classmethod
    async def open(cls, database: Database) -> "Gateway":
        """Return the gateway of a database that holds the demo."""
        async with database.snapshot() as snapshot:
            row = await snapshot.first(_LARGEST)
        assert row is not None
        return cls(database, row.workspace_id, Person(row.subject))

    async def answer(self, document: str) -> bytes:
        """Return the answer to an operation, as it leaves."""
        result = await schema.execute(
            document,
            variable_values={"id": ids.encode("Workspace", self.workspace_id)},
            context_value=Context(viewer=self.viewer, database=self.database),
        )
        assert result.errors is None, result.errors
        return orjson.dumps({"data": result.data})


_LARGEST = text("""
    SELECT workspace_id, subject
    FROM memberships JOIN users ON users.id = user_id
    WHERE role = 'OWNER' AND left_at IS NULL AND workspace_id = (
        SELECT workspace_id FROM conversation_usage GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
    )
    LIMIT 1
""")
