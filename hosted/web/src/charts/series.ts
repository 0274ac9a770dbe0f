// The intervals of a call's streams as the columns that uPlot draws: one x, one y per stream.

import type { Interval, Stream } from '../api/types';
import { micros } from '../time';

export type Measure = 'mos' | 'loss' | 'jitter';

export function value(i: Interval, m: Measure): number | null {
  switch (m) {
    case 'mos': return i.mos > 0 ? i.mos : null;
    case 'loss': return i.packets + i.lost > 0 ? (100 * i.lost) / (i.packets + i.lost) : null;
    case 'jitter': return i.packets > 0 ? i.jitter_ms : null;
  }
}

export interface Columns {
  x: number[]; // seconds since the epoch
  y: (number | null | undefined)[][]; // one row per stream; null: a gap, undefined: no point of this stream at that time
}

// columns lines up the streams' intervals by time. Streams do not begin at the same moment, so most rows hold one of them.
export function columns(streams: Stream[], m: Measure): Columns {
  const at = new Map<number, Map<number, number | null>>();
  streams.forEach((s, n) => {
    for (const i of s.intervals ?? []) {
      const t = (micros(i.t) ?? 0) / 1e6;
      let row = at.get(t);
      if (!row) at.set(t, (row = new Map()));
      row.set(n, value(i, m));
    }
  });
  const x = [...at.keys()].sort((a, b) => a - b);
  return { x, y: streams.map((_, n) => x.map((t) => at.get(t)?.get(n))) };
}

const INTERVAL_S = 10;

// nearest is a stream's value at the interval closest to x, within one interval.
export function nearest(d: Columns, stream: number, x: number): number | null {
  let best: number | null = null;
  let distance = INTERVAL_S;
  d.x.forEach((t, i) => {
    const v = d.y[stream]?.[i];
    if (v != null && Math.abs(t - x) < distance) {
      distance = Math.abs(t - x);
      best = v;
    }
  });
  return best;
}
