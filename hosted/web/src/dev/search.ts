// Saved searches and conditions of the stand-in: of the language it knows what the filters write, and lets everything else hold.

import type { NewSearch, SavedSearch } from '../api/search';
import type { CDR, RuleError } from '../api/types';
import { conjuncts } from '../search/condition';

const KNOWN: [RegExp, (c: CDR, value: string) => boolean][] = [
  [/^number:(.+)\*$/, (c, v) => c.caller.startsWith(v) || c.callee.startsWith(v)],
  [/^ip:(.+)$/, (c, v) => c.src.startsWith(v + ':') || c.dst.startsWith(v + ':')],
  [/^callid="?(.+?)"?$/, (c, v) => c.call_id === v],
  [/^sensor:(\d+)$/, (c, v) => c.sensor_id === Number(v)],
  [/^status:(\d+)$/, (c, v) => c.status === Number(v)],
  [/^mos<([\d.]+)$/, (c, v) => c.mos !== null && c.mos < Number(v)],
  [/^finding:(.+)$/, (c, v) => c.findings.some((f) => f.code === v)],
  [/^kept:(\(.+\))$/, (c) => c.capture.kept !== 'none'],
];

export function holds(where: string, c: CDR): boolean {
  return (conjuncts(where) ?? []).every((text) => {
    for (const [pattern, test] of KNOWN) {
      const m = pattern.exec(text);
      if (m) return test(c, m[1]!);
    }
    return true;
  });
}

// A condition with "calee" in it is wrong, to see how that looks.
export function verdict(where: string): { ok: boolean; error?: RuleError } {
  const at = where.indexOf('calee');
  if (at < 0) return { ok: true };
  const said = { line: 1, column: at + 1, found: '"calee"', expected: 'the name of a field', nearest: 'callee' };
  return { ok: false, error: { ...said, message: `1:${at + 1}: found "calee", expected the name of a field` } };
}

export class Searches {
  private next = 2;
  list: SavedSearch[] = [{ id: '1', name: 'Bad calls of today', where: 'mos<3.1', range: '24h', columns: [], shared: true, author: 'jana', changed: '2026-11-20T10:00:00.000000Z', may_change: true }];

  save(s: NewSearch, id = String(this.next++)): SavedSearch {
    const saved = { ...s, id, author: 'admin', changed: new Date().toISOString(), may_change: true };
    this.list = [...this.list.filter((x) => x.id !== id), saved];
    return saved;
  }
}
