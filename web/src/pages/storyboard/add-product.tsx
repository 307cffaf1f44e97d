import { Check, Square } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import { addProduct, isWebAddress, MOST_NAME, MOST_URL } from "../../data/products";
import { accepted, refusal, type Upload, upload, uploadSentence, wasStopped } from "../../data/uploads";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Notice } from "../../parts/notice";
import { Progress } from "../../parts/progress";
import { announce } from "../../parts/toasts";
import { useUser } from "../../session";
import { firestoreSentence } from "../../words";

type Failure = { code?: string; message: string };

/** A file is uploaded; a picture that is on the web already stays there. */
export function AddProduct({ onClose }: { onClose: () => void }) {
  const { uid } = useUser();
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [address, setAddress] = useState("");
  const [wrong, setWrong] = useState<{ file?: string; address?: string }>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isSaving, setSaving] = useState(false);
  const uploading = useUploading();

  const check = () => {
    if (file) return { file: refusal("picture", file) ?? undefined };
    if (!address) return { file: "Choose a file, or paste an address." };
    return { address: isWebAddress(address) ? undefined : "An address begins with https:// and has no spaces." };
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const found = check();
    setWrong(found);
    setFailure(null);
    if (found.file || found.address) return;
    setSaving(true);
    try {
      const url = file ? await uploading.start(uid, file) : address;
      await addProduct(uid, name.trim() || (file ? withoutEnding(file.name) : ""), url);
      announce("The product is added");
      onClose();
    } catch (error) {
      if (!wasStopped(error as Failure)) setFailure(error as Failure);
    }
    setSaving(false);
  };
  return (
    <Dialog
      title="Add product"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="add-product" kind="primary" icon={Check} busy={isSaving}>
            Add
          </Button>
        </>
      }
    >
      <form id="add-product" class="add-product" onSubmit={submit} noValidate>
        <Field
          label="Picture"
          hint="PNG, JPEG or WebP, smaller than 30 MB. A plain background is cut away."
          error={wrong.file}
          control={(ids) => (
            <input
              {...ids}
              type="file"
              class="input"
              accept={accepted("picture")}
              disabled={isSaving}
              onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)}
            />
          )}
        />
        {!file && (
          <Field
            label="Or its address on the web"
            error={wrong.address}
            control={(ids) => (
              <input
                {...ids}
                type="url"
                class="input"
                placeholder="https://"
                maxLength={MOST_URL}
                value={address}
                disabled={isSaving}
                onInput={(event) => setAddress(event.currentTarget.value.trim())}
              />
            )}
          />
        )}
        <Field
          label="Name"
          control={(ids) => (
            <input
              {...ids}
              class="input"
              maxLength={MOST_NAME}
              autoComplete="off"
              placeholder={file ? withoutEnding(file.name) : "Blue mug"}
              value={name}
              disabled={isSaving}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        />
        {uploading.percent !== null && (
          <div class="add-product__upload">
            <Progress label="Uploading" percent={uploading.percent} />
            <Button icon={Square} onClick={uploading.stop}>
              Stop
            </Button>
          </div>
        )}
        {failure && (
          <Notice tone="bad" code={failure.code}>
            {failure.code?.startsWith("storage/") ? uploadSentence(failure) : firestoreSentence(failure)}
          </Notice>
        )}
      </form>
    </Dialog>
  );
}

/** One upload, that ends with the dialog. */
function useUploading() {
  const [percent, setPercent] = useState<number | null>(null);
  const running = useRef<Upload | null>(null);
  const stop = () => running.current?.cancel();
  useEffect(() => () => running.current?.cancel(), []);
  const start = async (uid: string, file: File) => {
    setPercent(0);
    running.current = upload(uid, "products", file, setPercent);
    try {
      return await running.current.done;
    } finally {
      running.current = null;
      setPercent(null);
    }
  };
  return { percent, start, stop };
}

const withoutEnding = (fileName: string): string => fileName.replace(/\.[^.]*$/, "").slice(0, MOST_NAME);
