import { defineConfig } from "vite";

// `npm run dev`: the page from its sources under /hotspots/, and all else from a running Airflow,
// where one logs in too.
const AIRFLOW = process.env.AIRFLOW || "http://localhost:8080";

export default defineConfig(({ command }) => ({
  base: command === "serve" ? "/hotspots/" : "./", // "./" holds under Airflow's prefix, and under a proxy's
  build: { outDir: "dist", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 400 },
  server: { proxy: { "^/(?!hotspots/(?!v1/))": AIRFLOW } },
}));
