export const firebaseConfig = JSON.parse(process.env.__FIREBASE_DEFAULTS__).config;
