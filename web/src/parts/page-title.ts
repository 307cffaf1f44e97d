import { useEffect } from "preact/hooks";

/** What the tab and the history call this page. */
export function usePageTitle(name: string): void {
  useEffect(() => {
    const before = document.title;
    document.title = `${name} · Studio`;
    return () => {
      document.title = before;
    };
  }, [name]);
}
