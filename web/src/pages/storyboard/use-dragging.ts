import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/**
 * Lets children of a list, those with `data-drags`, be dragged by their handles, with a mouse or a finger; others may
 * stand behind them. `move` is told the places, from 0.
 *
 * Sortable moves elements by itself; that is undone at once, since Preact has to do it.
 */
export function useDragging(list: RefObject<HTMLElement | null>, move: (from: number, to: number) => void): void {
  const latestMove = useRef(move);
  latestMove.current = move;
  useEffect(() => {
    let isWanted = true;
    let end = () => {};
    const begin = ({ default: Sortable }: { default: typeof import("sortablejs") }) => {
      if (!isWanted || !list.current) return;
      const sortable = Sortable.create(list.current, {
        draggable: "[data-drags]",
        handle: "[data-drag-handle]",
        animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 160,
        ghostClass: "is-dropping",
        // pointer events for mouse and finger alike: only so does the page scroll along on every device
        forceFallback: true,
        fallbackOnBody: true,
        scrollSensitivity: 90,
        scrollSpeed: 10,
        onEnd: ({ item, from, oldDraggableIndex: before, newDraggableIndex: after }) => {
          if (before === undefined || after === undefined) return;
          item.remove();
          from.insertBefore(item, from.children[before] ?? null);
          latestMove.current(before, after);
        },
      });
      end = () => sortable.destroy();
    };
    import("sortablejs").then(begin, () => {}); // where it does not come, there are still the buttons
    return () => {
      isWanted = false;
      end();
    };
  }, [list]);
}
