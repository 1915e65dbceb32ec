// What one conversation was charged, found by its id alone.
import { graphql, useLazyLoadQuery, usePaginationFragment } from "react-relay";
import type { ChargesSheetPaginationQuery } from "./__generated__/ChargesSheetPaginationQuery.graphql";
import type { ChargesSheetQuery } from "./__generated__/ChargesSheetQuery.graphql";
import type { ChargesSheet_usage$key } from "./__generated__/ChargesSheet_usage.graphql";

export function ChargesSheet({ id }: { id: string }) {
  const { node } = useLazyLoadQuery<ChargesSheetQuery>(
    graphql`
      query ChargesSheetQuery($id: ID!) {
        node(id: $id) {
          ...ChargesSheet_usage @alias(as: "usage")
        }
      }
    `,
    { id },
  );
  return node?.usage ? <Charges usage={node.usage} /> : null;
}

function Charges({ usage }: { usage: ChargesSheet_usage$key }) {
  const { data, hasNext, loadNext } = usePaginationFragment<
    ChargesSheetPaginationQuery,
    ChargesSheet_usage$key
  >(
    graphql`
      fragment ChargesSheet_usage on ConversationUsage
      @refetchable(queryName: "ChargesSheetPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 50 }
        after: { type: "String" }
      ) {
        title
        charges(first: $first, after: $after) @connection(key: "ChargesSheet_charges") {
          edges {
            node {
              id
              kind
              occurredAt
              credits
              unpaid
              payments {
                credits
                lot {
                  kind
                  expiresAt
                }
              }
            }
          }
        }
      }
    `,
    usage,
  );
  return (
    <aside>
      <h2>{data.title}</h2>
      {data.charges.edges.map(({ node }) => (
        <p key={node.id}>
          {node.kind}: {node.credits}, by {node.payments.length} lots
        </p>
      ))}
      {hasNext && <button onClick={() => loadNext(50)}>More</button>}
    </aside>
  );
}
