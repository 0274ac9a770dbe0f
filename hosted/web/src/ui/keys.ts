import { useEffect } from 'preact/hooks';
import type { RefObject } from 'preact';

// typing says whether a key belongs to a form field, a dialog or the browser rather than to the page.
export function typing(e: KeyboardEvent): boolean {
  const t = e.target as HTMLElement | null;
  return e.ctrlKey || e.metaKey || e.altKey || !!t?.closest?.('input, select, textarea, dialog');
}

// useSlash puts the cursor into a search field when / is pressed anywhere on the page.
export function useSlash(field: RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== '/' || typing(e)) return;
      e.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [field]);
}
