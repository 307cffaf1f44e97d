import { decode, isBlurhashValid } from "blurhash";
import { useEffect, useRef, useState } from "preact/hooks";

const BLUR_PIXELS = 32;

/** A picture in a box of the given shape; its BlurHash is shown until it is there. `ratio` is width to height. */
export function Picture(props: { src: string; alt: string; placeholder?: string | null; ratio?: string }) {
  const [loaded, setLoaded] = useState<string | null>(null);
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    if (image.current?.complete && image.current.naturalWidth > 0) setLoaded(props.src);
  }, [props.src]);
  return (
    <div class="picture" style={props.ratio ? { aspectRatio: props.ratio } : { height: "100%" }}>
      {props.placeholder && <Blur hash={props.placeholder} />}
      <img
        ref={image}
        src={props.src}
        alt={props.alt}
        loading="lazy"
        decoding="async"
        data-loaded={loaded === props.src ? "" : undefined}
        onLoad={() => setLoaded(props.src)}
        onError={() => setLoaded(props.src)} // its words show in its place
      />
    </div>
  );
}

function Blur({ hash }: { hash: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const drawing = canvas.current?.getContext("2d");
    if (!drawing || !isBlurhashValid(hash).result) return;
    const pixels = drawing.createImageData(BLUR_PIXELS, BLUR_PIXELS);
    pixels.data.set(decode(hash, BLUR_PIXELS, BLUR_PIXELS));
    drawing.putImageData(pixels, 0, 0);
  }, [hash]);
  return <canvas ref={canvas} width={BLUR_PIXELS} height={BLUR_PIXELS} />;
}
