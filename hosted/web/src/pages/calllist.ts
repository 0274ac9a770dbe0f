// The ended calls of a filter: pages by cursor, how many came in since, and the list as it was when the user returns to it.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { aborted, api, asProblem } from '../api/client';
import type { CDR, Problem } from '../api/types';
import { apiQuery, parseFilter, type Filter } from '../query';
import { micros, rfc3339 } from '../time';

const PAGE = 100;
export const NEWEST = 50; // calls that a look for new ones asks for
const POLL_MS = 10_000;

export interface CallList {
  calls: CDR[];
  next: string; // cursor of the page after, "" at the end
  searched: string; // how far back was looked, where the time was up before a page was full; ""
  loaded: boolean;
  loading: boolean;
  problem: Problem | null;
  fresh: number; // calls that came in since, at most NEWEST
}

const NOTHING: CallList = { calls: [], next: '', searched: '', loaded: false, loading: true, problem: null, fresh: 0 };

// The last list that was shown, so that "back" finds it where it was left.
let kept: { query: string; list: CallList; scroll: number } | null = null;

// keepScroll is told of every scroll event; those that come while the page already gives way to the next are not the user's.
export function keepScroll(query: string) {
  if (kept?.query === query && location.pathname === '/calls') kept.scroll = window.scrollY;
}
export const keptScroll = (query: string) => (kept?.query === query ? kept.scroll : 0);

export function useCallList(query: string) {
  const [list, setList] = useState<CallList>(() => (kept?.query === query ? kept.list : NOTHING));
  const busy = useRef<AbortController | null>(null);
  const current = useRef(list);
  current.current = list;

  const update = useCallback(
    (l: CallList) => {
      current.current = l;
      kept = { query, list: l, scroll: kept?.query === query ? kept.scroll : 0 };
      setList(l);
    },
    [query],
  );

  const load = useCallback(
    async (after: string) => {
      busy.current?.abort();
      const mine = (busy.current = new AbortController());
      const old = current.current;
      update({ ...old, loading: true, problem: null });
      try {
        const page = await api.calls(apiQuery(parseFilter(new URLSearchParams(query)), Date.now() * 1000, PAGE, after), mine.signal);
        update({ calls: after ? append(old.calls, page.calls) : page.calls, next: page.next, searched: page.searched ?? '', loaded: true, loading: false, problem: null, fresh: after ? old.fresh : 0 });
      } catch (e) {
        if (!aborted(e)) update({ ...old, loading: false, problem: asProblem(e) });
      }
    },
    [query, update],
  );

  useEffect(() => {
    if (kept?.query !== query || !kept.list.loaded) {
      update(NOTHING);
      void load('');
    } else {
      update({ ...kept.list, loading: false });
    }
    return () => busy.current?.abort();
  }, [query, load, update]);

  // Look for new calls while somebody looks at the newest. What is on screen stays where it is; only an empty list fills by itself.
  useEffect(() => {
    const control = new AbortController();
    const timer = setInterval(async () => {
      const l = current.current;
      if (document.hidden || l.loading || parseFilter(new URLSearchParams(query)).oldest) return;
      try {
        const page = await api.calls(newest(parseFilter(new URLSearchParams(query)), l.calls[0]), control.signal);
        if (current.current !== l) return;
        if (l.calls.length === 0) update({ ...l, calls: page.calls, next: page.next, searched: page.searched ?? '', loaded: true, problem: null });
        else update({ ...l, problem: null, fresh: countFresh(l.calls, page.calls) });
      } catch (e) {
        if (!aborted(e) && current.current === l && !l.problem) update({ ...l, problem: asProblem(e) });
      }
    }, POLL_MS);
    return () => {
      clearInterval(timer);
      control.abort();
    };
  }, [query, update]);

  const more = useCallback(() => {
    const l = current.current;
    if (l.next && !l.loading && !l.problem) void load(l.next);
  }, [load]);
  const reload = useCallback(() => {
    current.current = { ...current.current, next: '' };
    window.scrollTo(0, 0);
    return load('');
  }, [load]);
  return { list, more, reload };
}

// newest asks for calls that came in. Those that a condition finds are looked for near the newest known one only: going through all
// times again and again would cost too much. A call is listed under its start, and comes when it ends.
function newest(f: Filter, known: CDR | undefined): URLSearchParams {
  const q = apiQuery(f, Date.now() * 1000, NEWEST);
  const start = micros(known?.start);
  const from = micros(q.get('from'));
  if (f.where && start !== null && (from === null || from < start - LONG_CALL)) q.set('from', rfc3339(start - LONG_CALL));
  return q;
}

const LONG_CALL = 2 * 3600e6; // microseconds

// append adds a page; a call that is in the list already (it moved while paging) stays where it is.
export function append(list: CDR[], page: CDR[]): CDR[] {
  const known = new Set(list.map((c) => c.id));
  return [...list, ...page.filter((c) => !known.has(c.id))];
}

// countFresh is how many calls of the newest page are not in the list.
export function countFresh(list: CDR[], newest: CDR[]): number {
  const known = new Set(list.map((c) => c.id));
  return newest.filter((c) => !known.has(c.id)).length;
}
