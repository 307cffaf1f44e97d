import type { FirebaseError } from "firebase/app";
import {
  createUserWithEmailAndPassword,
  GoogleAuthProvider,
  signInWithEmailAndPassword,
  signInWithPopup,
} from "firebase/auth";
import { useState } from "preact/hooks";
import { auth } from "../firebase";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Notice } from "../parts/notice";

const SENTENCES: Record<string, string> = {
  "auth/invalid-credential": "The e-mail address or the password is wrong.",
  "auth/user-not-found": "There is no account with this e-mail address yet.",
  "auth/wrong-password": "The password is wrong.",
  "auth/email-already-in-use": "There is an account with this e-mail address: sign in instead.",
  "auth/weak-password": "The password needs at least six characters.",
  "auth/invalid-email": "This is not an e-mail address.",
  "auth/network-request-failed": "There is no connection to the server.",
  "auth/operation-not-allowed": "This way to sign in is not switched on in the Firebase project.",
  "auth/too-many-requests": "Too many tries: wait a little.",
};
const CHANGED_MIND = ["auth/popup-closed-by-user", "auth/cancelled-popup-request"];

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<FirebaseError | null>(null);

  const attempt = async (way: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(null);
    try {
      await way();
    } catch (error) {
      if (!CHANGED_MIND.includes((error as FirebaseError).code)) setFailure(error as FirebaseError);
    }
    setBusy(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const way = isNew ? createUserWithEmailAndPassword : signInWithEmailAndPassword;
    attempt(() => way(auth, email, password));
  };

  return (
    <main class="welcome">
      <div class="card welcome__card">
        <img class="welcome__mark" src="/favicon.svg" alt="" />
        <div>
          <h1>Words to video</h1>
          <p>Write scenes. Watch them become pictures, clips, and a film.</p>
        </div>
        <form onSubmit={submit}>
          <Field
            label="E-mail"
            control={(ids) => (
              <input
                {...ids}
                class="input"
                type="email"
                autoComplete="email"
                required
                value={email}
                onInput={(event) => setEmail(event.currentTarget.value)}
              />
            )}
          />
          <Field
            label="Password"
            control={(ids) => (
              <input
                {...ids}
                class="input"
                type="password"
                autoComplete={isNew ? "new-password" : "current-password"}
                minLength={6}
                required
                value={password}
                onInput={(event) => setPassword(event.currentTarget.value)}
              />
            )}
          />
          {failure && (
            <Notice tone="bad" code={failure.code}>
              {SENTENCES[failure.code] ?? failure.message}
            </Notice>
          )}
          <Button kind="primary" type="submit" busy={busy}>
            {isNew ? "Create account" : "Sign in"}
          </Button>
        </form>
        <Button onClick={() => attempt(() => signInWithPopup(auth, new GoogleAuthProvider()))} disabled={busy}>
          Continue with Google
        </Button>
        <Button kind="quiet" onClick={() => setNew(!isNew)}>
          {isNew ? "I have an account" : "I am new here"}
        </Button>
      </div>
    </main>
  );
}
