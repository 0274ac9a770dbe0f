// What the dashboard asks for, again and again while it looks at now.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import { stats, type Stats } from '../api/stats';
import type { Problem } from '../api/types';
import { BACK, bounds, isLive, SECONDS, statsQuery, stepFor, type View } from './view';

export interface Data {
  now: Stats | null;
  before: Stats | null; // of the time that is compared with
  from: number; // what was asked for, us
  to: number;
  loading: boolean;
  whole: boolean; // all calls were to be counted, as long as that takes
  problem: Problem | null;
}

// refreshMS is how often figures change visibly: a few times a step.
const refreshMS = (v: View) => (v.span && SECONDS[v.span] <= 21_600 ? 15_000 : 60_000);

export function useStats(view: View, key: string): Data & { reload: () => void; all: () => void } {
  const [data, setData] = useState<Data>({ now: null, before: null, from: 0, to: 0, loading: true, whole: false, problem: null });
  const busy = useRef<AbortController | null>(null);
  const fitted = useRef<number | null>(null); // the step that fitted last
  const whole = useRef(false); // all calls are counted, once: it takes long
  const load = useCallback(async () => {
    busy.current?.abort();
    const mine = (busy.current = new AbortController());
    const [from, to] = bounds(view, Date.now() * 1000);
    const back = view.compare ? BACK[view.compare] * 1e6 : 0;
    const ask = (shift: number, step: number) => stats(statsQuery(view, from - shift, to - shift, { step: String(step), ...(whole.current ? { exact: '1' } : {}) }), mine.signal);
    setData((d) => ({ ...d, loading: true }));
    try {
      let now = await ask(0, fitted.current ?? stepFor(from, to));
      const step = stepFor(from, to, now.totals.calls);
      if (step !== now.step) now = await ask(0, step);
      fitted.current = step;
      const before = back ? await ask(back, step) : null;
      setData({ now, before, from, to, loading: false, whole: whole.current, problem: null });
    } catch (e) {
      if (!aborted(e)) setData((d) => ({ ...d, loading: false, problem: asProblem(e) }));
    }
  }, [key]);
  useEffect(() => {
    fitted.current = null;
    whole.current = false;
    void load();
    const t = isLive(view) ? setInterval(() => document.hidden || whole.current || void load(), refreshMS(view)) : undefined;
    return () => {
      clearInterval(t);
      busy.current?.abort();
    };
  }, [load]);
  const all = useCallback(() => {
    whole.current = true;
    void load();
  }, [load]);
  return { ...data, reload: load, all };
}
