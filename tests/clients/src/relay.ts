import { Environment, Network, RecordSource, Store, type GraphQLResponse } from "relay-runtime";

export type Problem = { message: string; extensions: { code: string } };

export function connect(
  url: string,
  token: () => string,
  onProblem: (problem: Problem) => void,
): Environment {
  const network = Network.create(async ({ name, text }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json",
        authorization: `Bearer ${token()}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ operationName: name, query: text, variables }),
    });
    const answer = await response.json();
    answer.errors?.forEach(onProblem);
    return answer as GraphQLResponse;
  });
  return new Environment({ network, store: new Store(new RecordSource()) });
}
