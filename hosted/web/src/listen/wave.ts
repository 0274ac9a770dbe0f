// Draws a waveform: the caller above, the called side below, played part and position, and where packets were missing.

import type { SidePeaks } from '../api/types';
import type { Event, Mark } from './marks';

export interface Scene {
  lanes: (SidePeaks | null)[]; // caller, callee; null: nothing to draw
  heard: boolean[]; // of the lanes
  duration: number; // ms
  view: View; // what is shown of it
  at: number; // ms
  hover: number | null; // ms
  marks: Mark[];
  events: Event[];
  picture: boolean; // a spectrogram lies beneath: no wave
}

export interface Colours {
  wave: string;
  played: string;
  silent: string;
  line: string;
  ink: string;
  loss: string;
  lossGround: string;
  poor: string;
  cursor: string;
}

// View is a part of the time of a call, ms.
export interface View {
  from: number;
  to: number;
}

const CLOSEST = 2000; // ms, the least that is shown

// zoom shows so many times more or less, with one moment staying where it is.
export function zoom(v: View, factor: number, at: number, duration: number): View {
  const span = Math.min(duration, Math.max(Math.min(CLOSEST, duration), (v.to - v.from) * factor));
  return pan(at - ((at - v.from) / (v.to - v.from)) * span, span, duration);
}

// pan shows a span from a moment on, as far as there is call.
export function pan(from: number, span: number, duration: number): View {
  const begin = Math.min(Math.max(0, from), duration - span);
  return { from: begin, to: begin + span };
}

// follow turns the page when a moment is not in view.
export function follow(v: View, at: number, duration: number): View {
  return at >= v.from && at <= v.to ? v : pan(at - (v.to - v.from) / 10, v.to - v.from, duration);
}

export const AXIS = 20; // px below the lanes
const GAP = 6; // px between the lanes
const FLAGS = 6; // px above each lane, for the marks

// fold brings values, or those from begin to end, to a number of columns, the most telling one of each.
export function fold(values: number[], columns: number, pick: (a: number, b: number) => number, begin = 0, end = values.length): number[] {
  const out: number[] = [];
  for (let c = 0; c < columns; c++) {
    const from = Math.floor(begin + (c * (end - begin)) / columns);
    const to = Math.max(from + 1, Math.floor(begin + ((c + 1) * (end - begin)) / columns));
    let v = values[from] ?? 0;
    for (let i = from + 1; i < to && i < values.length; i++) v = pick(v, values[i]!);
    out.push(v);
  }
  return out;
}

// gain makes soft voices visible: the loudest sample of both sides fills the lane, up to eight times its size.
export function gain(lanes: (SidePeaks | null)[]): number {
  let top = 0;
  for (const l of lanes) {
    for (const v of l?.max ?? []) if (v > top) top = v;
    for (const v of l?.min ?? []) if (-v > top) top = -v;
  }
  return top > 0 ? Math.min(8, 1 / top) : 1;
}

// ticks are round times in a view, in ms, at least so many pixels apart.
export function ticks(v: View, width: number, apart = 64): number[] {
  const least = ((v.to - v.from) * apart) / Math.max(1, width);
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => s * 1000).find((s) => s >= least) ?? Math.ceil(least / 3_600_000) * 3_600_000;
  const out = [];
  for (let t = Math.ceil(v.from / step) * step; t < v.to; t += step) out.push(t);
  return out;
}

export const label = (ms: number) => {
  const s = Math.floor(ms / 1000);
  const rest = `${String(Math.floor(s / 60) % 60).padStart(s >= 3600 ? 2 : 1, '0')}:${String(s % 60).padStart(2, '0')}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest;
};

export function draw(g: CanvasRenderingContext2D, width: number, height: number, s: Scene, c: Colours) {
  g.clearRect(0, 0, width, height);
  const x = (ms: number) => ((ms - s.view.from) / Math.max(1, s.view.to - s.view.from)) * width;
  const gap = s.picture ? 0 : GAP; // both halves of a spectrogram touch
  const lane = (height - AXIS - gap) / 2;
  const loud = gain(s.lanes);
  s.lanes.forEach((l, i) => {
    const top = i * (lane + gap);
    const middle = top + FLAGS + (lane - FLAGS) / 2;
    const half = (lane - FLAGS) / 2;
    const side = i === 0 ? 'caller' : 'callee';
    for (const m of s.marks) {
      if (m.side !== side || m.to < s.view.from || m.from > s.view.to) continue;
      const from = x(m.from);
      const w = Math.max(3, x(m.to) - from);
      if (!s.picture) {
        g.fillStyle = c.lossGround;
        g.fillRect(from, top, w, lane);
      }
      if (m.kind === 'loss') continue; // each of its losses has its own flag
      g.fillStyle = c.poor;
      g.fillRect(from, top, w, FLAGS - 2);
    }
    const points = (ms: number) => (ms / Math.max(1, s.duration)) * (l?.max.length ?? 0);
    g.fillStyle = c.loss;
    fold(l?.lost ?? [], width, Math.max, points(s.view.from), points(s.view.to)).forEach((n, px) => {
      if (n > 0) g.fillRect(px, top, 2, FLAGS - 2);
    });
    if (s.picture) return;
    g.fillStyle = c.line;
    g.fillRect(0, middle, width, 1);
    if (!l) return;
    const low = fold(l.min, width, Math.min, points(s.view.from), points(s.view.to));
    const high = fold(l.max, width, Math.max, points(s.view.from), points(s.view.to));
    const now = x(s.at);
    for (let px = 0; px < width; px++) {
      const up = Math.min(1, high[px]! * loud) * half;
      const down = Math.min(1, -low[px]! * loud) * half;
      if (up + down < 0.5) continue;
      g.fillStyle = !s.heard[i] ? c.silent : px < now ? c.played : c.wave;
      g.fillRect(px, middle - up, 1, Math.max(1, up + down));
    }
  });
  g.font = '11px system-ui, sans-serif';
  g.textBaseline = 'bottom';
  let free = 0;
  for (const e of s.events) {
    const px = x(e.at);
    if (px < 0 || px > width) continue;
    g.fillStyle = c.ink;
    for (let y = 0; y < height - AXIS; y += 6) g.fillRect(px, y, 1, 3);
    const w = g.measureText(e.text).width;
    if (px < free || px + w + 6 > width) continue;
    g.fillText(e.text, px + 4, height - AXIS - 1);
    free = px + w + 10;
  }
  g.textBaseline = 'alphabetic';
  g.fillStyle = c.ink;
  for (const t of ticks(s.view, width)) {
    const px = x(t);
    g.fillStyle = c.line;
    g.fillRect(px, height - AXIS, 1, 5);
    g.fillStyle = c.ink;
    const text = label(t);
    if (px + g.measureText(text).width + 4 < width) g.fillText(text, px + 3, height - 4);
  }
  if (s.hover !== null) {
    g.fillStyle = c.ink;
    g.globalAlpha = 0.6;
    g.fillRect(x(s.hover), 0, 1, height - AXIS);
    g.globalAlpha = 1;
  }
  if (s.picture) {
    g.fillStyle = '#fff'; // whatever the theme, a spectrogram is dark
    g.fillRect(Math.min(width - 2, x(s.at) - 2), 0, 4, height - AXIS);
  }
  g.fillStyle = c.cursor;
  g.fillRect(Math.min(width - 2, x(s.at) - 1), 0, 2, height - AXIS + 4);
}
