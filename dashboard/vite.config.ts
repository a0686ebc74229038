import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";
import solid from "vite-plugin-solid";

// `npm run dev` serves the sources and forwards the API to the exchange that runs on this machine.
const exchange = process.env.CIFT_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [solid(), tailwindcss()],
  build: {
    target: "es2022",
    // The content security policy allows no data: fonts or scripts, so every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: { "/api": { target: exchange, ws: true }, "/ready": exchange, "/metrics": exchange } },
});
