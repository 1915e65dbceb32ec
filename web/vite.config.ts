import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Compress once at build time what would otherwise be compressed for each visitor. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (!/\.(css|js|ttf)$/.test(file.fileName)) continue;
          const source = file.type === "chunk" ? file.code : file.source;
          this.emitFile({
            type: "asset",
            fileName: `${file.fileName}.gz`,
            source: gzipSync(source, { level: 9 }),
          });
        }
      },
    },
  };
}

// Each entry is a page of its own; the gateway serves `index.html` of a directory at its name.
// The gateway puts a fresh nonce in the place of this one into each page that it serves.
export default defineConfig({
  html: { cspNonce: "NONCE-OF-THE-ANSWER" },
  plugins: [react(), precompress()],
  worker: { format: "es", plugins: () => [precompress()] },
  build: {
    outDir: "../gateway/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no `data:` fonts
    chunkSizeWarningLimit: 4096, // the editor is large
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { graphiql: "graphiql/index.html", page: "page/index.html" },
      onLog(level, log, forward) {
        // GraphiQL's packages are compiled already: their notes to React's compiler are of no use.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") forward(level, log);
      },
    },
  },
});
