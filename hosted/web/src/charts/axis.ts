// The arithmetic of time charts.

import { clock, date, type Zone } from '../time';

// axisTime labels a time axis: the time of day, and the date where a day begins or all ticks are days.
export function axisTime(splits: number[], zone: Zone): string[] {
  const days = splits.length > 1 && splits[1]! - splits[0]! >= 86_400;
  let last = '';
  return splits.map((s) => {
    const day = date(s * 1e6, zone).slice(5);
    const time = clock(s * 1e6, zone).slice(0, 5);
    const changed = day !== last && last !== '';
    last = day;
    return days || (changed && time === '00:00') ? day : time;
  });
}

// middles is where the points of steps are drawn, s: in their middle, but within the time that is shown.
export function middles(at: number[], step: number, from: number, to: number): number[] {
  return at.map((t) => Math.min(Math.max(t / 1e6 + step / 2, from / 1e6), to / 1e6));
}

// stacked adds up the rows: each stands on those before it.
export function stacked(rows: (number | null)[][]): (number | null)[][] {
  const sum: number[] = [];
  return rows.map((row) => row.map((v, i) => (sum[i] = (sum[i] ?? 0) + (v ?? 0))));
}

// aligned puts values of a time before under the steps of this one: begin and step are the same, but the number may differ.
export function aligned(values: (number | null)[], length: number): (number | null)[] {
  return Array.from({ length }, (_, i) => values[i] ?? null);
}

// parted divides values at a point: what is sure, and what may still change, which begins where the other ends so that a line goes on.
export function parted(values: (number | null)[], from: number, joined: boolean): [(number | null)[], (number | null)[]] {
  const begin = joined ? from - 1 : from;
  return [values.map((v, i) => (i < from ? v : null)), values.map((v, i) => (i >= begin ? v : null))];
}
