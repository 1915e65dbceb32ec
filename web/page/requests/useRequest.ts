import { useRef, useState } from "react";
import { type TypedDocumentNode, useClient } from "urql";
import { askAgain } from "../client/again";
import { newKey } from "./key";
import { type Refusal, refusalOf, refusalOfFailure, type UserError } from "./refusals";

interface Payload {
  userErrors: UserError[];
}

/** What came of a request: what was done, or why it was not. Neither: one is under way. */
export interface Answer<Done extends Payload> {
  done: Done | null;
  refusal: Refusal | null;
  /** The key that it was asked for under; empty while another one is under way. */
  key: string;
}

/** One wish of a person, however often it has to be sent until it is answered. */
interface Attempt {
  about: string;
  key: string;
}

const UNDER_WAY = { done: null, refusal: null, key: "" };

/**
 * Ask the gateway for something that is to be done once: a second click while it is under way
 * asks for nothing, and what was not answered is asked for again under the same key.
 */
export function useRequest<Data, Input, Done extends Payload>(
  document: TypedDocumentNode<Data, { input: Input }>,
  doneIn: (data: Data) => Done | null | undefined,
) {
  const client = useClient();
  const attempt = useRef<Attempt | null>(null);
  const isUnderWay = useRef(false);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);

  const ask = async (inputWith: (idempotencyKey: string) => Input): Promise<Answer<Done>> => {
    if (isUnderWay.current) return UNDER_WAY;
    const about = JSON.stringify(inputWith(""));
    if (attempt.current?.about !== about) attempt.current = { about, key: newKey() };
    const { key } = attempt.current;
    const input = inputWith(key);
    isUnderWay.current = true;
    setBusy(true);
    setRefusal(null);
    try {
      const { data, error } = await client.mutation(document, { input }).toPromise();
      const done = data ? (doneIn(data) ?? null) : null;
      const refused = reasonIn(done, error ? refusalOfFailure(error) : null);
      if (!refused?.canRetry) attempt.current = null;
      if (refused && done) askAgain(client); // what is shown led to what cannot be done
      setRefusal(refused);
      return refused ? { done: null, refusal: refused, key } : { done, refusal: null, key };
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  };

  return { ask, isBusy, refusal, forgive: () => setRefusal(null) };
}

/** What was refused is said in the payload; what failed altogether has none. */
function reasonIn(done: Payload | null, failure: Refusal | null): Refusal | null {
  const [first] = done?.userErrors ?? [];
  if (first) return refusalOf(first);
  return done ? null : failure;
}
