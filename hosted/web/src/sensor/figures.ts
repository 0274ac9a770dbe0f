// How a sensor's work is told: what is well, what is not.

import type { HealthLog, HealthPoint } from '../api/health';
import type { Sensor } from '../api/types';
import { bytes, count, interval, NONE, percent } from '../format';
import type { Tone } from '../words';

export interface Figure {
  text: string;
  tone: Tone; // ok is left plain
  title: string;
}

const plain = (text: string, title: string): Figure => ({ text, tone: 'ok', title });

// queue is what waits on the sensor, and for how long the oldest has.
export function queue(s: Sensor): Figure {
  if (s.queue === null) return plain(NONE, 'not known while the sensor does not answer');
  const lag = s.lag_ms ?? 0;
  const title = 'call records that wait on the sensor, and the age of the oldest';
  if (s.queue === 0) return plain('0', title);
  return { text: `${count(s.queue)} · ${interval(lag)}`, tone: lag > 600_000 ? 'bad' : lag > 60_000 ? 'warn' : 'ok', title };
}

export function drops(s: Sensor): Figure {
  if (s.drops === null || s.packets === null) return plain(NONE, 'not known: the sensor never said');
  const share = (100 * s.drops) / Math.max(1, s.packets + s.drops);
  const title = `${count(s.drops)} of ${count(s.packets + s.drops)} packets lost before they were looked at, since it started`;
  return s.drops === 0 ? plain('0', title) : { text: percent(share), tone: share >= 1 ? 'bad' : 'warn', title };
}

const LOW = 1e9; // free bytes

export function disk(s: Sensor): Figure {
  if (!s.spool) return plain(NONE, 'not known: the sensor never said');
  const title = `captures take ${bytes(s.spool.bytes)}${s.spool.max_bytes ? ` of ${bytes(s.spool.max_bytes)}` : ''}; ${bytes(s.spool.free)} are free`;
  if (s.spool.stopped) return { text: 'stopped', tone: 'bad', title: `no capture is written: ${s.spool.stopped}; ${title}` };
  return { text: `${bytes(s.spool.free)} free`, tone: s.spool.free < LOW ? 'warn' : 'ok', title };
}

export function clockSkew(s: Sensor): Figure {
  if (s.clock_skew_ms === null) return plain(NONE, 'not known: the sensor never said');
  const ms = s.clock_skew_ms;
  const slack = (s.rtt_ms ?? 0) / 2;
  const title = `its clock against this service’s, right to ${interval(slack)}`;
  if (Math.abs(ms) <= Math.max(100, slack)) return plain('in step', title);
  return { text: `${interval(Math.abs(ms))} ${ms > 0 ? 'ahead' : 'behind'}`, tone: Math.abs(ms) > 60_000 ? 'bad' : Math.abs(ms) > 2000 ? 'warn' : 'ok', title };
}

// Row is a chart of a sensor's page.
export interface Row {
  id: string;
  title: string;
  unit: string;
  lines: { name: string; value: (p: HealthPoint) => number | null }[];
  least: number;
  decimals: number;
}

export const ROWS: Row[] = [
  { id: 'running', title: 'Channels', unit: 'calls', least: 4, decimals: 0, lines: [{ name: 'running', value: (p) => p.running }, { name: 'over the limit', value: (p) => p.over_limit }] },
  { id: 'packets', title: 'Packets', unit: 'a second', least: 10, decimals: 0, lines: [{ name: 'seen', value: (p) => p.packets_per_s }] },
  { id: 'drops', title: 'Drops', unit: 'packets a second', least: 1, decimals: 1, lines: [{ name: 'lost before they were looked at', value: (p) => p.drops_per_s }] },
  { id: 'lag', title: 'Lag', unit: 's', least: 5, decimals: 1, lines: [{ name: 'age of the oldest record that waits', value: (p) => p.lag_ms / 1000 }] },
  { id: 'disk', title: 'Disk', unit: 'GB', least: 1, decimals: 1, lines: [{ name: 'free', value: (p) => p.spool_free / 1e9 }, { name: 'captures', value: (p) => p.spool_bytes / 1e9 }] },
  { id: 'skew', title: 'Clock', unit: 'ms off', least: 100, decimals: 0, lines: [{ name: 'off', value: (p) => Math.abs(p.clock_skew_ms) }, { name: 'answer took', value: (p) => p.rtt_ms }] },
];

// grid puts samples into steps without gaps: a step in which the sensor was not heard has no values.
export function grid(log: HealthLog, from: number, to: number, micros: (t: string) => number | null): { at: number[]; points: (HealthPoint | null)[] } {
  const step = log.step * 1e6;
  const known = new Map(log.samples.map((p) => [micros(p.at)!, p]));
  const at: number[] = [];
  for (let t = Math.floor(from / step) * step; t < to; t += step) at.push(t);
  return { at, points: at.map((t) => known.get(t) ?? null) };
}
