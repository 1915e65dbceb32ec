// A released app: it sends the operations that it was built with, and no others.
import manifest from "../pinned/mobile-1.0.json";

type Answer<Data> = {
  data?: Data | null;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string } }[];
};

const bodies = new Map(manifest.operations.map(({ name, body }) => [name, body]));

export async function ask<Data>(
  url: string,
  token: string,
  operationName: string,
  variables: object,
): Promise<Answer<Data>> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json",
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ operationName, query: bodies.get(operationName), variables }),
  });
  return (await response.json()) as Answer<Data>;
}

// Words that the app has a text for. A newer gateway may send others.
const billingTypes: Record<string, string> = {
  IMAGE_GENERATION: "Images",
  MESSAGE: "Messages",
  VIDEO_GENERATION: "Videos",
};

export function billingTypeLabel(word: string): string {
  return billingTypes[word] ?? "Other";
}
