// Numbers as people read them. A value that is not there is an en dash, never 0.

export const NONE = '–';

// duration of a call: "0.2 s", "0:07", "3:41", "1:02:09".
export function duration(ms: number | null | undefined): string {
  if (ms == null) return NONE;
  if (ms > 0 && ms < 1000) return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
  const s = Math.floor(Math.max(0, ms) / 1000);
  const rest = `${String(Math.floor(s / 60) % 60).padStart(s >= 3600 ? 2 : 1, '0')}:${String(s % 60).padStart(2, '0')}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest;
}

// interval is a short time: "85 ms", "1.25 s", "41.0 s", "3:38 min".
export function interval(ms: number | null | undefined): string {
  if (ms == null) return NONE;
  if (ms < 1000) return `${trim(ms, ms < 10 ? 1 : 0)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return duration(ms) + (ms < 3_600_000 ? ' min' : ' h');
}

export const mos = (v: number | null | undefined) => (v == null || v === 0 ? NONE : v.toFixed(2));

// percent keeps a loss that is not zero visible: "0 %", "<0.1 %", "6.1 %".
export function percent(v: number | null | undefined): string {
  if (v == null) return NONE;
  if (v === 0) return '0 %';
  if (v < 0.1) return '<0.1 %';
  return `${v.toFixed(1)} %`;
}

// millis is a measured time: "2.3 ms", "31 ms", "1.7 s".
export function millis(v: number | null | undefined): string {
  if (v == null) return NONE;
  const size = Math.abs(v);
  return size < 1000 ? `${trim(v, size < 10 ? 1 : 0)} ms` : `${trim(v / 1000, 1)} s`;
}

export function bytes(n: number | null | undefined): string {
  if (n == null) return NONE;
  if (n < 1000) return `${n} B`;
  for (const [unit, size] of [['kB', 1e3], ['MB', 1e6], ['GB', 1e9]] as const) {
    if (n < size * 999.95) return `${trim(n / size, 1)} ${unit}`;
  }
  return `${trim(n / 1e12, 1)} TB`;
}

export const count = (n: number | null | undefined) => (n == null ? NONE : n.toLocaleString('en-US').replaceAll(',', ' '));

export const plural = (n: number, one: string, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;

function trim(v: number, decimals: number): string {
  return v.toFixed(decimals).replace(/\.0$/, '').replace(/^-0$/, '0');
}

// shorten cuts a long list ("eth0, eth1, ...") or path in its middle: both ends tell what it is.
export const shorten = (text: string, max = 36) => (text.length <= max ? text : `${text.slice(0, Math.ceil(max / 2) - 1)}…${text.slice(-Math.floor(max / 2))}`);

// listens says what a sensor reads: interfaces, or files, of which there may be hundreds.
export function listens(source: string): string {
  const [first = '', second, third] = source.split(', ');
  return third === undefined ? [first, second].filter(Boolean).map((x) => shorten(x!)).join(', ') : `${shorten(first)} and more`;
}

// party is how a call's side is called in lists: the number, else the display name, else the domain.
export const party = (number: string, name = '', domain = '') => number || name || domain || 'anonymous';

// host is the address part of "ip:port" or "[v6]:port".
export const host = (endpoint: string) => (endpoint.startsWith('[') ? endpoint.slice(1, endpoint.indexOf(']')) : endpoint.replace(/:\d+$/, ''));
