// The calls of the open capture that a condition finds, a page at a time.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import type { CDR, CallPage, Problem } from '../api/types';
import type { Engine } from './engine';

const PAGE = 500;

export interface Found {
  calls: CDR[];
  next: string; // "" at the end
  loaded: boolean;
  problem: Problem | null;
}

const NONE: Found = { calls: [], next: '', loaded: false, problem: null };

export function useFound(engine: Engine, where: string, newest: boolean): [Found, () => void] {
  const [found, set] = useState(NONE);
  const busy = useRef<AbortController | null>(null);
  const load = useCallback(
    (before: Found) => {
      busy.current?.abort();
      const mine = (busy.current = new AbortController());
      const q = new URLSearchParams({ where, limit: String(PAGE), order: newest ? 'newest' : 'oldest', after: before.next });
      engine.json<CallPage>(`/calls?${q}`, mine.signal).then(
        (p) => {
          busy.current = null;
          set({ calls: [...before.calls, ...p.calls], next: p.next, loaded: true, problem: null });
        },
        (e) => aborted(e) || set({ ...before, loaded: true, problem: asProblem(e) }),
      );
    },
    [engine, where, newest],
  );
  useEffect(() => {
    load(NONE);
    return () => busy.current?.abort();
  }, [load]);
  const more = useCallback(() => {
    if (found.next && !busy.current) load(found);
  }, [found, load]);
  return [found, more];
}
