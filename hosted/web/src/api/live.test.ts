import { describe, expect, test } from 'vitest';
import { lasting, LiveTable } from './live';
import { lines } from './ndjson';
import type { LiveCall } from './types';

const call = (id: string, start: string, over: Partial<LiveCall> = {}): LiveCall => ({
  id, call_id: id, group_id: '', sensor_id: 1, state: 'up', caller: '1', callee: '2', src: '', dst: '', transport: 'udp', start: `2026-11-22T10:00:${start}.000000Z`, answer: null, end: null, status: 200,
  codec: '', pdd_ms: null, mos: null, loss_pct: null, jitter_ms: null, packets: 0, finding: '', severity: '', kept: 'none', rule: '', ...over,
});
const ids = (t: LiveTable) => t.list().map((c) => c.id);

describe('live calls', () => {
  test('what is wrong with the question is not asked again', () => {
    const of = (status: number) => lasting({ code: '', title: '', status });
    expect([422, 403, 400].map(of)).toEqual([true, true, true]);
    expect([0, 408, 429, 500, 503].map(of)).toEqual([false, false, false, false, false]);
  });
  test('a snapshot replaces everything', () => {
    const t = new LiveTable();
    t.apply({ t: null, snapshot: true, calls: [call('a', '01'), call('b', '02')] });
    t.apply({ t: null, snapshot: true, calls: [call('c', '03')] });
    expect(ids(t)).toEqual(['c']);
    t.apply({ t: null, snapshot: true });
    expect(t.size).toBe(0);
  });
  test('a delta changes, adds and removes, and leaves the rest', () => {
    const t = new LiveTable();
    t.apply({ t: null, snapshot: true, calls: [call('a', '01'), call('b', '02', { mos: 4.4 }), call('c', '03')] });
    t.apply({ t: null, calls: [call('b', '02', { mos: 2.1 }), call('d', '04')], gone: ['a', 'never-seen'] });
    expect(ids(t)).toEqual(['d', 'c', 'b']);
    expect(t.list()[2]!.mos).toBe(2.1);
  });
  test('a call that ended is no longer running', () => {
    const t = new LiveTable();
    t.apply({ t: null, snapshot: true, calls: [call('a', '01')] });
    t.apply({ t: null, calls: [call('a', '01', { state: 'ended' })] });
    expect(t.size).toBe(0);
  });
  test('newest first, and calls of the same moment keep their order', () => {
    const t = new LiveTable();
    t.apply({ t: null, snapshot: true, calls: [call('b', '01'), call('z', '09'), call('a', '01')] });
    expect(ids(t)).toEqual(['z', 'a', 'b']);
    t.apply({ t: null, calls: [call('b', '01', { packets: 5 })] });
    expect(ids(t)).toEqual(['z', 'a', 'b']);
  });
});

describe('NDJSON', () => {
  const read = async (...chunks: Uint8Array[]) => {
    const body = new ReadableStream<Uint8Array>({
      start(c) {
        for (const x of chunks) c.enqueue(x);
        c.close();
      },
    });
    const out: string[] = [];
    for await (const l of lines(body)) out.push(l);
    return out;
  };
  const bytes = (s: string) => new TextEncoder().encode(s);
  test('lines may be cut anywhere, also within a character', async () => {
    const all = bytes('{"a":"č"}\n{"b":2}\n');
    for (let i = 0; i <= all.length; i++) expect(await read(all.slice(0, i), all.slice(i))).toEqual(['{"a":"č"}', '{"b":2}']);
  });
  test('blank lines are keep-alives, and the last line needs no end', async () => {
    expect(await read(bytes('\n\n1\n\n2'))).toEqual(['1', '2']);
  });
});
