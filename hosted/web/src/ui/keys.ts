// typing says whether a key belongs to a form field, a dialog or the browser rather than to the page.
export function typing(e: KeyboardEvent): boolean {
  const t = e.target as HTMLElement | null;
  return e.ctrlKey || e.metaKey || e.altKey || !!t?.closest?.('input, select, textarea, dialog');
}
