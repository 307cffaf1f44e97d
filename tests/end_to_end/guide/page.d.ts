export function show(...what: unknown[]): void;
export const email: string;
export const password: string;
export const music: File;
