import { expect, test } from 'vitest';
import type { CDR } from '../api/types';
import { makeCall } from '../dev/data';
import { inOrder, merged } from './legs';

test('the legs of a conversation are in the order in which they began, to the microsecond', () => {
  const at = (id: string, start: string) => ({ id, start }) as CDR;
  const calls = [at('c', '2026-11-22T10:00:01Z'), at('b', '2026-11-22T10:00:00.000002Z'), at('a', '2026-11-22T10:00:00.000001Z')];
  expect(inOrder(calls).map((c) => c.id)).toEqual(['a', 'b', 'c']);
  expect(calls[0]!.id).toBe('c');
});

test('a ladder of all legs has the messages of each, by time, and knows whose they are', () => {
  const [a, b] = [makeCall(1, 1e15), makeCall(2, 1e15 + 5000)];
  const { whole, of } = merged([a!, b!]);
  expect(whole.id).toBe(a!.id);
  expect(whole.messages).toHaveLength(a!.messages.length + b!.messages.length);
  expect([...whole.messages].sort((x, y) => x.t!.localeCompare(y.t!))).toEqual(whole.messages);
  for (const leg of [a!, b!]) for (const m of leg.messages) expect(of.get(m)).toBe(leg);
  expect(whole.streams).toHaveLength(a!.streams.length + b!.streams.length);
  expect(merged([a!, { ...b!, streams: a!.streams }]).whole.streams).toEqual(a!.streams);
  expect(whole.retransmissions).toBe(a!.retransmissions + b!.retransmissions);
  expect(a!.messages).not.toBe(whole.messages);
});
