/** The user's products: pictures that can be put into scenes. */
import { collection, deleteDoc, doc, serverTimestamp, setDoc } from "firebase/firestore";
import { db } from "../firebase";

export const MOST_NAME = 200;
export const MOST_URL = 2048;

/** Resolves when the server has it. */
export function addProduct(uid: string, name: string, imageUrl: string): Promise<void> {
  const now = serverTimestamp();
  return setDoc(doc(collection(db, "products")), {
    user_id: uid,
    name,
    image_url: imageUrl,
    created_at: now,
    updated_at: now,
  });
}

/** Pictures that show it stay, and so does its file: a job may be reading it. */
export const removeProduct = (productId: string): Promise<void> => deleteDoc(doc(db, "products", productId));

/** Whether the pipeline could fetch a picture from there. */
export function isWebAddress(text: string): boolean {
  return text.length <= MOST_URL && /^https?:\/\/[^\s]+$/.test(text) && URL.canParse(text);
}
