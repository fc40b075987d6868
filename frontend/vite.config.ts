/* vite.config.ts - build into build/dashboard; development server in front of a daemon. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { firstLoads } from "./first-loads";

const daemon = process.env.RELEVO_URL ?? "http://127.0.0.1:8000";
const paths = [
  "items",
  "operations",
  "health",
  "sync",
  "instances",
  "events",
  "session",
  "metrics",
];
const proxy = Object.fromEntries(
  [...paths.map((path) => `^/${path}(/|\\?|$)`), "/openapi.json"].map((path) => [path, daemon]),
);

export default defineConfig({
  base: "./",
  plugins: [react(), firstLoads({ limit: 300_000 })],
  server: { host: "127.0.0.1", port: 5173, proxy },
  preview: { host: "127.0.0.1", port: 4173, proxy },
  build: {
    outDir: "../build/dashboard",
    emptyOutDir: true,
    target: "es2022",
    // The Content-Security-Policy allows files of our own only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    testTimeout: 60_000,
  },
});
