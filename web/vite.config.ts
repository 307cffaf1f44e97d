import { defineConfig, type UserConfig } from "vite";
import { notices } from "./notices.ts";

/** Where `make studio` runs: `npm run dev` shows what you are editing on the same emulators. */
const STUDIO = "http://127.0.0.1:5000";

export default defineConfig(async ({ command }): Promise<UserConfig> => {
  const cookie = command === "serve" ? (await fetch(STUDIO)).headers.get("set-cookie") : null;
  return {
    build: { target: "es2022", sourcemap: true, modulePreload: { polyfill: false } },
    plugins: [notices()],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    server: {
      host: "127.0.0.1",
      proxy: { "/__/firebase": STUDIO },
      headers: cookie ? { "Set-Cookie": cookie } : {},
    },
  };
});
