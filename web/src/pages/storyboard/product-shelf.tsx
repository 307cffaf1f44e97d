import { Plus, X } from "lucide";
import { useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { removeProduct } from "../../data/products";
import { Button, IconButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { sayFailure } from "../../parts/failure";
import { Picture } from "../../parts/picture";
import { announce } from "../../parts/toasts";
import type { Product } from "../../pipeline/documents";
import { AddProduct } from "./add-product";
import "./product-shelf.css";

/** The user's products, of all storyboards: pictures that can be put into scenes. */
export function ProductShelf({ board }: { board: Board }) {
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<Found<Product> | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const { products } = board;
  const remove = (product: Found<Product>) => {
    removeProduct(product.id).catch(sayFailure("The product was not removed"));
    announce(`${nameOf(product)} is removed`);
    setLeaving(null);
    requestAnimationFrame(() => heading.current?.focus());
  };
  return (
    <section class="shelf" aria-labelledby="products">
      <div class="shelf__head">
        <h2 id="products" ref={heading} tabIndex={-1}>
          Products
        </h2>
        <Button icon={Plus} onClick={() => setAdding(true)}>
          Add product
        </Button>
      </div>
      {products.length === 0 ? (
        <p class="shelf__none">A product is a picture of yours, of a bottle or a mug, that scenes can show.</p>
      ) : (
        <ul class="shelf__list">
          {products.map((product) => (
            <li key={product.id} class="card shelf__product">
              <Picture src={product.image_url} alt="" />
              <span class="shelf__name">{nameOf(product)}</span>
              <IconButton label={`Remove ${nameOf(product)}`} icon={X} onClick={() => setLeaving(product)} />
            </li>
          ))}
        </ul>
      )}
      {isAdding && <AddProduct onClose={() => setAdding(false)} />}
      {leaving && (
        <Dialog
          title={`Remove ${nameOf(leaving)}?`}
          onClose={() => setLeaving(null)}
          actions={
            <>
              <Button onClick={() => setLeaving(null)}>Keep it</Button>
              <Button kind="danger" icon={X} onClick={() => remove(leaving)}>
                Remove
              </Button>
            </>
          }
        >
          <p>Pictures that show it stay. New ones are made without it, in all storyboards.</p>
        </Dialog>
      )}
    </section>
  );
}

const nameOf = (product: Found<Product>): string => product.name || "Unnamed product";
