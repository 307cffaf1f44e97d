/** Who is signed in, for all components below. */
import { onAuthStateChanged, signOut, type User } from "firebase/auth";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { allSent } from "./data/unsent";
import { auth } from "./firebase";

const Session = createContext<User | null>(null);

/** Shows `children` to a user who is signed in, `visitors` to everybody else, `waiting` until it is known. */
export function SessionGate(props: {
  children: ComponentChildren;
  visitors: ComponentChildren;
  waiting: ComponentChildren;
}) {
  const [user, setUser] = useState<User | null | undefined>(undefined);
  useEffect(() => onAuthStateChanged(auth, setUser), []);
  if (user === undefined) return <>{props.waiting}</>;
  // keyed by user: nothing of the one before stays in any state
  if (user)
    return (
      <Session.Provider value={user} key={user.uid}>
        {props.children}
      </Session.Provider>
    );
  return <>{props.visitors}</>;
}

/** The signed-in user. Only below a SessionGate. */
export function useUser(): User {
  const user = useContext(Session);
  if (!user) throw new Error("nobody is signed in");
  return user;
}

const PATIENCE_MILLISECONDS = 3000;

/** Sign out, and forget in this tab what was seen; before that, what was written is sent. */
export async function leave(): Promise<void> {
  const lost = "Some of what you did has not been saved yet, and would be lost. Sign out all the same?";
  if (!(await allSent(PATIENCE_MILLISECONDS)) && !confirm(lost)) return;
  await signOut(auth);
  location.assign("/");
}
