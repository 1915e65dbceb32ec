import type { CodegenConfig } from "@graphql-codegen/cli";

// The page's operations, each beside the component that shows its answer, as typed documents.
const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["page/**/*.{ts,tsx}", "!page/gql/**"],
  emitLegacyCommonJSImports: false,
  config: {
    scalars: { BigInt: "number", DateTime: "string", ID: "string", URL: "string" },
    strictScalars: true,
    useTypeImports: true,
    enumsAsTypes: true,
  },
  generates: {
    "page/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: { unmaskFunctionName: "read" } },
    },
  },
};

export default config;
