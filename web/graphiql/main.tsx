import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./main.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { fetchWithToken, token } from "../token";
import firstQuery from "./first.graphql?raw";

const fetcher = createGraphiQLFetcher({
  url: new URL("/graphql", location.origin).href,
  fetch: fetchWithToken,
  enableIncrementalDelivery: false,
});

function TokenField() {
  const [value, setValue] = useState(token.read);

  function change(text: string) {
    const bare = text.trim().replace(/^bearer\s+/i, "");
    token.write(bare);
    setValue(bare);
  }

  return (
    <form className="token" autoComplete="off" onSubmit={(event) => event.preventDefault()}>
      <label htmlFor="token">Token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="a JSON Web Token: nobody is signed in without one"
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      <span>kept in this tab only, sent as Authorization: Bearer</span>
    </form>
  );
}

function Explorer() {
  return (
    <>
      <TokenField />
      <GraphiQL
        fetcher={fetcher}
        defaultQuery={firstQuery}
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      />
    </>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root");
createRoot(root).render(
  <StrictMode>
    <Explorer />
  </StrictMode>,
);
