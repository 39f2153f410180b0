import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // holds under Airflow's prefix, and under a proxy's
  build: { outDir: "dist", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 400 },
});
