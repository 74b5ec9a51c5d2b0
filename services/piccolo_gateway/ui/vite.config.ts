import { svelte } from "@sveltejs/vite-plugin-svelte";
import { compression, defineAlgorithm } from "vite-plugin-compression2";
import { defineConfig } from "vite";

/* the page of all components: a build of its own, so that none of it is in what is shipped */
const gallery = { outDir: "build/gallery", rollupOptions: { input: "gallery.html" } };

export default defineConfig(({ mode }) => ({
  plugins: [
    svelte(),
    compression({ algorithms: [defineAlgorithm("gzip", { level: 9 }), defineAlgorithm("brotliCompress")] }),
  ],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      input: { page: "index.html", share: "src/styles/share.css", sw: "worker/sw.ts" },
      output: { entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
    ...(mode === "gallery" ? gallery : {}),
  },
  // the sealing library asks for node's crypto only where a browser has none
  resolve: { alias: { crypto: "/src/api/nothing.ts" } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "plain", include: ["tests/**/*.test.ts"], exclude: ["tests/**/*.svelte.test.ts"] },
      },
      {
        extends: true,
        // what reacts does so only in the Svelte of browsers, not in the one that renders on servers
        resolve: { conditions: ["browser"] },
        test: {
          name: "reacting",
          include: ["tests/**/*.svelte.test.ts"],
          environment: "./tests/page.environment.ts",
          server: { deps: { inline: ["svelte"] } },
        },
      },
    ],
  },
})) as Parameters<typeof defineConfig>[0];
