// The page around the examples: what its user types and chooses, and where it shows something.
import { readFileSync } from "node:fs";
import { File } from "node:buffer";

export const shown = [];
export const show = (...what) => shown.push(what.map((one) => (one instanceof Error ? String(one) : one)));
export const complain = show;
export const email = process.env.GUIDE_EMAIL;
export const password = "a long password";
export const music = new File([readFileSync(process.env.GUIDE_MUSIC)], "music.m4a", { type: "audio/mp4" });
