import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "documents/*.graphql",
  emitLegacyCommonJSImports: false,
  config: {
    // What each scalar is in JSON; an unknown one is an error, not `any`.
    scalars: { BigInt: "number", DateTime: "string", ID: "string", URL: "string" },
    strictScalars: true,
    useTypeImports: true,
  },
  generates: {
    // Typed documents for Apollo Client and urql, and the operations that a released app pins.
    "generated/client/": {
      preset: "client",
      presetConfig: { fragmentMasking: false, persistedDocuments: true },
    },
    // Which types a fragment on an interface or a union can meet: Apollo's cache asks for it.
    "generated/possibleTypes.ts": { plugins: ["fragment-matcher"] },
    // The plain plugins, for those who bring their own client.
    "generated/schema.ts": { plugins: ["typescript"] },
    "generated/operations.ts": { plugins: ["typescript-operations"] },
  },
};

export default config;
