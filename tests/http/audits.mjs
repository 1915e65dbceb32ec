// Print the result of each audit of GraphQL over HTTP on the server at the given address, as JSON.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { auditServer } = require("graphql-http");

const results = await auditServer({ url: process.argv[2] });
const report = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
process.stdout.write(JSON.stringify(report));
