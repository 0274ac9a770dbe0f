// Time: microseconds since the epoch as numbers, shown in UTC or in the browser's zone. The zone in use is always shown
// beside a time or at the head of its column.

export type Zone = 'utc' | 'local';

// micros reads an RFC 3339 time. A number holds microseconds exactly until the year 2255. null: no time.
export function micros(t: string | null | undefined): number | null {
  if (!t) return null;
  const m = /^(.*?\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(t);
  if (!m) return null;
  const sec = Date.parse(m[1]! + m[3]!);
  return Number.isNaN(sec) ? null : sec * 1000 + Number((m[2] ?? '').slice(0, 6).padEnd(6, '0'));
}

// timesIn cuts a text at its RFC 3339 times in UTC: the parts at odd places are times.
export const timesIn = (text: string): string[] => text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/);

const two = (n: number) => String(n).padStart(2, '0');

function parts(ms: number, zone: Zone) {
  const d = new Date(ms);
  return zone === 'utc'
    ? { y: d.getUTCFullYear(), mo: d.getUTCMonth() + 1, d: d.getUTCDate(), h: d.getUTCHours(), mi: d.getUTCMinutes(), s: d.getUTCSeconds() }
    : { y: d.getFullYear(), mo: d.getMonth() + 1, d: d.getDate(), h: d.getHours(), mi: d.getMinutes(), s: d.getSeconds() };
}

export function date(us: number, zone: Zone): string {
  const p = parts(us / 1000, zone);
  return `${p.y}-${two(p.mo)}-${two(p.d)}`;
}

// clock gives hh:mm:ss with the given number of decimals (cut, not rounded: a time never shows as later than it was).
export function clock(us: number, zone: Zone, decimals = 0): string {
  const p = parts(us / 1000, zone);
  const fraction = String(((us % 1e6) + 1e6) % 1e6).padStart(6, '0');
  return `${two(p.h)}:${two(p.mi)}:${two(p.s)}${decimals ? '.' + fraction.slice(0, decimals) : ''}`;
}

export const dateTime = (us: number, zone: Zone, decimals = 0) => `${date(us, zone)} ${clock(us, zone, decimals)}`;

// offset is the zone's distance from UTC at that moment, "+02:00".
export function offset(us: number, zone: Zone): string {
  const min = zone === 'utc' ? 0 : -new Date(us / 1000).getTimezoneOffset();
  const abs = Math.abs(min);
  return `${min < 0 ? '−' : '+'}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}

// zoneName is what a column head says: "UTC" or "Europe/Prague".
export function zoneName(zone: Zone): string {
  return zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time';
}

// fromInput reads what a person types, "2026-11-22", "2026-11-22 10:00" or "2026-11-22 10:00:30", in the zone in use. It is
// a text field because the browser's own shows 12-hour times to many. null: not a time.
export function fromInput(text: string, zone: Zone): number | null {
  const m = /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T]+(\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text.trim());
  if (!m) return null;
  const n = m.slice(1).map((x) => Number(x ?? 0)) as [number, number, number, number, number, number];
  if (n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 23 || n[4] > 59 || n[5] > 59) return null;
  const ms = zone === 'utc' ? Date.UTC(n[0], n[1] - 1, n[2], n[3], n[4], n[5]) : new Date(n[0], n[1] - 1, n[2], n[3], n[4], n[5]).getTime();
  return Number.isNaN(ms) ? null : ms * 1000;
}

// rfc3339 is the form the API takes.
export const rfc3339 = (us: number) => new Date(Math.floor(us / 1000)).toISOString().slice(0, 19) + '.' + String(((us % 1e6) + 1e6) % 1e6).padStart(6, '0') + 'Z';

// ago says how long before now a moment was: "just now", "40 s ago", "5 min ago", "3 h ago", "2 d ago".
export function ago(us: number, nowUS: number): string {
  const s = Math.round((nowUS - us) / 1e6);
  if (s < 5) return 'just now';
  if (s < 90) return `${s} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  if (s < 129600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86400)} d ago`;
}
