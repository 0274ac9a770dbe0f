// A text that was not saved yet survives a look at another page, a reload and the end of a session; not the tab.

const KEY = 'rules-draft';

export interface Draft {
  revision: number; // that it was made of
  base: string; // the text of that revision
  text: string;
}

export function keepDraft(d: Draft | null) {
  try {
    if (d) sessionStorage.setItem(KEY, JSON.stringify(d));
    else sessionStorage.removeItem(KEY);
  } catch {
    // no storage: the draft lasts as long as the page
  }
}

export function keptDraft(): Draft | null {
  try {
    const d = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Draft | null;
    return d && typeof d.revision === 'number' && typeof d.text === 'string' && typeof d.base === 'string' ? d : null;
  } catch {
    return null;
  }
}
