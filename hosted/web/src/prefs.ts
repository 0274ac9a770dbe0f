// What the user chose for this browser: theme, time zone, columns. Kept in localStorage, shared by every view.

import { useEffect, useState } from 'preact/hooks';
import type { Zone } from './time';

export type Theme = 'auto' | 'light' | 'dark';
export interface Prefs {
  theme: Theme;
  zone: Zone;
  live: boolean; // running calls above the list
  direct: boolean; // downloads come straight from sensors that allow it
  columns: string[]; // of the calls list; none: the usual ones
}

const KEY = 'prefs';
const listeners = new Set<() => void>();
let prefs: Prefs = load();

function load(): Prefs {
  const p: Prefs = { theme: 'auto', zone: 'local', live: true, direct: true, columns: [] };
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Prefs>;
    if (saved.theme === 'light' || saved.theme === 'dark') p.theme = saved.theme;
    if (saved.zone === 'utc') p.zone = 'utc';
    if (saved.live === false) p.live = false;
    if (saved.direct === false) p.direct = false;
    if (Array.isArray(saved.columns)) p.columns = saved.columns.filter((c) => typeof c === 'string');
  } catch {
    // no storage, or not ours: the defaults hold
  }
  return p;
}

export function setPrefs(change: Partial<Prefs>) {
  prefs = { ...prefs, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // private windows refuse; the choice then lasts until the page is closed
  }
  applyTheme();
  for (const f of listeners) f();
}

export function applyTheme() {
  if (prefs.theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = prefs.theme;
}

export function usePrefs(): Prefs {
  const [, again] = useState(0);
  useEffect(() => {
    const f = () => again((n) => n + 1);
    listeners.add(f);
    return () => void listeners.delete(f);
  }, []);
  return prefs;
}
